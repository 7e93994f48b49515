"""A model measured on labelled films, and the page about it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rendered import film
from toys import toy_model

import vgenre
from vgenre.data.items import Item
from vgenre.errors import DataError
from vgenre.evaluation.assess import assess, worst
from vgenre.evaluation.films import Films
from vgenre.evaluation.page import write_report
from vgenre.labels import MULTI, LabelSet

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of six files of four films, one of them no film at all."""
    folder = tmp_path_factory.mktemp("labelled")
    rows = []
    for i, (label, name) in enumerate(
        [("Dark", "one"), ("Dark", "one"), ("Bright", HOSTILE), ("Dark", "two"), ("", "none")]
    ):
        film(folder / f"{i}.mp4", seconds=1 + i)
        rows.append({"path": f"{i}.mp4", "labels": label, "film": name, "split": "test"})
    (folder / "bad.mp4").write_text("no film")
    rows.append({"path": "bad.mp4", "labels": "Dark", "film": "bad", "split": "test"})
    rows.append({"path": "0.mp4", "labels": "Dark", "film": "other", "split": "train"})
    with open(folder / "films.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder / "films.csv"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("model") / "toy"
    toy_model(directory, ("Dark", "Bright"))
    return directory


def test_the_command_measures_films_and_names_what_it_could_not_read(
    data: Path, model: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    command = [sys.executable, "-m", "vgenre", "evaluate", str(model), str(data)]
    done = subprocess.run(
        [*command, "--report", str(report)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "bad.mp4" in done.stderr
    assert "toy on 3 films" in done.stdout
    figures = json.loads((report / "metrics.json").read_text())
    assert figures["fusion"]["films"] == 3
    assert figures["fusion"]["per_label"]["Dark"]["films"] == 2
    assert figures["fusion"]["outside"]["films"] == 1
    assert figures["files_failed"] == 1
    assert "interval_95" not in figures["fusion"], "three films tell nothing"
    assert "figures from so few say next to nothing" in " ".join(done.stdout.split())
    page = (report / "index.html").read_text()
    assert HOSTILE not in page
    assert page.count("<svg") == 3
    assert "Measured on 3 films: figures from so few" in page


def test_a_strange_label_is_refused_before_any_film_is_read(model: Path) -> None:
    with pytest.raises(DataError, match="unknown label 'Gloomy'"):
        assess(vgenre.load_model(model), [Item("nowhere.mp4", ("Gloomy",), "x")])
    with pytest.raises(DataError, match="none of the labelled files could be read"):
        assess(vgenre.load_model(model), [Item("nowhere.mp4", ("Dark",), "x")])


def test_the_same_films_give_the_same_page(data: Path, model: Path, tmp_path: Path) -> None:
    items = [Item(str(data.parent / "2.mp4"), ("Bright",), "x")]
    found = assess(vgenre.load_model(model), items)
    assert found.files["x"].path == items[0].path
    pages = [write_report(found, tmp_path / name).read_text() for name in "ab"]
    assert len(pages[0]) == len(pages[1])


def test_the_worst_is_the_surest_mistake() -> None:
    p = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4]])
    truth = np.array([[1, 0], [1, 0], [1, 0], [0, 1]])
    films = Films(list("abcd"), p, truth, truth.argmax(axis=1))
    assert worst(films, LabelSet(("A", "B"))) == [2, 1, 3]
    many = LabelSet(("A", "B"), MULTI)
    assert worst(
        Films(["a"], np.array([[0.2, 0.9]]), np.array([[0, -1]]), np.array([-1])), many
    ) == [0]


def test_a_report_folder_that_cannot_be_is_known_before_any_work(
    data: Path, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("")
    command = [sys.executable, "-m", "vgenre", "evaluate", str(model), str(data)]
    done = subprocess.run(
        [*command, "--report", str(tmp_path / "taken")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "taken" in done.stderr
