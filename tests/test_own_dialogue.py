"""A model learns from the subtitles of the films it is trained on, where enough have some."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from rendered import film
from spoken import ENGLISH, FRENCH, repeated, srt

from vgenre.data.items import Item
from vgenre.dialogue.types import Cue
from vgenre.labels import LabelSet
from vgenre.models.card import Architecture, ModelCard
from vgenre.training.dialogue.own import LEAST_FILMS, with_own_dialogue
from vgenre.training.readings import FilmOpinions

WORDS = {
    "War": "The sergeant wants the artillery on that hill before dawn",
    "Western": "Saddle the horses, the sheriff rides out for the cattle",
}
LABELS = LabelSet(tuple(WORDS))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """Films that look alike, and what is said in them does not."""
    folder = tmp_path_factory.mktemp("library")
    picture = film(folder / "picture.mp4", seconds=1)
    items = []
    for i in range(LEAST_FILMS + 8):
        genre = list(WORDS)[i % 2]
        path = folder / f"{genre}-{i}.mp4"
        shutil.copyfile(picture, path)
        lines = [*repeated(ENGLISH, 2), *repeated([WORDS[genre]], 4)]
        path.with_suffix(".en.srt").write_text(srt(lines), encoding="utf-8")
        items.append(Item(str(path), (genre,), path.stem))
    return items


def looked_at(items: list[Item]) -> FilmOpinions:
    """Films as a picture stream sees them that knows next to nothing."""
    said = np.random.default_rng(0).normal(size=(len(items), 2))
    return FilmOpinions.of_items(items, {"visual": said, "audio": said}, LABELS)


def card() -> ModelCard:
    return ModelCard("own", LABELS, Architecture.toy())


def test_words_that_tell_genres_are_learnt(
    library: list[Item], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        found, head = with_own_dialogue(card(), library, looked_at(library), 0)
    count = len(library)
    assert f"{count} of {count} films have English subtitles" in caplog.text
    assert head is not None and found.architecture.dialogue
    assert found.data["train"]["films_with_dialogue"] == count
    assert found.metrics["dialogue"]["alone"]["top1"] == 1.0, "of films whose head did not learn"
    lines = [*repeated(ENGLISH, 2), *repeated([WORDS["Western"]], 4)]
    said = head.opinion([Cue(i, i + 1, line) for i, line in enumerate(lines)])
    assert said is not None and said.argmax() == 1
    silence = np.zeros(2)
    opinions = {"visual": silence, "audio": silence, "dialogue": said}
    p = found.fusion(opinions).probabilities(opinions, LABELS.mode)
    assert p.argmax() == 1


def test_few_films_with_subtitles_teach_nothing_and_are_counted(
    library: list[Item], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = library[: LEAST_FILMS - 1]
    foreign = tmp_path / "foreign.mp4"
    shutil.copyfile(few[0].path, foreign)
    foreign.with_suffix(".srt").write_text(srt(repeated(FRENCH, 4)), encoding="utf-8")
    items = [*few, Item(str(foreign), ("War",), "foreign")]
    with caplog.at_level(logging.INFO):
        found, head = with_own_dialogue(card(), items, looked_at(items), 0)
    assert head is None and not found.architecture.dialogue
    assert found.fusions == card().fusions
    assert found.data["train"]["films_with_dialogue"] == LEAST_FILMS - 1
    assert f"{LEAST_FILMS - 1} of {LEAST_FILMS} films have English subtitles" in caplog.text
