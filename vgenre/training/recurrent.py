"""The LSTM of the visual stream, which is taught to add to what its linear layer says."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from ..data.pixels import Clips
from ..labels import SINGLE
from ..media.types import CLIP_FRAMES
from ..models.visual import MaskedMean
from .losses import masked_crossentropy
from .readings import Readings

_AT_ONCE = 64  # clips


@dataclass(frozen=True)
class Lstm:
    """What an LSTM reads and how it learns.

    Attributes
    ----------
    sequences : ndarray of float16, shape (n_clips, 40, n_components)
        Projected frame features, see `project`.
    mask : ndarray of float32, shape (n_clips, 40)
    kernel, bias : ndarray
        Of the projection.
    units : int
    epochs : int
    dropout, rate : float
        The latter is the learning rate.
    seed : int
    """

    sequences: np.ndarray
    mask: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    units: int
    epochs: int = 15
    dropout: float = 0.5
    rate: float = 1e-3
    seed: int = 0

    def fit(
        self, readings: Readings, rows: np.ndarray, offset: np.ndarray
    ) -> tuple[keras.Model, list[np.ndarray]]:
        """Teach an LSTM what is left to say of some clips.

        Parameters
        ----------
        readings : Readings
        rows : ndarray of int, shape (n,)
            The clips to learn from.
        offset : ndarray, shape (n, n_outcomes)
            What the linear layer says of them.

        Returns
        -------
        keras.Model
            From sequences and masks to logits to be added.
        list of ndarray
            Weights of the LSTM, and of the dense layer behind it.
        """
        keras.utils.set_random_seed(self.seed)
        sequence = keras.Input(self.sequences.shape[1:], name="sequence")
        mask = keras.Input((CLIP_FRAMES,), name="frame_mask")
        said = keras.Input((readings.outcomes,), name="said")
        lstm = layers.LSTM(self.units, return_sequences=True, name="lstm")
        state = MaskedMean(name="mean_state")(lstm(sequence, mask=mask > 0), mask)
        state = layers.Dropout(self.dropout, seed=self.seed)(state)
        recurrent = layers.Dense(readings.outcomes, kernel_initializer="zeros", name="recurrent")
        added = recurrent(state)
        trainee = keras.Model([sequence, mask, said], layers.Add()([said, added]))
        single = readings.labels.mode == SINGLE
        trainee.compile(
            keras.optimizers.AdamW(self.rate, weight_decay=1e-2, global_clipnorm=1.0),
            keras.losses.CategoricalCrossentropy(from_logits=True)
            if single
            else masked_crossentropy,
        )
        trainee.fit(
            [self._sequences(rows), self.mask[rows], offset],
            readings.targets()[rows],
            sample_weight=readings.weights(rows),
            batch_size=_AT_ONCE,
            epochs=self.epochs,
            verbose=0,
        )
        weights = [*lstm.get_weights(), *recurrent.get_weights()]
        return keras.Model([sequence, mask], added), weights

    def logits(self, network: keras.Model, rows: np.ndarray) -> np.ndarray:
        """What an LSTM adds to the logits of some clips: shape (n, n_outcomes)."""
        parts = [
            keras.ops.convert_to_numpy(
                network([self._sequences(some), self.mask[some]], training=False)
            )
            for some in np.array_split(rows, -(-len(rows) // _AT_ONCE))
        ]
        return np.concatenate(parts)

    def _sequences(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.sequences[rows], np.float32)


def project(clips: Clips, means: np.ndarray, width: int) -> tuple[np.ndarray, ...]:
    """Project the frame features of clips to the principal components of their means.

    No label is looked at, so that one projection serves all folds.

    Parameters
    ----------
    clips : Clips
    means : ndarray, shape (n_clips, n_features)
    width : int
        At most so many components.

    Returns
    -------
    sequences : ndarray of float16, shape (n_clips, 40, n_components)
        Scaled so that each component of a mean varies by 1.
    kernel : ndarray of float32, shape (n_features, n_components)
    bias : ndarray of float32, shape (n_components,)
    """
    from sklearn.utils.extmath import randomized_svd

    means = np.asarray(means, np.float32)
    middle, scale = means.mean(axis=0), means.std(axis=0) + 1e-3
    count = min(width, len(means) - 1, means.shape[1])
    _, sizes, components = randomized_svd((means - middle) / scale, count, random_state=0)
    spread = np.maximum(sizes / np.sqrt(len(means)), 1e-3)
    kernel = (components / spread[:, None] / scale).T.astype(np.float32)
    bias = -(middle @ kernel)
    parts = []
    for rows in np.array_split(np.arange(len(clips)), -(-len(clips) // _AT_ONCE)):
        frames = clips.inputs(rows, ("frame_features",))["frame_features"]
        parts.append((frames @ kernel + bias).astype(np.float16))
    return np.concatenate(parts), kernel, bias
