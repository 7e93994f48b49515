"""Late fusion, fitted to films of which it is known who is right how often."""

from __future__ import annotations

import numpy as np
import pytest
from planted import films_of
from sklearn.metrics import f1_score

from vgenre.evaluation.measures import calibration_error
from vgenre.labels import MULTI, SINGLE, UNKNOWN, LabelSet
from vgenre.models.fusion import Fusion, sigmoid, softmax
from vgenre.training.fusing import (
    film_loss,
    fit_fusion,
    fit_fusions,
    fused,
    stream_loss,
    thresholds_of,
)
from vgenre.training.readings import FilmOpinions

pytestmark = pytest.mark.quick

BOTH = ("visual", "audio")


def sure_of(n: int, outcomes: int, seed: int, *, of: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are right as often as they say, and what is so."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, of, (n, outcomes))
    chosen = (softmax(logits).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits, np.eye(outcomes)[np.minimum(chosen, outcomes - 1)]


def two_streams(n: int, mode: str, seed: int = 0) -> FilmOpinions:
    """The picture knows something, the sound nothing."""
    rng = np.random.default_rng(seed)
    truth = np.eye(3)[rng.integers(3, size=n)]
    if mode == MULTI:
        truth = (rng.random((n, 3)) < 0.4).astype(float)
    visual = 2 * truth + rng.normal(size=(n, 3))
    return films_of({"visual": visual, "audio": rng.normal(size=(n, 3))}, truth)


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_the_stream_that_knows_something_weighs_more(mode: str) -> None:
    films = two_streams(150, mode)
    found = fit_fusion(films, BOTH, mode)
    assert found.weights["visual"][0] > 4 * found.weights["audio"][0] > 0
    for weights in found.weights.values():
        assert len(set(weights)) == 1, "one weight a stream"
    other = two_streams(150, mode, seed=1)
    plain = Fusion.plain(BOTH, 3, mode=mode)
    losses = [film_loss(f.probabilities(other.opinions, mode), other, mode) for f in (found, plain)]
    assert losses[0] < losses[1]


@pytest.mark.parametrize("factor", [0.4, 4.0])
def test_the_likeliest_is_right_as_often_as_it_says(factor: float) -> None:
    logits, truth = sure_of(1200, 4, 0)
    found = fit_fusion(films_of({"visual": factor * logits}, truth), ("visual",), SINGLE)
    assert found.weights["visual"][0] == pytest.approx(1 / factor, rel=0.15)
    logits, truth = sure_of(2000, 4, 1)
    p = found.probabilities({"visual": factor * logits}, SINGLE)
    sure, right = p.max(axis=1), truth[np.arange(2000), p.argmax(axis=1)] > 0
    assert sure.mean() == pytest.approx(right.mean(), abs=0.03)
    assert calibration_error(sure, right) < 0.05
    before = softmax(factor * logits)
    assert calibration_error(before.max(axis=1), right) > 0.1


def test_the_likeliest_may_be_any_label_of_a_film() -> None:
    """A film of two labels shares its probability out, and yet the likeliest is sure."""
    logits, truth = sure_of(1200, 4, 0)
    second = np.argsort(-logits, axis=1)[:, 1]
    truth[np.arange(1200), second] = 1
    primary = np.where(truth[np.arange(1200), logits.argmax(axis=1)] > 0, logits.argmax(1), second)
    films = films_of({"visual": logits}, truth, primary)
    p = fit_fusion(films, ("visual",), SINGLE).probabilities(films.opinions, SINGLE)
    right = truth[np.arange(1200), p.argmax(axis=1)] > 0
    assert p.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.03)


def test_of_many_labels_each_is_as_likely_as_it_says() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(-1, 1.5, (1500, 3))
    films = films_of({"visual": 3 * logits + 2}, (rng.random((1500, 3)) < sigmoid(logits)) * 1.0)
    p = fit_fusion(films, ("visual",), MULTI).probabilities(films.opinions, MULTI)
    assert calibration_error(p.ravel(), films.truth.ravel() > 0) < 0.04
    np.testing.assert_allclose(p.mean(axis=0), films.truth.mean(axis=0), atol=0.02)


def test_where_all_of_a_few_films_are_right_it_is_not_certain() -> None:
    truth = np.eye(3)[np.arange(12) % 3]
    films = films_of({"visual": 9 * truth}, truth)
    p = fit_fusion(films, ("visual",), SINGLE).probabilities(films.opinions, SINGLE)
    assert (p.argmax(axis=1) == truth.argmax(axis=1)).all()
    assert 0.8 < p.max() < 0.98


def with_none(n: int, seed: int, *, strength: float) -> FilmOpinions:
    """Films of three labels and as many of none, which look like the others now and then."""
    rng = np.random.default_rng(seed)
    outcome = np.repeat([0, 1, 2, 3], n)
    truth = np.eye(4)[outcome][:, :3]
    said = strength * np.eye(4)[outcome] + rng.normal(size=(4 * n, 4))
    return films_of({"visual": said}, truth)


def labelled_none(p: np.ndarray, films: FilmOpinions, thresholds: tuple[float, ...]) -> float:
    """The share of the films of none that get a label."""
    labels = LabelSet(("A", "B", "C"))
    none = np.flatnonzero(films.primary < 0)
    return float(np.mean([bool(labels.choose(p[row], thresholds)) for row in none]))


def test_a_quarter_of_the_films_of_none_get_a_label() -> None:
    rng = np.random.default_rng(0)
    top = rng.uniform(0.3, 0.5, 80)
    p = np.stack([top, 0.3 * top, 0.2 * top], axis=1)  # what is left is less than the top
    p[:8] = 0.4, 0.0, 0.0  # here it is more: no threshold is needed
    films = films_of({}, np.zeros((80, 3)))
    found = thresholds_of(p, films, SINGLE)
    assert len(set(found)) == 1 and labelled_none(p, films, found) == 0.25
    lower = tuple(threshold - 0.02 for threshold in found)
    assert labelled_none(p, films, lower) > 0.25, "it is the least such threshold"


@pytest.mark.parametrize("strength", [1.5, 2.5])
def test_new_films_of_none_seldom_get_a_label(strength: float) -> None:
    films, other = (with_none(n, n, strength=strength) for n in (100, 200))
    found = fit_fusion(films, ("visual",), SINGLE)
    p = found.probabilities(other.opinions, SINGLE)
    assert labelled_none(p, other, found.thresholds) < 0.36
    said = p.argmax(axis=1) == other.primary
    assert said[other.primary >= 0].mean() > 0.7


def test_what_is_likelier_than_all_else_is_never_withheld() -> None:
    films = with_none(20, 0, strength=2.0)
    p = np.tile([0.7, 0.1, 0.1], (80, 1))
    assert thresholds_of(p, films, SINGLE) == (0.5,) * 3
    few = films.take(np.flatnonzero(films.primary >= 0))
    assert thresholds_of(p[:60], few, SINGLE) == (0.0,) * 3, "no film of none tells of any"


def test_labels_of_few_films_share_a_threshold() -> None:
    truth = np.zeros((200, 3))
    truth[:100, 0] = truth[0, 1] = truth[:2, 2] = 1
    rng = np.random.default_rng(0)
    p = np.where(truth > 0, rng.uniform(0.62, 0.9, truth.shape), rng.uniform(0, 0.58, truth.shape))
    p[:, 1] = np.where(truth[:, 1] > 0, 0.18, p[:, 1] / 5)  # alone it would be 0.15
    p[:, 2] = np.where(truth[:, 2] > 0, 0.95, rng.uniform(0, 0.9, 200))  # and here higher
    found = thresholds_of(p, films_of({}, truth), MULTI)
    assert found[0] == pytest.approx(0.6, abs=0.03)
    assert found[1] == pytest.approx(found[0], abs=0.03), "as all labels together"
    assert found[2] > 0.85, "its own where that is higher"
    alone = [f1_score(truth[:, 1], p[:, 1] >= threshold) for threshold in (0.16, found[1])]
    assert alone[0] == 1 > alone[1]


def test_a_label_of_many_films_has_the_threshold_of_best_f1() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random((300, 2)) < 0.3).astype(float)
    p = np.clip(0.3 * truth + rng.uniform(0, 0.7, truth.shape), 0, 1)
    for i, threshold in enumerate(thresholds_of(p, films_of({}, truth), MULTI)):
        best = max(f1_score(truth[:, i], p[:, i] >= t) for t in np.linspace(0.05, 0.95, 37))
        assert f1_score(truth[:, i], p[:, i] >= threshold) == best


