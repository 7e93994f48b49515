"""Shares of a folder for machines that know nothing of each other, and their journals joined."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..labelling.record import FilmResult
from ..media.find import find_media
from ..media.remote import is_remote, place_of
from .journal import Journal


@dataclass(frozen=True)
class Shard:
    """One of several shares of the films, the same whoever asks, in whatever order.

    Parameters
    ----------
    index : int
        From 1 on.
    count : int

    Examples
    --------
    >>> [Shard(i, 3).holds("a/film.mkv") for i in (1, 2, 3)]
    [False, False, True]
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The share that ``--shard I/N`` names; ValueError where it names none."""
        index, _, count = text.partition("/")
        if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
            raise ValueError(f"{text!r} is no share as 1/8, the first of eight")
        return cls(int(index), int(count))

    def holds(self, relative: str) -> bool:
        """Whether a film is in this share, by its path below the folder that was asked for."""
        name = relative.replace(os.sep, "/").encode("utf-8", "surrogateescape")
        number = int.from_bytes(hashlib.sha256(name).digest()[:8], "big")
        return number % self.count == self.index - 1

    def films(self, paths: Iterable[str]) -> list[str]:
        """The films of this share in files and folders, in the order of `find_media`."""
        found: dict[str, None] = {}
        for path in paths:
            for film in find_media([path]):
                if self.holds(_below(film, path)):
                    found[film] = None
        return list(found)


def _below(film: str, root: str) -> str:
    if film == root:
        return film.rstrip("/").rpartition("/")[2]
    return film[len(root) :].lstrip("/") if is_remote(root) else os.path.relpath(film, root)


class MergedJournals:
    """The journals of several shares as one.

    Parameters
    ----------
    patterns : sequence of str
        Files, or shell patterns for them.

    Raises
    ------
    DataError
        If there is no such journal, a run still writes one, or they are of different
        models.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        files = sorted({path for pattern in patterns for path in glob.glob(pattern)})
        missing = [pattern for pattern in patterns if not glob.glob(pattern)]
        if missing:
            raise DataError(f"{missing[0]}: there is no such journal")
        self.files = [Path(file) for file in files]
        self._stack = ExitStack()
        self._places: dict[str, tuple[Journal, str]] = {}
        models: dict[tuple[str, ...], str] = {}
        try:
            for file in self.files:
                journal = self._stack.enter_context(Journal(file))
                for key, record in journal.items():
                    self._places[place_of(record["path"])] = journal, key
                    if record["probabilities"]:
                        made_by = (record["model"], *record["probabilities"])
                        models.setdefault(made_by, str(file))
        except BaseException:
            self._stack.close()
            raise
        if len(models) > 1:
            (one, first), (other, second) = list(models.items())[:2]
            self._stack.close()
            raise DataError(
                f"{first} is of the model {one[0]} and {second} of {other[0]}; shares of one run "
                "have the same model"
            )
        self.labels: tuple[str, ...] = next((names[1:] for names in models), ())

    def find(self, films: Iterable[str]) -> Iterator[tuple[str, FilmResult | None]]:
        """Each film, in this order, with its record; None where no journal has one."""
        for film in films:
            if entry := self._places.get(place_of(film)):
                journal, key = entry
                yield film, replace(FilmResult.from_dict(journal[key]), path=film)
            else:
                yield film, None

    def __enter__(self) -> MergedJournals:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()
