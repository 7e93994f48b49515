"""Train `six`, the model that ships, from ImageNet weights and the data folder.

    python pipelines/train_six.py DATA --work DIR --output vgenre/weights/six

Every stage leaves its result under --work and is not repeated; a killed run continues.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from pathlib import Path

from shared_data import IMDB_GENRES, clip_items, data_folder, poster_items

from vgenre.cli.train import print_figures
from vgenre.dataset import decode_frames
from vgenre.labels import MULTI, SIX_GENRES, LabelSet


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


def pretrain_audio(data: Path, work: Path) -> Path:
    """Teach the audio stream what the teacher hears in the training films."""
    weights = work / "audio.weights.h5"
    if weights.exists():
        return weights
    from teacher import listen

    from vgenre.distillation import distil
    from vgenre.models.audio import build_audio_stream
    from vgenre.models.card import Architecture
    from vgenre.spectrogram import MelSettings

    mel = MelSettings()
    items = [item for item in clip_items(data) if item.split == "train"]
    clips, scores = listen(items, mel, data / "weights" / "yamnet_teacher.tflite")
    print(f"sound: {len(clips)} clips to learn from the teacher", file=sys.stderr)
    parts = Architecture()
    stream = build_audio_stream(
        len(SIX_GENRES), mel, channels=parts.audio_channels, embedding=parts.embedding
    )
    distil(stream, clips, scores, work)
    stream.save_weights(weights)
    return weights


def train_heads(data: Path, work: Path, body: Path, audio: Path, output: Path) -> None:
    """Train the streams and their fusion on the clips, and write the model."""
    from vgenre.training import InitialWeights, TrainingOptions, train

    card = train(
        clip_items(data),
        work / output.name,
        labels=LabelSet(SIX_GENRES),
        initial=InitialWeights(
            lambda network: network.load_weights(body),
            lambda stream: stream.load_weights(audio),
        ),
        cache=work / "features",
        options=TrainingOptions(dtype="mixed_bfloat16", batch_size=16, patience=12),
        card=CARD,
        progress=lambda done, of: print(f"features {done} of {of}", file=sys.stderr, end="\r"),
    )
    output.mkdir(parents=True, exist_ok=True)
    for name in ("card.json", *card.files):
        shutil.copyfile(work / output.name / name, output / name)
    print_figures(card.metrics["test"])


CARD = {
    "description": "The six genres of the method, one a film. Learnt from trailers and scenes of "
    "films and series and from sports broadcasts, 1 to 64 s long, labelled by looking at each and "
    "knowing the film. Romance is scarce in them, and so are sports films (sports are mostly "
    "broadcasts); many action clips are South Indian teasers with title cards. Whole films were "
    "not among them. Not for deciding who may watch a film: it knows nothing of age ratings.",
    "licence": "Apache-2.0. The image network began from Google's Inception-v3 ImageNet weights "
    "of December 2015 (Apache-2.0) and was trained throughout on film posters and frames; the "
    "audio network began by learning what YAMNet (Apache-2.0) hears in the training films.",
}


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", help="the data folder, else VGENRE_DATA")
    parser.add_argument("--work", type=Path, required=True, help="folder for what lies between")
    parser.add_argument("--output", type=Path, default=Path("vgenre/weights/six"))
    parser.add_argument("--steps", type=int, default=2200, help="of fine-tuning")
    args = parser.parse_args()
    data = data_folder(args.data)
    args.work.mkdir(parents=True, exist_ok=True)
    body = finetune_body(data, args.work, args.steps)
    audio = pretrain_audio(data, args.work)
    train_heads(data, args.work, body, audio, args.output)


if __name__ == "__main__":
    main()
