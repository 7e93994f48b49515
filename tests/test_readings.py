"""Clips put together to films, and which films are learnt from together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import items_of, readings_of

from vgenre.data.items import Item
from vgenre.labels import MULTI, SINGLE, UNKNOWN
from vgenre.training.readings import FilmOpinions, film_folds

pytestmark = pytest.mark.quick


def test_a_film_is_in_one_fold_and_each_label_is_in_all() -> None:
    readings = readings_of(items_of(24, none=8), clips=3, outside=True)
    folds = film_folds(readings, np.arange(96), 4, seed=0)
    by_film = folds.reshape(32, 3)
    assert (by_film == by_film[:, :1]).all()
    mains = np.array([(i.labels or ("",))[0] for i in readings.items])
    for label in ("A", "B", "C", ""):
        assert np.bincount(by_film[mains == label, 0]).tolist() == [2, 2, 2, 2]
    assert not np.array_equal(folds, film_folds(readings, np.arange(96), 4, seed=1))
    np.testing.assert_array_equal(folds, film_folds(readings, np.arange(96), 4, seed=0))


def test_of_fewer_films_than_folds_each_has_its_own() -> None:
    readings = readings_of(items_of(3))
    assert sorted(set(film_folds(readings, np.arange(6), 4, seed=0))) == [0, 1, 2]
    assert film_folds(readings, np.arange(2), 4, seed=0).tolist() == [0, 0]


def test_what_a_layer_learns_of_a_film() -> None:
    items = [
        Item("1", ("B", "A"), "1"),
        Item("2", (), "2"),
        Item("3", ("A",), "3", known=("A", "B")),
    ]
    many = readings_of(items, clips=1, mode=MULTI).targets()
    assert many.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, UNKNOWN]]
    one = readings_of(items[:2], clips=1, mode=SINGLE, outside=True).targets()
    assert one.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]], "the main label alone, or none of them"


def test_genres_count_alike_and_in_a_film_seconds() -> None:
    items = [Item(f"{i}", ("A" if i < 3 else "B",), f"{i}") for i in range(4)]
    readings = readings_of(items, clips=2)
    readings.seconds[0] = 30
    weights = readings.weights(np.arange(8))
    assert weights[:6].sum() == pytest.approx(weights[6:].sum())
    assert weights[0] == pytest.approx(3 * weights[1])
    assert weights[:2].sum() == pytest.approx(weights[2:4].sum())
    assert weights.mean() == pytest.approx(1)
    few = readings.weights(np.array([0, 1, 6, 7]))
    assert few[:2].sum() == pytest.approx(few[2:].sum()), "of these films alone"


def test_a_films_opinion_is_the_mean_over_the_clips_that_have_it() -> None:
    items = [*items_of(3), Item("x.mp4", ("B", "C"), "3", known=("B", "C"), measured=False)]
    readings = readings_of(items, clips=2, without={"audio": [1]})
    readings.seconds[:2] = 10, 2
    logits = {
        "visual": np.arange(24.0).reshape(8, 3),
        "audio": np.where(np.arange(8) < 5, 1.0, np.nan)[:, None] * np.ones(3),
    }
    logits["visual"][7] = np.nan
    films = FilmOpinions.of(readings, logits)
    assert films.names == ["0", "1", "2", "3"]
    np.testing.assert_allclose(films.opinions["visual"][0], np.arange(3) + 3 * 2 / 12)
    np.testing.assert_allclose(films.opinions["visual"][3], [18, 19, 20])
    np.testing.assert_array_equal(films.opinions["audio"][:, 0], [1, np.nan, 1, np.nan])
    assert films.truth.tolist()[3] == [UNKNOWN, 1, 1] and films.primary.tolist() == [0, 1, 2, 1]
    assert films.sure.tolist() == [True, True, True, False]
    assert films.having(("visual", "audio")).names == ["0", "2"]
    assert films.having(("visual",)).names == ["0", "1", "2", "3"]


def test_pictures_can_be_read_alone() -> None:
    readings = readings_of(items_of(4))
    other = replace(readings, sources={"visual": {"a": np.zeros((8, 2)), "b": np.ones((8, 2))}})
    assert list(other.read_as("b").sources) == ["visual"]
    assert list(other.read_as("b").sources["visual"]) == ["b"]
    some = readings.take(np.array([5, 0]))
    assert some.films.tolist() == ["2", "0"] and len(some.sources["audio"]["features"]) == 2
