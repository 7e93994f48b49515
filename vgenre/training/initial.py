"""What training starts from."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras

from ..errors import ModelError
from ..models.body import freeze_normalisation, load_imagenet
from ..models.build import body_of, head_of
from ..models.card import Architecture
from ..models.store import (
    BODY_FILE,
    HEAD_FILE,
    file_hash,
    find_model,
    load_weights,
    model_file,
    read_card,
)


@dataclass(frozen=True)
class InitialWeights:
    """What training starts from.

    Parameters
    ----------
    identity : str
        Differs where the weights differ: what was made from other ones is not taken for
        what these would give.
    body : callable
        Puts weights into the body it is given.
    audio : callable, optional
        Puts weights into the audio stream it is given, as far as they fit.
    directory : path, optional
        Of the model that they are from, whose graphs can be used again.
    architecture : Architecture
        Its `body` and `block` say what body the weights are for.
    """

    identity: str
    body: Callable[[keras.Model], None]
    audio: Callable[[keras.Model], None] | None = None
    directory: Path | None = None
    architecture: Architecture = field(default_factory=Architecture)

    @classmethod
    def of(cls, source: str | os.PathLike[str]) -> InitialWeights:
        """Initial weights by name.

        Parameters
        ----------
        source : str or path
            A model, by name or directory; ``"imagenet"`` for the official
            weights, which Keras downloads; a ``.h5`` file for Keras'
            InceptionV3; or ``"none"`` for random ones.

        Raises
        ------
        ModelError
            If there is no such model or file.
        """
        if source == "none":
            return cls("none", lambda network: None)
        if source == "imagenet":
            return cls("imagenet", load_imagenet)
        if str(source).endswith(".h5"):
            file = Path(source)
            if not file.is_file():
                raise ModelError(f"{file}: there is no such file of weights")
            return cls(file_hash(file), lambda network: load_imagenet(network, file))
        directory = find_model(source)
        card = read_card(directory)

        def audio(network: keras.Model) -> None:
            width = body_of(card.architecture).output_shape[-1]
            head = head_of(card, width)
            load_weights(head, directory / HEAD_FILE)
            transfer(head.get_layer("audio"), network)

        body = model_file(directory, card, BODY_FILE)
        return cls(
            card.digest(),
            lambda network: load_weights(network, body),
            audio,
            directory,
            card.architecture,
        )


def transfer(source: keras.Model, target: keras.Model) -> None:
    """Copy the weights of layers that have the same name and shapes in both."""
    layers = {layer.name: layer for layer in source.layers}
    for layer in target.layers:
        known = layers.get(layer.name)
        if known and [w.shape for w in known.weights] == [w.shape for w in layer.weights]:
            layer.set_weights(known.get_weights())


def begin_zoo(initial: InitialWeights, network: keras.Model) -> None:
    """Put the weights of a body into the InceptionV3 that a network of the zoo is built over."""
    for layer in network.layers:
        inner = getattr(layer, "layer", layer)
        if not isinstance(inner, keras.Model):
            continue
        if inner.name != "inception_v3":
            begin_zoo(initial, inner)
            continue
        body = body_of(initial.architecture)
        initial.body(body)
        values, own = body.get_weights(), inner.get_weights()
        # A body may end a block earlier; what comes behind it stays as it is.
        if [v.shape for v in values] == [v.shape for v in own[: len(values)]]:
            inner.set_weights(values + own[len(values) :])
            freeze_normalisation(inner)
