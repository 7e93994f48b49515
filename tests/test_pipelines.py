"""The pipelines say so when there is no training data; on a tiny data set each runs to its end."""

from __future__ import annotations

import csv
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from rendered import film, lavfi, render
from test_dialogue_pipeline import write_dialogue

import vgenre
from vgenre.labels import SIX_GENRES
from vgenre.models.card import ModelCard
from vgenre.models.spaces import read_space

PIPELINES = Path(__file__).parent.parent / "pipelines"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("train_six", None),
        ("train_six", "nowhere"),
        ("train_multi", "nowhere"),
        ("train_dialogue", "nowhere"),
        ("cross_validate", "nowhere"),
        ("compare_architectures", "nowhere"),
        ("posters", "nowhere"),
        ("learning_curve", "nowhere"),
        ("teach_genres", "nowhere"),
        ("teach_dialogue", "nowhere"),
    ],
)
def test_training_without_data_is_skipped_and_says_so(
    tmp_path: Path, name: str, data: str | None
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "VGENRE_DATA"}
    # What is heavy must not even be imported before the question for data.
    heavy = {"tensorflow", "keras", "sklearn", "openvino"}
    program = (
        "import runpy, sys; sys.argv[0] = sys.argv.pop(1)\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        f"finally: print(sorted({heavy} & set(sys.modules)))"
    )
    environment |= {"PYTHONPATH": os.pathsep.join(map(str, (PIPELINES.parent, PIPELINES)))}
    command = [sys.executable, "-c", program, str(PIPELINES / f"{name}.py")]
    command += ["--work", str(tmp_path / "work")]
    done = subprocess.run(
        command + ([data] if data else []),
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr.startswith("skipped: ")
    assert done.stdout == "[]\n"
    assert not (tmp_path / "work").exists()


# --- on a tiny data set ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def pipeline() -> Iterator[object]:
    """Imports a pipeline by its name, as its script does."""
    sys.path.insert(0, str(PIPELINES))
    yield importlib.import_module
    sys.path.remove(str(PIPELINES))


@pytest.fixture(scope="module")
def data(pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    """Ten clips, ten posters and stills of 24 films, in the layout of the training data."""
    root = tmp_path_factory.mktemp("data")
    (root / "clips").mkdir()
    (root / "stills").mkdir()
    (root / "posters" / "images").mkdir(parents=True)
    splits = ("train", "train", "train", "val", "test")
    clips, posters = [], []
    genres = pipeline("shared_data").IMDB_GENRES
    for i in range(10):
        kind = ("Action", "Horror")[i % 2]
        film(
            root / "clips" / f"{i}.mp4",
            seconds=2,
            picture=f"color=0x{20 * i:02x}4080:size=64x48:rate=4",
            sound=f"sine=frequency={200 + 300 * (i % 2)}",
        )
        clips.append(
            {
                "file": f"{i}.mp4",
                "film": f"film {i}",
                "six": kind,
                "primary": kind,
                "genres": f"{kind}|Drama",
                "sound": 1,
                "certainty": "clear",
                "seconds": 2,
                "split": splits[i // 2],
                "fold": i // 2 % 2,
            }
        )
        render(
            root / "posters" / "images" / f"p{i}.jpg",
            *lavfi(f"color=0x{20 * i:02x}8040:size=64x96"),
            "-frames:v",
            1,
        )
        names = genres if i == 0 else (kind, "Drama") if i % 3 else (kind,)
        posters.append({"id": f"p{i}", "genres": "|".join(names), "split": splits[i // 2]})
    stills = []
    for i in range(24):
        kind = ("Action", "Horror", "")[i % 3 if i < 6 else i % 2]
        shade = f"{10 * i:02x}"
        render(
            root / "stills" / f"s{i}.jpg",
            *lavfi(f"color=0x{shade}{shade}20:size=64x48"),
            "-frames:v",
            1,
        )
        stills.append(
            {
                "file": f"s{i}.jpg",
                "film": f"still {i}",
                "six": kind,
                "primary": kind,
                "genres": kind or "Drama",
                "certainty": "none" if not kind else "clear",
                "split": "train",
                "fold": i % 2,
            }
        )
    tables = {"clips.csv": clips, "stills.csv": stills, "posters/posters.csv": posters}
    for file, rows in tables.items():
        with open(root / file, "w", newline="") as sink:
            writer = csv.DictWriter(sink, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return root


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of results that all pipelines share, as in earnest."""
    return tmp_path_factory.mktemp("work")


def run(module: ModuleType, data: Path, work: Path, *more: object) -> None:
    module.main([str(data), "--work", str(work), "--toy", *map(str, more)])


def kept(work: Path) -> dict[str, int]:
    """The features of films, and when each was made."""
    return {str(path): path.stat().st_mtime_ns for path in work.glob("features/??/*.npz")}


def test_six_is_trained_and_a_second_run_makes_nothing_anew(
    pipeline, data: Path, work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    run(pipeline("train_six"), data, work, "--output", tmp_path / "six")
    card = ModelCard.read(tmp_path / "six")
    assert card.labels.names == SIX_GENRES
    assert card.metrics["folds"]["fusion"]["films"] == 10
    assert "mAP" in card.metrics["folds"]["fusion"]["interval_95"]
    assert {entry["source"] for entry in card.metrics["procedure"]["visual"]["tried"]} == {
        "mean",
        "mean and deviation",
        "frames one by one",
    }
    assert card.outside and card.metrics["stills"]["folds"]["visual"]["films"] == 22
    assert "fusion" in capsys.readouterr().out
    features = kept(work)

    run(pipeline("cross_validate"), data, work, "--jobs", 1)
    figures = json.loads((work / "figures-single.json").read_text())
    assert figures["fusion"]["films"] == figures["imagenet"]["films"] == 10
    assert len(figures["chosen"]) == 2
    for mistake in figures["mistakes"]:
        assert mistake["says"] not in mistake["is"] and 0 < mistake["p"] <= 1
    assert features and features.items() <= kept(work).items()  # they were taken as they are


def test_multi_is_trained_on_posters_and_clips(
    pipeline, data: Path, work: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    run(pipeline("train_multi"), data, work, "--output", tmp_path / "multi")
    card = ModelCard.read(tmp_path / "multi")
    assert len(card.labels) == 21
    assert card.metrics["folds"]["fusion"]["films"] == 10
    assert card.metrics["posters"]["fusion"]["films"] == 2


def test_posters_are_compared(pipeline, data: Path, work: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = tmp_path / "posters.md"
    for _ in range(2):
        run(pipeline("posters"), data, work, "--table", table)
    assert [line.split("|")[1].strip() for line in table.read_text().splitlines()[2:]] == [
        "no genre at all",
        "poster-cnn",
        "no genre at all",
        "poster-cnn",
        "multi",
    ]
    assert len(list(work.glob("poster-cnn-*/card.json"))) == 1


def test_architectures_are_compared(pipeline, data: Path, work: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = tmp_path / "comparison.md"
    comparison = pipeline("compare_architectures")
    run(comparison, data, work, "--table", table, "--only", "cnn-rnn", "cnn-lstm-softmax")
    lines = [line.split("|")[1].strip() for line in table.read_text().splitlines()[2:]]
    assert lines == [
        "majority",
        "CNN-RNN",
        "CNN-LSTM, softmax",
        "`six`, picture and sound, in folds",
    ]
    assert len(list(work.glob("cnn-*.json"))) == 2


def test_a_learning_curve_is_drawn(pipeline, data: Path, work: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = tmp_path / "curve.md"
    run(pipeline("learning_curve"), data, work, "--table", table)
    text = table.read_text()
    assert "films to learn from" in text and "posters to learn from" in text
    assert text.count("the last doubling") == 2


def test_what_is_taught_is_measured_and_the_space_written(
    pipeline, data: Path, work: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    shutil.copytree(model_of_six(pipeline, data, work, tmp_path), tmp_path / "models" / "six")
    table = tmp_path / "taught.md"
    run(pipeline("teach_genres"), data, work, "--table", table, "--models", tmp_path / "models")
    found = json.loads((work / "taught.json").read_text())
    assert {entry["genre"] for entry in found["taught"]} == {"Action", "Horror"}
    assert {entry["films"] for entry in found["taught"]} == {3}
    for entry in found["taught"]:
        assert entry["share"] == 0.5 and 0 < entry["taught"][0] <= 1
    text = table.read_text()
    assert "| **taught, both** |" in text and "| Horror | 0.500 |" in text
    card = ModelCard.read(tmp_path / "models" / "six")
    space = read_space(tmp_path / "models" / "six", card)
    assert space is not None and space.expected is not None
    assert list(space.maps) == ["visual", "audio"] and space.weights.tolist() == [1, 0.5]
    assert 0 < space.expected.at(3, 1.0, 0.1) < 1


def test_dialogue_is_fused_with_stills_by_layers_that_did_not_learn_from_them(
    pipeline, data: Path, work: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    six = model_of_six(pipeline, data, work, tmp_path)
    before = ModelCard.read(six)
    write_dialogue(data, {i: f"still {i}" for i in range(24)})
    run(pipeline("train_dialogue"), data, work, "--output", tmp_path / "heads")
    fuse = pipeline("fuse_dialogue")
    for _ in range(2):  # fused once more it is the same
        run(fuse, data, work, "--head", tmp_path / "heads", "--model", six)
        card = ModelCard.read(six)
        assert card.architecture.dialogue and card.fusions.keys() > before.fusions.keys()
        told = card.metrics["dialogue"]
        assert (
            told["weight_from_films"] == 24 and told["with_stills"]["all"]["fusion"]["films"] == 22
        )
        assert card.description.count("What is said") == 1
    assert vgenre.load_model(six).head is not None


def model_of_six(pipeline, data: Path, work: Path, tmp_path: Path) -> Path:  # type: ignore[no-untyped-def]
    """The toy in the place of `six`."""
    run(pipeline("train_six"), data, work, "--output", tmp_path / "trained")
    return tmp_path / "trained"


def test_films_that_are_ranked_and_what_is_expected(pipeline) -> None:  # type: ignore[no-untyped-def]
    teach = pipeline("teach_genres")
    truth = np.array([True, False, True, False])
    assert teach.ranked(truth, np.array([4.0, 3.0, 2.0, 1.0])) == pytest.approx([5 / 6, 0.5])
    assert teach.ranked(truth, np.array([np.nan, 3.0, 2.0, 1.0]))[0] == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    entries = []
    for films in (3, 5, 10, 20):
        for apart in rng.uniform(0, 3, 50):
            odds = -1 + 0.3 * np.log(films) + 0.8 * apart + 0.9 * np.log(0.2 / 0.8)
            right = 1 / (1 + np.exp(-odds))
            share = 0.2 if apart < 2.9 else 0.21
            entries.append(
                {"films": films, "separation": apart, "share": share, "taught": [0, right]}
            )
    known = teach.expected_of(entries)
    wanted = 1 / (1 + np.exp(-(-1 + 0.3 * np.log(10) + 0.8 + 0.9 * np.log(0.25))))
    assert known.at(10, 1.0, 0.2) == pytest.approx(wanted, abs=0.02)
    assert known.measured == (3, 20)
