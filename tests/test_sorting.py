"""Folders by genre with links to the films."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from vgenre.errors import MediaError
from vgenre.labelling.record import OK, FilmResult, failure
from vgenre.media.find import LINKS_FOLDER, find_films
from vgenre.output.effects import GenreFolders
from vgenre.output.sorting import LINKS, SortOutcome, remove_dead_links, sort_film

FAILED = failure(MediaError("x", "broken"), "x", "six")


def named(path: Path, *labels: str) -> FilmResult:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(b"film " + os.fsencode(path))
    return replace(FAILED, path=str(path), status=OK, labels=list(labels), error=None)


def disc(folder: Path, *labels: str) -> FilmResult:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "VTS_01_1.VOB").exists():
        (folder / "VTS_01_1.VOB").write_bytes(b"film")
    return replace(FAILED, path=str(folder), status=OK, labels=list(labels), error=None)


def links(folder: Path) -> list[str]:
    """What stands in the genres' folders."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.glob("*/*")
        if path.parent.name != LINKS_FOLDER
    )


@pytest.mark.parametrize("link", LINKS)
def test_each_genre_gets_a_link_and_a_second_run_changes_nothing(tmp_path: Path, link: str) -> None:
    film = named(tmp_path / "films" / "a.mkv", "Action", "Horror")
    for made in (2, 0):
        assert sort_film(film, tmp_path / "sorted", link) == SortOutcome(made, 2 - made)
        assert links(tmp_path / "sorted") == ["Action/a.mkv", "Horror/a.mkv"]
    target = tmp_path / "sorted" / "Action" / "a.mkv"
    assert target.read_bytes() == Path(film.path).read_bytes()
    assert target.is_symlink() == (link in ("symlink", "relative"))
    assert os.path.samefile(target, film.path) == (link != "copy")
    assert Path(film.path).exists()


def test_two_films_of_one_name_both_get_their_link(tmp_path: Path) -> None:
    films = [named(tmp_path / folder / "a.mkv", "Action") for folder in ("one", "two")]
    for film in films * 2:
        assert not sort_film(film, tmp_path / "sorted").problems
    assert links(tmp_path / "sorted") == ["Action/a.mkv", "Action/two - a.mkv"]


def test_films_without_a_label_and_files_that_failed(tmp_path: Path) -> None:
    sort_film(named(tmp_path / "a.mkv"), tmp_path / "s")
    assert links(tmp_path / "s") == ["Uncertain/a.mkv"]
    assert sort_film(FAILED, tmp_path / "other") == SortOutcome()
    assert not (tmp_path / "other").exists()


def test_a_link_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    film = named(tmp_path / "a.mkv", "Action", "Horror")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "Action").write_text("in the way")
    outcome = sort_film(film, tmp_path / "s")
    assert outcome.problems[0].startswith(f"{film.path}: not sorted into Action: ")
    assert outcome.made == 1 and links(tmp_path / "s") == ["Horror/a.mkv"]


# --- links that are no longer true ----------------------------------------------------------


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("kind", ["file", "disc"])
def test_links_of_an_earlier_run_go_when_they_are_no_longer_true(
    tmp_path: Path, link: str, kind: str
) -> None:
    path = tmp_path / "films" / ("A (1999)/VIDEO_TS" if kind == "disc" else "a.mkv")
    make = disc if kind == "disc" else named
    folder = tmp_path / "sorted"
    name = "A (1999)" if kind == "disc" else "a.mkv"
    sort_film(make(path, "Horror", "Action"), folder, link)
    outcome = sort_film(make(path, "Action", "Sports"), folder, link)
    assert outcome == SortOutcome(made=1, kept=1, removed=1)
    assert links(folder) == [f"Action/{name}", f"Sports/{name}"]
    assert not (folder / "Horror").exists(), "its folder is empty"
    assert path.exists()


@pytest.mark.parametrize("link", LINKS)
def test_what_someone_else_put_there_is_kept(tmp_path: Path, link: str) -> None:
    path, folder = tmp_path / "films" / "a.mkv", tmp_path / "sorted"
    named(path)
    for genre in ("Horror", "Mine", "Sports"):
        (folder / genre).mkdir(parents=True)
    (folder / "Horror" / "a.mkv").symlink_to(path)  # the same as ours would be
    (folder / "Mine" / "a.mkv").symlink_to(path)
    (folder / "Sports" / "a.mkv").write_text("another file of that name")
    sort_film(named(path, "Horror", "Sports"), folder, link)
    assert (folder / "Sports" / "a.mkv").read_text() == "another file of that name"
    sort_film(named(path, "Action"), folder, link)
    assert links(folder) == ["Action/a.mkv", "Horror/a.mkv", "Mine/a.mkv", "Sports/a.mkv"] or (
        link not in ("symlink", "relative") and "Horror/a.mkv" in links(folder)
    )
    assert (folder / "Horror" / "a.mkv").is_symlink()


@pytest.mark.parametrize("link", ["hardlink", "copy"])
def test_a_copy_that_was_changed_since_is_kept(tmp_path: Path, link: str) -> None:
    path, folder = tmp_path / "a.mkv", tmp_path / "sorted"
    sort_film(named(path, "Horror"), folder, link)
    (folder / "Horror" / "a.mkv").unlink()
    (folder / "Horror" / "a.mkv").write_text("cut anew, by hand")
    assert sort_film(named(path, "Action"), folder, link).removed == 0
    assert (folder / "Horror" / "a.mkv").read_text() == "cut anew, by hand"


