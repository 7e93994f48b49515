"""I3D: Inception-v1 with its kernels inflated to three dimensions.

Carreira and Zisserman, *Quo Vadis, Action Recognition?*, 2017.
"""

from __future__ import annotations

import keras
from keras import layers

from .backbones import answer, pixels

# Filters of the four branches of each Inception block: 1x1; 3x3; double 3x3; pool.
_BLOCKS = {
    "3b": (64, (96, 128), (16, 32), 32),
    "3c": (128, (128, 192), (32, 96), 64),
    "4b": (192, (96, 208), (16, 48), 64),
    "4c": (160, (112, 224), (24, 64), 64),
    "4d": (128, (128, 256), (24, 64), 64),
    "4e": (112, (144, 288), (32, 64), 64),
    "4f": (256, (160, 320), (32, 128), 128),
    "5b": (256, (160, 320), (32, 128), 128),
    "5c": (384, (192, 384), (48, 128), 128),
}


def build_i3d(
    labels: int, *, shape: tuple[int, int, int, int] = (16, 224, 224, 3), shrink: int = 1
) -> keras.Model:
    """Inflated Inception-v1 on 16 or 32 frames.

    Parameters
    ----------
    labels : int
    shape : (int, int, int, int)
        Frames, height, width and channels.
    shrink : int
        By which the number of filters is divided.
    """
    frames, x = pixels(shape)
    return keras.Model(frames, answer(_trunk(x, 3, shrink), labels), name="i3d")


def build_inception_v1(
    labels: int, *, shape: tuple[int, int, int] = (224, 224, 3), shrink: int = 1
) -> keras.Model:
    """Inception-v1 (Szegedy et al., *Going deeper with convolutions*, 2015), normalised in batches.

    The same network for single pictures: its kernels, inflated, are those that an I3D begins with.
    """
    picture, x = pixels(shape)
    return keras.Model(picture, answer(_trunk(x, 2, shrink), labels), name="inception_v1")


def _trunk(x: keras.KerasTensor, dimensions: int, shrink: int) -> keras.KerasTensor:
    def convolve(x, filters, extent, stride=1, name=""):
        convolution = layers.Conv3D if dimensions == 3 else layers.Conv2D
        x = convolution(
            filters // shrink, extent, stride, padding="same", use_bias=False, name=name
        )(x)
        x = layers.BatchNormalization(scale=False, name=f"{name}_norm")(x)
        return layers.Activation("relu", name=f"{name}_relu")(x)

    def pool(x, extent, stride, *, time=True, name=None):
        pooling = layers.MaxPooling3D if dimensions == 3 else layers.MaxPooling2D
        size = (extent if time else 1, extent, extent)[3 - dimensions :]
        steps = (stride if time else 1, stride, stride)[3 - dimensions :]
        return pooling(size, steps, padding="same", name=name)(x)

    def block(x, name):
        one, (three_in, three), (double_in, double), pooled = _BLOCKS[name]
        branches = [
            convolve(x, one, 1, name=f"{name}_0"),
            convolve(convolve(x, three_in, 1, name=f"{name}_1a"), three, 3, name=f"{name}_1b"),
            convolve(convolve(x, double_in, 1, name=f"{name}_2a"), double, 3, name=f"{name}_2b"),
            convolve(pool(x, 3, 1), pooled, 1, name=f"{name}_3"),
        ]
        return layers.Concatenate(name=name)(branches)

    x = convolve(x, 64, 7, 2, name="1a")
    # The first two poolings keep time: frames are fewer than pixels.
    x = pool(x, 3, 2, time=False, name="pool_2a")
    x = convolve(convolve(x, 64, 1, name="2b"), 192, 3, name="2c")
    x = pool(x, 3, 2, time=False, name="pool_3a")
    for name in ("3b", "3c"):
        x = block(x, name)
    x = pool(x, 3, 2, name="pool_4a")
    for name in ("4b", "4c", "4d", "4e", "4f"):
        x = block(x, name)
    x = pool(x, 2, 2, name="pool_5a")
    for name in ("5b", "5c"):
        x = block(x, name)
    average = layers.GlobalAveragePooling3D if dimensions == 3 else layers.GlobalAveragePooling2D
    return layers.Dropout(0.5, name="dropout")(average(name="average")(x))
