"""Results of long work on disk, each kept under a key of all that made it.

A stage that was stopped goes on with what it has, and one that anything has changed for, a
film, an option, a weight or the code, begins anew: nothing stale is taken.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..errors import VgenreError
from ..media.remote import place_of, state_of
from .items import Item

_T = TypeVar("_T")
_PACKAGE = Path(__file__).parent.parent
_DIGITS = 16  # hexadecimal, of a key
_ASKED_AT_ONCE = 16  # stores of remote films
_LIBRARIES = ("keras", "numpy", "scikit-learn", "tensorflow")

READING = ("media", "sound.py", "labelling/padding.py")
"""The code that turns a film into what networks read."""

LEARNING = (*READING, "labels.py", "data", "engines", "models", "training", "zoo")
"""The code that a trained network depends on."""


def fingerprint(*made_from: Any) -> str:
    """A key: 16 hexadecimal digits that differ where any of the things given differs.

    Parameters
    ----------
    *made_from
        Plain values, dataclasses, arrays, paths, and lists and dicts of them.
    """
    digest = hashlib.sha256()
    for thing in made_from:
        digest.update(json.dumps(thing, default=_plain, sort_keys=True).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:_DIGITS]


def _plain(value: Any) -> Any:
    """What JSON can hold of a value."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"is": type(value).__name__, **asdict(value)}
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        return [str(array.dtype), array.shape, hashlib.sha256(array.data).hexdigest()]
    if isinstance(value, np.generic):
        return value.item()
    return str(value)


def film_states(paths: Iterable[str]) -> dict[str, Any]:
    """What tells whether each of some films has changed; None for one that cannot be found."""

    def state(path: str) -> Any:
        try:
            return state_of(path)
        except (OSError, VgenreError):
            return None

    distinct = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:  # a store takes its time to answer
        return dict(zip(distinct, pool.map(state, distinct), strict=True))


def items_key(items: Sequence[Item]) -> list[Any]:
    """What a data set is: its items, and the size and time of change of each file."""
    states = film_states(item.path for item in items)
    return [[states[i.path], {**asdict(i), "path": place_of(i.path)}] for i in items]


@functools.cache
def code_version(*rooms: str) -> str:
    """A key of the package's code and of the libraries that it computes with.

    Comments and docstrings may change without a change of the key.

    Parameters
    ----------
    *rooms : str
        Folders and modules of the package, such as ``"media"`` and ``"sound.py"``.
    """
    files: list[Path] = []
    for room in rooms:
        place = _PACKAGE / room
        files += sorted(place.rglob("*.py")) if place.is_dir() else [place]
    code = {str(file.relative_to(_PACKAGE)): code_of(file) for file in files}
    return fingerprint(code, {name: _version(name) for name in _LIBRARIES})


def code_of(file: str | os.PathLike[str]) -> str:
    """What a module does, as text without its comments and docstrings."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        # Strings that stand by themselves are documentation.
        node.body = [  # type: ignore[attr-defined]
            line
            for line in body
            if not (
                isinstance(line, ast.Expr)
                and isinstance(line.value, ast.Constant)
                and isinstance(line.value.value, str)
            )
        ]
    return ast.dump(tree)


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True)
class Stage:
    """One step of a training, whose result is kept under a key of all that made it.

    Parameters
    ----------
    folder : Path
        Where the results of all steps are.
    name : str
        Of the step.
    key : str
        See `fingerprint`.
    """

    folder: Path
    name: str
    key: str

    @classmethod
    def of(cls, folder: str | os.PathLike[str], name: str, *made_from: Any) -> Stage:
        """A stage by all that its result is made from; the code that learns is added."""
        return cls(Path(folder), name, fingerprint(*made_from, code_version(*LEARNING)))

    @property
    def place(self) -> Path:
        """A folder for what lies between, such as checkpoints; it is this stage's alone."""
        return self.folder / f"{self.name}-{self.key}"

    def file(self, suffix: str) -> Path:
        """Where the result is, or will be."""
        return self.folder / f"{self.name}-{self.key}{suffix}"

    def keep(self, suffix: str, make: Callable[[], _T], save: Callable[[Path, _T], object]) -> Path:
        """The file of the result, made first where it is not there.

        Parameters
        ----------
        suffix : str
        make : callable
            Gives the result.
        save : callable
            Writes it to the path that it is given. A run that is killed meanwhile leaves no
            file of the result's name.

        Returns
        -------
        Path
        """
        file = self.file(suffix)
        if not file.exists():
            made = make()
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self.folder / f".{self.name}-{self.key}.{os.getpid()}.part{suffix}"
            try:
                save(temporary, made)
                put_in_place(temporary, file)
            finally:
                temporary.unlink(missing_ok=True)
        return file


def put_in_place(temporary: Path, file: Path) -> None:
    """Give a finished file its name, once all of it is on disk."""
    with open(temporary, "rb") as finished:
        os.fsync(finished.fileno())
    os.replace(temporary, file)
