"""Train `six`, the model that ships, from ImageNet weights and the data folder.

    python pipelines/train_six.py DATA --work DIR --output vgenre/weights/six

Every stage leaves its result under --work and is not repeated; a killed run continues.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from shared_data import IMDB_GENRES, clip_items, data_folder, poster_items

from vgenre.dataset import decode_frames
from vgenre.labels import MULTI, LabelSet


def finetune_body(data: Path, work: Path, steps: int) -> Path:
    """Fine-tune InceptionV3 throughout on posters and frames; returns its weights' file."""
    weights = work / "body.weights.h5"
    if weights.exists():
        return weights
    from vgenre.finetune import FineTuning, finetune, frame_pool
    from vgenre.models.visual import build_body, load_imagenet

    genres = LabelSet(IMDB_GENRES, MULTI)
    pools = []
    for name, items, every in (
        ("posters", poster_items(data), 1),
        ("clips", clip_items(data, labels="genres"), 2),
    ):
        frames, owners = decode_frames(items, work / f"{name}.frames", every=every)
        pools.append(frame_pool(items, genres, frames, owners))
        print(f"{name}: {len(pools[-1].rows)} frames to train on", file=sys.stderr)
    options = FineTuning(steps=steps)
    body = build_body(size=options.size, dtype=options.dtype)
    load_imagenet(body, data / "weights" / "inception_v3_notop.h5")
    finetune(body, pools, options, work / "finetune")
    body.save_weights(weights)
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", help="the data folder, else VGENRE_DATA")
    parser.add_argument("--work", type=Path, required=True, help="folder for what lies between")
    parser.add_argument("--output", type=Path, default=Path("vgenre/weights/six"))
    parser.add_argument("--steps", type=int, default=2000, help="of fine-tuning")
    args = parser.parse_args()
    data = data_folder(args.data)
    finetune_body(data, args.work, args.steps)


if __name__ == "__main__":
    main()
