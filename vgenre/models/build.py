"""From a card to its networks: the one place where the parts are put together."""

from __future__ import annotations

import keras

from .. import zoo
from ..labels import MULTI
from ..zoo.snippets import build_pixels, build_zoo_head
from .audio import build_audio_stream
from .body import build_body
from .card import Architecture, ModelCard
from .fusion import build_fusion
from .visual import build_visual_stream


def body_of(architecture: Architecture, dtype: str | None = None) -> keras.Model:
    """The network from frames to features, without weights."""
    if architecture.network and architecture.takes_pixels:
        return build_pixels(architecture.network.shape)
    return build_body(
        architecture.body,
        block=architecture.block,
        softmax_classes=architecture.softmax_classes,
        dtype=dtype,
    )


def head_of(card: ModelCard, features: int) -> keras.Model:
    """The streams and their fusion, without weights.

    Parameters
    ----------
    card : ModelCard
    features : int
        Width of the body's features.
    """
    if network := card.architecture.network:
        return build_zoo_head(
            network_of(card),
            card.mel,
            snippets=network.snippets,
            multi=card.labels.mode == MULTI,
        )
    parts, n_labels = card.architecture, len(card.labels)
    visual = build_visual_stream(
        n_labels,
        features=features,
        units=parts.units,
        embedding=parts.embedding,
        pooling=parts.pooling,
        dropout=parts.dropout,
        probe=parts.probe,
    )
    audio = build_audio_stream(
        n_labels,
        card.mel,
        channels=parts.audio_channels,
        embedding=parts.embedding,
        dropout=parts.dropout,
    )
    return build_fusion(visual, audio)


def network_of(card: ModelCard) -> keras.Model:
    """The network of the zoo that a card names, without weights."""
    network = card.architecture.network
    assert network is not None
    return zoo.build(
        network.name,
        labels=len(card.labels),
        multi=card.labels.mode == MULTI,
        shape=network.shape,
        **network.sizes,
    )
