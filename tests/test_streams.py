"""The procedure chooses, fits and fuses by the films it is given alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import items_of, outcomes_of, readings_of, told

from vgenre.labels import MULTI, SINGLE
from vgenre.models.fusion import case_of
from vgenre.training.nested import measure_fold, measure_nested
from vgenre.training.readings import Readings, film_folds
from vgenre.training.streams import Reading, cases, learn_streams

pytestmark = pytest.mark.quick

GRID = {"components": (4, 12), "strengths": (0.03,)}
ONE = {"components": (12,), "strengths": (0.03,)}


def everything(readings: Readings) -> np.ndarray:
    return np.arange(len(readings.owners))


def noise(n_clips: int, width: int, seed: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_clips, width)).astype(np.float32)


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_the_source_that_tells_something_counts(mode: str) -> None:
    readings = readings_of(items_of(36), strengths={"visual": 3.0}, mode=mode)
    readings.sources["visual"]["noise"] = noise(72, 20)
    learnt = learn_streams(readings, everything(readings), **GRID)
    tried = learnt.tried["visual"]
    fits = (SINGLE, MULTI) if mode == SINGLE else (MULTI,)  # the main label alone, or all of them
    assert set(tried) == {
        Reading(s, n, 0.03, fit) for s in ("features", "noise") for n in (4, 12) for fit in fits
    }
    counts = {reading.source: weight for reading, weight in learnt.chosen["visual"].items()}
    assert counts.keys() == {"features", "noise"} and counts["features"] > 2 * counts["noise"]
    for reading in learnt.chosen["visual"]:
        assert tried[reading] == min(tried[r] for r in tried if r.source == reading.source)
    assert max(tried[r] for r in tried if r.source == "features" and r.components == 12) < min(
        tried[r] for r in tried if r.source == "noise"
    )
    only = learn_streams(readings, everything(readings), sources={"visual": ["noise"]}, **GRID)
    ((reading, weight),) = only.chosen["visual"].items()
    assert reading.source == "noise" and weight == 1


def test_of_few_features_or_clips_there_are_few_components_to_try() -> None:
    readings = readings_of(items_of(9))
    readings.sources["audio"]["features"] = noise(18, 40)
    learnt = learn_streams(readings, everything(readings), components=(6, 60), strengths=(0.1,))
    assert [r.components for r in learnt.tried["visual"]] == [6, 12] * 2
    assert [r.components for r in learnt.tried["audio"]] == [6, 17] * 2
    few = learn_streams(readings, everything(readings), components=(60, 90), strengths=(0.1,))
    assert [r.components for r in few.tried["audio"]] == [17] * 2


def test_what_was_learnt_says_so_of_new_clips() -> None:
    readings = readings_of(items_of(36, none=12), outside=True, without={"audio": [0, 1]})
    learnt = learn_streams(readings, everything(readings), **ONE)
    other = readings_of(items_of(30, none=10), outside=True, seed=5, without={"audio": [3]})
    rows = np.arange(2, 80)
    said = learnt.logits(other, rows)
    for stream in ("visual", "audio"):
        ((kernel, bias),) = ((part.kernel, part.bias) for part in learnt.layers[stream])
        asked = np.isin(np.arange(80), rows) & other.there[stream]
        assert (np.isnan(said[stream]).all(axis=1) == ~asked).all()
        expected = other.sources[stream]["features"][asked] @ kernel + bias
        np.testing.assert_allclose(said[stream][asked], expected, atol=1e-5)
        right = said[stream][asked].argmax(axis=1) == outcomes_of(other.owned())[asked]
        assert right.mean() > 0.6


def test_a_stream_that_no_film_has_is_not_learnt() -> None:
    readings = readings_of(items_of(12), without={"audio": list(range(12))})
    learnt = learn_streams(readings, everything(readings), **ONE)
    assert set(learnt.layers) == set(learnt.fusions) == set(learnt.chosen) == {"visual"}


def test_each_set_of_streams_is_fused() -> None:
    assert [case_of(streams) for streams in cases(("visual", "audio"))] == [
        "visual+audio", "visual", "audio"
    ]  # fmt: skip
    readings = readings_of(
        items_of(45), strengths={"visual": 0.0, "audio": 3.0}, without={"visual": [0, 1, 2]}
    )
    learnt = learn_streams(readings, everything(readings), **ONE)
    assert list(learnt.fusions) == ["visual+audio", "visual", "audio"]
    both = learnt.fusions["visual+audio"].weights
    assert both["audio"][0] > 2 * both["visual"][0]
    assert len(learnt.inner.names) == 45 and len(learnt.inner.having(("visual",)).names) == 42


def test_fusion_is_fitted_to_opinions_of_layers_that_did_not_see_the_film() -> None:
    readings = readings_of(items_of(45), clips=1, strengths={"visual": 0.0})
    readings.sources["visual"] = {"noise": noise(45, 44)}
    learnt = learn_streams(readings, everything(readings), components=(44,), strengths=(1.0,))
    truth = outcomes_of(readings.items)
    seen = learnt.logits(readings, everything(readings))["visual"].argmax(axis=1) == truth
    unseen = learnt.inner.opinions["visual"].argmax(axis=1) == truth
    assert seen.mean() == 1, "by heart"
    assert unseen.mean() < 0.6
    assert learnt.fusions["visual"].weights["visual"][0] < 0.3


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_a_film_that_is_measured_changes_nothing_of_what_is_chosen_and_learnt(mode: str) -> None:
    readings = readings_of(items_of(24, none=4), mode=mode, outside=mode == SINGLE)
    readings.sources["visual"]["noise"] = noise(56, 8)
    folds = film_folds(readings, everything(readings), 2, seed=0)
    before = measure_nested(readings, folds, **ONE)
    held = set(readings.films[folds == 1])
    turned = {("A",): ("C",), ("B",): (), ("C",): ("B", "A"), (): ("A",)}
    items = [
        replace(item, labels=turned[item.labels]) if item.film in held else item
        for item in readings.items
    ]
    sources = {
        stream: {way: np.where((folds == 1)[:, None], 9 - x, x) for way, x in ways.items()}
        for stream, ways in readings.sources.items()
    }
    after = measure_nested(replace(readings, items=items, sources=sources), folds, **ONE)
    kept, same = before.learnt[1], after.learnt[1]
    assert kept.chosen == same.chosen and kept.tried == same.tried
    assert kept.fusions == same.fusions
    for stream, parts in kept.layers.items():
        for one, other in zip(parts, same.layers[stream], strict=True):
            assert one.source == other.source
            np.testing.assert_array_equal(one.kernel, other.kernel)
            np.testing.assert_array_equal(one.bias, other.bias)
    assert not set(kept.inner.names) & held
    assert before.learnt[0].tried != after.learnt[0].tried, "that one learns from them"
    names = before.films["fusion"].names
    assert names == after.films["fusion"].names and len(names) == len(set(names)) == 28
    rows = [names.index(film) for film in held]
    p, other = (found.films["fusion"].probabilities[rows] for found in (before, after))
    assert np.abs(p - other).max() > 0.01, "what is measured did change"


def test_measuring_what_cannot_be_known_gives_what_chance_gives() -> None:
    readings = readings_of(items_of(90), clips=1, strengths={"visual": 0.0, "audio": 0.0})
    folds = film_folds(readings, everything(readings), 3, seed=0)
    films = measure_nested(readings, folds, **ONE).films["fusion"]
    right = films.probabilities.argmax(axis=1) == films.primary
    assert 0.15 < right.mean() < 0.55


def test_every_film_is_measured_by_the_streams_that_it_has() -> None:
    items = items_of(30)
    items[7] = replace(items[7], measured=False)
    readings = readings_of(items, without={"audio": [0, 1, 2], "visual": [3]})
    folds = film_folds(readings, everything(readings), 2, seed=0)
    measured = measure_nested(readings, folds, **ONE)
    sure = {str(i) for i in range(30) if i != 7}
    assert set(measured.films["fusion"].names) == sure
    assert set(measured.films["audio"].names) == sure - {"0", "1", "2"}
    assert set(measured.films["visual"].names) == sure - {"3"}
    for system, films in measured.films.items():
        assert measured.thresholds[system].shape == films.probabilities.shape
        np.testing.assert_allclose(films.probabilities.sum(axis=1), 1)
    seen, heard, fused = (measured.films[s] for s in ("visual", "audio", "fusion"))
    for film, alone in (("0", seen), ("3", heard)):
        np.testing.assert_array_equal(
            fused.probabilities[fused.names.index(film)],
            alone.probabilities[alone.names.index(film)],
        )
    right = fused.probabilities.argmax(axis=1) == fused.primary
    assert right.mean() > 0.75


def test_a_learning_curve_learns_from_fewer_films_and_measures_all() -> None:
    readings = readings_of(items_of(30))
    folds = film_folds(readings, everything(readings), 2, seed=0)
    may = readings.owners < 18
    found = measure_nested(readings, folds, learn_from=may, **ONE)
    assert len(found.films["fusion"].names) == 30
    for learnt, fold in zip(found.learnt, (0, 1), strict=True):
        assert set(learnt.inner.names) == set(readings.films[may & (folds != fold)])


def test_a_fold_is_measured_by_what_was_learnt() -> None:
    readings = readings_of(items_of(40))
    rows = everything(readings)
    learnt = learn_streams(readings, rows[:60], **ONE)
    found = measure_fold(readings, learnt, rows[60:])
    assert found.films["fusion"].names == [str(i) for i in range(30, 40)]
    said = learnt.logits(readings, rows[60:])
    film = {stream: logits[60:62].mean(axis=0) for stream, logits in said.items()}
    p = learnt.fusions["visual+audio"].probabilities(film, SINGLE)
    np.testing.assert_allclose(found.films["fusion"].probabilities[0], p)
    assert found.thresholds["fusion"][0].tolist() == list(learnt.fusions["visual+audio"].thresholds)


def test_clips_of_one_film_are_never_on_both_sides() -> None:
    """Clips of a film are all but the same: seen in the inner folds they would choose by heart."""
    items = items_of(24)
    readings = readings_of(items, clips=4, strengths={"visual": 1.0})
    by_film = noise(24, 20)[readings.owners] + 0.01 * noise(96, 20, seed=1)
    readings.sources["visual"] = {
        "by heart": 10 * by_film,
        "features": told(np.random.default_rng(0), outcomes_of(items)[readings.owners], 2.0),
    }
    learnt = learn_streams(readings, everything(readings), components=(20,), strengths=(0.1,))
    counts = {reading.source: weight for reading, weight in learnt.chosen["visual"].items()}
    assert counts["features"] > 2 * counts["by heart"]


class Adds:
    """What stands for an LSTM: it knows what it says of each clip, and notes what it is taught."""

    def __init__(self, says: np.ndarray) -> None:
        self.says = says
        self.taught: list[tuple[np.ndarray, np.ndarray]] = []

    def fit(
        self, readings: Readings, rows: np.ndarray, offset: np.ndarray
    ) -> tuple[str, list[np.ndarray]]:
        self.taught.append((rows, offset))
        return f"network {len(self.taught)}", [np.ones(1)]

    def logits(self, network: str, rows: np.ndarray) -> np.ndarray:
        assert network == f"network {len(self.taught)}"
        return self.says[rows]


def test_an_lstm_that_adds_something_is_taken() -> None:
    readings = readings_of(items_of(30), strengths={"visual": 0.5}, without={"visual": [4]})
    lstm = Adds(2 * np.eye(3)[outcomes_of(readings.owned())])
    rows = everything(readings)
    plain, learnt = (learn_streams(readings, rows, lstm=x, **ONE) for x in (None, lstm))
    assert learnt.recurrent is not None and learnt.recurrent.network == "network 5"
    assert learnt.recurrent.nats[1] < learnt.recurrent.nats[0]
    seen = rows[readings.there["visual"]]
    *inner, (last, offset) = lstm.taught
    assert len(inner) == 4 and sorted(last) == sorted(seen)
    for some, said in inner:
        films = set(readings.films[some])
        held = [i for i, film in enumerate(plain.inner.names) if film not in films]
        assert 6 <= len(held) <= 9 and len(said) == len(some)
    # It is taught what is left by layers that did not see the film.
    means = offset.reshape(-1, 2, 3).mean(axis=1)
    known = [i for i, film in enumerate(plain.inner.names) if film != "4"]
    np.testing.assert_allclose(means, plain.inner.opinions["visual"][known], atol=1e-6)
    np.testing.assert_allclose(
        learnt.inner.opinions["visual"][known], means + lstm.says[seen][::2], atol=1e-6
    )
    both, alone = (x.logits(readings, rows)["visual"] for x in (learnt, plain))
    np.testing.assert_allclose(both - alone, np.where(np.isnan(alone), np.nan, lstm.says))


def test_an_lstm_that_adds_nothing_is_left_out() -> None:
    readings = readings_of(items_of(30), strengths={"visual": 2.0})
    rows = everything(readings)
    lstm = Adds(noise(60, 3))
    plain, learnt = (learn_streams(readings, rows, lstm=x, **ONE) for x in (None, lstm))
    assert learnt.recurrent is not None and learnt.recurrent.network is None
    assert learnt.recurrent.nats[1] >= learnt.recurrent.nats[0]
    assert learnt.fusions == plain.fusions
    both, alone = (x.logits(readings, rows)["visual"] for x in (learnt, plain))
    np.testing.assert_array_equal(both, alone)


def test_where_a_split_decides_an_lstm_is_taught_what_the_others_were_taught() -> None:
    items = [
        replace(item, split="val" if i % 3 == 0 else "train") for i, item in enumerate(items_of(30))
    ]
    readings = readings_of(items, strengths={"visual": 0.5})
    lstm = Adds(2 * np.eye(3)[outcomes_of(readings.owned())])
    learnt = learn_streams(readings, everything(readings), lstm=lstm, **ONE)
    assert learnt.recurrent is not None and learnt.recurrent.network
    assert np.isfinite(learnt.recurrent.nats).all()
    for rows, offset in lstm.taught:
        assert len(rows) and np.isfinite(offset).all()
    assert {readings.items[o].split for o in readings.owners[lstm.taught[0][0]]} == {"train"}
    decided = ~np.isnan(learnt.inner.opinions["visual"]).any(axis=1)
    assert decided.sum() == 10, "the films that decide, and no film that taught"


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_streams_are_not_asked_about_a_label_that_no_film_taught(mode: str) -> None:
    readings = readings_of(items_of(36), names="ABCD", mode=mode)
    learnt = learn_streams(readings, everything(readings), **ONE)
    for fusion in learnt.fusions.values():
        for weights in fusion.weights.values():
            assert weights[3] == 0 < min(weights[:3])
        p = fusion.probabilities({s: np.full((1, 4), 9.0) for s in fusion.weights}, mode)
        assert p[0, 3] < 0.01, "it is not given"


def test_a_label_that_taught_and_is_missing_from_the_films_that_decide_is_asked_about() -> None:
    items = [
        replace(item, split="val" if i % 3 == 0 and item.labels != ("C",) else "train")
        for i, item in enumerate(items_of(36, names="ABC") + items_of(12, names="C"))
    ]
    items = [replace(item, film=f"{i}") for i, item in enumerate(items)]
    readings = readings_of(items, mode=MULTI)
    assert not any(item.labels == ("C",) for item in items if item.split == "val")
    learnt = learn_streams(readings, everything(readings), **ONE)
    assert learnt.fusions["visual"].weights["visual"][2] > 0
