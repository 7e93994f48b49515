"""The models that ship."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rendered import lavfi, render

import vgenre
from vgenre.labels import MULTI, SIX_GENRES
from vgenre.models.store import BODY_FILE, SHIPPED, available_models, read_card


def test_what_ships_is_small_enough_for_a_wheel() -> None:
    models = available_models()
    assert list(models) == ["six", "multi"]
    assert sum(f.stat().st_size for f in SHIPPED.rglob("*") if f.is_file()) < 90e6
    cards = {name: read_card(directory) for name, directory in models.items()}
    assert cards["six"].labels.names == SIX_GENRES
    assert cards["multi"].labels.mode == MULTI and cards["multi"].body_from == "six"
    assert cards["six"].files[BODY_FILE] == cards["multi"].files[BODY_FILE]
    for name, measured in (("six", "folds"), ("multi", "posters")):
        figures = cards[name].metrics[measured]
        assert figures["fusion"]["mAP"] > 2 * figures["majority"]["mAP"]


def test_six_labels_a_film(plain_film: Path) -> None:
    result = vgenre.load_model("six").label(plain_film)
    assert result.status == "ok"
    assert tuple(result.probabilities) == SIX_GENRES
    assert sum(result.probabilities.values()) + (result.outside or 0) == pytest.approx(1)
    assert [clip.start for clip in result.clips] == [0, 10]
    same = next(iter(vgenre.label_folder(plain_film.parent / plain_film.name)))
    assert same.probabilities == pytest.approx(result.probabilities, abs=1e-5)


def test_multi_labels_a_still_image_and_a_film(plain_film: Path, tmp_path: Path) -> None:
    poster = render(tmp_path / "poster.jpg", *lavfi("testsrc2=size=182x268"), "-frames:v", 1)
    model = vgenre.load_model("multi")
    for path, seen in ((poster, False), (plain_film, True)):
        result = model.label(path)
        assert result.status == "ok" and result.streams == {
            "visual": True,
            "audio": seen,
            "dialogue": False,
        }
        assert set(result.labels) <= set(result.probabilities) == set(model.labels.names)
        there = [stream for stream, used in result.streams.items() if used]
        fusion = model.card.fusion(there, still=not seen)
        thresholds = dict(zip(model.labels.names, fusion.thresholds, strict=True))
        given = {name for name, p in result.probabilities.items() if p >= thresholds[name]}
        assert set(result.labels) == given


@pytest.mark.slow  # as test_golden.py does, of other clips
@pytest.mark.parametrize("name", ["six", "multi"])
def test_the_fast_engine_says_what_the_reference_says(plain_film: Path, name: str) -> None:
    fast, reference = (
        vgenre.load_model(name, engine=engine).label(plain_film, sampling=1)
        for engine in ("openvino", "tensorflow")
    )
    assert fast.probabilities == pytest.approx(reference.probabilities, abs=0.15)


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
