"""Records of films, and the pictures that may be added to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rendered import film, lavfi, render

import vgenre
from vgenre import FilmResult
from vgenre.errors import DataError
from vgenre.labelling.previews import PICTURES, add_previews, has_previews


def test_a_record_of_a_newer_version_is_read(model: Path, short_film: Path) -> None:
    made = vgenre.load_model(model).label(short_film)
    record = made.to_dict()
    record["smell"] = {"kind": "smoke"}
    record["clips"][0]["mood"] = 0.5
    assert FilmResult.from_dict(record).to_dict() == made.to_dict()


def test_a_record_of_an_older_version_is_read(model: Path, short_film: Path) -> None:
    record = vgenre.load_model(model).label(short_film).to_dict()
    for name in ("opinions", "without", "outside", "dialogue"):
        del record[name]
    for clip in record["clips"]:
        clip["gate"] = {"visual": 0.5, "audio": 0.5}
    read = FilmResult.from_dict(record)
    assert (read.opinions, read.without, read.outside, read.dialogue) == ({}, {}, None, None)
    assert read.decided() == {} and read.decided_text() == ""
    assert read.to_dict()["clips"] == [
        {name: value for name, value in clip.items() if name != "gate"} for clip in record["clips"]
    ]
    assert "What decided" not in read._repr_html_()


def test_what_decided_is_told_in_words(model: Path, short_film: Path) -> None:
    label = vgenre.load_model(model).label(short_film)
    film = replace(
        label,
        probabilities={"Action": 0.17, "Horror": 0.83},
        without={
            "visual": {"Action": 0.6, "Horror": 0.4},
            "audio": {"Action": 0.1, "Horror": 0.9},
        },
    )
    assert film.decided() == pytest.approx({"visual": 0.43, "audio": -0.07})
    assert film.decided("Action") == pytest.approx({"visual": -0.43, "audio": 0.07})
    said = "Horror 83%; without the picture 40%, without the sound 90%"
    assert film.decided_text() == said
    assert f"What decided: {said}" in film._repr_html_()
    assert vgenre.load_model(model).label("no-such-film.mp4").decided_text() == ""


def test_what_is_no_record_is_a_plain_error() -> None:
    with pytest.raises(DataError, match=r"a\.mkv: this is no record of vgenre"):
        FilmResult.from_dict({"path": "a.mkv", "clips": []})


@pytest.mark.parametrize("sampling", [2, "full", "keyframes"])
def test_pictures_added_later_are_those_made_with_the_labels(
    model: Path, tmp_path: Path, sampling: int | str
) -> None:
    loaded = vgenre.load_model(model)
    path = film(tmp_path / "film.mp4", "-g", 10, seconds=25)
    at_once = loaded.label(path, sampling=sampling, pictures=True)
    bare = FilmResult.from_dict(loaded.label(path, sampling=sampling).to_dict())
    later = add_previews(bare, loaded.card, sampling)
    assert has_previews(at_once) and not has_previews(bare)
    kinds = [set(clip.pictures) for clip in later.clips]
    assert kinds == [set(clip.pictures) for clip in at_once.clips]
    assert {"frame", "mel"} in kinds
    assert replace(later, clips=bare.clips).to_dict() == bare.to_dict(), "nothing else changes"
    if sampling == 2:
        assert later.to_dict(pictures=True)["clips"] == at_once.to_dict(pictures=True)["clips"]


def test_sound_and_stills_get_their_pictures_too(model: Path, tmp_path: Path) -> None:
    loaded = vgenre.load_model(model)
    render(tmp_path / "a.mp3", *lavfi("sine=frequency=440"), "-t", 4)
    render(tmp_path / "a.png", *lavfi("testsrc2=size=160x120"), "-frames:v", 1)
    for name, kinds in (("a.mp3", {"mel"}), ("a.png", {"frame"})):
        bare = loaded.label(tmp_path / name)
        assert set(add_previews(bare, loaded.card).clips[0].pictures) == kinds


def test_a_long_film_gets_few_pictures(model: Path, tmp_path: Path) -> None:
    loaded = vgenre.load_model(model)
    bare = loaded.label(film(tmp_path / "film.mp4", seconds=95, rate=5), sampling="full")
    some = add_previews(bare, loaded.card, "full")
    assert len(bare.clips) == 10 and sum(map(bool, (c.pictures for c in some.clips))) == PICTURES
