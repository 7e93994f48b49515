"""Train the image network of the shipped models on posters and stills of films without clips.

    python pipelines/tune_body.py DATA --posters MORE --work DIR [--begin six]
    python pipelines/tune_body.py DATA --work DIR --publish 1

InceptionV3 begins with ImageNet's weights, or a model's, and learns the genres of single pictures;
a share of the way back to ImageNet's weights is gone afterwards. Any Keras backend will do. Leaves
``body-SHARE.safetensors`` in --work. A killed run continues.

--publish puts one of them, and its graph in 8 bits, in the place of the body of `six`;
``train_six.py`` and ``train_multi.py`` have to follow.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_data import (
    IMDB_GENRES,
    clip_items,
    data_folder,
    parser_of,
    poster_items,
    still_items,
)

from vgenre.data.items import Item
from vgenre.labels import MULTI, LabelSet
from vgenre.media.sampling import Sampling
from vgenre.training.options import FineTuning

if TYPE_CHECKING:
    import keras

    from vgenre.training.body import FramePool

LABELS = LabelSet(IMDB_GENRES, MULTI)
SHARES = (0.5, 1.0)
TUNING = FineTuning(
    steps=1200, batch_size=32, size=160, head_steps=200, learning_rate=5e-5,
    dtype="mixed_bfloat16", checkpoint_every=200,
)  # fmt: skip
_POSTERS_A_STILL = 3  # in a batch: there are ten times as many, but films are made of stills
_SAY_OF_UNSURE = 0.3


def still_pool(items: Sequence[Item], frames: np.ndarray, owners: np.ndarray) -> FramePool:
    """Stills to draw from; those of films known by a sentence alone are drawn less often."""
    from dataclasses import replace

    from vgenre.training.body import frame_pool

    pool = frame_pool(items, LABELS, frames, owners)
    sure = np.array([items[owner].measured for owner in owners])
    return replace(pool, weights=pool.weights * np.where(sure, 1, _SAY_OF_UNSURE))


def imagenet_body(data: Path, **how) -> keras.Model:
    """The body that everything began with."""
    from vgenre.models.body import build_body, load_imagenet

    body = build_body(**how)
    load_imagenet(body, data / "weights" / "inception_v3_notop.h5")
    return body


def body_to_begin_with(data: Path, begin: str, **how) -> keras.Model:
    """ImageNet's body, or that of a model."""
    from vgenre.models.body import build_body
    from vgenre.training.initial import InitialWeights

    if begin == "imagenet":
        return imagenet_body(data, **how)
    body = build_body(**how)
    InitialWeights.of(begin).body(body)
    return body


def publish(body: Path, output: Path, data: Path) -> None:
    """Put a body and its graph in the place of a model's."""
    import shutil
    from dataclasses import replace

    from vgenre.models.body import build_body
    from vgenre.models.store import BODY_FILE, BODY_GRAPH, file_hash, load_weights, read_card
    from vgenre.training.graphs import write_body_graph

    network = build_body()
    load_weights(network, body)
    write_body_graph(network, output / BODY_GRAPH, clip_items(data))
    shutil.copyfile(body, output / BODY_FILE)
    card = read_card(output, files=())
    names = (BODY_FILE, BODY_GRAPH, "body.bin")
    hashes = {name: file_hash(output / name) for name in names}
    replace(card, files={**card.files, **hashes}).write(output)


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__)
    parser.add_argument("--posters", type=Path, help="a larger set of posters")
    parser.add_argument("--begin", default="imagenet", help="a model, or imagenet")
    parser.add_argument("--publish", type=float, metavar="SHARE", help="put a body into six")
    args = parser.parse_args(arguments)
    data = data_folder(args.data)
    if args.publish is not None:
        from vgenre.models.store import SHIPPED

        publish(args.work / f"body-{args.publish:g}.safetensors", SHIPPED / "six", data)
        return

    from vgenre.data.frames import film_frames
    from vgenre.models.store import save_weights
    from vgenre.training.body import finetune, frame_pool, mix_weights

    posters = [item for item in poster_items(data, args.posters) if item.split == "train"]
    stills = still_items(data)
    pools = [
        frame_pool(posters, LABELS, *film_frames(posters, args.work / "posters.raw", Sampling(1))),
        still_pool(stills, *film_frames(stills, args.work / "stills.raw", Sampling(1))),
    ]
    tuned = body_to_begin_with(data, args.begin, size=TUNING.size, dtype=TUNING.dtype)
    finetune(tuned, [pools[0]] * _POSTERS_A_STILL + [pools[1]], TUNING, args.work)
    for share in SHARES:
        body, before = imagenet_body(data), imagenet_body(data)
        body.set_weights(tuned.get_weights())
        mix_weights(body, before, share)
        save_weights(body, args.work / f"body-{share:g}.safetensors", np.float16)


if __name__ == "__main__":
    main()