def test_what_is_not_known_of_a_film_decides_no_threshold_and_no_weight() -> None:
    films = two_streams(150, MULTI)
    unknown = films.truth.copy()
    unknown[::3, 1] = UNKNOWN
    odd = {name: said.copy() for name, said in films.opinions.items()}
    odd["visual"][::3, 1] = 50.0
    one, other = (
        fit_fusion(films_of(opinions, unknown), BOTH, MULTI) for opinions in (films.opinions, odd)
    )
    assert one == other


def test_unsure_films_decide_nothing() -> None:
    films = two_streams(60, SINGLE)
    truth = films.truth.copy()
    truth[40:] = np.roll(truth[40:], 1, axis=1)
    sure = np.arange(60) < 40
    wrong = FilmOpinions(films.names, films.opinions, truth, truth.argmax(axis=1), sure)
    known = films.take(np.arange(40))
    assert fit_fusion(wrong, BOTH, SINGLE) == fit_fusion(known, BOTH, SINGLE)
    assert stream_loss(wrong, "visual", SINGLE) == stream_loss(known, "visual", SINGLE)


def test_each_set_of_streams_has_its_own_fusion() -> None:
    films = two_streams(90, SINGLE)
    films.opinions["audio"][60:] = np.nan
    films.opinions["visual"][:10] = np.nan
    fusions = fit_fusions(films, (BOTH, ("visual",), ("audio",)), SINGLE)
    assert set(fusions) == {"visual+audio", "visual", "audio"}
    assert fusions["visual"] == fit_fusion(films.take(np.arange(10, 90)), ("visual",), SINGLE)
    assert fusions["visual+audio"] == fit_fusion(films.take(np.arange(10, 60)), BOTH, SINGLE)
    p = fused(films, fusions, SINGLE)
    for rows, case, streams in (
        (slice(0, 10), "audio", ("audio",)),
        (slice(10, 60), "visual+audio", BOTH),
        (slice(60, 90), "visual", ("visual",)),
    ):
        said = {stream: films.opinions[stream][rows] for stream in streams}
        np.testing.assert_allclose(p[rows], fusions[case].probabilities(said, SINGLE))
    with pytest.raises(KeyError, match="audio"):
        fused(films, {"visual": fusions["visual"]}, SINGLE)


