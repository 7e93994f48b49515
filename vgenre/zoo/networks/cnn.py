"""Two-dimensional networks: a picture at a time."""

from __future__ import annotations

import keras
from keras import layers

from .backbones import answer, build_backbone, pixels
from .each_frame import EachFrame


def build_cnn(labels: int, *, shape: tuple[int, int, int] = (299, 299, 3)) -> keras.Model:
    """InceptionV3, average pooling and a dense layer; 24,004,485 parameters with 101 labels."""
    frames, x = pixels(shape)
    x = build_backbone("Iv3", shape)(x)
    x = layers.Dense(1024, activation="relu")(x)
    return keras.Model(frames, answer(x, labels), name="cnn")


def build_c2d(
    labels: int, *, shape: tuple[int, int, int] = (224, 224, 3), backbone: str = "R50"
) -> keras.Model:
    """A backbone of Keras Applications and one dense layer, on single frames."""
    frames, x = pixels(shape)
    return keras.Model(frames, answer(build_backbone(backbone, shape)(x), labels), name="c2d")


def build_c2d_average(
    labels: int, *, shape: tuple[int, int, int, int] = (64, 224, 224, 3), backbone: str = "IRv2"
) -> keras.Model:
    """The same on each frame of a clip, its answers averaged."""
    single = build_c2d(labels, shape=shape[1:], backbone=backbone)
    clip = keras.Input(shape, name="frames")
    each = EachFrame(single, name="each")(clip)
    mean = layers.GlobalAveragePooling1D(dtype="float32", name="mean")(each)
    return keras.Model(clip, mean, name="c2d_average")
