"""Pre-training of the audio stream: it learns what a bigger network hears.

A few hundred films teach a network from scratch little about sound. A teacher that
knows hundreds of sounds can describe any clip, whether its genre is known or not, and
learning those descriptions is a good beginning (Hinton et al., *Distilling the
Knowledge in a Neural Network*, 2015).
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from ..data.features import ClipFeatures
from .batches import augment

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


class _Batches(keras.utils.PyDataset):
    def __init__(
        self, clips: ClipFeatures, targets: np.ndarray, names: list[str], batch_size: int, seed: int
    ) -> None:
        super().__init__(workers=1)
        self._clips, self._targets, self._names, self._size = clips, targets, names, batch_size
        self._rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        self._order = self._rng.permutation(len(self._clips))

    def __len__(self) -> int:
        return -(-len(self._order) // self._size)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        rows = self._order[index * self._size : (index + 1) * self._size]
        inputs = self._clips.inputs(rows, self._names)
        augment(inputs, self._rng)
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
        For checkpoints.
    epochs, batch_size, learning_rate, seed
        Of the training; the rate falls as a cosine.
    """
    targets = descriptions(scores)
    inputs = {tensor.name: tensor for tensor in stream.inputs}
    said = keras.layers.Dense(targets.shape[1], name="descriptions")(stream.output["embedding"])
    student = keras.Model(inputs, said)
    batches = _Batches(clips, targets, list(inputs), batch_size, seed)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * len(batches))
    student.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-3), "mse")
    student.fit(
        batches,
        epochs=epochs,
        verbose=2,
        callbacks=[
            keras.callbacks.BackupAndRestore(
                Path(directory) / "distil.backup", double_checkpoint=True
            )
        ],
    )
