"""Linear layers find what was planted, and make nothing of what is not known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import WIDTH, told

from vgenre.labels import MULTI, SINGLE, UNKNOWN
from vgenre.training.linear import Reduced, fit_linear

pytestmark = pytest.mark.quick

HOW = {"components": WIDTH, "strength": 0.1}


def fitted(
    features: np.ndarray, targets: np.ndarray, mode: str, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    weights = np.ones(len(features)) if weights is None else weights
    return fit_linear(Reduced.of(features, weights), targets, weights, mode, **HOW)


def planted(mode: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and targets of three outcomes; in ``multi`` mode each is there by itself."""
    rng = np.random.default_rng(seed)
    if mode == SINGLE:
        outcomes = rng.integers(3, size=n)
        return told(rng, outcomes, 3.0), np.eye(3)[outcomes]
    targets = (rng.random((n, 3)) < 0.4).astype(float)
    features = rng.normal(size=(n, WIDTH)).astype(np.float32)
    features[:, :3] += 3 * targets
    return features, targets


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_planted_directions_are_found(mode: str) -> None:
    kernel, bias = fitted(*planted(mode, 300, 0), mode)
    assert kernel.shape == (WIDTH, 3) and kernel.dtype == bias.dtype == np.float32
    assert np.abs(kernel).argmax(axis=0).tolist() == [0, 1, 2]
    assert (kernel[np.arange(3), np.arange(3)] > 3 * np.abs(kernel[3:]).max()).all()
    features, targets = planted(mode, 300, 1)
    logits = features @ kernel + bias
    right = (logits > 0) == (targets > 0)
    if mode == SINGLE:
        right = logits.argmax(axis=1) == targets.argmax(axis=1)
    assert right.mean() > 0.85


def test_few_components_see_what_varies_most() -> None:
    rng = np.random.default_rng(0)
    outcome = rng.integers(2, size=200)
    loud = rng.normal(size=(200, 1)) * np.ones(6) + 0.1 * rng.normal(size=(200, 6))
    quiet = rng.normal(size=(200, 1)) + 3.0 * outcome[:, None]
    features, targets = np.hstack([loud, quiet]), np.eye(2)[outcome]
    reduced = Reduced.of(features, np.ones(200))
    for components, seen in ((1, False), (7, True)):
        kernel, bias = fit_linear(
            reduced, targets, np.ones(200), SINGLE, components=components, strength=1.0
        )
        right = (features @ kernel + bias).argmax(axis=1) == outcome
        assert bool(right.mean() > 0.85) is seen


def test_a_layer_on_features_says_what_one_on_components_says() -> None:
    rng = np.random.default_rng(0)
    features, weights = rng.normal(2, 3, (40, WIDTH)), rng.uniform(0.5, 2, 40)
    reduced = Reduced.of(features, weights)
    np.testing.assert_allclose(np.average(reduced.values, axis=0, weights=weights), 0, atol=1e-5)
    assert (np.diff(reduced.values.var(axis=0)) < 0).all()
    slopes, bias = rng.normal(size=(3, 5)), rng.normal(size=3)
    kernel, moved = reduced.linear(slopes, bias)
    np.testing.assert_allclose(
        features @ kernel + moved, reduced.values[:, :5] @ slopes.T + bias, atol=1e-4
    )


def test_a_feature_that_hardly_moves_is_not_blown_up() -> None:
    features = np.random.default_rng(0).normal(size=(50, WIDTH))
    features[:, 0] = 7 + 1e-6 * features[:, 0]
    reduced = Reduced.of(features, np.ones(50))
    standard = (features - reduced.middle) / reduced.scale
    assert np.abs(standard[:, 0]).max() < 1e-3 < 1 < np.abs(standard[:, 1]).max()


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_an_outcome_without_films_is_far_below(mode: str) -> None:
    features, targets = planted(mode, 100, 0)
    if mode == SINGLE:
        features, targets = features[targets[:, 1] == 0], targets[targets[:, 1] == 0]
    else:
        targets[:, 1] = UNKNOWN
    kernel, bias = fitted(features, targets, mode)
    assert not kernel[:, 1].any()
    logits = features @ kernel + bias
    assert (logits[:, 1] < logits[:, [0, 2]].max(axis=1) - 3).all()


def test_two_outcomes_are_each_others_opposite() -> None:
    features, targets = planted(SINGLE, 100, 0)
    rows = targets[:, 2] == 0
    kernel, bias = fitted(features[rows], targets[rows, :2], SINGLE)
    np.testing.assert_allclose(kernel[:, 0], -kernel[:, 1], rtol=1e-5)
    np.testing.assert_allclose(bias[0], -bias[1], rtol=1e-4)
    said = (features[rows] @ kernel + bias).argmax(axis=1)
    assert (said == targets[rows].argmax(axis=1)).mean() > 0.9


def test_one_outcome_alone_teaches_nothing() -> None:
    features, _ = planted(SINGLE, 20, 0)
    kernel, bias = fitted(features, np.eye(3)[np.zeros(20, int)], SINGLE)
    assert not kernel.any() and not bias.any()


def test_labels_that_are_not_known_do_not_matter() -> None:
    features, targets = planted(MULTI, 200, 0)
    rows = np.arange(200) % 3 > 0
    partly = targets.copy()
    partly[~rows, 1] = UNKNOWN
    reduced, weights = Reduced.of(features, np.ones(200)), np.ones(200)
    kernel, bias = fit_linear(reduced, partly, weights, MULTI, **HOW)
    alone = replace(reduced, values=reduced.values[rows])
    others = fit_linear(alone, targets[rows], weights[rows], MULTI, **HOW)
    whole = fit_linear(reduced, targets, weights, MULTI, **HOW)
    for found, without, full in zip((kernel.T, bias), (others[0].T, others[1]),
                                    (whole[0].T, whole[1]), strict=True):  # fmt: skip
        np.testing.assert_allclose(found[1], without[1], atol=1e-6)
        np.testing.assert_allclose(found[[0, 2]], full[[0, 2]], atol=1e-6)
        assert np.abs(found[1] - full[1]).max() > 1e-4


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_a_row_that_counts_twice_is_worth_two(mode: str) -> None:
    features, targets = planted(mode, 60, 0)
    twice = np.arange(60) < 20
    by_weight = fitted(features, targets, mode, 1.0 + twice)
    doubled = np.concatenate([np.arange(60), np.flatnonzero(twice)])
    by_rows = fitted(features[doubled], targets[doubled], mode)
    np.testing.assert_allclose(by_weight[0], by_rows[0], atol=2e-3)
    np.testing.assert_allclose(by_weight[1], by_rows[1], atol=2e-3)
