"""Pre-training of the audio stream: it learns what a bigger network hears.

A few hundred films teach a network from scratch little about sound. A teacher that
knows hundreds of sounds can describe any clip, whether its genre is known or not, and
learning those descriptions is a good beginning (Hinton et al., *Distilling the
Knowledge in a Neural Network*, 2015).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..data.features import ClipFeatures
from .batches import ShuffledBatches, augment
from .fit import fit

_SOUNDS = 200  # of the teacher's classes, those that occur


def descriptions(scores: np.ndarray) -> np.ndarray:
    """A teacher's scores as targets of regression: logarithms, standardised.

    Parameters
    ----------
    scores : ndarray, shape (n_clips, n_classes)
        In [0, 1].

    Returns
    -------
    ndarray of float32, shape (n_clips, at most 200)
        Of the classes that score highest anywhere.
    """
    occurring = np.argsort(-scores.max(axis=0), kind="stable")[:_SOUNDS]
    logs = np.log(scores[:, occurring] + 1e-3)
    return ((logs - logs.mean(axis=0)) / (logs.std(axis=0) + 0.1)).astype(np.float32)


class _Descriptions(ShuffledBatches):
    """Augmented sound, with what the teacher says of it."""

    def __init__(
        self, clips: ClipFeatures, targets: np.ndarray, names: list[str], batch_size: int, seed: int
    ) -> None:
        super().__init__(len(clips), batch_size, seed)
        self._clips, self._targets, self._names = clips, targets, names

    def batch(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Any, ...]:
        inputs = self._clips.inputs(rows, self._names)
        augment(inputs, rng)
        return inputs, self._targets[rows]


def distil(
    stream: keras.Model,
    clips: ClipFeatures,
    scores: np.ndarray,
    directory: str | Path,
    *,
    epochs: int = 40,
    batch_size: int = 32,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> None:
    """Teach an audio stream what a teacher says of clips.

    A run that was killed continues from its last checkpoint in `directory`.

    Parameters
    ----------
    stream : keras.Model
        As `vgenre.models.audio.build_audio_stream` gives it; its weights up to
        the embedding are changed.
    clips : ClipFeatures
        With sound; their genres are not needed.
    scores : ndarray, shape (n_clips, n_classes)
        The teacher's, in [0, 1].
    directory : path
        For checkpoints; of this training alone.
    epochs, batch_size, learning_rate, seed
        Of the training; the rate falls as a cosine.
    """
    targets = descriptions(scores)
    inputs = {tensor.name: tensor for tensor in stream.inputs}
    said = keras.layers.Dense(targets.shape[1], name="descriptions")(stream.output["embedding"])
    student = keras.Model(inputs, said)
    batches = _Descriptions(clips, targets, list(inputs), batch_size, seed)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * len(batches))
    student.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-3), "mse")
    fit(student, batches, epochs, Path(directory), "distil")
