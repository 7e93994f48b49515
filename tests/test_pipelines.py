"""The pipelines say so when there is no training data; on a tiny data set each runs to its end."""

from __future__ import annotations

import csv
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from rendered import film, lavfi, render

from vgenre.labels import SIX_GENRES
from vgenre.models.card import ModelCard

PIPELINES = Path(__file__).parent.parent / "pipelines"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("train_six", None),
        ("train_six", "nowhere"),
        ("train_multi", "nowhere"),
        ("cross_validate", "nowhere"),
        ("compare_architectures", "nowhere"),
        ("posters", "nowhere"),
        ("learning_curve", "nowhere"),
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
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips and ten posters, in the layout of the training data, and a teacher of sound."""
    root = tmp_path_factory.mktemp("data")
    (root / "clips").mkdir()
    (root / "posters" / "images").mkdir(parents=True)
    (root / "weights").mkdir()
    splits = ("train", "train", "train", "val", "test")
    clips, posters = [], []
    genres = pipeline_genres()
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
    for file, rows in (("clips.csv", clips), ("posters/posters.csv", posters)):
        with open(root / file, "w", newline="") as sink:
            writer = csv.DictWriter(sink, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    write_teacher(root / "weights" / "yamnet_teacher.tflite")
    return root


def pipeline_genres() -> tuple[str, ...]:
    """All genres that the pipelines know, so that each occurs."""
    names = (PIPELINES / "shared_data.py").read_text().partition("IMDB_GENRES = tuple(\n")[2]
    return tuple(names.partition('"')[2].partition('"')[0].split())


def write_teacher(file: Path) -> None:
    """A network with the inputs and outputs of the teacher: loudness as 521 scores."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([15_600], tf.float32)])
    def hear(samples):  # type: ignore[no-untyped-def]
        loudness = tf.reduce_mean(tf.abs(samples))
        return tf.sigmoid(loudness * tf.range(521, dtype=tf.float32) / 50.0)[None]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([hear.get_concrete_function()])
    file.write_bytes(converter.convert())


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of results that all pipelines share, as in earnest."""
    return tmp_path_factory.mktemp("work")


def run(module: ModuleType, data: Path, work: Path, *more: object) -> None:
    module.main([str(data), "--work", str(work), "--toy", *map(str, more)])


def kept(work: Path) -> dict[str, int]:
    """The results of the stages, and when each was made."""
    found = [*work.glob("*.safetensors"), *work.glob("*.npz"), *work.glob("folds-*/*.npz")]
    return {str(path): path.stat().st_mtime_ns for path in found}


def test_six_is_trained_and_a_second_run_makes_nothing_anew(
    pipeline, data: Path, work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    run(pipeline("train_six"), data, work, "--output", tmp_path / "six")
    card = ModelCard.read(tmp_path / "six")
    assert card.labels.names == SIX_GENRES
    assert card.metrics["five_folds"]["fusion"]["films"] == 10
    assert "mAP" in card.metrics["five_folds"]["fusion"]["interval_95"]
    assert "on 2 films" in card.metrics["test"]["fusion"]["warning"]
    assert "fusion" in capsys.readouterr().out
    before = kept(work)
    assert {Path(name).name.split("-")[0] for name in before} == {
        "body",
        "audio",
        "teacher",
        "fold",
    }

    run(pipeline("cross_validate"), data, work)
    figures = json.loads((work / "figures.json").read_text())
    assert figures == card.metrics["five_folds"]
    assert kept(work) == before

    # A label that was corrected: the folds are made anew, the body, which saw no clip, is not.
    file = data / "clips.csv"
    text = file.read_text()
    try:
        file.write_text(text.replace("9.mp4,film 9,Horror,Horror", "9.mp4,film 9,Action,Action"))
        run(pipeline("cross_validate"), data, work)
    finally:
        file.write_text(text)
    after = kept(work)
    assert before.items() <= after.items()
    new = {Path(name).name.rsplit("-", 1)[0] for name in after.keys() - before.keys()}
    assert new == {"fold-0", "fold-1"}


def test_multi_is_trained_on_posters_and_clips(
    pipeline, data: Path, work: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    run(pipeline("train_multi"), data, work, "--output", tmp_path / "multi")
    card = ModelCard.read(tmp_path / "multi")
    assert len(card.labels) == 21
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
    for _ in range(2):
        run(
            pipeline("compare_architectures"),
            data,
            work,
            "--table",
            table,
            "--only",
            "cnn-rnn",
            "cnn-lstm-softmax",
        )
    lines = [line.split("|")[1].strip() for line in table.read_text().splitlines()[2:]]
    assert lines == ["majority", "CNN-RNN", "CNN-LSTM, softmax", "`six`, picture and sound"]
    assert len(list(work.glob("cnn-*.json"))) == 2


def test_a_learning_curve_is_drawn(pipeline, data: Path, work: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = tmp_path / "curve.md"
    run(pipeline("learning_curve"), data, work, "--table", table)
    text = table.read_text()
    assert "films to learn from" in text and "posters to learn from" in text
    assert text.count("the last doubling") == 2
