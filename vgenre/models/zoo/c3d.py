"""C3D (Tran et al., *Learning Spatiotemporal Features with 3D Convolutional Networks*, 2015)."""

from __future__ import annotations

import keras
from keras import layers


def build_c3d(
    labels: int,
    *,
    shape: tuple[int, int, int, int] = (16, 112, 112, 3),
    width: int = 64,
    hidden: int = 4096,
) -> keras.Model:
    """Eight 3-D convolutions in five blocks, and two dense layers."""
    x = inputs = keras.Input(shape)
    for block, (times, convolutions) in enumerate([(1, 1), (2, 1), (4, 2), (8, 2), (8, 2)]):
        for _ in range(convolutions):
            x = layers.Conv3D(times * width, 3, padding="same", activation="relu")(x)
        # The first pooling keeps time, so that four can follow in 16 frames.
        pool = (1, 2, 2) if block == 0 else (2, 2, 2)
        x = layers.MaxPooling3D(pool, padding="same" if block == 4 else "valid")(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(hidden, activation="relu")(x))
    x = layers.Dense(labels, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name="c3d")
