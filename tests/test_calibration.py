"""Temperature, thresholds, and the mean over a film."""

from __future__ import annotations

import numpy as np
import pytest

from vgenre.evaluation.films import film_means
from vgenre.labels import MULTI, SINGLE
from vgenre.models.calibration import Calibration
from vgenre.training.calibration import fit_confidence, fit_platt, fit_temperature, fit_thresholds

pytestmark = pytest.mark.quick


def test_probabilities_are_softmax_or_sigmoid() -> None:
    logits = np.array([[0.0, np.log(3)]])
    plain = Calibration.temperature(1, 2)
    np.testing.assert_allclose(plain.probabilities(logits, SINGLE), [[0.25, 0.75]])
    np.testing.assert_allclose(plain.probabilities(logits, MULTI), [[0.5, 0.75]])
    hot = Calibration.temperature(2, 2).probabilities(logits, SINGLE)
    assert 0.5 < hot[0, 1] < 0.75


def test_film_means_weigh_clips() -> None:
    means = film_means(np.array([[1.0, 0], [0, 1], [0, 1]]), ["b", "a", "b"], np.array([3.0, 5, 1]))
    np.testing.assert_allclose(means, [[0.75, 0.25], [0, 1]])


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
@pytest.mark.parametrize("wanted", [0.7, 3.0])
def test_temperature_is_found_again(mode: str, wanted: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 4))
    p = Calibration.temperature(1, 4).probabilities(logits, mode)
    if mode == SINGLE:
        targets = np.eye(4)[[rng.choice(4, p=row) for row in p]]
    else:
        targets = (rng.random(p.shape) < p).astype(float)
    films = [str(i) for i in range(len(p))]
    found = fit_temperature(logits * wanted, targets, mode, films=films, weights=np.ones(len(p)))
    assert found == pytest.approx(wanted, rel=0.1)


def test_thresholds_of_many_labels_part_right_from_wrong() -> None:
    p = np.array([[0.9, 0.3], [0.8, 0.25], [0.6, 0.1], [0.1, 0.05]])
    truth = np.array([[1, 1], [1, 1], [0, 0], [0, 0]])
    first, second = fit_thresholds(p, truth, MULTI)
    assert 0.6 < first <= 0.8 and 0.1 < second <= 0.25
    assert fit_thresholds(p, np.zeros_like(truth), MULTI) == (0.5, 0.5)


def test_platt_finds_scale_and_bias_of_each_label_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (6000, 2))
    wanted = Calibration((0.5, 2.0), (-1.0, 0.5))
    targets = (rng.random(logits.shape) < wanted.probabilities(logits, MULTI)).astype(float)
    targets[:1000, 0] = -1  # not known, and so not learnt from
    films = [str(i) for i in range(len(logits))]
    found = fit_platt(logits, targets, films=films, weights=np.ones(len(logits)))
    np.testing.assert_allclose(found.scale, wanted.scale, rtol=0.15)
    np.testing.assert_allclose(found.bias, wanted.bias, atol=0.15)
    alone = fit_platt(logits, np.zeros_like(targets), films=films, weights=np.ones(len(logits)))
    assert alone == Calibration.temperature(1, 2)


def test_threshold_of_one_label_costs_few_their_right_label() -> None:
    rng = np.random.default_rng(0)
    top = rng.uniform(0.4, 1, 200)
    p = np.stack([top, 1 - top], axis=1)
    p[:, 1] = np.minimum(p[:, 1], 0.39)
    truth = np.tile([1, 0], (200, 1))
    (threshold, other) = fit_thresholds(p, truth, SINGLE)
    assert threshold == other
    assert 0.96 <= (top >= threshold).mean() <= 0.98
    assert fit_thresholds(p, 1 - truth, SINGLE) == (0.5, 0.5)


def test_the_likeliest_genre_is_right_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    n = 4000
    p = rng.dirichlet((0.6, 0.6, 0.6), n)
    truth = np.zeros((n, 3))
    truth[np.arange(n), (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)] = 1
    logits = 3 * np.log(np.maximum(p, 1e-9))  # three times as sure as is right
    nothing = (np.ones((50, 3)) * [9, 0, 0], np.zeros((50, 3)))  # films of no genre
    found = fit_confidence(
        np.concatenate([logits, nothing[0]]),
        np.concatenate([truth, nothing[1]]),
        films=[str(i) for i in range(n + 50)],
        weights=np.ones(n + 50),
    )
    assert found == pytest.approx(3, rel=0.1)


def test_a_few_films_that_are_all_right_do_not_make_it_certain() -> None:
    logits, truth = np.tile([2.0, 0, 0], (6, 1)), np.tile([1, 0, 0], (6, 1))
    films = list("abcdef")
    temperature = fit_confidence(logits, truth, films=films, weights=np.ones(6))
    sure = np.exp(2 / temperature) / (np.exp(2 / temperature) + 2)
    assert 0.8 < sure < 0.95
