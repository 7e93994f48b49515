"""What training starts from."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras

from ..errors import ModelError
from ..models.body import fill_body, freeze_normalisation, inner_network, load_imagenet
from ..models.build import audio_of, body_of, visual_of
from ..models.card import Architecture, ModelCard
from ..models.store import (
    AUDIO_FILE,
    BODY_FILE,
    BODY_GRAPH,
    DEFAULT_MODEL,
    VISUAL_FILE,
    file_hash,
    find_model,
    load_weights,
    model_file,
    read_card,
)
from .clip_readings import FrameGenres


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
    ear : callable
        Puts weights into the ear of the audio stream it is given.
    directory : path, optional
        Of the model that they are from, whose graphs can be used again.
    architecture : Architecture
        Its `body` and `block` say what body the weights are for.
    frame_genres : callable, optional
        Gives what names genres of single frames by the features of the body, where there is such
        a layer.
    """

    identity: str
    body: Callable[[keras.Model], None]
    ear: Callable[[keras.Model], None]
    directory: Path | None = None
    architecture: Architecture = field(default_factory=Architecture)
    frame_genres: Callable[[], FrameGenres | None] = lambda: None

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
            return cls("none", lambda network: None, lambda stream: None)
        if source == "imagenet" or str(source).endswith(".h5"):
            file = None if source == "imagenet" else Path(source)
            if file and not file.is_file():
                raise ModelError(f"{file}: there is no such file of weights")
            # ImageNet has taught no ear; that of the model that ships is as good as any.
            ear = cls.of(DEFAULT_MODEL)
            identity = file_hash(file) if file else "imagenet"
            return cls(
                f"{identity} {ear.identity}", lambda body: load_imagenet(body, file), ear.ear
            )
        directory = find_model(source)
        card = read_card(directory)
        weights = model_file(directory, card, BODY_FILE)

        def body(network: keras.Model) -> None:
            known = body_of(card.architecture)
            load_weights(known, weights)
            if known.name == "inception_v3":
                fill_body(known, network)
            else:
                network.set_weights(known.get_weights())

        def ear_of(stream: keras.Model) -> None:
            known = audio_of(card)
            if known is None:
                return
            load_weights(known, directory / AUDIO_FILE)
            ears = [network.get_layer("ear") for network in (known, stream)]
            if [w.shape for w in ears[0].weights] == [w.shape for w in ears[1].weights]:
                ears[1].set_weights(ears[0].get_weights())

        def genres() -> FrameGenres | None:
            return frame_genres(directory, card, "genres") if card.architecture.genres else None

        return cls(card.digest(), body, ear_of, directory, card.architecture, genres)

    def genres_of(self, body: Path) -> FrameGenres | None:
        """What names genres of frames by the features of a body, if that is still the model's.

        Parameters
        ----------
        body : Path
            As for `graph_of`.
        """
        return self.frame_genres() if self._has(body) else None

    def graph_of(self, body: Path) -> Path | None:
        """The graph of a body that is still the model's, where the model has one.

        Parameters
        ----------
        body : Path
            Weights as `vgenre.models.store.save_weights` writes them in half precision.
        """
        if self.directory is None or not self._has(body):
            return None
        graph = model_file(self.directory, read_card(self.directory, files=()), BODY_GRAPH)
        return graph if graph.exists() else None

    def _has(self, body: Path) -> bool:
        if self.directory is None:
            return False
        card = read_card(self.directory, files=())
        return file_hash(body) == card.files.get(BODY_FILE)


def frame_genres(directory: Path, card: ModelCard, layer: str) -> FrameGenres:
    """A layer of a model's visual stream, as what names genres of single frames.

    Parameters
    ----------
    directory : Path
        Of the model.
    card : ModelCard
    layer : str
        ``"genres"``, or ``"still"``, the one that reads still images.
    """
    visual = visual_of(card, body_of(card.architecture).output_shape[-1])
    load_weights(visual, directory / VISUAL_FILE)
    return FrameGenres(*visual.get_layer(layer).get_weights())


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
        values, own = inner_network(body).get_weights(), inner.get_weights()
        # A body may end a block earlier; what comes behind it stays as it is.
        if [v.shape for v in values] == [v.shape for v in own[: len(values)]]:
            inner.set_weights(values + own[len(values) :])
            freeze_normalisation(inner)