def test_without_films_the_fusion_is_plain() -> None:
    films = two_streams(8, SINGLE)
    films.opinions["audio"][:] = np.nan
    assert fit_fusion(films, BOTH, SINGLE) == Fusion.plain(BOTH, 3)
    none = films_of({"visual": np.zeros((5, 4))}, np.zeros((5, 3)))
    assert fit_fusion(none, ("visual",), SINGLE) == Fusion.plain(("visual",), 3, outside=True)


def test_the_loss_of_films_is_what_is_worked_out_by_hand() -> None:
    p = np.array([[0.7, 0.2], [0.3, 0.4], [0.1, 0.2]])
    truth = np.array([[1, 0], [1, 1], [0, 0]])
    films = films_of({}, truth)
    assert film_loss(p, films, SINGLE) == pytest.approx(-np.log([0.7, 0.7, 0.7]).mean())
    whole = p / p.sum(axis=1, keepdims=True)  # none of them is no outcome
    expected = -np.log([7 / 9, 1.0]).mean()
    assert film_loss(whole, films, SINGLE) == pytest.approx(expected)
    known = films_of({}, np.array([[1, UNKNOWN], [0, 1], [0, 0]]))
    nats = -np.log([0.7, 0.7, 0.4, 0.9, 0.8]).sum() / 3
    assert film_loss(p, known, MULTI) == pytest.approx(nats)


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_a_stream_is_judged_by_what_suits_it_best(mode: str) -> None:
    films = two_streams(120, mode)
    loss = stream_loss(films, "visual", mode)
    assert loss < 0.9 * stream_loss(films, "audio", mode)
    loud = films_of({"visual": 5 * films.opinions["visual"] + 3}, films.truth)
    assert stream_loss(loud, "visual", mode) == pytest.approx(loss, rel=0.1)
