"""A small network on each frame of a clip, and one over the frames."""

from __future__ import annotations

import keras
from keras import layers

from .backbones import answer, pixels
from .each_frame import EachFrame

Clip = tuple[int, int, int, int]


def build_time_distributed(
    labels: int, *, shape: Clip = (40, 80, 80, 3), width: int = 32, hidden: int = 256
) -> keras.Model:
    """A CNN on each frame, its features averaged over time: order plays no part."""
    frames, clip = pixels(shape)
    x = picture = keras.Input(shape[1:])
    for times in (1, 2, 4):
        x = layers.Conv2D(times * width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    each = keras.Model(picture, layers.Flatten()(x), name="picture")
    x = EachFrame(each, name="each")(clip)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.5)(layers.Dense(hidden, activation="relu")(x))
    return keras.Model(frames, answer(x, labels), name="time_distributed_cnn")


def build_lrcn(
    labels: int, *, shape: Clip = (16, 224, 224, 3), width: int = 32, units: int = 256
) -> keras.Model:
    """A VGG-like CNN on each frame and an LSTM over the frames.

    Donahue et al., *Long-term Recurrent Convolutional Networks for Visual
    Recognition and Description*, 2015.
    """
    frames, clip = pixels(shape)
    x = picture = keras.Input(shape[1:])
    x = layers.Conv2D(width, 7, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    for times in (2, 4, 8, 16):
        for _ in range(2):
            x = layers.Conv2D(times * width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    each = keras.Model(picture, layers.Flatten()(x), name="picture")
    x = EachFrame(each, name="each")(clip)
    x = layers.LSTM(units, dropout=0.5)(layers.Dropout(0.5)(x))
    return keras.Model(frames, answer(x, labels), name="lrcn")
