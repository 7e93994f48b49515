"""Writers put film records into files; the file's suffix chooses the writer."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from ..errors import DataError
from ..labelling.record import FilmResult
from ..models.embedding import EmbeddingSpace
from .base import Writer
from .csv import CsvWriter
from .html import HtmlWriter
from .json import JsonLinesWriter, JsonWriter

WRITERS: dict[str, type[Writer]] = {
    ".csv": CsvWriter,
    ".html": HtmlWriter,
    ".json": JsonWriter,
    ".jsonl": JsonLinesWriter,
}

_LEAST_PAUSE = 5.0  # seconds between two writings of the outputs while a run goes on
_SHARE = 20  # a writing that takes a second is followed by so many of labelling, at least


def open_writer(
    path: str | Path,
    genres: tuple[str, ...],
    note: str = "",
    space: EmbeddingSpace | None = None,
) -> Writer:
    """A writer for a file, for use in a ``with`` block.

    Parameters
    ----------
    path : path
        Its suffix chooses the format.
    genres : tuple of str
        Of the model, for formats with a column a genre.
    note : str
        What a page to look at says above its films; other formats have no place for it.
    space : EmbeddingSpace, optional
        For a page to look at that shows which films are alike.

    Raises
    ------
    DataError
        If the suffix is unknown, or the file cannot be written.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise DataError(f"{path}: unknown kind of output; known are {', '.join(WRITERS)}")
    return writer(path, genres, note, space)


def wants_pictures(path: str | Path) -> bool:
    """Whether the writer of a file shows pictures of clips."""
    writer = WRITERS.get(Path(path).suffix.lower())
    return writer is not None and writer.pictures


class Outputs:
    """The files that a run writes, brought up to date now and then while it goes on.

    Each writing replaces files by whole ones, in the order of the films. So a run that is killed
    leaves a page that opens and a table that can be read. What was there before the run, and may
    hold more films, is replaced at the end only.

    Parameters
    ----------
    paths : sequence of Path
    genres : tuple of str
        Of the model.
    note : str
        See `open_writer`.
    unfinished : collection of str
        Absolute paths of files that a run which was stopped left, and that can be replaced.
    space : EmbeddingSpace, optional
        See `open_writer`.

    Raises
    ------
    DataError
        If a suffix is unknown, or a file cannot be written.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        genres: tuple[str, ...],
        *,
        note: str = "",
        unfinished: Collection[str] = (),
        space: EmbeddingSpace | None = None,
    ) -> None:
        self.paths, self._genres, self._note, self._space = list(paths), genres, note, space
        self.early = [p for p in paths if not p.exists() or os.path.abspath(p) in unfinished]
        self._due = time.monotonic() + _LEAST_PAUSE
        for path in self.paths:  # what cannot be written is told before any work
            with contextlib.suppress(_Tried), open_writer(path, genres, note):
                raise _Tried

    @property
    def are_due(self) -> bool:
        """Whether it is time to write what can be written while the run goes on."""
        return bool(self.early) and time.monotonic() >= self._due

    def write(self, films: Iterable[FilmResult], *, final: bool) -> None:
        """Write files anew.

        Parameters
        ----------
        films : iterable of FilmResult
            All that are finished; gone through once.
        final : bool
            Whether these are all films; else only the files of `early` are written.

        Raises
        ------
        DataError
            If a file cannot be written.
        """
        paths = self.paths if final else self.early
        if not paths:
            return
        began = time.monotonic()
        try:
            with contextlib.ExitStack() as stack:
                writers = [
                    stack.enter_context(open_writer(path, self._genres, self._note, self._space))
                    for path in paths
                ]
                for film in films:
                    for writer in writers:
                        writer.write(film)
        except OSError as error:
            names = ", ".join(map(str, paths))
            raise DataError(
                f"{names}: cannot be written: {error.strerror or error}; what is done is in the "
                "journal, the same command writes it"
            ) from None
        took = time.monotonic() - began
        self._due = time.monotonic() + max(_LEAST_PAUSE, _SHARE * took)


class _Tried(Exception):
    """Ends a writer whose file is not to appear."""
