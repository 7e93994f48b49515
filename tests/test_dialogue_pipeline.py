"""The pipeline of the dialogue heads, from its data to its table, on made-up texts."""

from __future__ import annotations

import importlib
import json
import lzma
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from toys import toy_model

from vgenre.models.dialogue import DialogueHead
from vgenre.models.spaces import add_space, read_space
from vgenre.models.store import read_card
from vgenre.training.embedding import fit_space

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
    write_dialogue(root, {3: "shown (1990)"})
    (root / "clips.csv").touch()
    return root


def write_dialogue(root: Path, shown: Mapping[int, str]) -> None:
    """Write the dialogue of forty films; of some there are pictures, under these names."""
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
                "id": f"sub-{i}", "title": f"Film {i}", "film": shown.get(i, ""),
                "kind": "script" if i % 10 == 9 else "subtitle", "genres": [genre, "Film-Noir"],
                "six": ["Horror"] if genre == "Horror" else [], "split": "train",
                "fold": i // 2 % 3, "words": 320,
                "text": "\n".join([*lines, "♪ horse horse horse ♪", "www.example.org"]),
            }
        )  # fmt: skip
    (root / "dialogue").mkdir(parents=True)
    text = "\n".join(map(json.dumps, films)).encode()
    (root / "dialogue" / "dialogue.jsonl.xz").write_bytes(lzma.compress(text))


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


def test_a_space_is_given_the_dialogue_and_it_is_measured(
    pipeline: ModuleType, tmp_path: Path
) -> None:
    teach = importlib.import_module("teach_dialogue")
    data, work, six = folder_of(tmp_path / "data"), tmp_path / "work", tmp_path / "models" / "six"
    space = fit_space({"audio": np.random.default_rng(0).normal(size=(9, 4))}, [()] * 9)
    toy_model(six)
    add_space(six, space)
    work.mkdir()
    table = tmp_path / "table.md"
    options = ["--work", work, "--models", six.parent, "--table", table, "--toy"]
    teach.main([str(data), *map(str, options)])
    found = json.loads((work / "taught_dialogue.json").read_text())
    at_three = {e["genre"]: e["taught"] for e in found["taught"] if e["films"] == 3}
    assert at_three["Horror"][0] > 0.9 and at_three["Western"][0] > 0.9
    assert found["similar"]["dialogue"] > found["similar"]["chance"] - 1e-9
    assert "| **taught** |" in table.read_text() and "| Western |" in table.read_text()
    written = read_space(six, read_card(six))
    assert written is not None and list(written.maps) == ["audio", "dialogue"]
    np.testing.assert_array_equal(written.maps["audio"].centre, space.maps["audio"].centre)
    assert written.vocabulary and {"knife", "horse"} < set(written.vocabulary.terms)


@pytest.mark.parametrize("name", ["train_dialogue", "teach_dialogue"])
def test_a_folder_without_dialogue_is_skipped(
    name: str, pipeline: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clips.csv").touch()
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module(name).main([str(tmp_path), "--work", str(tmp_path / "work")])
    assert stopped.value.code == 0
    assert capsys.readouterr().err.startswith("skipped: ")
    assert not (tmp_path / "work").exists()
