"""The commands as a person types them, in processes of their own."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from rendered import film, lavfi, render
from toys import toy_model

import vgenre as package
from vgenre.cli.common import shown
from vgenre.media.reader import read_clip

KEYS = {
    "path",
    "status",
    "labels",
    "probabilities",
    "clips",
    "streams",
    "duration",
    "decoded_fraction",
    "model",
    "engine",
    "error",
    "seconds",
    "outside",
    "opinions",
    "without",
    "dialogue",
}


def vgenre(*args: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "COLUMNS": "80",
        "PYTHONPATH": str(Path(__file__).parent.parent),
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-m", "vgenre", *map(str, args)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass
class Run:
    """One labelling of a folder with all sorts of files in it."""

    folder: Path
    done: subprocess.CompletedProcess[str]
    records: dict[str, dict]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("cli")
    toy_model(folder / "toy")
    films = folder / "FILMS"
    (films / "sub").mkdir(parents=True)
    film(films / "film.mp4", seconds=12)
    film(films / "sub" / "film.mp4", seconds=3, sound=None)
    film(folder / "=1+2.mkv", seconds=2)
    film(films / "Ünï \x1b[31mred\n.mkv", seconds=2)
    film(films / ("a very long name of a film " * 6 + ".mkv"), seconds=2)
    render(films / "sound.mp3", *lavfi("sine=frequency=440"), "-t", 4)
    render(films / "still.png", *lavfi("testsrc2=size=160x120"), "-frames:v", 1)
    (films / "text.mp4").write_text("this is no film\n")
    (films / "empty.mkv").touch()
    (films / "notes.txt").write_text("passed over\n")
    whole = film(folder / "whole.mkv", "-g", 25, seconds=30).read_bytes()
    (films / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    done = vgenre(
        "label", "FILMS", "=1+2.mkv", "missing.mp4", "--model", "toy", "--output", "out/labels.csv",
        "--output", "labels.json", "--output", "labels.jsonl", "--all-media", cwd=folder,
    )  # fmt: skip
    lines = (folder / "labels.jsonl").read_text().splitlines()
    return Run(folder, done, {(r := json.loads(line))["path"]: r for line in lines})


def test_some_files_failed_is_status_3_and_the_rest_is_labelled(run: Run) -> None:
    assert run.done.returncode == 3, run.done.stderr
    errors = {path for path, record in run.records.items() if record["status"] == "error"}
    assert errors == {"FILMS/text.mp4", "FILMS/empty.mkv", "missing.mp4"}
    assert len(run.records) == 11
    assert "7 labelled, 1 labelled from a part, 3 failed" in run.done.stderr


def test_records_have_the_keys_of_the_design(run: Run) -> None:
    for record in run.records.values():
        assert set(record) == KEYS
        assert record["model"] == "toy" and record["engine"] == "tensorflow"
        if record["status"] == "error":
            assert record["labels"] == [] and record["clips"] == []
            assert set(record["error"]) == {"type", "message"}
            assert record["path"] in record["error"]["message"]
        else:
            assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-3)
            assert set(record["probabilities"]) == {"Action", "Horror"}
            assert 0 < record["decoded_fraction"] <= 1


def test_the_timeline_is_there(run: Run) -> None:
    record = run.records["FILMS/film.mp4"]
    assert [(clip["start"], clip["duration"]) for clip in record["clips"]] == [(0, 10), (10, 2)]
    assert record["duration"] == pytest.approx(12, abs=0.1)
    assert record["streams"] == {"visual": True, "audio": True, "dialogue": False}
    weighed = sum(clip["probabilities"]["Action"] * clip["duration"] for clip in record["clips"])
    assert record["probabilities"]["Action"] == pytest.approx(weighed / 12, abs=1e-3)


def test_streams_that_are_missing_are_said_to_be(run: Run) -> None:
    streams = {path: record["streams"] for path, record in run.records.items()}
    assert streams["FILMS/sub/film.mp4"] == {"visual": True, "audio": False, "dialogue": False}
    assert streams["FILMS/sound.mp3"] == {"visual": False, "audio": True, "dialogue": False}
    assert streams["FILMS/still.png"] == {"visual": True, "audio": False, "dialogue": False}
    assert run.records["FILMS/still.png"]["duration"] == 0


def test_a_cut_off_film_is_partial(run: Run) -> None:
    record = run.records["FILMS/cut.mkv"]
    assert record["status"] == "partial"
    assert 0.3 < record["decoded_fraction"] < 0.7
    assert "cut off or damaged" in record["error"]["message"]
    assert record["labels"]


def test_json_and_jsonl_hold_the_same(run: Run) -> None:
    whole = json.loads((run.folder / "labels.json").read_text())
    assert {record["path"]: record for record in whole} == run.records


def test_csv_has_a_row_a_film_and_no_formula(run: Run) -> None:
    with open(run.folder / "out" / "labels.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "status", "labels", "Action", "Horror", "error"]
    assert len(rows) == len(run.records)
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@")]


def test_no_half_written_output_is_left(run: Run) -> None:
    assert not list(run.folder.rglob("*.part"))


def test_the_table_fits_80_columns_and_holds_no_escapes(run: Run) -> None:
    assert "film.mp4" in run.done.stdout and "Ünï" in run.done.stdout
    for line in run.done.stdout.splitlines():
        assert len(line) <= 80, line
    assert "\x1b" not in run.done.stdout + run.done.stderr


def test_messages_are_for_people(run: Run) -> None:
    for noise in ("Traceback", "oneDNN", "cuda", "Warning", "I0000"):
        assert noise not in run.done.stderr
    assert "missing.mp4: there is no such file" in run.done.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["FILMS", "--model", "nowhere"], "neither a model directory nor a model that ships"),
        (["FILMS", "--model", "toy", "--output", "x.xls"], "unknown kind of output"),
        (["FILMS", "--model", "toy", "--output", "toy/card.json/x.csv"], "cannot be written"),
        (["FILMS", "--model", "toy", "--sampling", "0"], "neither a number of clips nor 'full'"),
        (["toy", "--model", "toy"], "no films found in toy"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_done_is_status_1_before_any_work(
    run: Run, args: list[str], message: str
) -> None:
    done = vgenre("label", *args, cwd=run.folder)
    assert done.returncode == 1
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == "" and "Traceback" not in done.stderr


def test_all_labelled_is_status_0(run: Run) -> None:
    done = vgenre(
        "label", "FILMS/film.mp4", "--model", "toy", "--sampling", "full", "-q", cwd=run.folder
    )
    assert done.returncode == 0
    assert done.stdout == ""


def test_what_is_left_out_is_counted_by_kind(run: Run) -> None:
    done = vgenre("label", "FILMS", "--exclude", "a very*", "--exclude", "sub", "--model", "toy",
                  "--output", "some.jsonl", cwd=run.folder)  # fmt: skip
    assert "left out: excluded (2), pictures (1), sound files (1)" in done.stderr
    assert len((run.folder / "some.jsonl").read_text().splitlines()) == 5
    done = vgenre("label", "FILMS/sub", "--exclude", "*.mp4", "--model", "toy", cwd=run.folder)
    assert done.returncode == 1 and "no films found in FILMS/sub (left out" in done.stderr


def test_extract_writes_what_the_networks_see(run: Run, tmp_path: Path) -> None:
    done = vgenre("extract", "FILMS/film.mp4", "FILMS/sub/film.mp4", "FILMS/text.mp4",
                  "--to", tmp_path, cwd=run.folder)  # fmt: skip
    assert done.returncode == 3
    assert done.stdout.splitlines() == [str(tmp_path / "film"), str(tmp_path / "film-2")]
    folder = tmp_path / "film"
    frames = sorted(path.name for path in folder.glob("frame_*.jpg"))
    assert frames == [f"frame_{i:06d}.jpg" for i in range(48)]
    sound, rate = soundfile.read(folder / "audio.wav")
    assert rate == 32000 and abs(len(sound) - 12 * rate) < 0.1 * rate
    assert cv2.imread(str(folder / "spectrogram.png")).shape[1] > 300
    clip = read_clip(run.folder / "FILMS" / "film.mp4", 10)
    written = cv2.imread(str(folder / "frame_000044.jpg"))[..., ::-1].astype(int)
    assert np.abs(written - clip.frames[4].astype(int)).mean() < 4
    heard = clip.waveform[: clip.sample_count]
    overlap = min(len(heard), len(sound) - 10 * rate)
    assert np.abs(sound[10 * rate :][:overlap] - heard[:overlap]).mean() < 0.02
    assert not (tmp_path / "film-2" / "audio.wav").exists()


def test_the_version_is_said(tmp_path: Path) -> None:
    done = vgenre("--version", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == f"vgenre {package.__version__}\n"


def test_help_names_every_kind_of_output_and_of_nfo(tmp_path: Path) -> None:
    said = " ".join(vgenre("label", "--help", cwd=tmp_path).stdout.replace("│", " ").split())
    for word in (".csv, .json, .jsonl or .html", "--exclude", "--all-media", "relative"):
        assert word in said


def test_nfo_may_stand_alone_and_its_old_mode_is_explained(run: Run, tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", seconds=1)
    (tmp_path / "a.nfo").write_text("<movie><title>a</title></movie>")
    model = run.folder / "toy"
    done = vgenre("label", "--model", model, "--nfo", "a.mp4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "NFO files: 1 merged, 0 created, 0 left, 0 refused" in done.stderr
    assert "<genre>" in (tmp_path / "a.nfo").read_text()
    done = vgenre("label", "a.mp4", "--model", model, "--nfo", "merge", cwd=tmp_path)
    assert done.returncode == 1 and "'replace' now" in " ".join(done.stderr.split())


def test_models_lists_what_ships_within_80_columns(tmp_path: Path) -> None:
    done = vgenre("models", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("six: Action, Animation, Horror")
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    card = json.loads(vgenre("models", "six", cwd=tmp_path).stdout)
    assert card["name"] == "six" and card["metrics"]["folds"]["fusion"]["films"] > 0


def test_no_module_has_the_name_of_a_public_function() -> None:
    # Imported by whatever else, it would stand in the function's place.
    modules = {path.stem for path in Path(package.__file__).parent.iterdir()}
    assert not modules & set(package.__all__)


def test_start_up_brings_no_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys, vgenre; from vgenre.cli import main; sys.argv = ['vgenre', '--help'];"
        "main(); vgenre.probe; print(sorted({'tensorflow', 'keras', 'librosa'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.stdout.rstrip().endswith("[]")
    assert "label" in done.stdout


def test_names_are_shown_without_control_characters() -> None:
    assert shown("a\x1b[2Jb\n\udcff") == "a\\x1b[2Jb\\x0a\\udcff"


def test_doctor_finds_all_that_is_needed_and_names_what_is_not(tmp_path: Path) -> None:
    done = vgenre("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "ok      FFmpeg" in done.stdout and "ok      model six" in done.stdout
    done = vgenre("doctor", cwd=tmp_path, VGENRE_FFMPEG="nowhere")
    assert done.returncode == 1
    assert "MISSING FFmpeg" in done.stdout and "nowhere" in done.stdout


def test_cache_shows_and_clears(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "x.npz").write_bytes(b"0" * 10_000_000)
    assert "1 film, 0.01 GB" in vgenre("cache", "--directory", tmp_path, cwd=tmp_path).stdout
    done = vgenre("cache", "--directory", tmp_path, "--clear", cwd=tmp_path)
    assert "0 films" in done.stdout and "removed 1" in done.stderr


def test_demo_renders_labels_and_says_where_the_report_is(tmp_path: Path) -> None:
    done = vgenre("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = tmp_path / "vgenre-demo" / "report.html"
    assert str(report) in done.stdout
    assert report.read_text().count('class="film"') == 4
    for told in (done.stderr, report.read_text()):
        assert "show no film: their genres are guesses" in told
