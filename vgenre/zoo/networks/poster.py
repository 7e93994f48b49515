"""The convolutional network for posters: any number of genres each."""

from __future__ import annotations

import keras
from keras import layers

from .backbones import answer, pixels


def build_poster_cnn(
    labels: int = 25,
    *,
    shape: tuple[int, int, int] = (350, 350, 3),
    width: int = 16,
    hidden: int = 128,
) -> keras.Model:
    """Four convolution blocks, two dense layers and a sigmoid for each label."""
    inputs, x = pixels(shape)
    for block in range(4):
        x = layers.Conv2D(width * 2**block, 3, activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(0.2 + 0.1 * block)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(hidden, activation="relu")(x)
        x = layers.Dropout(0.5)(layers.BatchNormalization()(x))
    return keras.Model(inputs, answer(x, labels, "sigmoid"), name="poster_cnn")
