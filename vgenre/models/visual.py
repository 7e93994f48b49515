"""The visual stream: a linear layer over the features of a clip's frames, perhaps an LSTM."""

from __future__ import annotations

import keras
from keras import layers, ops

from ..media.types import CLIP_FRAMES


def build_visual_stream(
    n_outcomes: int,
    *,
    features: int,
    deviation: bool = True,
    genres: int = 0,
    lstm: int = 0,
    project: int = 256,
    dropout: float = 0.5,
) -> keras.Model:
    """The network over the frame features of a clip.

    A linear layer reads their mean and their deviation, which says how much a clip moves and
    cuts. It may read the same of a second, fixed linear layer, which names genres of each frame as
    still images taught it: a few numbers, of which few films tell as much as of
    all features. An LSTM may add to it (as in Cheng et al., *Wide & Deep Learning*, 2016). A single
    frame, which has no deviation and is another kind of vector than a mean, is read by a linear
    layer of its own.

    Parameters
    ----------
    n_outcomes : int
    features : int
        Width of a frame's feature vector.
    deviation : bool
        Whether the deviation is read.
    genres : int
        How many genres are named of each frame; 0: none.
    lstm : int
        Units of the LSTM; 0: there is none.
    project : int
        Width of the fixed projection of the features that the LSTM reads.
    dropout : float

    Returns
    -------
    keras.Model
        From ``frame_features`` (n, 40, features) and ``frame_mask`` (n, 40),
        1 where there is a frame, to ``logits`` (n, n_outcomes).
    """
    sequence = keras.Input((CLIP_FRAMES, features), name="frame_features")
    mask = keras.Input((CLIP_FRAMES,), name="frame_mask")
    mean = MaskedMean(name="mean")(sequence, mask)
    read = [mean]
    if deviation:
        read.append(MaskedDeviation(name="deviation")(sequence, mean, mask))
    if genres:
        named = layers.Dense(genres, trainable=False, name="genres")(sequence)
        named_mean = MaskedMean(name="genres_mean")(named, mask)
        read.append(named_mean)
        read.append(MaskedDeviation(name="genres_deviation")(named, named_mean, mask))
    summary = layers.Concatenate(name="summary")(read) if len(read) > 1 else mean
    logits = layers.Dense(n_outcomes, dtype="float32", name="linear")(summary)
    if lstm:
        x = layers.Dense(project, trainable=False, name="project")(sequence)
        x = layers.LSTM(lstm, return_sequences=True, name="lstm")(x, mask=mask > 0)
        x = layers.Dropout(dropout, name="dropout")(MaskedMean(name="mean_state")(x, mask))
        recurrent = layers.Dense(n_outcomes, dtype="float32", name="recurrent")(x)
        logits = layers.Add(dtype="float32", name="sum")([logits, recurrent])
    still = layers.Dense(n_outcomes, dtype="float32", name="still")(mean)
    logits = OneFrameApart(dtype="float32", name="one_frame_apart")(logits, still, mask)
    return keras.Model([sequence, mask], {"logits": logits}, name="visual")


class MaskedDeviation(layers.Layer):
    """Standard deviation over axis 1 of the steps whose mask is 1, around their mean."""

    def call(self, steps, mean, present):
        weights = ops.cast(ops.expand_dims(present, -1), steps.dtype)
        squares = ops.square(steps - ops.expand_dims(mean, 1)) * weights
        return ops.sqrt(ops.sum(squares, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1))


class OneFrameApart(layers.Layer):
    """The second logits where the mask holds a single frame, else the first."""

    def call(self, film, still, present):
        several = ops.sum(present, axis=1, keepdims=True) > 1.5
        return ops.where(several, film, still)


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
