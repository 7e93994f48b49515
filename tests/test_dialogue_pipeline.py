"""The pipeline of the dialogue heads, from its data to its table, on made-up texts."""

from __future__ import annotations

import importlib
import json
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vgenre.models.dialogue import DialogueHead

PIPELINES = Path(__file__).parent.parent / "pipelines"
COMMON = "well you know that was not what he said when they came back to us again".split()
TELLING = {
    "Horror": "blood scream demon knife grave curse haunted cellar".split(),
    "Western": "horse sheriff saddle cattle ranch outlaw whiskey canyon".split(),
}


@pytest.fixture(scope="module")
def pipeline() -> Iterator[ModuleType]:
    sys.path.insert(0, str(PIPELINES))
    yield importlib.import_module("train_dialogue")
    sys.path.remove(str(PIPELINES))


def folder_of(root: Path) -> Path:
    """A data folder with the dialogue of forty films, four of them screenplays."""
    rng = np.random.default_rng(0)
    films = []
    for i in range(40):
        genre = ("Horror", "Western")[i % 2]
        words = rng.choice(COMMON, (40, 8)).astype(object)
        words[:, 3] = rng.choice(TELLING[genre], 40)
        lines = [" ".join(line) for line in words]
        if i in (2, 4):
            lines = [f"{line} said Zebulon" for line in lines]
        films.append(
            {
                "id": f"sub-{i}", "title": f"Film {i}", "film": "shown (1990)" if i == 3 else "",
                "kind": "script" if i % 10 == 9 else "subtitle", "genres": [genre, "Film-Noir"],
                "six": ["Horror"] if genre == "Horror" else [], "split": "train",
                "fold": i // 2 % 3, "words": 320,
                "text": "\n".join([*lines, "♪ horse horse horse ♪", "www.example.org"]),
            }
        )  # fmt: skip
    (root / "dialogue").mkdir(parents=True)
    (root / "clips.csv").touch()
    text = "\n".join(map(json.dumps, films)).encode()
    (root / "dialogue" / "dialogue.jsonl.xz").write_bytes(lzma.compress(text))
    return root


def test_heads_are_learnt_measured_and_written(
    pipeline: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out, table = folder_of(tmp_path / "data"), tmp_path / "out", tmp_path / "table.md"
    options = ["--work", tmp_path / "work", "--output", out, "--table", table, "--toy"]
    pipeline.main([str(data), *map(str, options)])
    assert "| shipped |" in capsys.readouterr().out
    assert table.read_text().count("| Horror |") == 2
    six = DialogueHead.read(out / "six" / "dialogue.safetensors")
    multi = DialogueHead.read(out / "multi" / "dialogue.safetensors")
    assert (six.outcomes, multi.outcomes) == (7, 21)
    assert not [term for term in multi.terms if "zebulon" in term or "example" in term]

    held_out = np.load(out / "held_out.npz")
    assert held_out["six"].shape == (40, 7) and held_out["multi"].shape == (40, 21)
    assert list(held_out["ids"][:2]) == ["sub-0", "sub-1"] and held_out["film"][3] == "shown (1990)"
    assert (held_out["kind"] == "script").sum() == 4
    horror = np.arange(40) % 2 == 0
    assert (held_out["six"].argmax(axis=1)[horror] == 2).all()
    assert (held_out["six"].argmax(axis=1)[~horror] == 6).all()

    figures = json.loads((out / "figures.json").read_text())
    assert figures["six"]["systems"]["shipped"]["films"] == 36
    assert figures["six"]["scripts"]["films"] == 4
    assert figures["six"]["systems"]["shipped"]["mAP"] == 1
    assert figures["six"]["systems"]["how frequent genres are"]["mAP"] < 0.6
    # Two films of different folds have a hero in common.
    assert figures["six"]["names"]["sharing"]["plain weights"]["films"] == 2
    assert figures["multi"]["telling"]["Western"][0] in TELLING["Western"]


def test_a_folder_without_dialogue_is_skipped(
    pipeline: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clips.csv").touch()
    with pytest.raises(SystemExit) as stopped:
        pipeline.main([str(tmp_path), "--work", str(tmp_path / "work")])
    assert stopped.value.code == 0
    assert capsys.readouterr().err.startswith("skipped: ")
    assert not (tmp_path / "work").exists()
