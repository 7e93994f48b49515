"""Where time comes in: single frame, early, late and slow fusion.

Karpathy et al., *Large-scale Video Classification with Convolutional Neural Networks*,
2014, with batch normalisation in place of local response normalisation; over their own
network or any backbone.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from .backbones import answer, build_backbone, pixels
from .each_frame import EachFrame

Clip = tuple[int, int, int, int]
_SHAPE = (10, 170, 170, 3)


def build_single_frame(
    labels: int,
    *,
    shape: Clip = _SHAPE,
    backbone: str | None = None,
    width: int = 96,
    hidden: int = 4096,
) -> keras.Model:
    """The middle frame alone: what the others have to beat."""
    frames, x = pixels(shape)
    tower = _tower(shape[1:], backbone, width)
    x = tower(x[:, shape[0] // 2])
    return keras.Model(frames, answer(_dense(x, backbone, hidden), labels), name="single_frame")


def build_early_fusion(
    labels: int,
    *,
    shape: Clip = _SHAPE,
    backbone: str | None = None,
    width: int = 96,
    hidden: int = 4096,
) -> keras.Model:
    """All frames stacked as channels of one picture, so that the first layer sees motion."""
    frames, x = pixels(shape)
    n, height, across, channels = shape
    x = layers.Permute((2, 3, 1, 4))(x)
    x = layers.Reshape((height, across, n * channels))(x)
    if backbone:  # which takes three channels: the mixture of frames is learnt
        x = layers.Conv2D(channels, 1, name="mix")(x)
        stacked = (height, across, channels)
    else:
        stacked = (height, across, n * channels)
    x = _tower(stacked, backbone, width)(x)
    return keras.Model(frames, answer(_dense(x, backbone, hidden), labels), name="early_fusion")


def build_late_fusion(
    labels: int,
    *,
    shape: Clip = _SHAPE,
    backbone: str | None = None,
    width: int = 96,
    hidden: int = 4096,
) -> keras.Model:
    """The first frame and the last, each by the same tower, joined in the first dense layer."""
    frames, x = pixels(shape)
    tower = _tower(shape[1:], backbone, width)
    x = layers.Concatenate()([tower(x[:, 0]), tower(x[:, -1])])
    return keras.Model(frames, answer(_dense(x, backbone, hidden), labels), name="late_fusion")


def build_slow_fusion(
    labels: int,
    *,
    shape: Clip = _SHAPE,
    backbone: str | None = None,
    width: int = 96,
    hidden: int = 4096,
) -> keras.Model:
    """Neighbouring frames are put together in three steps: four, then pairs, then pairs."""
    frames, x = pixels(shape)
    if backbone:
        x = EachFrame(_tower(shape[1:], backbone, width), name="each")(x)
        channels = x.shape[-1]
        for extent, stride in ((4, 2), (2, 2), (2, 1)):
            x = layers.Conv1D(channels // 4, extent, stride, activation="relu")(x)
        x = layers.Flatten()(x)
    else:
        x = layers.Conv3D(width, (4, 11, 11), (2, 3, 3), activation="relu")(x)
        x = layers.MaxPooling3D((1, 2, 2))(layers.BatchNormalization()(x))
        x = layers.Conv3D(256 * width // 96, (2, 5, 5), (2, 1, 1), activation="relu")(x)
        x = layers.MaxPooling3D((1, 2, 2))(layers.BatchNormalization()(x))
        x = layers.Conv3D(384 * width // 96, (2, 3, 3), padding="valid", activation="relu")(x)
        x = ops.max(x, axis=1)  # ten frames are one by now
        for filters in (384, 256):
            x = layers.Conv2D(filters * width // 96, 3, padding="same", activation="relu")(x)
        x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    return keras.Model(frames, answer(_dense(x, backbone, hidden), labels), name="slow_fusion")


def _tower(shape: tuple[int, ...], backbone: str | None, width: int) -> keras.Model:
    """From one picture to a vector: a backbone, or the paper's five convolutions."""
    if backbone:
        return build_backbone(backbone, (shape[0], shape[1], shape[2]))
    x = picture = keras.Input(shape)
    for filters, extent, stride in ((96, 11, 3), (256, 5, 1)):
        x = layers.Conv2D(filters * width // 96, extent, stride, activation="relu")(x)
        x = layers.MaxPooling2D(2)(layers.BatchNormalization()(x))
    for filters in (384, 384, 256):
        x = layers.Conv2D(filters * width // 96, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    return keras.Model(picture, x, name="tower")


def _dense(x: keras.KerasTensor, backbone: str | None, hidden: int) -> keras.KerasTensor:
    """Two dense layers; over a backbone one narrow one, as its features are ready for use."""
    for _ in range(1 if backbone else 2):
        x = layers.Dense(min(hidden, 512) if backbone else hidden, activation="relu")(x)
        x = layers.Dropout(0.5)(x)
    return x
