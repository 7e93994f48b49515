"""InceptionV3 over single frames."""

from __future__ import annotations

import keras
from keras import layers


def build_cnn(labels: int, *, shape: tuple[int, int, int] = (299, 299, 3)) -> keras.Model:
    """InceptionV3, average pooling and a dense layer; 24,004,485 parameters with 101 labels.

    Takes pixels in [-1, 1], as the ImageNet weights do.
    """
    body = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=shape)
    x = layers.GlobalAveragePooling2D()(body.output)
    x = layers.Dense(1024, activation="relu")(x)
    x = layers.Dense(labels, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(body.input, x, name="cnn")
