"""Results of long work: kept under a key of all that made them, whole or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from rendered import film

from vgenre.data.items import Item
from vgenre.data.stages import LEARNING, Stage, code_of, code_version, fingerprint, items_key


@dataclass(frozen=True)
class Options:
    rate: float = 0.1


def test_a_key_differs_where_anything_differs() -> None:
    things = [
        (1, 2),
        (2, 1),
        ([1, 2],),
        ("1", 2),
        (Options(),),
        (Options(0.2),),
        ({"rate": 0.1},),
        (np.zeros(2, np.float32),),
        (np.zeros(2, np.float64),),
        (np.zeros((2, 1), np.float32),),
        (np.float32(0.5), None),
        (Path("a"),),
    ]
    assert len({fingerprint(*thing) for thing in things}) == len(things)
    assert fingerprint({"a": 1, "b": np.arange(3)}) == fingerprint({"b": np.arange(3), "a": 1})


def test_a_data_set_is_known_by_its_items_and_the_state_of_its_files(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", seconds=1)
    item = Item(str(path), ("A",), "film")
    gone = Item(str(tmp_path / "gone.mp4"), ("A",), "gone")
    before = fingerprint(items_key([item, gone]))
    assert fingerprint(items_key([item, gone])) == before
    assert fingerprint(items_key([item, replace(gone, labels=("B",))])) != before
    os.utime(path, (1, 1))
    assert fingerprint(items_key([item, gone])) != before
    remote = replace(item, path=path.as_uri())
    assert items_key([remote])[0][0] is not None, "URLs are asked too"


def test_code_is_known_by_what_it_does(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.py" for name in "abc")
    first.write_text('"""One."""\ndef f(x):\n    """Doc."""\n    return x + 1  # more\n')
    second.write_text("def f(x):\n    return x + 1\n")
    third.write_text("def f(x):\n    return x + 2\n")
    assert code_of(first) == code_of(second) != code_of(third)
    assert code_version(*LEARNING) != code_version("media")


def test_a_result_is_made_once_and_is_whole_or_not_there(tmp_path: Path) -> None:
    made = []

    def make() -> str:
        made.append(1)
        return "result"

    def dies(file: Path, result: str) -> None:
        file.write_text(result[:3])
        raise KeyboardInterrupt

    stage = Stage.of(tmp_path / "work", "step", 1)
    with pytest.raises(KeyboardInterrupt):
        stage.keep(".txt", make, dies)
    assert not list((tmp_path / "work").iterdir())
    for _ in range(2):
        file = stage.keep(".txt", make, lambda path, result: path.write_text(result))
        assert file.read_text() == "result"
    assert len(made) == 2
    other = Stage.of(tmp_path / "work", "step", 2)
    assert other.keep(".txt", make, lambda path, result: path.write_text(result)) != file
    assert len(made) == 3
    assert stage.place != other.place
