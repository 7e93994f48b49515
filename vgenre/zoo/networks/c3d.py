"""Three-dimensional convolutions over short clips."""

from __future__ import annotations

import keras
from keras import layers

from .backbones import answer, pixels

Clip = tuple[int, int, int, int]


def build_c3d(
    labels: int, *, shape: Clip = (16, 112, 112, 3), width: int = 64, hidden: int = 4096
) -> keras.Model:
    """Eight 3-D convolutions in five blocks, and two dense layers.

    Tran et al., *Learning Spatiotemporal Features with 3D Convolutional Networks*, 2015.
    """
    frames, x = pixels(shape)
    for block, (times, convolutions) in enumerate([(1, 1), (2, 1), (4, 2), (8, 2), (8, 2)]):
        for _ in range(convolutions):
            x = layers.Conv3D(times * width, 3, padding="same", activation="relu")(x)
        # The first pooling keeps time, so that four can follow in 16 frames.
        pool = (1, 2, 2) if block == 0 else (2, 2, 2)
        x = layers.MaxPooling3D(pool, padding="same" if block == 4 else "valid")(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(hidden, activation="relu")(x))
    return keras.Model(frames, answer(x, labels), name="c3d")


def build_conv3d(
    labels: int, *, shape: Clip = (40, 80, 80, 3), width: int = 32, hidden: int = 256
) -> keras.Model:
    """A small 3-D network, the one of the CRNN paper's comparison.

    After Ji et al., *3D Convolutional Neural Networks for Human Action Recognition*, 2013.
    """
    frames, x = pixels(shape)
    for times in (1, 2, 4):
        x = layers.Conv3D(times * width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling3D(2)(x)
    x = layers.Conv3D(8 * width, (2, 2, 2), activation="relu")(x)
    x = layers.MaxPooling3D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(hidden, activation="relu")(x))
    return keras.Model(frames, answer(x, labels), name="conv3d")
