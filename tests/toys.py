"""Toy models for the tests: real networks, too small to be right."""

from __future__ import annotations

import json
from pathlib import Path

import keras

from vgenre.labels import SINGLE, LabelSet
from vgenre.models.build import body_of, head_of
from vgenre.models.card import Architecture, ModelCard
from vgenre.models.store import save_model


def without_times(output: Path) -> list[dict]:
    """The records of a JSON lines file, without how long each took."""
    records = [json.loads(line) for line in output.read_text().splitlines()]
    for record in records:
        del record["seconds"]
    return records


def toy_model(
    directory: Path, names: tuple[str, ...] = ("Action", "Horror"), mode: str = SINGLE
) -> ModelCard:
    """Write a model of random weights."""
    keras.utils.set_random_seed(0)
    card = ModelCard("toy", LabelSet(names, mode), Architecture.toy())
    body = body_of(card.architecture)
    return save_model(directory, card, body, head_of(card, body.output_shape[-1]))
