"""Film-level figures against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from vgenre.data.items import Item
from vgenre.errors import DataError
from vgenre.evaluation.films import Films, films_of
from vgenre.evaluation.intervals import bootstrap, paired_bootstrap, sureness
from vgenre.evaluation.measures import (
    calibration_error,
    chance_error,
    majority,
    measure,
    outside,
    rounded,
)
from vgenre.evaluation.resampled import ResampledFigures
from vgenre.labels import MULTI, UNKNOWN, LabelSet

pytestmark = pytest.mark.quick

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
    assert entry == {"AP": None, "AUC": None, "prevalence": 0, "films": 0}


def test_what_is_not_known_is_left_out_of_every_figure() -> None:
    many = LabelSet(("A", "B"), MULTI)
    p = np.array([[0.9, 0.8], [0.2, 0.9], [0.6, 0.1]])
    truth = np.array([[1, UNKNOWN], [0, 1], [1, 0]])
    found = measure(Films(["x", "y", "z"], p, truth, np.array([0, 1, 0])), many, (0.5, 0.5))
    assert found["per_label"]["B"] == {"AP": 1, "AUC": 1, "prevalence": 0.5, "films": 1}
    assert found["mAP"] == found["macro_AUC"] == found["micro_AP"] == 1
    assert found["macro_F1"] == found["micro_F1"] == 1
    assert found["ECE"] == pytest.approx((0.1 + 0.1 + 0.2 + 0.4 + 0.1) / 5)


def test_calibration_error_is_the_gap_between_sureness_and_rightness() -> None:
    sure, right = np.full(100, 0.85), np.arange(100) < 60
    assert calibration_error(sure, right) == pytest.approx(0.25)
    assert calibration_error(np.array([1.0, 0.05]), np.array([True, False])) == pytest.approx(0.025)


def test_of_few_films_even_true_probabilities_seem_off() -> None:
    assert chance_error(np.ones(50)) == 0
    for n in (25, 400):  # the mean absolute deviation of a coin thrown n times
        assert chance_error(np.full(n, 0.5)) == pytest.approx(0.5 * (2 / np.pi / n) ** 0.5, rel=0.2)
    many = random_films(60, "single", rare=20)[0]
    found = sureness(many, LABELS)["ECE_by_chance"]
    assert found == chance_error(many.probabilities.max(axis=1)) > 0


def test_films_outside_the_label_set_are_counted_apart() -> None:
    found = outside(films(), LABELS, (0.55,) * 3)
    assert found == {
        "films": 1,
        "labelled": 0,
        "recall": pytest.approx(2 / 3),
        "recall_without_thresholds": pytest.approx(2 / 3),
    }
    assert outside(films(), LABELS, (0.65,) * 3)["recall"] == pytest.approx(1 / 3)


def test_a_system_is_compared_on_the_same_films() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(3)[rng.integers(0, 3, 60)]
    names = [str(i) for i in range(60)]
    noise = rng.dirichlet(np.ones(3), 60)
    good = Films(names, 0.5 * truth + 0.5 * noise, truth, truth.argmax(axis=1))
    poor = Films(names, noise, truth, truth.argmax(axis=1))
    found = paired_bootstrap(good, poor, LABELS, rounds=50)
    assert found["share_better"] == 1
    low, high = found["interval_95"]
    assert 0 < low < found["difference"] < high
    with pytest.raises(DataError, match="on the same films"):
        paired_bootstrap(good, poor.take(np.arange(3)), LABELS)


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


def random_films(n: int, mode: str, *, rare: int = 0) -> tuple[Films, LabelSet]:
    """Films of four labels, some of which are not known in ``multi`` mode; scores with ties."""
    rng = np.random.default_rng(1)
    labels = LabelSet(("A", "B", "C", "D"), mode)
    primary = rng.integers(0, 3, n)
    primary[:rare] = 3
    truth = np.eye(4)[primary]
    truth[np.arange(n), (primary + 1) % 3] = rng.random(n) < 0.2
    p = (0.3 * truth + 0.7 * rng.dirichlet(np.ones(4), n)).round(2)
    if mode == MULTI:
        truth[rng.random(truth.shape) < 0.1] = UNKNOWN
    else:
        truth[-3:], primary[-3:] = 0, -1
    return Films([str(i) for i in range(n)], p, truth, primary), labels


@pytest.mark.parametrize("mode", ["single", MULTI])
def test_figures_of_resampled_films_are_those_of_the_films_drawn(mode: str) -> None:
    films, labels = random_films(60, mode, rare=20)
    figures = ResampledFigures(films, labels)
    rng = np.random.default_rng(0)
    draws = [np.arange(60), *(rng.integers(60, size=60) for _ in range(10))]
    found = figures(np.stack([np.bincount(rows, minlength=60) for rows in draws]))
    for rows, values in zip(draws, found.T, strict=True):
        expected = measure(films.take(rows), labels)
        assert dict(zip(figures.names, values, strict=True)) == pytest.approx(
            {name: expected[name] for name in figures.names}, abs=1e-9
        )
    numbers = {name for name, value in expected.items() if isinstance(value, float)}
    assert set(figures.names) == numbers


def test_every_resampling_has_the_mean_over_the_same_labels() -> None:
    films, labels = random_films(40, "single", rare=1)
    figures = ResampledFigures(films, labels)
    without = np.ones((1, 40))
    without[0, 0] = 0  # the one film of D
    found = dict(zip(figures.names, figures(without)[:, 0], strict=True))
    whole = measure(films, labels)["per_label"]
    rest = measure(films.take(np.arange(1, 40)), labels)["per_label"]
    aps = [rest[name]["AP"] for name in "ABC"] + [whole["D"]["AP"]]
    assert rest["D"]["AP"] is None
    assert found["mAP"] == pytest.approx(np.mean(aps))


def test_the_interval_holds_the_figure() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(3)[rng.integers(0, 3, 80)]
    p = 0.1 * truth + 0.9 * rng.dirichlet(np.ones(3), 80)
    many = Films([str(i) for i in range(80)], p, truth, truth.argmax(axis=1))
    low, high = bootstrap(many, LABELS, rounds=100)["mAP"]
    assert low < measure(many, LABELS)["mAP"] < high
    assert high - low < 0.3


def test_the_interval_of_a_mean_precision_lies_round_it() -> None:
    """Films drawn twice raise average precision; a percentile interval lies too high."""
    labels = LabelSet(tuple("ABCDEFGHIJ"), MULTI)
    rng = np.random.default_rng(1)
    truth = (rng.random((60, 10)) < 0.1).astype(float)
    names = [str(i) for i in range(60)]
    films = Films(names, 0.2 * truth + rng.random(truth.shape), truth, np.zeros(60, int))
    figure = measure(films, labels)["mAP"]
    low, high = bootstrap(films, labels)["mAP"]
    figures = ResampledFigures(films, labels)
    rng = np.random.default_rng(0)
    counts = np.stack([np.bincount(rng.integers(60, size=60), minlength=60) for _ in range(1000)])
    drawn = figures(counts)[figures.names.index("mAP")]
    assert np.mean(drawn > figure) > 0.6, "the draws lie above the figure"
    plain = np.quantile(drawn, [0.025, 0.975])
    assert low < plain[0] and high < plain[1]
    assert low < figure < high


def test_figures_that_are_the_same_in_every_resampling_have_an_interval() -> None:
    truth = np.eye(3)[np.arange(12) % 3]
    right = Films([str(i) for i in range(12)], truth, truth, truth.argmax(axis=1))
    found = bootstrap(right, LABELS, rounds=50)
    assert found["mAP"] == found["top1"] == (1, 1)
    assert paired_bootstrap(right, right, LABELS, rounds=50) == {
        "difference": 0,
        "interval_95": (0, 0),
        "share_better": 0,
    }


def test_few_films_have_a_warning_and_no_interval() -> None:
    few = sureness(films(), LABELS)
    assert set(few) == {"warning"} and "on 4 films" in few["warning"]
    many, labels = random_films(10, "single")
    assert set(sureness(many, labels)) == {"interval_95", "ECE_by_chance"}


def test_figures_are_rounded_all_the_way_down() -> None:
    figures = {"a": (1 / 3, np.float32(0.25)), "b": {"c": [2, None, "x", True, 0.12346]}}
    assert rounded(figures) == {"a": [0.3333, 0.25], "b": {"c": [2, None, "x", True, 0.1235]}}
