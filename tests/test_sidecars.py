"""Which files are a film's subtitles, by the names that Kodi, Jellyfin and Plex give them."""

from __future__ import annotations

import os
import shutil
import time
import unicodedata
from pathlib import Path

import pytest
from folders import touch

from vgenre.dialogue.sidecars import find_sidecars, subtitle_state

pytestmark = pytest.mark.quick


def found(root: Path, film: str) -> list[str]:
    return [os.path.relpath(sidecar.path, root) for sidecar in find_sidecars(str(root / film))]


def tagged(root: Path, film: str) -> dict[str, tuple[str, str]]:
    return {
        os.path.relpath(sidecar.path, root): sidecar.tags[:2]
        for sidecar in find_sidecars(str(root / film))
    }


def test_all_names_beside_a_film(tmp_path: Path) -> None:
    names = {
        "Film.srt": ("", "whole"),
        "Film.en.srt": ("en", "whole"),
        "film.ENG.sdh.ASS": ("en", "hearing impaired"),
        "Film.forced.en.srt": ("en", "forced"),
        "Film.en.hi.srt": ("en", "hearing impaired"),
        "Film.fr.vtt": ("fr", "whole"),
        "Film.German.ssa": ("de", "whole"),
        "Film_eng.sub": ("en", "whole"),
        "Film.idx": ("", "whole"),
        "Film (English).srt": ("en", "whole"),
        "Film.Director's Commentary.en.srt": ("en", "commentary"),
        "Subs/Film.pt-BR.srt": ("pt", "whole"),
        "subtitles/2_English.srt": ("en", "whole"),
        "Subs/Film/3_French.srt": ("fr", "whole"),
        "Subs/Film/English SDH.srt": ("en", "hearing impaired"),
    }
    touch(tmp_path, "Film.mkv", "Film.nfo", "Film.txt", ".Film.en.srt", "._Film.srt", *names)
    assert tagged(tmp_path, "Film.mkv") == names


def test_likely_ones_come_first(tmp_path: Path) -> None:
    touch(tmp_path, *(f"Film{end}.srt" for end in ("", ".en.forced", ".en", ".en.sdh")), "Film.mkv")
    order = ["Film.en.srt", "Film.srt", "Film.en.sdh.srt", "Film.en.forced.srt"]
    assert found(tmp_path, "Film.mkv") == order


def test_a_film_takes_no_other_films_subtitles(tmp_path: Path) -> None:
    touch(
        tmp_path, "Heat.mkv", "Heat 2.mkv", "Heat.2.Return.mkv", "Heat-trailer.mkv", "Heat.srt",
        "Heat 2.srt", "Heat.2.Return.en.srt", "Heat-trailer.srt", "Heat 3.srt", "Heat.Wave.en.srt",
        "Other.en.srt", "English.srt", "Subs/English.srt", "Subs/Heat 2.en.srt",
    )  # fmt: skip
    assert found(tmp_path, "Heat.mkv") == ["Heat.Wave.en.srt", "Heat.srt"]
    assert found(tmp_path, "Heat 2.mkv") == ["Subs/Heat 2.en.srt", "Heat 2.srt"]
    assert found(tmp_path, "Heat.2.Return.mkv") == ["Heat.2.Return.en.srt"]


def test_the_folder_of_one_film(tmp_path: Path) -> None:
    folder = tmp_path / "The Storm (2010)"
    film = "The.Storm.2010.1080p.mkv"
    touch(
        folder, film, "English.srt", "The Storm 2010 720p.srt", "storm.srt", "Elsewhere.srt",
        "Subs/2_English.srt", "Subs/Elsewhere.en.srt", "The.Storm.2010.1080p-trailer.mkv",
    )  # fmt: skip
    assert set(found(folder, film)) == {
        "English.srt", "The Storm 2010 720p.srt", "storm.srt", "Subs/2_English.srt",
        "Subs/Elsewhere.en.srt",
    }  # fmt: skip
    touch(folder, "Another.mkv")
    assert found(folder, film) == []


def test_versions_and_parts(tmp_path: Path) -> None:
    touch(
        tmp_path / "Film", "Film - 1080p.mkv", "Film - 2160p.mkv", "Film.en.srt", "Film - 2160p.srt"
    )
    assert set(found(tmp_path / "Film", "Film - 1080p.mkv")) == {"Film.en.srt"}
    assert set(found(tmp_path / "Film", "Film - 2160p.mkv")) == {"Film.en.srt", "Film - 2160p.srt"}
    touch(tmp_path / "Old", "Old-cd1.avi", "Old-cd2.avi", "Old-cd1.srt", "Old-cd2.srt")
    assert found(tmp_path / "Old", "Old-cd2.avi") == ["Old-cd2.srt"]


