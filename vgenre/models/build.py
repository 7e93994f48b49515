"""From a card to its networks: the one place where the parts are put together."""

from __future__ import annotations

import keras

from .. import zoo
from ..labels import MULTI
from ..zoo.snippets import build_pixels, build_zoo_stream
from .audio import build_audio_stream
from .body import build_body
from .card import Architecture, ModelCard
from .visual import build_visual_stream


def body_of(architecture: Architecture, dtype: str | None = None) -> keras.Model:
    """The network from frames to features, without weights."""
    if architecture.network and architecture.takes_pixels:
        return build_pixels(architecture.network.shape)
    return build_body(
        architecture.body,
        blocks=architecture.blocks,
        softmax_classes=architecture.softmax_classes,
        dtype=dtype,
    )


def visual_of(card: ModelCard, features: int) -> keras.Model:
    """The network from the features of a clip's frames to logits, without weights.

    Parameters
    ----------
    card : ModelCard
    features : int
        Width of the body's features; what a network of the zoo takes the card says.

    Returns
    -------
    keras.Model
        From ``frame_features`` (n, 40, features) and ``frame_mask`` (n, 40) to ``logits``
        (n, ``card.outcomes``).
    """
    if network := card.architecture.network:
        multi = card.labels.mode == MULTI
        return build_zoo_stream(network_of(card), snippets=network.snippets, multi=multi)
    parts = card.architecture
    return build_visual_stream(
        card.outcomes,
        features=features,
        deviation=parts.deviation,
        genres=parts.genres,
        lstm=parts.lstm,
        project=parts.project,
        dropout=parts.dropout,
    )


def audio_of(card: ModelCard) -> keras.Model | None:
    """The network from a clip's mel to logits, without weights; None where sound plays no part.

    Returns
    -------
    keras.Model or None
        From ``mel`` (n, n_mels, steps) and ``mel_mask`` (n, steps) to ``embedding`` (n, width)
        and ``logits`` (n, ``card.outcomes``).
    """
    if not card.architecture.uses_sound:
        return None
    parts = card.architecture
    return build_audio_stream(card.outcomes, card.mel, ear=parts.ear, course=parts.course)


def network_of(card: ModelCard) -> keras.Model:
    """The network of the zoo that a card names, without weights."""
    network = card.architecture.network
    assert network is not None
    return zoo.build(
        network.name,
        labels=card.outcomes,
        multi=card.labels.mode == MULTI,
        shape=network.shape,
        **network.sizes,
    )
