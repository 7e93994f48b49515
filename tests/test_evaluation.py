"""Film-level figures against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from vgenre.dataset import Item
from vgenre.evaluation import Films, bootstrap, films_of, majority, measure
from vgenre.labels import LabelSet

LABELS = LabelSet(("A", "B", "C"))


def films() -> Films:
    p = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.5, 0.4, 0.1], [0.2, 0.3, 0.5]])
    truth = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]])
    return Films(["w", "x", "y", "z"], p, truth, np.array([0, 0, 1, -1]))


def test_figures_are_those_worked_out_by_hand() -> None:
    found = measure(films(), LABELS)
    assert found["films"] == 4
    assert found["top1"] == pytest.approx(1 / 3)  # w right, x says B, y says A
    assert found["any_label"] == pytest.approx(2 / 3)  # B is one of x's genres
    assert found["balanced_accuracy"] == pytest.approx(0.25)  # A: 1 of 2, B: 0 of 1
    assert found["macro_F1"] == pytest.approx(
        f1_score([0, 0, 1], [0, 1, 0], average="macro", labels=[0, 1])
    )
    by_label = [average_precision_score([1, 1, 0, 0], [0.7, 0.3, 0.5, 0.2]), 1.0]
    assert found["mAP"] == pytest.approx(np.mean(by_label))


def test_a_label_that_no_film_has_is_left_out_of_the_mean() -> None:
    entry = measure(films(), LABELS)["per_label"]["C"]
    assert entry == {"AP": None, "prevalence": 0, "films": 0}


def test_majority_says_the_same_of_every_film() -> None:
    train = [Item("1", ("A",), "1"), Item("2", ("A",), "2"), Item("3", ("B",), "3")]
    baseline = majority(films(), LABELS, train)
    np.testing.assert_allclose(baseline.probabilities, [[2 / 3, 1 / 3, 0]] * 4, atol=1e-6)
    found = measure(baseline, LABELS)
    assert found["top1"] == pytest.approx(2 / 3)
    assert found["per_label"]["A"]["AP"] == pytest.approx(0.5)  # the prevalence


def test_clips_become_films_weighed_by_their_length() -> None:
    items = [Item("1", ("B", "A"), "f"), Item("2", ("B", "A"), "f"), Item("3", (), "g")]
    found = films_of(
        np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1.0]]),
        np.array([1.0, 3, 2]),
        np.array([0, 1, 2]),
        items,
        LABELS,
    )
    assert found.names == ["f", "g"]
    np.testing.assert_allclose(found.probabilities, [[0.25, 0.75, 0], [0, 0, 1]])
    assert found.truth.tolist() == [[1, 1, 0], [0, 0, 0]]
    assert found.primary.tolist() == [1, -1]


def test_the_interval_holds_the_figure() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(3)[rng.integers(0, 3, 80)]
    p = 0.1 * truth + 0.9 * rng.dirichlet(np.ones(3), 80)
    many = Films([str(i) for i in range(80)], p, truth, truth.argmax(axis=1))
    low, high = bootstrap(many, LABELS, rounds=100)["mAP"]
    assert low < measure(many, LABELS)["mAP"] < high
    assert high - low < 0.3
