"""The body: InceptionV3, from a frame to its feature vector."""

from __future__ import annotations

import os
from collections.abc import Sequence

import keras
from keras import layers

from ..errors import ModelError
from ..media.types import FRAME_SIZE

BLOCKS = ("mixed8", "mixed9")
"""What is read of InceptionV3 unless another choice is made: the first of the two knows parts and
textures, the other things."""

_WIDTHS = {"mixed8": 1280, "mixed9": 2048, "mixed10": 2048}
_ALL_BLOCKS = tuple(f"mixed{i}" for i in range(11))
BODIES = ("inception_v3", "toy")


def build_body(
    name: str = "inception_v3",
    *,
    blocks: Sequence[str] = BLOCKS,
    softmax_classes: int | None = None,
    size: int = FRAME_SIZE,
    dtype: str | None = None,
) -> keras.Model:
    """The network that turns a frame into a feature vector.

    Parameters
    ----------
    name : {"inception_v3", "toy"}
        ``"inception_v3"``: Szegedy et al., *Rethinking the Inception
        Architecture for Computer Vision*, 2015, up to its average pooling.
        ``"toy"``: two small convolutions, for tests.
    blocks : sequence of str
        InceptionV3's blocks, ``"mixed0"`` to ``"mixed10"``, whose average pools are
        joined to the feature; the network ends at the last of them. The method takes
        ``mixed10``.
    softmax_classes : int, optional
        The method's other feature: the probabilities of a frame classifier of
        that many classes instead of the pooling layer.
    size : int
        Height and width of the frames in pixels.
    dtype : str, optional
        Keras dtype policy, such as ``"mixed_bfloat16"``.

    Returns
    -------
    keras.Model
        From frames, shape (n, size, size, 3), uint8 or float values in
        [0, 255], to features, float32, shape (n, width): 1280 of ``mixed8``, 2048 each of
        ``mixed9`` and ``mixed10``, 8 of the toy; `softmax_classes` where it is given.

    Raises
    ------
    ModelError
        If there is no such body or block.
    """
    frames = keras.Input((size, size, 3), name="frames")
    # The scaling to [-1, 1] is part of the graph, so that frames travel as uint8.
    scaled = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale", dtype=dtype)(frames)
    with dtype_policy(dtype):
        if name == "inception_v3":
            network = _inception_up_to(blocks, size)
        elif name == "toy":
            network = _toy_network(size)
        else:
            raise ModelError(f"there is no body called {name!r}; there are {', '.join(BODIES)}")
        freeze_normalisation(network)
        features = network(scaled)
    features = layers.Activation("linear", dtype="float32", name="features")(features)
    if softmax_classes:
        features = layers.Dense(
            softmax_classes, activation="softmax", dtype="float32", name="frame_probabilities"
        )(features)
    return keras.Model(frames, features, name=name)


FRAME_LAYER = "frame_logits"
"""The dense layer that says what a frame alone shows."""


def _inception_up_to(blocks: Sequence[str], size: int) -> keras.Model:
    if odd := [block for block in blocks if block not in _ALL_BLOCKS]:
        raise ModelError(f"InceptionV3 has no block {odd[0]!r}; its blocks are mixed0 to mixed10")
    if not blocks:
        raise ModelError("a body needs a block of InceptionV3 to read")
    whole = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(size, size, 3)
    )
    pooled = [
        layers.GlobalAveragePooling2D(name=f"pool_{block}")(whole.get_layer(block).output)
        for block in sorted(blocks, key=_ALL_BLOCKS.index)
    ]
    joined = pooled[0] if len(pooled) == 1 else layers.Concatenate(name="join_blocks")(pooled)
    return keras.Model(whole.input, joined, name=whole.name)


def freeze_normalisation(network: keras.Model) -> None:
    """Keep batch normalisation in inference mode, in training too.

    The ImageNet weights carry its statistics folded into the kernels, and batches of
    one film would skew them. Calling a network with ``training=False`` is not enough:
    Keras passes the outer model's mode on.
    """
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            freeze_normalisation(layer)
        elif isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


