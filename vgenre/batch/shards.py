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
from ..media.remote import is_remote, place_of
from .journal import JournalReader


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

    def pick(self, films: Iterable[str], paths: Sequence[str]) -> list[str]:
        """The films of this share.

        Parameters
        ----------
        films : iterable of str
        paths : sequence of str
            The files and folders that the films were found by.

        Returns
        -------
        list of str
            In the order given.
        """
        return [film for film in films if self.holds(_below(film, paths))]


def _below(film: str, paths: Sequence[str]) -> str:
    """A film's path below the first of some folders that holds it; its name where it was named."""
    for root in paths:
        if film == root:
            break
        if is_remote(root) and is_remote(film):
            # Stores do not agree on the slashes behind the scheme.
            folder, inner = (url.partition("://")[2].strip("/") for url in (root, film))
            if inner.startswith(folder + "/"):
                return inner[len(folder) + 1 :]
        elif not is_remote(root) and not is_remote(film):
            inner = os.path.relpath(film, root)
            if inner.split(os.sep)[0] != os.pardir:
                return inner
    return film.rstrip("/").rpartition("/")[2]


_COMPARED = {  # what shares of one run have in common, in the words of the message
    "model": "the model",
    "labels": "the genres",
    "digest": "the files of the model",
    "sampling": "--sampling",
    "dialogue": "whether the dialogue is read",
    "version": "vgenre",
}


class MergedJournals:
    """The journals of several shares as one, only read.

    Of each journal the records count that have the settings of the last run that wrote it.

    Parameters
    ----------
    patterns : sequence of str
        Files, or shell patterns for them.

    Attributes
    ----------
    files : list of Path
    model, digest : str or None
        The model's name, and what identifies its files; None where no journal says it.
    labels : tuple of str
        The genres of the model.
    engines : set of str
        What ran it; the answers of two engines differ by a few hundredths.

    Raises
    ------
    DataError
        If there is no such journal, a file is none, a run still writes one, or they are of
        different settings.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        files = sorted({path for pattern in patterns for path in glob.glob(pattern)})
        missing = [pattern for pattern in patterns if not glob.glob(pattern)]
        if missing:
            raise DataError(f"{missing[0]}: there is no such journal")
        self.files = [Path(file) for file in files]
        self._stack = ExitStack()
        self._places: dict[str, tuple[JournalReader, str]] = {}
        self.model: str | None = None
        self.digest: str | None = None
        self.labels: tuple[str, ...] = ()
        self.engines: set[str] = set()
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise

    def _open(self) -> None:
        agreed: dict[str, tuple[Any, Path]] = {}
        for file in self.files:
            journal = JournalReader(file)
            self._stack.callback(journal.close)
            common = {name: (journal.settings or {}).get(name) for name in _COMPARED}
            for key, record in journal.records():
                self._places[place_of(record["path"])] = journal, key
                if not journal.settings and record["probabilities"]:  # begun by an older version
                    common["model"] = record["model"]
                    common["labels"] = list(record["probabilities"])
                    self.engines.add(record["engine"])
            if journal.settings:
                self.engines.add(str(journal.settings.get("engine")))
            for name, value in common.items():
                if value is None:
                    continue
                first, source = agreed.setdefault(name, (value, file))
                if first != value:
                    raise DataError(_difference(name, source, first, file, value))
        values = {name: value for name, (value, _) in agreed.items()}
        self.model, self.digest = values.get("model"), values.get("digest")
        self.labels = tuple(values.get("labels", ()))

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


def _difference(name: str, one: Path, first: Any, other: Path, second: Any) -> str:
    if name == "digest":
        what = "were made by different files of the model"
    else:
        what = f"differ in {_COMPARED[name]}: {_words(first)} and {_words(second)}"
    return (
        f"{one} and {other} {what}; shares of one run have the same settings, so run the command "
        "of one of them again with those of the other"
    )


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)
