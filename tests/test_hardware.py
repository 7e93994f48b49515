"""Decoders in hardware, what the picture's size lets FFmpeg leave out, and how many jobs fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rendered import counter, film, frame_number
from typer.testing import CliRunner

from vgenre.batch import capacity
from vgenre.cli import app
from vgenre.errors import MediaError
from vgenre.media import ffmpeg, reader
from vgenre.media.ffmpeg import Reading, decode_args
from vgenre.media.probing import probe
from vgenre.media.reader import iter_clips
from vgenre.media.types import Clip, MediaInfo

pytestmark = pytest.mark.quick


def assert_same(some: list[Clip], others: list[Clip]) -> None:
    assert [c.start for c in some] == [c.start for c in others]
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)
        assert one.sample_count == pytest.approx(other.sample_count, abs=0.1 * one.sample_rate)


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """26 s at 25 fps whose frames carry their own number."""
    path = tmp_path_factory.mktemp("hardware") / "counter.mp4"
    return film(path, "-g", 50, seconds=26, picture=counter())


@pytest.mark.parametrize("method", ["auto", "nosuch"])
def test_what_no_hardware_decodes_software_does(long_film: Path, method: str) -> None:
    assert_same(list(iter_clips(long_film, hwaccel=method)), list(iter_clips(long_film)))


@pytest.mark.parametrize("fails_at", [4, 10, 13, 20, 25])
@pytest.mark.parametrize("seconds", [None, 26])
def test_a_film_whose_hardware_fails_midway_is_read_to_the_end(
    long_film: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int, seconds: float | None
) -> None:
    whole = list(iter_clips(long_film, seconds=seconds))
    asked = []

    def args(info: MediaInfo, reading: Reading, *pipes: object) -> list[str]:
        asked.append(reading.hwaccel)
        if reading.hwaccel:  # a decoder that ends there
            reading = replace(reading, seconds=fails_at, hwaccel=None)
        return decode_args(info, reading, *pipes)  # type: ignore[arg-type]

    monkeypatch.setattr(reader, "decode_args", args)
    found = list(iter_clips(long_film, seconds=seconds, hwaccel="auto"))
    assert asked == ["auto", None]
    assert_same(found, whole)
    assert frame_number(found[2].frames[found[2].frame_count - 1]) >= 640


def test_hardware_that_gives_all_is_believed(
    long_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def args(info: MediaInfo, reading: Reading, *pipes: object) -> list[str]:
        asked.append(reading.hwaccel)
        return decode_args(info, replace(reading, hwaccel=None), *pipes)  # type: ignore[arg-type]

    monkeypatch.setattr(reader, "decode_args", args)
    (clip,) = iter_clips(long_film, 5, seconds=10, hwaccel="auto")
    assert clip.frame_count == 40 and asked == ["auto"]


def test_the_error_of_a_film_is_that_of_software(tmp_path: Path, long_film: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(b"nothing")
    with pytest.raises(MediaError, match=r"cut\.mp4"):
        list(iter_clips(path, hwaccel="auto", info=replace(probe(long_film), path=str(path))))


def test_a_method_is_one_word() -> None:
    with pytest.raises(ValueError, match="ffmpeg -hwaccels"):
        Reading(hwaccel="auto -i /etc/passwd")


@pytest.mark.parametrize(
    ("width", "height", "skipped"), [(1920, 1080, True), (3840, 1606, True), (1280, 720, False)]
)
def test_the_loop_filter_is_left_out_where_it_cannot_be_seen(
    width: int, height: int, skipped: bool
) -> None:
    info = MediaInfo("a.mkv", "matroska", 9, video_stream=0, width=width, height=height)
    pipe = type("Pipe", (), {"fd": 1})
    assert ("-skip_loop_filter" in decode_args(info, Reading(), pipe, None)) is skipped
    assert "-skip_loop_filter" not in decode_args(info, Reading(size=(width, height)), pipe, None)


@pytest.mark.parametrize(
    ("reading", "threads"),
    [(Reading(), None), (Reading(threads=3), "3"), (Reading(threads=3, skip_frame="nokey"), "1")],
)
def test_a_decoder_has_the_threads_that_it_is_given(reading: Reading, threads: str | None) -> None:
    info = MediaInfo("a.mkv", "matroska", 9, video_stream=0, width=640, height=360)
    args = decode_args(info, reading, type("Pipe", (), {"fd": 1}), None)  # type: ignore[arg-type]
    before_film = args[: args.index("-i")]
    assert ("-threads" in before_film) is (threads is not None)
    assert threads is None or before_film[before_film.index("-threads") + 1] == threads
    with pytest.raises(ValueError, match="threads is 0"):
        Reading(threads=0)


@pytest.mark.parametrize(("cores", "threads"), [(1, "4"), (2, "8"), (64, "16")])
def test_where_frames_are_passed_over_there_are_more_threads_than_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: str
) -> None:
    monkeypatch.setattr("vgenre.media.ffmpeg._cores", lambda: cores)
    info = MediaInfo("a.mkv", "matroska", 9, video_stream=0, width=640, height=360)
    pipe: Any = type("Pipe", (), {"fd": 1})
    args = decode_args(info, Reading(skip_frame="noref"), pipe, None)
    assert args[args.index("-threads") + 1] == threads
    one = decode_args(info, Reading(skip_frame="noref", threads=1), pipe, None)
    assert one[one.index("-threads") + 1] == "1"


def test_few_threads_decode_what_many_do(long_film: Path) -> None:
    assert_same(list(iter_clips(long_film, threads=1)), list(iter_clips(long_film, threads=4)))


def test_the_loop_filter_s_part_is_small_in_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x264 = ("-c:v", "libx264", "-preset", "superfast", "-crf", "30", "-pix_fmt", "yuv420p")
    path = film(tmp_path / "large.mp4", seconds=2, size="1920x1080", sound=None, video=x264)
    (without,) = iter_clips(path)
    monkeypatch.setattr(ffmpeg, "_HIDES_LOOP_FILTER", 1e9)
    (with_it,) = iter_clips(path)
    difference = np.abs(without.frames.astype(int) - with_it.frames)[: with_it.frame_count]
    assert 0 < difference.mean() < 1


def machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch, cpus: int, available: float, **files: str
) -> None:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    (folder / "meminfo").write_text(f"MemFree: 1 kB\nMemAvailable: {available / 1024:.0f} kB\n")
    monkeypatch.setattr(capacity, "_CGROUP", folder)
    monkeypatch.setattr(capacity, "_MEMINFO", folder / "meminfo")
    monkeypatch.setattr(capacity.os, "sched_getaffinity", lambda _: range(cpus), raising=False)


def test_as_many_jobs_as_cores_memory_and_films_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(tmp_path, monkeypatch, 16, 64e9)
    assert (capacity.jobs_for(), capacity.jobs_for(3), capacity.jobs_for(0)) == (16, 3, 1)
    machine(tmp_path, monkeypatch, 16, 5.5e9)
    assert capacity.jobs_for(40) == 5
    machine(tmp_path, monkeypatch, 16, 0.3e9)
    assert capacity.jobs_for(40) == 1


def test_a_container_s_share_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(
        tmp_path, monkeypatch, 16, 64e9, cpu_max="400000 100000\n", memory_max="max\n",
        memory_current="1\n",
    )  # fmt: skip
    assert capacity.jobs_for(40) == 4 and capacity.threads_for(2) == 2
    machine(
        tmp_path, monkeypatch, 16, 64e9, cpu_max="max 100000\n", memory_max="4000000000\n",
        memory_current="3000000000\n", memory_stat="anon 1\nfile 2000000000\nfile_mapped 5\n",
    )  # fmt: skip
    assert capacity.jobs_for(40) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--jobs", "0"), "nor 'auto'"), (("--jobs", "many"), "nor 'auto'"),
     (("--hwaccel", "a b"), "ffmpeg -hwaccels")],
)  # fmt: skip
def test_what_makes_no_sense_is_a_usage_error(options: tuple[str, str], said: str) -> None:
    run = CliRunner().invoke(app, ["label", "film.mkv", *options], env={"COLUMNS": "200"})
    assert run.exit_code == 2
    assert said in run.output
