"""File names that are not UTF-8 go through the command, the API, the page and every output."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import vgenre
from vgenre.media.remote import place_of

# Latin-1, as in libraries that are older than UTF-8.
ODD, PLAIN = os.fsdecode(b"Am\xe9lie.mkv"), "Zorro.mkv"


@pytest.fixture
def library(tmp_path: Path, short_film: Path) -> Path:
    folder = tmp_path / "FILMS"
    folder.mkdir()
    for name in (ODD, PLAIN):
        shutil.copy(short_film, folder / name)
    return folder


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-m", "vgenre", *map(str, args)]


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.run(
        command(*args), env=environment, capture_output=True, text=True, check=False
    )


def test_the_command_labels_one_film_of_such_a_name(library: Path, model: Path) -> None:
    done = run("label", library / ODD, "--model", model)
    assert done.returncode == 0, done.stderr
    assert r"Am\xe9lie.mkv" in done.stdout.replace(r"\udce9", r"\xe9")
    assert "Traceback" not in done.stderr


def test_every_output_has_such_a_name(library: Path, model: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / f"out.{suffix}" for suffix in ("jsonl", "json", "csv", "html")]
    line = ["label", library, "--model", model, "--nfo", "create", "--sort-into", tmp_path / "G"]
    for output in outputs:
        line += ["--output", output]
    done = run(*line)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    wanted = {str(library / ODD), str(library / PLAIN)}
    records = [json.loads(line) for line in outputs[0].read_text("utf-8").splitlines()]
    assert {r["path"]: r["status"] for r in records} == dict.fromkeys(wanted, "ok")
    assert {r["path"] for r in json.loads(outputs[1].read_text("utf-8"))} == wanted
    with open(outputs[2], newline="", encoding="utf-8") as file:
        written = {row["path"] for row in csv.DictReader(file)}
    # CSV knows no escapes; text has to stay UTF-8.
    assert written == {path.encode("utf-8", "backslashreplace").decode() for path in wanted}
    assert "lie.mkv" in outputs[3].read_text("utf-8")
    for film in wanted:
        assert Path(film).with_suffix(".nfo").exists()
        assert any(
            place_of(os.path.realpath(link)) == os.path.realpath(film)
            for link in (tmp_path / "G").rglob("*.mkv")
        )
    again = run(*line)
    assert again.returncode == 0, again.stderr
    assert "2 known from before" in again.stderr


@pytest.mark.parametrize("as_bytes", [False, True])
def test_the_api_labels_such_a_name(library: Path, model: Path, as_bytes: bool) -> None:
    loaded = vgenre.load_model(model)
    path = library / ODD
    assert loaded.label(os.fsencode(path) if as_bytes else path).status == "ok"
    given = os.fsencode(library) if as_bytes else library
    found = list(vgenre.label_folder(given, model=loaded, journal=library.parent / "journal"))
    assert {f.path: f.status for f in found} == {str(path): "ok", str(library / PLAIN): "ok"}
    again = list(vgenre.label_folder(given, model=loaded, journal=library.parent / "journal"))
    took = {f.path: pytest.approx(f.seconds, abs=1e-3) for f in found}
    assert {f.path: f.seconds for f in again} == took, "labelled again"


def test_the_page_shows_such_a_name(library: Path, model: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    log = tmp_path / "log"
    with open(log, "w") as sink:
        server = subprocess.Popen(
            command("serve", library, "--model", model, "--port", "0"),
            env=environment,
            stdout=sink,
            stderr=sink,
        )
    try:
        url = state = None
        while not state or len(state["films"]) < 2:
            assert server.poll() is None, log.read_text()
            url = url or re.search(r"http://[\w.:]+/", log.read_text())
            if url:
                with urllib.request.urlopen(f"{url[0]}films") as answer:
                    state = json.load(answer)
                assert not state.get("trouble")
            time.sleep(0.2)
    finally:
        server.terminate()
        server.wait()
    assert not [shown for shown in state["films"] if shown["status"] == "error"]
