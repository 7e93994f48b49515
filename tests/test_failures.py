"""Which errors lie in the file itself, and which may pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rendered import film, lavfi, render

import vgenre
from vgenre.errors import MediaError, UnreadableFilm
from vgenre.media.probing import failure_class


def test_what_is_no_film_never_will_be(tmp_path: Path, model: Path) -> None:
    (tmp_path / "empty.mkv").touch()
    (tmp_path / "text.mp4").write_text("no film\n")
    (tmp_path / "list.mp4").write_text("#EXTM3U\nhttp://127.0.0.1/a.ts\n")
    (tmp_path / "noise.jpg").write_bytes(os.urandom(5000))
    render(tmp_path / "subtitles.mkv", *subtitles(tmp_path), "-c:s", "srt")
    render(tmp_path / "silence.wav", *lavfi("anullsrc"), "-t", 2)
    whole = film(tmp_path / "whole.mp4", seconds=2).read_bytes()
    (tmp_path / "header.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "whole.mp4").unlink()
    loaded = vgenre.load_model(model)
    for path in sorted(tmp_path.glob("*.m*")) + sorted(tmp_path.glob("*.[jw]*")):
        found = loaded.label(path)
        assert found.error is not None, path
        assert found.error["type"] == "UnreadableFilm", found.error


def subtitles(folder: Path) -> tuple[str, ...]:
    """Arguments for a file that holds neither picture nor sound."""
    (folder / "text.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    return "-i", str(folder / "text.srt")


def test_what_is_missing_or_forbidden_may_come_back(tmp_path: Path, model: Path) -> None:
    with pytest.raises(MediaError) as missing:
        vgenre.probe(tmp_path / "none.mkv")
    assert not isinstance(missing.value, UnreadableFilm)


@pytest.mark.parametrize(
    "report",
    [
        "file:a.mkv: Input/output error\nfile:a.mkv: Invalid data found when processing input",
        "file:a.mkv: Permission denied",
        "file:a.mkv: Cannot allocate memory",
        "",
    ],
)
def test_a_failing_disk_is_not_the_fault_of_the_film(report: str) -> None:
    assert failure_class(report) is MediaError
