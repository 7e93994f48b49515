"""The stages that the shipped models' pipelines share; each leaves its result in a work folder.

What is there already is not made again, so a pipeline that was killed continues.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
from shared_data import IMDB_GENRES, poster_items

from vgenre.data.cache import FeatureCache, feature_engine
from vgenre.data.features import ClipFeatures
from vgenre.data.frames import decode_frames
from vgenre.data.items import Item
from vgenre.labels import MULTI, SIX_GENRES, LabelSet
from vgenre.models.card import Architecture
from vgenre.models.store import file_hash
from vgenre.sound import MelSettings
from vgenre.training.options import TrainingOptions

ARCHITECTURE = Architecture(block="mixed9")
"""Of both models. Without the last block: one of its kernels had to be re-estimated in the weights
that training begins with, and features of the block before tell genres of clips apart better."""

SHARE = 0.5
"""Of the fine-tuned weights in the body, the rest being those before (Wortsman et al., *Robust
fine-tuning of zero-shot models*, 2022): what posters teach is partly of posters alone."""

OPTIONS = TrainingOptions(ARCHITECTURE, batch_size=32, epochs=40, patience=8)
"""How the heads of `six` are trained."""

BODY_LICENCE = (
    "The image network began from Google's Inception-v3 ImageNet weights of December 2015 "
    "(Apache-2.0) and was trained throughout on film posters; the audio network began by learning "
    "what YAMNet (Apache-2.0) hears in the training films."
)


def finetune_body(data: Path, work: Path) -> Path:
    """Fine-tune InceptionV3 throughout on the training posters; returns its weights' file.

    No film clip is seen by it: a body that knows the few hundred films to learn from
    tells them apart too easily, and the heads learn from features that new films do not have.
    """
    weights = work / "body.weights.h5"
    if weights.exists():
        return weights
    from vgenre.models.body import build_body, load_imagenet
    from vgenre.training.body import finetune, frame_pool
    from vgenre.training.options import FineTuning

    items = poster_items(data)
    frames, owners = decode_frames(items, work / "posters.frames")
    pool = frame_pool(items, LabelSet(IMDB_GENRES, MULTI), frames, owners)
    print(f"body: {len(pool.rows)} posters to train on", file=sys.stderr)
    options = FineTuning(steps=2000)
    body = build_body(size=options.size, dtype=options.dtype)
    load_imagenet(body, data / "weights" / "inception_v3_notop.h5")
    finetune(body, [pool], options, work / "finetune")
    body.save_weights(weights)
    return weights


def load_body(data: Path, work: Path) -> Callable[[keras.Model], None]:
    """What puts the body's weights, made first where they are not there, into a network."""
    from vgenre.models.body import build_body, load_imagenet, take_blocks

    weights = finetune_body(data, work)

    def put(network: keras.Model) -> None:
        before, after = build_body(), build_body()
        load_imagenet(before, data / "weights" / "inception_v3_notop.h5")
        after.load_weights(weights)
        pairs = zip(before.get_weights(), after.get_weights(), strict=True)
        after.set_weights([(1 - SHARE) * old + SHARE * new for old, new in pairs])
        take_blocks(after, network)

    return put


def features_of(
    items: Sequence[Item], network: keras.Model, file: Path, work: Path
) -> tuple[ClipFeatures, np.ndarray]:
    """Features of a data set by a body whose weights are in `file`, and their owners."""
    cache = FeatureCache(
        work / "features",
        *feature_engine(network, file_hash(file)),
        mel=OPTIONS.mel,
        sampling=OPTIONS.sampling,
    )

    def show(done: int, of: int) -> None:
        print(f"features {done} of {of}", file=sys.stderr, end="\r")

    return cache.collect(items, progress=show)


def pretrain_audio(
    data: Path, work: Path, items: Sequence[Item], name: str = "audio"
) -> Callable[[keras.Model], None]:
    """Teach the audio stream what the teacher hears in the training films among `items`.

    Returns
    -------
    callable
        Puts what was learnt into an audio stream.
    """
    from vgenre.models.audio import build_audio_stream
    from vgenre.training.audio import distil
    from vgenre.training.initial import transfer

    mel, parts = MelSettings(), Architecture()
    stream = build_audio_stream(
        len(SIX_GENRES), mel, channels=parts.audio_channels, embedding=parts.embedding
    )
    weights = work / f"{name}.weights.h5"
    if not weights.exists():
        clips, scores, owners = _heard(data, work, items, mel)
        of_training = np.array([items[owner].split == "train" for owner in owners])
        print(f"sound: {of_training.sum()} clips to learn from the teacher", file=sys.stderr)
        rows = np.flatnonzero(of_training)
        distil(stream, clips.take(rows), scores[rows], work / name)
        stream.save_weights(weights)
    else:
        stream.load_weights(weights)
    return lambda network: transfer(stream, network)


def _heard(data: Path, work: Path, items: Sequence[Item], mel: MelSettings):
    """Every clip's mel and the teacher's scores of it, for all items."""
    from teacher import listen

    file = work / "teacher.npz"
    if not file.exists():
        clips, scores, owners = listen(items, mel, data / "weights" / "yamnet_teacher.tflite")
        np.savez(
            file, mel=clips.mel, mask=clips.mel_mask, seconds=clips.seconds, scores=scores,
            owners=owners,
        )  # fmt: skip
    with np.load(file) as stored:
        n = len(stored["owners"])
        clips = ClipFeatures(
            np.zeros((n, 1, 0), np.float16),
            np.zeros((n, 1), np.float32),
            stored["mel"],
            stored["mask"],
            stored["seconds"],
        )
        return clips, stored["scores"], stored["owners"]
