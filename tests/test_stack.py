"""The layers of a stream are added up, each by how right it is of films that it did not see."""

from __future__ import annotations

import numpy as np
import pytest
from planted import items_of, readings_of

from vgenre.labels import MULTI, SINGLE
from vgenre.training.stack import Layer, Reading, said_by, stack

pytestmark = pytest.mark.quick


def test_layers_are_added_up() -> None:
    rng = np.random.default_rng(0)
    sources = {"a": rng.normal(size=(5, 3)), "b": rng.normal(size=(5, 2))}
    a = Layer("a", rng.normal(size=(3, 2)), np.ones(2))
    b = Layer("b", rng.normal(size=(2, 2)), np.zeros(2))
    rows = np.array([4, 1])
    found = said_by([a.times(0.5), b.times(3)], sources, rows)
    wanted = 0.5 * (sources["a"] @ a.kernel + 1) + 3 * (sources["b"] @ b.kernel)
    np.testing.assert_allclose(found, wanted[rows], atol=1e-5)


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_what_is_right_counts_more_than_what_is_not(mode: str) -> None:
    readings = readings_of(items_of(60), mode=mode)
    rng = np.random.default_rng(0)
    truth = readings.targets(MULTI)
    good, bad = (Reading(name, 4, 1.0, mode) for name in ("good", "bad"))
    said = {
        good: 3 * truth - 1 + rng.normal(size=truth.shape),
        bad: rng.normal(size=truth.shape),
    }
    weights = stack(readings, "visual", said)
    assert weights[good] > 3 * weights[bad] > 0
    assert stack(readings, "visual", {bad: said[bad]}) == {bad: 1.0}


def test_without_a_film_whose_label_is_sure_all_count_alike() -> None:
    readings = readings_of(items_of(9, none=0)).take(np.arange(2))
    said = {Reading(name, 2, 1.0): np.ones((2, 3)) for name in "ab"}
    assert list(stack(readings, "visual", said).values()) == [0.5, 0.5]
