"""DVD and Blu-ray folders are one film each, and are read as one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from folders import below, touch
from rendered import counter, film, frame_number, lavfi, render

import vgenre
from vgenre.errors import MediaError
from vgenre.media.discs import film_name
from vgenre.media.find import find_films, find_media
from vgenre.media.remote import state_of


@pytest.fixture(scope="module")
def dvd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVD's folder: 12 s of numbered frames in two files of a title set, a menu, an extra."""
    folder = tmp_path_factory.mktemp("dvd") / "Alien (1979)" / "VIDEO_TS"
    folder.mkdir(parents=True)
    whole = folder.parent.parent / "whole.vob"
    codec = ("-c:v", "mpeg2video", "-b:v", "900k", "-g", "12", "-c:a", "ac3", "-f", "dvd")
    sound = lavfi("sine=frequency=440")
    render(whole, *lavfi(counter()), *sound, "-t", 12, *codec)
    data = whole.read_bytes()
    cut = len(data) // 2048 // 2 * 2048  # a pack has 2048 bytes
    (folder / "VTS_02_1.VOB").write_bytes(data[:cut])
    (folder / "VTS_02_2.VOB").write_bytes(data[cut:])
    render(folder / "VTS_01_1.VOB", *lavfi("color=red:s=80x48"), "-t", 1, *codec)
    for menu in ("VIDEO_TS.VOB", "VTS_02_0.VOB"):
        (folder / menu).write_bytes((folder / "VTS_01_1.VOB").read_bytes())
    touch(folder, "VIDEO_TS.IFO", "VTS_02_0.IFO")
    return folder


def test_a_dvd_is_one_film(dvd: Path) -> None:
    found = find_films([dvd.parent.parent], exclude=["whole.vob"])
    assert list(found) == [str(dvd)]
    assert found.left_out == {"other parts of discs": 3, "excluded": 1}
    assert list(find_films([dvd])) == [str(dvd)]
    assert film_name(str(dvd)) == "Alien (1979)"
    info = vgenre.probe(dvd)
    assert info.duration == pytest.approx(12, abs=0.6)
    assert state_of(str(dvd))[0] == sum(os.path.getsize(dvd / f"VTS_02_{i}.VOB") for i in (1, 2))


def test_a_dvd_is_read_across_its_files(dvd: Path) -> None:
    clip = vgenre.read_clip(dvd, 1)
    assert clip.frame_count == 40 and clip.has_sound
    numbers = np.array([frame_number(frame) for frame in clip.frames])
    assert np.abs(numbers - (25 * (1 + (np.arange(40) + 0.5) / 4))).max() <= 13
    assert (np.diff(numbers) > 0).all()


def test_of_a_blu_ray_the_largest_stream_is_the_film(tmp_path: Path) -> None:
    stream = tmp_path / "Film (2000)" / "Disc 2" / "BDMV" / "STREAM"
    stream.mkdir(parents=True)
    film(stream / "00001.m2ts", seconds=2)
    film(stream / "00000.m2ts", seconds=1)
    touch(tmp_path, "Film (2000)/Disc 2/BDMV/index.bdmv")
    touch(tmp_path, "Film (2000)/Disc 2/BDMV/BACKUP/index.bdmv")
    found = find_films([tmp_path])
    assert list(found) == [str(stream.parent)]
    assert found.left_out == {"other parts of discs": 1}
    assert vgenre.probe(stream.parent).duration == pytest.approx(2, abs=0.2)
    assert film_name(str(stream.parent)) == "Film (2000) - Disc 2"


def test_names_with_signs_that_ffmpeg_reads_are_read_or_refused(dvd: Path, tmp_path: Path) -> None:
    for name in ("100% : -i 'x'", "a,b;c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "VIDEO_TS").symlink_to(dvd)
        assert vgenre.probe(tmp_path / name / "VIDEO_TS").duration > 11
    (tmp_path / "a|b").mkdir()
    (tmp_path / "a|b" / "VIDEO_TS").symlink_to(dvd)
    with pytest.raises(MediaError, match=r"folder with a \| in its name; rename it"):
        vgenre.probe(tmp_path / "a|b" / "VIDEO_TS")


def test_a_folder_that_is_no_disc_is_still_refused(dvd: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="its film is the folder VIDEO_TS in it"):
        vgenre.probe(dvd.parent)
    touch(tmp_path, "VIDEO_TS/film.mkv")
    with pytest.raises(MediaError, match=r"this is a folder, not a film$"):
        vgenre.probe(tmp_path / "VIDEO_TS")
    assert below(tmp_path, find_films([tmp_path])) == ["VIDEO_TS/film.mkv"]


# --- data sets ------------------------------------------------------------------------------


def test_a_data_set_has_all_media(dvd: Path, tmp_path: Path) -> None:
    touch(tmp_path, "poster.jpg", "theme.mp3", "extras/a-trailer.mp4", ".b.mkv")
    (tmp_path / "disc").symlink_to(dvd.parent)
    found = below(tmp_path, find_media([tmp_path]))
    assert found[:2] == ["poster.jpg", "theme.mp3"] and found[-1] == "extras/a-trailer.mp4"
    assert [Path(f).name for f in found[2:-1]] == [
        *("VIDEO_TS.VOB", "VTS_01_1.VOB", "VTS_02_0.VOB", "VTS_02_1.VOB", "VTS_02_2.VOB")
    ]
