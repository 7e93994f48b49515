"""Networks for single pictures that others are built over, by name."""

from __future__ import annotations

import keras
from keras import layers

from ...errors import ModelError

# The short names are those of the Moments in Time model zoo.
BACKBONES = {
    "D169": "DenseNet169",
    "D201": "DenseNet201",
    "IRv2": "InceptionResNetV2",
    "Iv3": "InceptionV3",
    "M": "MobileNet",
    "Mv2": "MobileNetV2",
    "R50": "ResNet50",
    "VGG19": "VGG19",
    "X": "Xception",
}


def build_backbone(name: str, shape: tuple[int, int, int]) -> keras.Model:
    """A network of Keras Applications without its top, with random weights.

    Parameters
    ----------
    name : str
        A short name, one of `BACKBONES`, or Keras' own.
    shape : (int, int, int)
        Height, width and channels.

    Returns
    -------
    keras.Model
        From pixels in [-1, 1], (n, height, width, channels), to (n, width).

    Raises
    ------
    ModelError
        If there is no such network.
    """
    application = getattr(keras.applications, BACKBONES.get(name, name), None)
    if not callable(application):
        raise ModelError(
            f"there is no backbone {name!r}; there are {', '.join(BACKBONES)} and those of "
            "keras.applications"
        )
    return application(include_top=False, weights=None, input_shape=shape, pooling="avg")


def pixels(shape: tuple[int, ...]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """An input of pixels in [0, 255], and the same scaled to [-1, 1] inside the graph."""
    frames = keras.Input(shape, name="frames")
    return frames, layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(frames)


def answer(x: keras.KerasTensor, labels: int, activation: str = "softmax") -> keras.KerasTensor:
    """The last layer of every system: probabilities, in full precision."""
    last = layers.Dense(labels, activation=activation, dtype="float32", name="probabilities")
    return last(x)
