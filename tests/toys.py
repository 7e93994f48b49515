"""Toy models for the tests: real networks, too small to be right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras

from vgenre.labels import SINGLE, LabelSet
from vgenre.models.build import body_of, head_of
from vgenre.models.card import Architecture, ModelCard
from vgenre.models.store import BODY_GRAPH, HEAD_GRAPH, save_model


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


def toy_model_with_graphs(directory: Path, **options: Any) -> ModelCard:
    """Write a model of random weights that OpenVINO can run; takes what `toy_model` takes."""
    from vgenre.engines.export import body_graph, head_graph, write_graph
    from vgenre.engines.tensorflow import TensorFlowEngine

    card = toy_model(directory, **options)
    engine = TensorFlowEngine.load(directory, card)
    write_graph(body_graph(engine.body), directory / BODY_GRAPH)
    write_graph(head_graph(engine.head), directory / HEAD_GRAPH)
    return save_model(directory, card, engine.body, engine.head)
