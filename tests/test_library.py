"""``vgenre label`` on a media library: what it labels, writes and says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from rendered import film, lavfi, render
from typer.testing import CliRunner

import vgenre
from vgenre.cli import app


@pytest.fixture
def library(tmp_path: Path, short_film: Path) -> Path:
    """A film with artwork and movie.nfo, a DVD, an episode, and what surrounds them."""
    root = tmp_path / "library"
    own = root / "Alien (1979)"
    own.mkdir(parents=True)
    film(own / "alien.mkv", seconds=1)
    render(own / "poster.jpg", *lavfi("color=red:s=64x64"), "-frames:v", 1)
    (own / "alien-trailer.mkv").write_bytes((own / "alien.mkv").read_bytes())
    (own / "movie.nfo").write_text("<movie>\n  <title>Alien</title>\n</movie>\n")
    disc = root / "Brazil (1985)" / "VIDEO_TS"
    disc.mkdir(parents=True)
    codec = ("-t", 1, "-c:v", "mpeg2video", "-f", "dvd")
    for name in ("VTS_01_1.VOB", "VTS_01_0.VOB"):
        render(disc / name, *lavfi("testsrc2=s=160x120:r=25"), *codec)
    season = root / "My Show" / "Season 1"
    season.mkdir(parents=True)
    film(season / "My Show S01E01.mkv", seconds=1)
    return root


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_library_is_labelled_and_told_of(library: Path, model: Path, tmp_path: Path) -> None:
    output, genres = tmp_path / "o.jsonl", library / "GENRES"
    command = ("label", library, "--model", model, "--output", output, "--nfo", "create")
    command = (*command, "--sort-into", genres)
    said = run(*command)
    records = [json.loads(line) for line in output.read_text().splitlines()]
    films = [os.path.relpath(record["path"], library) for record in records]
    assert films == [
        "Alien (1979)/alien.mkv",
        "Brazil (1985)/VIDEO_TS",
        "My Show/Season 1/My Show S01E01.mkv",
    ]
    assert all(record["status"] == "ok" for record in records)
    assert "Brazil (1985)" in said and "VIDEO_TS\n" not in said
    for kind in ("artwork (1)", "trailers (1)", "other parts of discs (1)"):
        assert kind in said
    # A toy's labels may be none: then nothing is written, and the same holds below.
    labelled = [record for record in records if record["labels"]]
    placed = [path for path in genres.glob("*/*") if path.parent.name != ".vgenre-links"]
    assert len(placed) == sum(len(record["labels"]) or 1 for record in records)
    nfos = sorted(path.name for path in library.rglob("*.nfo"))
    expected = {"movie.nfo"}
    for record in labelled:
        if record["path"].endswith("VIDEO_TS"):
            expected.add("VIDEO_TS.nfo")
        if "Show" in record["path"]:
            expected |= {"My Show S01E01.nfo", "tvshow.nfo"}
    assert nfos == sorted(expected)
    again = run(*command)
    assert "folders of links by genre (1)" in again and "3 known from before" in again
    assert len([p for p in genres.glob("*/*") if p.parent.name != ".vgenre-links"]) == len(placed)


def test_all_media_and_exclude(library: Path, model: Path) -> None:
    folder = {"model": str(model), "sampling": 1}
    everything = [r.path for r in vgenre.label_folder(library, all_media=True, **folder)]
    assert {"poster.jpg", "alien-trailer.mkv"} <= {Path(path).name for path in everything}
    some = [r.path for r in vgenre.label_folder(library, exclude=["My Show", "*.mkv"], **folder)]
    assert [os.path.relpath(path, library) for path in some] == ["Brazil (1985)/VIDEO_TS"]
    said = CliRunner().invoke(app, ["label", str(library), "--model", str(model), "--exclude", "*"])
    assert said.exit_code == 1 and "excluded (3)" in str(said.exception)
