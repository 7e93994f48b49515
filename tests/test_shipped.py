"""The model that ships."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import vgenre
from vgenre.labels import SIX_GENRES
from vgenre.models.store import available_models, read_card


def test_six_ships_small_enough_for_a_wheel() -> None:
    directory = available_models()["six"]
    card = read_card(directory)
    assert card.labels.names == SIX_GENRES
    assert sum(f.stat().st_size for f in directory.parent.rglob("*") if f.is_file()) < 90e6
    test = card.metrics["test"]
    assert test["fusion"]["mAP"] > test["majority"]["mAP"]


def test_six_labels_a_film(plain_film: Path) -> None:
    result = vgenre.load_model("six").label(plain_film)
    assert result.status == "ok"
    assert tuple(result.probabilities) == SIX_GENRES
    assert sum(result.probabilities.values()) == pytest.approx(1)
    assert [clip.start for clip in result.clips] == [0, 10]
    same = next(iter(vgenre.label_folder(plain_film.parent / plain_film.name)))
    assert same.probabilities == pytest.approx(result.probabilities, abs=1e-5)


@pytest.mark.slow
def test_six_is_right_on_films_it_never_saw() -> None:
    if not os.environ.get("VGENRE_DATA"):
        pytest.skip("VGENRE_DATA does not name the data folder")
    import sys

    sys.path.insert(0, str(Path(__file__).parent.parent / "pipelines"))
    from shared_data import clip_items

    items = clip_items(Path(os.environ["VGENRE_DATA"]))
    measured = [i for i in items if i.split == "test" and i.measured and i.labels]
    model = vgenre.load_model("six")
    right = [max((p := model.label(i.path).probabilities), key=p.__getitem__) in i.labels
             for i in measured]  # fmt: skip
    assert sum(right) / len(right) > 0.55