def test_a_note_that_was_tampered_with_removes_nothing_elsewhere(tmp_path: Path) -> None:
    path, folder = tmp_path / "films" / "a.mkv", tmp_path / "sorted"
    sort_film(named(path, "Action"), folder)
    (tmp_path / "films" / "link.mkv").symlink_to(path)
    (note,) = (folder / LINKS_FOLDER).iterdir()
    known = json.loads(note.read_text())
    known["links"] += ["../films/link.mkv", "../link.mkv", str(path), "..", 7, "Action/../../x"]
    note.write_text(json.dumps(known))
    sort_film(named(path, "Horror"), folder)
    assert links(folder) == ["Horror/a.mkv"]
    assert path.exists() and (tmp_path / "films" / "link.mkv").is_symlink()
    note.write_text("[]")
    assert not sort_film(named(path, "Horror"), folder).problems


def test_another_kind_of_link_takes_the_place_of_the_first(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.mkv", tmp_path / "sorted"
    for link in (*LINKS, "symlink"):
        outcome = sort_film(named(path, "Action"), folder, link)
        assert links(folder) == ["Action/a.mkv"], link
        assert outcome.made + outcome.kept == 1 and not outcome.problems
    assert (folder / "Action" / "a.mkv").is_symlink()


def test_links_of_films_that_are_gone_are_removed(tmp_path: Path) -> None:
    folder, library = tmp_path / "sorted", tmp_path / "films"
    for i, link in enumerate(LINKS):
        sort_film(named(library / f"{i}.mkv", "Action"), folder, link)
    sort_film(disc(library / "Disc" / "VIDEO_TS", "Horror"), folder)
    sort_film(named(tmp_path / "unmounted" / "films" / "x" / "u.mkv", "Action"), folder)
    assert remove_dead_links(folder) == 0
    shutil.rmtree(tmp_path / "unmounted")
    shutil.rmtree(library / "Disc")
    for path in library.iterdir():
        path.rename(library / f"moved {path.name}")
    assert remove_dead_links(folder) == 3
    kept = [f"Action/{LINKS.index('hardlink')}.mkv", f"Action/{LINKS.index('copy')}.mkv"]
    assert links(folder) == [*kept, "Action/u.mkv"]
    assert not (folder / "Horror").exists()
    assert remove_dead_links(tmp_path / "nowhere") == 0


def test_a_film_that_was_moved_gets_its_plain_name_again(tmp_path: Path) -> None:
    for place in ("one", "two"):
        folders = GenreFolders(tmp_path / "sorted", "symlink")
        folders.apply(named(tmp_path / "films" / place / "a.mkv", "Action"))
        assert links(tmp_path / "sorted") == ["Action/a.mkv"]
        shutil.rmtree(tmp_path / "films" / "one", ignore_errors=True)
    assert "1 made, 0 kept, 1 removed" in folders.sentences()[0]


# --- kinds ----------------------------------------------------------------------------------


def test_relative_links_hold_where_the_library_is_mounted_elsewhere(tmp_path: Path) -> None:
    share = tmp_path / "share"
    for film in (
        named(share / "films" / "a.mkv", "Action"),
        disc(share / "films" / "B" / "VIDEO_TS", "Action"),
    ):
        sort_film(film, share / "sorted", "relative")
    share.rename(tmp_path / "elsewhere")
    action = tmp_path / "elsewhere" / "sorted" / "Action"
    assert (action / "a.mkv").read_bytes().startswith(b"film")
    assert (action / "B" / "VIDEO_TS" / "VTS_01_1.VOB").read_bytes() == b"film"
    film = named(tmp_path / "elsewhere" / "films" / "a.mkv", "Horror")
    assert sort_film(film, tmp_path / "elsewhere" / "sorted", "relative").removed == 1


def test_a_disc_is_linked_by_the_name_of_its_folder(tmp_path: Path) -> None:
    film = disc(tmp_path / "films" / "Alien (1979)" / "VIDEO_TS", "Horror")
    for _ in range(2):
        assert not sort_film(film, tmp_path / "sorted").problems
    linked = tmp_path / "sorted" / "Horror" / "Alien (1979)" / "VIDEO_TS"
    assert linked.is_symlink() and linked.samefile(film.path)
    assert links(tmp_path / "sorted") == ["Horror/Alien (1979)"]


def test_links_within_the_library_are_no_films(tmp_path: Path) -> None:
    for _ in range(2):
        found = find_films([tmp_path])
        assert [os.path.relpath(film, tmp_path) for film in found] in ([], ["films/a.mkv"])
        sort_film(named(tmp_path / "films" / "a.mkv", "Action"), tmp_path / "GENRES")
    assert found.left_out == {"folders of links by genre": 1}


@pytest.mark.parametrize("genre", ["..", ".", " ", LINKS_FOLDER, "a\0b"])
def test_a_genre_of_a_foreign_record_never_leads_out_of_the_folder(
    tmp_path: Path, genre: str
) -> None:
    film = named(tmp_path / "films" / "a.mkv", genre, "Action")
    (problem,) = sort_film(film, tmp_path / "sorted").problems
    assert "no folder can be called" in problem
    assert links(tmp_path / "sorted") == ["Action/a.mkv"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["films", "sorted"]


def test_names_that_are_no_text_or_as_long_as_can_be(tmp_path: Path) -> None:
    for name in (os.fsdecode(b"Am\xe9lie.mkv"), "x" * 251 + ".mkv"):
        path = tmp_path / "films" / name
        assert not sort_film(named(path, "Action"), tmp_path / "sorted").problems
        assert sort_film(named(path, "Horror"), tmp_path / "sorted").removed == 1
        assert links(tmp_path / "sorted") == [f"Horror/{name}"]
        sort_film(named(path), tmp_path / "sorted")
        shutil.rmtree(tmp_path / "sorted")


def test_an_unknown_kind_of_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'magic' is none of symlink, relative"):
        sort_film(named(tmp_path / "a.mkv", "Action"), tmp_path / "s", "magic")
