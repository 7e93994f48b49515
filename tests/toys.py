"""Toy models for the tests: real networks, too small to be right."""

from __future__ import annotations

from pathlib import Path

import keras

from vgenre.labels import SINGLE, LabelSet
from vgenre.models.build import body_of, head_of
from vgenre.models.card import Architecture, ModelCard
from vgenre.models.store import save_model


def toy_model(
    directory: Path, names: tuple[str, ...] = ("Action", "Horror"), mode: str = SINGLE
) -> ModelCard:
    """Write a model of random weights."""
    keras.utils.set_random_seed(0)
    card = ModelCard("toy", LabelSet(names, mode), Architecture.toy())
    body = body_of(card.architecture)
    return save_model(directory, card, body, head_of(card, body.output_shape[-1]))
