"""Batches of clips, augmented where they are trained on."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from .parts import Part


class ClipBatches(keras.utils.PyDataset):
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
        super().__init__(workers=1)
        self.part, self.batch_size, self.inputs, self.seed = part, batch_size, inputs, seed
        self._epoch = -1
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Put the clips in a new order."""
        self._epoch += 1
        n = len(self.part.clips)
        if self.seed is None:
            self._order = np.arange(n)
        else:
            self._rng = np.random.default_rng([self.seed, self._epoch])
            self._order = self._rng.permutation(n)

    def __len__(self) -> int:
        return -(-len(self._order) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs = self.part.clips.inputs(rows, self.inputs)
        if self.seed is not None:
            augment(inputs, self._rng)
        return (
            inputs,
            self.part.targets[rows],
            self.part.weights[rows],
        )


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
