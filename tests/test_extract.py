"""``vgenre extract``: sizes, places, and what goes wrong."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from rendered import film, lavfi, render, set_rotation
from typer.testing import CliRunner

from vgenre.cli import app
from vgenre.errors import DataError, MediaError
from vgenre.media.reader import read_clip
from vgenre.media.sampling import Sampling
from vgenre.output.extract import extract


def shapes(folder: Path) -> set[tuple[int, ...]]:
    """Width and height of all frames in a folder."""
    return {cv2.imread(str(path)).shape[1::-1] for path in folder.glob("frame_*.jpg")}


@pytest.mark.parametrize(
    ("options", "degrees", "size"),
    [
        ((), 0, (160, 120)),
        ((), 90, (120, 160)),
        (("-aspect", "16:9"), 0, (213, 120)),
        (("-aspect", "16:9"), 270, (120, 213)),
    ],
)
def test_native_frames_have_the_films_own_size_and_shape(
    tmp_path: Path, options: tuple, degrees: int, size: tuple[int, int]
) -> None:
    path = film(tmp_path / "a.mp4", *options, seconds=2)
    if degrees:
        set_rotation(path, degrees)
    folder = extract(path, tmp_path / "out", size=None)
    assert shapes(folder) == {size}
    assert len(list(folder.glob("frame_*.jpg"))) == 8


def test_frames_are_those_of_the_networks_unless_a_size_is_given(
    tmp_path: Path, short_film: Path
) -> None:
    folder = extract(short_film, tmp_path / "out")
    clip = read_clip(short_film)
    written = sorted(folder.glob("frame_*.jpg"))
    assert len(written) == 12 and shapes(folder) == {(299, 299)}
    for path, frame in zip(written, clip.frames, strict=False):
        picture = cv2.imread(str(path))[..., ::-1]
        assert np.abs(picture.astype(int) - frame.astype(int)).mean() < 4
    sound, _ = soundfile.read(folder / "audio.wav")
    assert np.abs(sound - clip.waveform[: len(sound)]).max() < 1e-3


def test_the_command_takes_a_size(tmp_path: Path, short_film: Path) -> None:
    command = ["extract", str(short_film), "--to", str(tmp_path), "--sampling", "2", "--size"]
    assert CliRunner().invoke(app, [*command, "64x36"]).exit_code == 0
    assert shapes(tmp_path / "short") == {(64, 36)}
    assert CliRunner().invoke(app, [*command, "native"]).exit_code == 0
    assert shapes(tmp_path / "short") == {(160, 120)}
    for wrong in ("", "64", "0x5", "64x-1", "99999x99999", "Native"):
        done = CliRunner().invoke(app, [*command, wrong])
        assert done.exit_code == 2, wrong
        assert "neither WIDTHxHEIGHT" in done.output or "JPEG" in done.output


def test_a_still_and_sound_alone_are_extracted(tmp_path: Path) -> None:
    still = render(tmp_path / "a.png", *lavfi("testsrc2=size=90x60"), "-frames:v", 1)
    assert shapes(extract(still, tmp_path / "still", size=None)) == {(90, 60)}
    sound = render(tmp_path / "a.wav", *lavfi("sine"), "-t", 2)
    found = sorted(path.name for path in extract(sound, tmp_path / "sound", size=None).iterdir())
    assert found == ["audio.wav", "spectrogram.png"]


def test_extracted_frames_can_be_labelled_as_a_film(tmp_path: Path, short_film: Path) -> None:
    folder = extract(short_film, tmp_path / "out", size=None)
    again = read_clip(folder / "frame_%06d.jpg")
    assert again.frame_count == 12
    once = read_clip(short_film)
    assert np.abs(again.frames[:12].astype(int) - once.frames[:12]).mean() < 4


def test_clips_are_numbered_by_their_time(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", seconds=60, size="64x48", rate=8, sound=None)
    folder = extract(path, tmp_path / "out", sampling=Sampling(2))
    numbers = sorted(int(path.stem[-6:]) for path in folder.glob("frame_*.jpg"))
    assert numbers == [*range(40, 80), *range(160, 200)]


def test_a_url_is_extracted_and_what_fails_does_not_end_the_others(
    tmp_path: Path, short_film: Path
) -> None:
    films = tmp_path / "FILMS"
    films.mkdir()
    for name in ("a.mkv", "b.mkv", "c.mkv"):
        shutil.copy(short_film, films / name)
    (films / "bad.mkv").write_text("no film")
    out = tmp_path / "out"
    out.mkdir()
    (out / "b").write_text("in the way")  # its folder cannot be made
    urls = [f"file://{films / name}" for name in ("a.mkv", "bad.mkv", "none.mkv", "b.mkv", "c.mkv")]
    done = CliRunner().invoke(app, ["extract", *urls, "--to", str(out)])
    assert done.exit_code == 3, done.output
    for name in ("a", "c"):
        assert len(list((out / name).glob("frame_*.jpg"))) == 12
    said = done.output
    assert f"{urls[1]}: FFmpeg cannot open it" in said
    assert f"{urls[2]}: there is no such file" in said
    assert f"{out / 'b'}: cannot be written" in said


def test_a_disc_is_extracted_under_its_films_name(tmp_path: Path) -> None:
    disc = tmp_path / "Mr. Bean (1997)" / "VIDEO_TS"
    disc.mkdir(parents=True)
    video = ("-c:v", "mpeg2video", "-q:v", "3")
    for part in (1, 2):
        rendered = film(tmp_path / "part.mpg", "-f", "vob", "-c:a", "ac3", seconds=3, video=video)
        rendered.rename(disc / f"VTS_01_{part}.VOB")
    (disc / "VIDEO_TS.IFO").write_bytes(b"")
    done = CliRunner().invoke(app, ["extract", str(disc), "--to", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    frames = (tmp_path / "out" / "Mr. Bean (1997)").glob("frame_*.jpg")
    assert len(list(frames)) >= 12


def test_errors_name_the_film(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"none\.mp4: there is no such file"):
        extract(tmp_path / "none.mp4", tmp_path / "out")
    (tmp_path / "file").write_text("")
    path = film(tmp_path / "a.mp4", seconds=1)
    with pytest.raises(DataError, match="file/out: cannot be written"):
        extract(path, tmp_path / "file" / "out")
    odd = tmp_path / os.fsdecode(b"Am\xe9lie.mp4")
    shutil.copy(path, odd)
    assert shapes(extract(os.fsencode(odd), tmp_path / "odd")) == {(299, 299)}
