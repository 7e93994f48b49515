"""Toy models for the tests: real networks, too small to be right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

import vgenre
from vgenre.labelling.summary import FilmReading
from vgenre.labels import SINGLE, LabelSet
from vgenre.models.build import audio_of, body_of, visual_of
from vgenre.models.card import Architecture, ModelCard
from vgenre.models.dialogue import DialogueHead
from vgenre.models.embedding import EmbeddingSpace
from vgenre.models.spaces import add_space, read_space
from vgenre.models.store import AUDIO_GRAPH, BODY_GRAPH, VISUAL_GRAPH, read_card, save_model
from vgenre.models.vocabulary import Vocabulary
from vgenre.training.embedding import fit_space, with_dialogue


def without_times(output: Path) -> list[dict]:
    """The records of a JSON lines file, without how long each took."""
    records = [json.loads(line) for line in output.read_text().splitlines()]
    for record in records:
        del record["seconds"]
    return records


def toy_head(outcomes: int = 2) -> DialogueHead:
    """A head that hears the first outcome in a harbour and a boat, the second in a door."""
    terms = ("harbour", "boat", "door", "lock the")
    kernel = np.zeros((len(terms), outcomes), np.float32)
    kernel[:2, 0] = 4.0, 3.0
    kernel[2:, 1] = 4.0, 2.0
    nothing = np.zeros(outcomes, np.float32)
    points = np.array([5, 500], np.float32), np.array([0.5, 1.0], np.float32)
    return DialogueHead(terms, np.ones(len(terms), np.float32), kernel, nothing, nothing, *points)


def toy_model(
    directory: Path,
    names: tuple[str, ...] = ("Action", "Horror"),
    mode: str = SINGLE,
    head: DialogueHead | None = None,
    **card: Any,
) -> ModelCard:
    """Write a model of random weights, perhaps with a head; takes further fields of the card."""
    keras.utils.set_random_seed(0)
    architecture = replace(Architecture.toy(), dialogue=head is not None)
    written = ModelCard("toy", LabelSet(names, mode), architecture, **card)
    body = body_of(written.architecture)
    visual = visual_of(written, body.output_shape[-1])
    return save_model(directory, written, body, visual, audio_of(written), head)


def toy_model_with_graphs(directory: Path, **options: Any) -> ModelCard:
    """Write a model of random weights that OpenVINO can run; takes what `toy_model` takes."""
    from vgenre.engines.export import body_graph, stream_graph, write_graph
    from vgenre.engines.tensorflow import TensorFlowEngine

    card = toy_model(directory, **options)
    engine = TensorFlowEngine.load(directory, card)
    write_graph(body_graph(engine.body), directory / BODY_GRAPH)
    write_graph(stream_graph(engine.visual), directory / VISUAL_GRAPH)
    write_graph(stream_graph(engine.audio), directory / AUDIO_GRAPH)
    return save_model(
        directory, card, engine.body, engine.visual, engine.audio, options.get("head")
    )


def toy_space(directory: Path, *, seed: int = 0, words: Sequence[str] = ()) -> EmbeddingSpace:
    """Give a toy model a space, fitted on what it sees and hears in noise, dim and bright.

    Where there are words, films say them too: the first half more often in dim ones.
    """
    model, rng = vgenre.load_model(directory), np.random.default_rng(seed)
    mel, films, genres = model.card.mel, [], []
    for i in range(24):
        bright = i % 2
        level, colour = rng.uniform(0.2, 1), rng.uniform(0.2, 1, 3) * (1 if bright else 0.3)
        frames = 255 * colour * rng.uniform(1 - level, 1, (2, 299, 299, 1))
        loud = rng.uniform(-50, 0, (mel.n_mels, 1)) - 20 * (1 - bright)
        sound = np.repeat(loud, mel.steps, axis=1).astype(np.float32)
        _, heard = model.engine.listen(sound[None], np.ones((1, mel.steps), np.float32))
        assert heard is not None
        film = FilmReading()
        film.add({"frames": model.features(frames.astype(np.uint8)), "audio": heard[0]}, 1)
        films.append(film.readings())
        genres.append(("Bright",) if bright else ("Dim",))
    readings = {stream: np.stack([film[stream] for film in films]) for stream in films[0]}
    space = fit_space(readings, genres)
    if words:
        weights = rng.uniform(0, 1, (24, len(words))).astype(np.float32)
        weights[::2, : len(words) // 2] += 1
        said = weights / np.linalg.norm(weights, axis=1, keepdims=True)
        known = Vocabulary(tuple(words), np.ones(len(words), np.float32))
        space = with_dialogue(space, known, said, genres)
    add_space(directory, space)
    found = read_space(directory, read_card(directory))
    assert found is not None
    return found
