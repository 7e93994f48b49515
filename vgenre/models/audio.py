"""The audio stream: a 2-D convolutional network over a clip's log-mel spectrogram."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers, ops

from ..sound import MelSettings
from .visual import MaskedMean


def build_audio_stream(
    n_labels: int,
    mel: MelSettings,
    *,
    channels: Sequence[int] = (24, 48, 96, 128),
    embedding: int = 128,
    dropout: float = 0.5,
) -> keras.Model:
    """Blocks of two convolutions, then mean and maximum over time, bands kept apart.

    Parameters
    ----------
    n_labels : int
    mel : MelSettings
    channels : sequence of int
        Width of each block of two convolutions; each halves the picture.
    embedding : int
        Width of the clip's embedding.
    dropout : float

    Returns
    -------
    keras.Model
        From ``mel`` (n, n_mels, steps) in dB and ``mel_mask`` (n, steps), 1
        where there is sound, to ``embedding`` (n, embedding) and ``logits``
        (n, n_labels).
    """
    spectrogram = keras.Input((mel.n_mels, mel.steps), name="mel")
    mask = keras.Input((mel.steps,), name="mel_mask")
    half = (mel.ceiling_db - mel.floor_db) / 2
    x = layers.Rescaling(1 / half, offset=-mel.floor_db / half - 1, name="scale")(spectrogram)
    x = layers.Permute((2, 1))(x)
    # Each band by its own mean and deviation: films are loud low and quiet high.
    x = layers.BatchNormalization(momentum=0.9, name="norm_bands")(x)
    x = layers.Permute((2, 1))(x)
    x = layers.Reshape((mel.n_mels, mel.steps, 1))(x)
    for i, width in enumerate(channels):
        for part, stride in (("a", 2), ("b", 1)):
            x = layers.Conv2D(
                width, 3, stride, padding="same", use_bias=False, name=f"conv_{i}{part}"
            )(x)
            x = layers.BatchNormalization(momentum=0.9, name=f"norm_{i}{part}")(x)
            x = layers.Activation("relu", name=f"relu_{i}{part}")(x)
        x = layers.Dropout(dropout / 4, name=f"dropout_{i}")(x)
    x = FoldBands(name="fold_bands")(x)
    x = layers.Dense(2 * embedding, activation="relu", name="step")(x)
    small_mask = ShrinkMask(2 ** len(channels), name="shrink_mask")(mask)
    x = layers.Concatenate(name="pool")(
        [MaskedMean(name="mean")(x, small_mask), MaskedMax(name="max")(x, small_mask)]
    )
    x = layers.BatchNormalization(momentum=0.9, name="norm_pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(embedding, activation="gelu", name="embedding")(x)
    logits = layers.Dense(n_labels, dtype="float32", name="logits")(x)
    return keras.Model([spectrogram, mask], {"embedding": x, "logits": logits}, name="audio")


class FoldBands(layers.Layer):
    """(n, bands, time, channels) to (n, time, bands * channels): a band stays a band."""

    def call(self, x):
        _, bands, steps, channels = x.shape
        x = ops.transpose(x, (0, 2, 1, 3))
        return ops.reshape(x, (-1, steps, bands * channels))


class ShrinkMask(layers.Layer):
    """The mask of a sequence `factor` times shorter: 1 where any step of it was 1."""

    def __init__(self, factor: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, present):
        x = ops.expand_dims(ops.cast(present, self.compute_dtype), -1)
        return ops.max_pool(x, self.factor, self.factor, padding="same")[..., 0]


class MaskedMax(layers.Layer):
    """Maximum over axis 1 of the steps whose mask is 1; zeros where there are none.

    The steps must not be negative, as after a ReLU, for 0 to be the least.
    """

    def call(self, steps, present):
        return ops.max(steps * ops.cast(ops.expand_dims(present, -1), steps.dtype), axis=1)
