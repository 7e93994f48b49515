"""The core install labels; what an extra brings is asked for in one line."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rendered import film

from vgenre.cli.extras import EXTRAS

ROOT = Path(__file__).parent.parent
HEAVY = {name for _, imports in EXTRAS.values() for name in imports} | {"numba", "jupyterlab"}
# Names of distributions where they are not those that are imported.
DISTRIBUTIONS = {"sklearn": "scikit-learn"}
# Stands in for an environment without the extras: Python runs it before all else.
WITHOUT = f"""
from importlib.machinery import PathFinder

find = PathFinder.find_spec
PathFinder.find_spec = staticmethod(
    lambda name, *rest: None if name.partition(".")[0] in {sorted(HEAVY)!r} else find(name, *rest)
)
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds none of the extras."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(WITHOUT)
    path = os.pathsep.join([str(folder), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(folder / "cache")}


def vgenre(*args: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vgenre", *map(str, args)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_setup_cfg_brings_what_each_extra_promises() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    promised = config["options.extras_require"]
    core = set(re.findall(r"^([\w-]+)", config["options"]["install_requires"], re.M))
    for extra, (_, imports) in EXTRAS.items():
        brought = set(re.findall(r"^([\w-]+)", promised[extra], re.M))
        for name in set(imports) - {"werkzeug"}:  # a part of Flask
            assert DISTRIBUTIONS.get(name, name) in brought, f"{extra} does not bring {name}"
            assert DISTRIBUTIONS.get(name, name) not in core
    assert set(promised) - set(EXTRAS) == {"gpu", "all", "test", "docs", "lint", "dev"}


def test_the_core_labels_in_every_output_form(bare: dict[str, str], tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mkv"):
        film(tmp_path / name, seconds=2)
    outputs = [tmp_path / f"labels.{kind}" for kind in ("csv", "json", "jsonl", "html")]
    options = [word for path in outputs for word in ("--output", path)]
    done = vgenre("label", tmp_path / "a.mp4", tmp_path / "b.mkv", *options, "--explain", env=bare)
    assert done.returncode == 0, done.stderr
    assert all(path.stat().st_size for path in outputs)
    assert vgenre("doctor", env=bare).returncode == 0
    assert vgenre("models", env=bare).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["train", "DATA", "--output", "model"], "train"),
        (["evaluate", "six", "DATA"], "train"),
        (["models", "--zoo"], "train"),
        (["label", "FILM", "--engine", "tensorflow"], "train"),
        (["label", "FILM", "--ray"], "ray"),
        (["label", "s3://archive/film.mkv"], "remote"),
        (["extract", "FILM", "--to", "folder"], "plots"),
        (["serve", "--port", "0"], "serve"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)
def test_a_missing_extra_is_one_line_that_installs_it(
    bare: dict[str, str], tmp_path: Path, arguments: list[str], extra: str
) -> None:
    for genre in ("Western", "Musical"):
        (tmp_path / "data" / genre).mkdir(parents=True)
        for number in range(3):
            film(tmp_path / "data" / genre / f"{number}.mp4", seconds=1)
    places = {"DATA": tmp_path / "data", "FILM": tmp_path / "data" / "Western" / "0.mp4"}
    done = subprocess.run(
        [sys.executable, "-m", "vgenre", *(str(places.get(a, a)) for a in arguments)],
        env=bare,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and f"pip install 'vgenre[{extra}]'" in done.stderr


def test_doctor_lists_the_extras_that_are_absent_and_is_content(bare: dict[str, str]) -> None:
    done = vgenre("doctor", env=bare)
    assert done.returncode == 0
    for extra in EXTRAS:
        assert re.search(rf"^absent  {extra} .*pip install 'vgenre\[{extra}\]'", done.stdout, re.M)
