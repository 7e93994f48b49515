"""Folders by genre, and the NFO files of media libraries."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from vgenre.errors import MediaError
from vgenre.labelling.record import OK, failure
from vgenre.output.nfo import merge_nfo
from vgenre.output.sorting import sort_film

FAILED = failure(MediaError("x", "broken"), "x", "six")


def named(path: Path, *labels: str):  # type: ignore[no-untyped-def]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"film " + str(path).encode())
    return replace(FAILED, path=str(path), status=OK, labels=list(labels), error=None)


@pytest.mark.parametrize("link", ["symlink", "hardlink", "copy"])
def test_each_genre_gets_a_link_and_a_second_run_changes_nothing(tmp_path: Path, link: str) -> None:
    film = named(tmp_path / "films" / "a.mkv", "Action", "Horror")
    for _ in range(2):
        assert sort_film(film, tmp_path / "sorted", link) == []
        found = sorted(
            str(p.relative_to(tmp_path / "sorted")) for p in (tmp_path / "sorted").rglob("*.*")
        )
        assert found == ["Action/a.mkv", "Horror/a.mkv"]
    target = tmp_path / "sorted" / "Action" / "a.mkv"
    assert target.read_bytes() == Path(film.path).read_bytes()
    assert target.is_symlink() == (link == "symlink")
    assert os.path.samefile(target, film.path) == (link != "copy")
    assert Path(film.path).exists()


def test_two_films_of_one_name_both_get_their_link(tmp_path: Path) -> None:
    films = [named(tmp_path / folder / "a.mkv", "Action") for folder in ("one", "two")]
    for film in films * 2:
        assert sort_film(film, tmp_path / "sorted") == []
    names = sorted(path.name for path in (tmp_path / "sorted" / "Action").iterdir())
    assert names == ["a.mkv", "two - a.mkv"]


def test_films_without_a_label_and_files_that_failed(tmp_path: Path) -> None:
    assert sort_film(named(tmp_path / "a.mkv"), tmp_path / "s") == []
    assert [p.name for p in (tmp_path / "s").iterdir()] == ["Uncertain"]
    assert sort_film(FAILED, tmp_path / "other") == []
    assert not (tmp_path / "other").exists()


def test_a_link_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    film = named(tmp_path / "a.mkv", "Action")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "Action").write_text("in the way")
    (note,) = sort_film(film, tmp_path / "s")
    assert note.startswith(f"{film.path}: not sorted into Action: ")


NFO = """<?xml version="1.0" encoding="{encoding}"?>
<!-- <genre>not this one</genre> -->
<movie>
  <title>Amélie &amp; friends</title>
  <genre>Old</genre>
  <genre clear="true">Older</genre>
  <plot>A <![CDATA[<b>plot</b>]]></plot>
</movie>
<!-- kept -->
"""


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_genres_of_an_nfo_change(tmp_path: Path, encoding: str, newline: str) -> None:
    text = NFO.format(encoding=encoding).replace("\n", newline)
    film = named(tmp_path / "a.mkv", "Sports", "Horror")
    (tmp_path / "a.nfo").write_bytes(text.encode(encoding))
    wanted = text.replace("<genre>Old<", "<genre>Sport<").replace(
        '<genre clear="true">Older<', "<genre>Horror<"
    )
    for _ in range(2):
        assert merge_nfo(film) == []
        assert (tmp_path / "a.nfo").read_bytes().decode(encoding) == wanted
        assert (tmp_path / "a.nfo.bak").read_bytes().decode(encoding) == text


def test_an_nfo_without_genres_gets_them_and_a_missing_one_only_when_asked(tmp_path: Path) -> None:
    film = named(tmp_path / "a.mkv", "Action")
    assert merge_nfo(film) == [] and not (tmp_path / "a.nfo").exists()
    (tmp_path / "a.nfo").write_text("<movie>\n  <title>A</title>\n</movie>\n")
    assert merge_nfo(film) == []
    assert (tmp_path / "a.nfo").read_text() == (
        "<movie>\n  <title>A</title>\n  <genre>Action</genre>\n</movie>\n"
    )
    other = named(tmp_path / "<b> & c.mkv", "Science Fiction")
    assert merge_nfo(other, create=True) == []
    text = (tmp_path / "<b> & c.nfo").read_text()
    assert "<title>&lt;b&gt; &amp; c</title>" in text and "<genre>Science Fiction</genre>" in text


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]><movie>&e;</movie>',
        '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><movie>&b;</movie>',
        "<movie>",
        "http://www.themoviedb.org/movie/1",
        "<album><genre>Rock</genre></album>",
        "",
    ],
)
def test_an_nfo_that_cannot_be_merged_safely_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    film = named(tmp_path / "a.mkv", "Action")
    (tmp_path / "a.nfo").write_text(text)
    (note,) = merge_nfo(film, create=True)
    assert "left as it is" in note
    assert (tmp_path / "a.nfo").read_text() == text
    assert not (tmp_path / "a.nfo.bak").exists()


def test_films_without_labels_leave_an_nfo_alone(tmp_path: Path) -> None:
    (tmp_path / "a.nfo").write_text("<movie><genre>Drama</genre></movie>")
    assert merge_nfo(named(tmp_path / "a.mkv"), create=True) == []
    assert merge_nfo(FAILED, create=True) == []
    assert (tmp_path / "a.nfo").read_text() == "<movie><genre>Drama</genre></movie>"