def test_discs(tmp_path: Path) -> None:
    touch(tmp_path, "Film (1990)/VIDEO_TS/VTS_01_1.VOB", "Film (1990)/Film.en.srt", "Other.srt")
    assert found(tmp_path / "Film (1990)", "VIDEO_TS") == ["Film.en.srt"]
    assert found(tmp_path / "Film (1990)", "VIDEO_TS/") == ["Film.en.srt"]
    touch(tmp_path, "Bare/VIDEO_TS.IFO", "Bare/VTS_01_1.VOB", "Bare/English.srt")
    assert found(tmp_path, "Bare") == ["Bare/English.srt"]


def test_names_in_any_letters(tmp_path: Path) -> None:
    touch(tmp_path, "Amélie 映画.mkv", unicodedata.normalize("NFD", "AMÉLIE 映画.en.srt"))
    assert len(found(tmp_path, "Amélie 映画.mkv")) == 1
    latin = os.fsdecode(b"Am\xe9lie")
    touch(tmp_path, f"{latin}.mkv", f"{latin}.en.srt")
    (sidecar,) = find_sidecars(str(tmp_path / f"{latin}.mkv"))
    assert sidecar.name == f"{latin}.en.srt" and sidecar.tags.language == "en"
    assert subtitle_state(tmp_path / f"{latin}.mkv")[0][0] == f"{latin}.en.srt"


def test_what_has_no_sidecars(tmp_path: Path) -> None:
    touch(tmp_path, "poster.jpg", "poster.srt", "frame_1.png", "frame_2.png")
    for film in (str(tmp_path / "poster.jpg"), "s3://films/a.mkv", str(tmp_path / "frame_%d.png")):
        assert find_sidecars(film) == [] and subtitle_state(film) == []
    assert find_sidecars(str(tmp_path / "nowhere" / "film.mkv")) == []


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "film.mkv", "film.srt")
    monkeypatch.chdir(tmp_path)
    assert [sidecar.name for sidecar in find_sidecars("film.mkv")] == ["film.srt"]


def test_links_are_followed_as_those_of_films_are(tmp_path: Path) -> None:
    touch(tmp_path, "store/words.srt", "films/Film.mkv", "store/more/English.srt")
    (tmp_path / "films" / "Film.en.srt").symlink_to(tmp_path / "store" / "words.srt")
    (tmp_path / "films" / "Subs").symlink_to(tmp_path / "store" / "more")
    (tmp_path / "films" / "Film.srt").symlink_to("nowhere")
    (tmp_path / "films" / "Film.vtt").symlink_to("Film.vtt")
    film = tmp_path / "films" / "Film.mkv"
    assert len(find_sidecars(str(film))) == 4
    assert [name for name, *_ in subtitle_state(film)] == ["English.srt", "Film.en.srt"]


def test_the_state_changes_with_the_files_that_would_be_read(tmp_path: Path) -> None:
    touch(tmp_path, "Film.mkv", "Other.mkv")
    film = tmp_path / "Film.mkv"
    states = [subtitle_state(film)]
    assert states == [[]]

    def changed() -> bool:
        states.append(subtitle_state(film))
        return states[-1] != states[-2]

    (tmp_path / "Film.en.srt").write_text("one")
    assert changed() and states[-1][0][:2] == ["Film.en.srt", 3]
    (tmp_path / "Film.en.srt").write_text("three")
    assert changed()
    os.utime(tmp_path / "Film.en.srt", ns=(1, 1))
    assert changed()
    touch(tmp_path, "Film.fr.srt", "Film.en.commentary.srt", "Other.en.srt", "Film.idx", "Film.nfo")
    assert not changed()
    (tmp_path / "Subs").mkdir()
    (tmp_path / "Subs" / "Film.en.srt").write_text("one")
    assert changed() and len(states[-1]) == 2
    shutil.rmtree(tmp_path / "Subs")
    assert changed() and len(states[-1]) == 1


def test_a_folder_that_has_been_still_is_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, *(f"Film {i}.mkv" for i in range(300)), *(f"Film {i}.srt" for i in range(300)))
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: [listed.append(path), scandir(path)][1])
    os.utime(tmp_path, ns=(10**18, 10**18))
    states = [subtitle_state(tmp_path / f"Film {i}.mkv") for i in range(300)]
    assert [state[0][0] for state in states] == [f"Film {i}.srt" for i in range(300)]
    assert len(listed) < 5
    (tmp_path / "Film 7.en.srt").touch()
    assert len(subtitle_state(tmp_path / "Film 7.mkv")) == 2, "it was changed"
    assert time.time() * 1e9 - tmp_path.stat().st_mtime_ns < 60e9
