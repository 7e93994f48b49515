"""Temperature, thresholds, and the mean over a film."""

from __future__ import annotations

import numpy as np
import pytest

from vgenre.calibration import film_means, fit_temperature, fit_thresholds, probabilities_of
from vgenre.labels import MULTI, SINGLE


def test_probabilities_are_softmax_or_sigmoid() -> None:
    logits = np.array([[0.0, np.log(3)]])
    np.testing.assert_allclose(probabilities_of(logits, 1, SINGLE), [[0.25, 0.75]])
    np.testing.assert_allclose(probabilities_of(logits, 1, MULTI), [[0.5, 0.75]])
    hot = probabilities_of(logits, 2, SINGLE)
    assert 0.5 < hot[0, 1] < 0.75


def test_film_means_weigh_clips() -> None:
    means = film_means(np.array([[1.0, 0], [0, 1], [0, 1]]), ["b", "a", "b"], np.array([3.0, 5, 1]))
    np.testing.assert_allclose(means, [[0.75, 0.25], [0, 1]])


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
@pytest.mark.parametrize("wanted", [0.7, 3.0])
def test_temperature_is_found_again(mode: str, wanted: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 4))
    p = probabilities_of(logits, 1, mode)
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


def test_threshold_of_one_label_is_where_answers_become_right() -> None:
    p = np.array([[0.5, 0.3, 0.2], [0.45, 0.35, 0.2], [0.4, 0.3, 0.3], [0.35, 0.35, 0.3]])
    truth = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]])
    (threshold, *rest) = fit_thresholds(p, truth, SINGLE)
    assert 0.4 < threshold <= 0.45
    assert rest == [threshold, threshold]
