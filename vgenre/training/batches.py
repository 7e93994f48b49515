"""Batches to learn from: the same ones in an epoch, whether a run was stopped before it or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from .parts import Part


class EpochBatches(keras.utils.PyDataset):
    """Batches that depend on the numbers of the epoch and of the batch alone.

    `vgenre.training.fit.fit` sets `epoch`, which is 0 before.

    Parameters
    ----------
    seed : int
    **how
        Are made: Keras' ``workers``, ``max_queue_size`` and ``use_multiprocessing``.
    """

    def __init__(self, seed: int, **how: Any) -> None:
        super().__init__(**{"workers": 1, **how})
        self.seed, self.epoch = seed, 0

    def rng(self, *which: int) -> np.random.Generator:
        """Random numbers of this epoch, or of one batch of it."""
        return np.random.default_rng([self.seed, self.epoch, *which])


class ShuffledBatches(EpochBatches):
    """Batches of rows in a new order each epoch; `batch` makes them.

    Parameters
    ----------
    count : int
        How many rows there are.
    batch_size : int
    seed : int or None
        None: always in order, for validation.
    devices : int
        Every batch can be divided by so many; a few rows come twice for that.
    """

    def __init__(self, count: int, batch_size: int, seed: int | None, devices: int = 1) -> None:
        super().__init__(seed or 0)
        self.count, self.learning, self._devices = count, seed is not None, devices
        self.batch_size = -(-batch_size // devices) * devices
        self._order_of: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        return -(-len(self._order()) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = self._order()[index * self.batch_size : (index + 1) * self.batch_size]
        return self.batch(rows, self.rng(index))

    def batch(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Any, ...]:
        """What Keras is given for some rows."""
        raise NotImplementedError

    def _order(self) -> np.ndarray:
        if self._order_of is None or self._order_of[0] != self.epoch:
            rows = self.rng().permutation(self.count) if self.learning else np.arange(self.count)
            padded = -(-self.count // self._devices) * self._devices
            self._order_of = self.epoch, np.resize(rows, padded)
        return self._order_of[1]


class ClipBatches(ShuffledBatches):
    """Batches of clips, augmented where they are trained on.

    Parameters
    ----------
    part : Part
    batch_size : int
    inputs : sequence of str
        The network's inputs.
    seed : int or None
        None: in order and as they are, for validation.
    """

    def __init__(
        self, part: Part, batch_size: int, inputs: Sequence[str], seed: int | None
    ) -> None:
        super().__init__(len(part.clips), batch_size, seed)
        self.part, self.inputs = part, inputs

    def batch(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Any, ...]:
        """The inputs by name, targets and weights of some clips."""
        inputs = self.part.clips.inputs(rows, self.inputs)
        if self.learning:
            augment(inputs, rng)
        return inputs, self.part.targets[rows], self.part.weights[rows]


def augment(inputs: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Change a batch of inputs in place, as far as they are there.

    SpecAugment (Park et al., 2019), another loudness and another beginning for
    the mels; some frames are left out.
    """
    if "mel" in inputs:
        for mel, heard in zip(inputs["mel"], inputs["mel_mask"], strict=True):
            _augment_sound(mel, int(heard.sum()), rng)
    if "frame_mask" in inputs:
        frames = inputs["frame_mask"]
        kept = frames * (rng.random(frames.shape) < 0.8)
        some = kept.any(axis=1, keepdims=True)
        inputs["frame_mask"] = np.where(some, kept, frames).astype(np.float32)


def _augment_sound(mel: np.ndarray, steps: int, rng: np.random.Generator) -> None:
    bands, floor = mel.shape[0], mel.min()
    mel += rng.uniform(-6, 6)
    if steps and rng.random() < 0.5:
        mel[:, :steps] = np.roll(mel[:, :steps], rng.integers(steps), axis=1)
    for _ in range(2):
        band, width = rng.integers(bands), rng.integers(bands // 6 + 1)
        mel[band : band + width] = floor
        step, length = rng.integers(mel.shape[1]), rng.integers(mel.shape[1] // 8 + 1)
        mel[:, step : step + length] = floor
