"""Label sets."""

from __future__ import annotations

import numpy as np
import pytest

from vgenre.errors import DataError
from vgenre.labels import MULTI, SINGLE, SIX_GENRES, LabelSet

pytestmark = pytest.mark.quick


def test_six_genres_are_a_label_set_of_one_label_a_film() -> None:
    labels = LabelSet(SIX_GENRES)
    assert len(labels) == 6 and labels.mode == SINGLE


@pytest.mark.parametrize(
    ("names", "mode", "message"),
    [
        ((), SINGLE, "at least one label"),
        (("a", "b", "a"), SINGLE, "occurs twice in a, b, a"),
        (("a",), "many", "'many' is not one of single, multi"),
        (("a", ".."), SINGLE, r"'\.\.' cannot be the name of a genre"),
        ((".", "a"), MULTI, "cannot be the name of a genre"),
        (("a", " "), SINGLE, "cannot be the name of a genre"),
        (("a\0b",), SINGLE, r"'a\\x00b' cannot be the name of a genre"),
    ],
)
def test_wrong_label_set_is_refused(names: tuple[str, ...], mode: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        LabelSet(names, mode)


def test_label_set_from_a_list_can_be_compared_and_hashed() -> None:
    assert {LabelSet(["a", "b"])} == {LabelSet(("a", "b"))}  # type: ignore[arg-type]


def test_multi_hot_marks_the_labels_in_the_order_of_the_names() -> None:
    vector = LabelSet(("a", "b", "c")).multi_hot(["c", "a", "c"])
    assert vector.dtype == np.float32
    assert vector.tolist() == [1, 0, 1]


def test_unknown_label_is_named_in_the_error() -> None:
    with pytest.raises(DataError, match="unknown label 'A'; the labels are a, b"):
        LabelSet(("a", "b")).multi_hot(["A"])


@pytest.mark.parametrize(
    ("mode", "labels", "target"),
    [
        (SINGLE, ["b"], [0, 1, 0, 0]),
        (SINGLE, ["b", "d"], [0, 0.5, 0, 0.5]),
        (SINGLE, [], [0.25, 0.25, 0.25, 0.25]),
        (MULTI, ["b", "d"], [0, 1, 0, 1]),
        (MULTI, [], [0, 0, 0, 0]),
    ],
)
def test_target_of_a_film(mode: str, labels: list[str], target: list[float]) -> None:
    assert LabelSet(("a", "b", "c", "d"), mode).target(labels).tolist() == target


@pytest.mark.parametrize(
    ("mode", "probabilities", "chosen"),
    [
        (SINGLE, [0.3, 0.6, 0.1], ("b",)),
        (SINGLE, [0.4, 0.3, 0.3], ()),  # the most probable is below its threshold
        (SINGLE, [0.5, 0.5, 0.0], ("a",)),  # exactly at it; of equals the first
        (MULTI, [0.6, 0.9, 0.1], ("b", "a")),
        (MULTI, [0.1, 0.2, 0.6], ()),
    ],
)
def test_labels_chosen_for_probabilities(
    mode: str, probabilities: list[float], chosen: tuple[str, ...]
) -> None:
    labels = LabelSet(("a", "b", "c"), mode)
    assert labels.choose(np.array(probabilities), (0.5, 0.5, 0.7)) == chosen