class dtype_policy:
    """Keras' dtype policy, for a while; None leaves it as it is."""

    def __init__(self, dtype: str | None) -> None:
        self.wanted = dtype

    def __enter__(self) -> None:
        self.previous = keras.config.dtype_policy()
        if self.wanted:
            keras.config.set_dtype_policy(self.wanted)

    def __exit__(self, *error: object) -> None:
        keras.config.set_dtype_policy(self.previous)


def _toy_network(size: int) -> keras.Model:
    frames = keras.Input((size, size, 3))
    x = layers.AveragePooling2D(max(1, size // 32))(frames)
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    return keras.Model(frames, layers.GlobalAveragePooling2D()(x))


def load_imagenet(body: keras.Model, path: str | os.PathLike[str] | None = None) -> None:
    """Put ImageNet weights into an InceptionV3 body.

    Parameters
    ----------
    body : keras.Model
        As `build_body` gives it.
    path : str or os.PathLike, optional
        A ``.h5`` file for ``keras.applications.InceptionV3(include_top=False)``.
        Without it Keras downloads the official one and checks its hash.

    Raises
    ------
    ModelError
        If the file cannot be read or does not fit.
    """
    whole = keras.applications.InceptionV3(
        weights="imagenet" if path is None else None,
        include_top=False,
        pooling="avg",
        # Keras checks the weights' sizes against the smallest input alike.
        input_shape=(FRAME_SIZE, FRAME_SIZE, 3),
    )
    if path is not None:
        try:
            whole.load_weights(os.fspath(path))
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: no InceptionV3 weights: {error}") from None
    take_blocks(whole, body)


def take_blocks(source: keras.Model, body: keras.Model) -> None:
    """Put the weights of a whole InceptionV3 into a body that may end at an earlier block.

    Parameters
    ----------
    source : keras.Model
        InceptionV3, or a body that holds all of its blocks.
    body : keras.Model

    Raises
    ------
    ModelError
        If the body is another network.
    """
    # Layers come block after block in both, so an earlier end is a shorter list.
    network = inner_network(body)
    values = source.get_weights()[: len(network.weights)]
    if [v.shape for v in values] != [tuple(w.shape) for w in network.weights]:
        raise ModelError(f"the body {body.name} does not hold InceptionV3's blocks")
    network.set_weights(values)


def inner_network(body: keras.Model) -> keras.Model:
    """The convolutions of a body, without what stands before and behind them."""
    return next(layer for layer in body.layers if isinstance(layer, keras.Model))


def fill_body(source: keras.Model, body: keras.Model) -> None:
    """Put the weights of one body into another of the same network.

    Parameters
    ----------
    source, body : keras.Model
        As `build_body` gives them; `body` may end at an earlier block. A layer behind the
        network takes part where both have it in the same size.

    Raises
    ------
    ModelError
        If the networks differ.
    """
    take_blocks(inner_network(source), body)
    dense = {layer.name: layer for layer in source.layers if isinstance(layer, layers.Dense)}
    for layer in body.layers:
        known = dense.get(layer.name)
        if known and [w.shape for w in known.weights] == [w.shape for w in layer.weights]:
            layer.set_weights(known.get_weights())


def build_frame_classifier(body: keras.Model, n_labels: int) -> keras.Model:
    """A body with one dense layer on it: the network that is fine-tuned on single frames.

    Returns
    -------
    keras.Model
        From frames to logits, float32, shape (n, n_labels). Its softmax is the
        method's other feature for the LSTM, beside the pooling layer.
    """
    features = layers.Dropout(0.2, name="dropout")(body.output)
    logits = layers.Dense(n_labels, dtype="float32", name=FRAME_LAYER)(features)
    return keras.Model(body.input, logits, name="frame_classifier")
