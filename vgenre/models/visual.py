"""The visual stream: an LSTM over the features of a clip's frames, a linear layer beside it."""

from __future__ import annotations

import keras
from keras import layers, ops

from ..errors import ModelError
from ..media.types import CLIP_FRAMES
from .body import FEATURES


def build_visual_stream(
    n_labels: int,
    *,
    features: int = FEATURES,
    units: int = 256,
    embedding: int = 128,
    pooling: str = "lstm",
    dropout: float = 0.5,
    probe: bool = True,
) -> keras.Model:
    """The recurrent network over the frame features of a clip, and a linear one beside it.

    Parameters
    ----------
    n_labels : int
    features : int
        Width of a frame's feature vector.
    units : int
        Width of the LSTM. The method takes it wide (2,056) rather than deep.
    embedding : int
        Width of the clip's embedding.
    pooling : {"lstm", "mean"}
        ``"mean"`` averages the frames instead: the baseline that an LSTM has to beat.
    dropout : float
    probe : bool
        Whether the logits of a linear layer on the mean feature are added (as in Cheng
        et al., *Wide & Deep Learning*, 2016). It is 0 until its weights are set, see
        `vgenre.training.probe`, and the rest is trained without it.

    Returns
    -------
    keras.Model
        From ``frame_features`` (n, 40, features) and ``frame_mask`` (n, 40),
        1 where there is a frame, to ``embedding`` (n, embedding) and
        ``logits`` (n, n_labels).
    """
    sequence = keras.Input((CLIP_FRAMES, features), name="frame_features")
    mask = keras.Input((CLIP_FRAMES,), name="frame_mask")
    x = layers.LayerNormalization(name="normalise")(sequence)
    x = layers.SpatialDropout1D(dropout / 2, name="feature_dropout")(x)
    if pooling == "lstm":
        x = layers.LSTM(units, return_sequences=True, name="lstm")(x, mask=mask > 0)
    elif pooling == "mean":
        x = layers.Dense(units, activation="relu", name="project")(x)
    else:
        raise ModelError(f"pooling {pooling!r} is neither lstm nor mean")
    x = MaskedMean(name="mean")(x, mask)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(embedding, activation="relu", name="embedding")(x)
    logits = layers.Dense(n_labels, dtype="float32", name="logits")(x)
    if probe:
        mean = MaskedMean(name="mean_feature")(sequence, mask)
        linear = layers.Dense(
            n_labels, kernel_initializer="zeros", dtype="float32", trainable=False, name="probe"
        )
        logits = layers.Add(dtype="float32", name="sum")([logits, linear(mean)])
    return keras.Model([sequence, mask], {"embedding": x, "logits": logits}, name="visual")


class MaskedMean(layers.Layer):
    """Mean over axis 1 of the steps whose mask is 1; zeros where there are none."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True  # it takes the LSTM's mask as done with

    def compute_mask(self, *_):
        """No mask: there are no steps any more."""
        return None

    def call(self, steps, present):
        weights = ops.cast(ops.expand_dims(present, -1), steps.dtype)
        total = ops.sum(steps * weights, axis=1)
        return total / ops.maximum(ops.sum(weights, axis=1), 1)
