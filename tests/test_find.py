"""What is a film in the folders of a media library, and what is left out."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from folders import below, touch

from vgenre.media.find import LINKS_FOLDER, find_films, find_media

pytestmark = pytest.mark.quick


# --- names ----------------------------------------------------------------------------------


def test_what_belongs_to_a_film_is_left_out_and_counted(tmp_path: Path) -> None:
    folder = tmp_path / "Alien (1979)"
    touch(
        folder,
        "Alien (1979).mkv",
        *("poster.jpg", "fanart.jpg", "folder.jpg", "Alien (1979)-poster.jpg", "fanart12.png"),
        *("clearlogo.png", "landscape.jpg", "Alien (1979).jpg", "season01-poster.jpg"),
        *("extrafanart/a.jpg", "extrathumbs/thumb1.jpg", "holiday.jpg", "theme.mp3", "talk.flac"),
        *("Alien (1979)-trailer.mp4", "trailer.mkv", "movie-trailer.mov", "trailers/teaser.mp4"),
        *("sample.mkv", "alien-sample.mkv", "sample-alien.mkv", "Sample/alien.mkv"),
        *("extras/making-of.mp4", "Behind The Scenes/a.mkv", "deleted.scenes/deep/b.mkv"),
        *("Shorts/c.mkv", "Alien (1979)-short.mkv", "Alien (1979)-behindthescenes.mkv"),
        *("backdrops/loop.mp4", "theme-music/song.mp3", "Alien (1979).srt", "Alien (1979).nfo"),
    )
    found = find_films([tmp_path])
    assert below(folder, found) == ["Alien (1979).mkv"]
    assert found.left_out == {
        "artwork": 11,
        "pictures": 1,
        "theme music": 2,
        "theme videos": 1,
        "sound files": 1,
        "trailers": 4,
        "samples": 4,
        "extras": 6,
    }
    assert len(find_films([tmp_path], all_media=True)) == 31


@pytest.mark.parametrize(
    "name",
    [
        "The-Big-Short.mkv",
        "The-Other.mkv",
        "Crime-Scene.mkv",
        "Trailer Park.mkv",
        "The Trailer.mkv",
        "Free Samples.mkv",
        "Bleak.Interview.mkv",
        "Specials/Show S00E01.mkv",
        "Shorts/La Jetee.mkv",
        "Other/film.mkv",
        "Film-cd1.avi",
        "poster.mkv",
        "Film.part1.mkv",
    ],
)
def test_titles_of_films_are_not_taken_for_extras(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name, "The Thing.mkv", "The-Thing.mkv", "Big.mkv")
    found = find_films([tmp_path])
    assert name in below(tmp_path, found) and not found.left_out


def test_what_systems_and_downloads_leave_behind(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *("Film.mkv", "@eaDir/Film.mkv", "#recycle/a.mkv", ".Trash-1000/b.mkv", "lost+found/c.mkv"),
        *("$RECYCLE.BIN/d.mkv", ".hidden.mkv", ".actors/e.jpg", ".DS_Store", "._Film.mkv"),
        *("f.mkv.part", "g.mp4.!qB", "h.crdownload", "i.avi.aria2", "i.avi", "notes.part"),
        *("disc.iso", "Kept.mkv"),
    )
    found = find_films([tmp_path])
    assert below(tmp_path, found) == ["Film.mkv", "Kept.mkv"]
    assert found.left_out == {
        "system folders": 5,
        "hidden files and folders": 3,
        "partial downloads": 4,
        "disc images": 1,
    }
    assert "partial downloads (4)" in found.sentence and "copy the films out" in found.sentence


def test_folders_that_say_so_themselves_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a/.nomedia", "a/a.mkv", "b/.ignore", "b/b.mkv", "c/c.mkv", "c/.ignore")
    (tmp_path / "c" / ".ignore").write_text("*.log")
    assert below(tmp_path, find_films([tmp_path])) == ["c/c.mkv"]
    assert below(tmp_path, find_films([tmp_path / "a"])) == ["a/a.mkv"], "it was named"


def test_what_is_named_is_taken(tmp_path: Path) -> None:
    touch(tmp_path, "poster.jpg", "extras/making-of.mp4", "Film.mkv")
    given = [tmp_path / "poster.jpg", tmp_path / "extras", tmp_path, tmp_path / "extras"]
    found = find_films(given)
    assert below(tmp_path, found) == ["poster.jpg", "extras/making-of.mp4", "Film.mkv"]
    assert found.left_out == {}


def test_patterns_exclude_files_and_folders(tmp_path: Path) -> None:
    touch(tmp_path, "a.mkv", "b.AVI", "Kids/c.mkv", "more/Kids/d.mkv", "more/e.mkv")
    assert below(tmp_path, find_films([tmp_path], exclude=["*.avi"])) == [
        *("a.mkv", "Kids/c.mkv", "more/e.mkv", "more/Kids/d.mkv")
    ]
    found = find_films([tmp_path], exclude=["kids"])
    assert below(tmp_path, found) == ["a.mkv", "b.AVI", "more/e.mkv"]
    assert found.left_out == {"excluded": 2}
    found = find_films([tmp_path], exclude=["more/*"])
    assert below(tmp_path, found) == ["a.mkv", "b.AVI", "Kids/c.mkv"]


def test_a_folder_of_links_by_genre_is_not_searched(tmp_path: Path) -> None:
    touch(tmp_path, "a.mkv", "GENRES/Action/a.mkv", f"OLD/{LINKS_FOLDER}/x", "OLD/Action/a.mkv")
    (tmp_path / "link").symlink_to(tmp_path / "GENRES")
    found = find_films([tmp_path], leave_out=[tmp_path / "link"])
    assert below(tmp_path, found) == ["a.mkv"]
    assert found.left_out == {"folders of links by genre": 3}


# --- links ----------------------------------------------------------------------------------


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    library, disk = tmp_path / "library", tmp_path / "disk"
    touch(library, "a/film.mkv")
    touch(disk, "more/film.mkv", "more/loop-is-here.mkv")
    (library / "0-again").symlink_to(library / "a")  # sorts before what it leads to
    (library / "b").symlink_to(disk)
    (library / "c").symlink_to(disk / "more")
    (disk / "more" / "up").symlink_to(disk)
    (library / "self").symlink_to(library)
    wanted = ["a/film.mkv", "b/more/film.mkv", "b/more/loop-is-here.mkv"]
    assert below(library, find_films([library])) == wanted
    assert below(library, find_media([library])) == wanted
    assert len(find_films([library, str(library) + "/", library / "a"])) == 3


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_folder_that_cannot_be_read_is_told() -> None:
    code = (
        "import os, sys; from vgenre.media.find import find_films; os.setuid(65534)\n"
        "found = find_films(sys.argv[1:]); print(len(found), found.problems)"
    )
    # Not below pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        touch(folder, "secret/a.mkv", "b.mkv")
        (folder / "secret").chmod(0)
        argv = [sys.executable, "-c", code, name]
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert said.startswith("1 ") and "secret: cannot be searched: Permission denied" in said


# --- stores ---------------------------------------------------------------------------------


def test_remote_folders_are_judged_by_the_same_names() -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    for name in ("a/Film.mkv", "a/poster.jpg", "a/extras/b.mkv", "a/.x/c.mkv", "a/f.mkv.part"):
        store.pipe_file(f"/library/{name}", b"x")
    found = find_films(["memory://library"])
    assert list(found) == ["memory:///library/a/Film.mkv"]
    assert found.left_out == {
        "artwork": 1,
        "extras": 1,
        "hidden files and folders": 1,
        "partial downloads": 1,
    }
    assert list(find_films(["memory://library/a/poster.jpg"])) == ["memory://library/a/poster.jpg"]
