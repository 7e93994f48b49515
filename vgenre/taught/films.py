"""Embeddings of films, taken from journals where they are, else made once and kept there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..batch.executors import Progress
from ..batch.journal import Journal
from ..batch.keeping import journal_about, journals_about, open_journal
from ..batch.plan import LabellingRun
from ..batch.run import Batch, Finished
from ..media.remote import is_remote
from ..models.embedding import EmbeddingSpace, parsed
from .genre import Example

NAMED: tuple[str, ...] = ()
"""What the journal of films that were named one by one is about: no folder."""


@contextmanager
def embedding_journal(
    run: LabellingRun, about: Sequence[str], films: Iterable[str]
) -> Iterator[Journal]:
    """The journal that embeddings of films are kept in; it knows what earlier runs know of them.

    Parameters
    ----------
    run : LabellingRun
    about : sequence of str
        The folders as they were named; `NAMED` for films that are named one by one.
    films : iterable of str
        Journals of runs over a folder that holds one of them are looked into.

    Yields
    ------
    Journal

    Raises
    ------
    DataError
        If another run writes it, or it cannot be written.
    """
    with open_journal(run, about, []) as journal:
        for path in [*journals_about(_folders_of(films)), journal_about(run, NAMED)]:
            if path.exists() and not _same(path, journal.path):
                journal.look_into(path)
        yield journal


def embedded(
    films: Sequence[str],
    journal: Journal,
    run: LabellingRun,
    space: EmbeddingSpace,
    *,
    progress: Progress | None = None,
    finished: Callable[[Finished], None] | None = None,
) -> Iterator[Example]:
    """The embeddings of films, in the order in which they are known; films that fail are left out.

    Parameters
    ----------
    films : sequence of str
    journal : Journal
    run : LabellingRun
    space : EmbeddingSpace
        Of the run's model.
    progress : callable, optional
        See `Batch.run`.
    finished : callable, optional
        Is given each film's record, of films that failed too.

    Raises
    ------
    VgenreError
        If no film can be labelled: the model or FFmpeg is not there.
    """
    for done in Batch(films, journal, run).run(progress):
        if finished:
            finished(done)
        if done.result.embedding is not None:
            yield Example(done.result.path, parsed(done.result.embedding, space))


def _folders_of(films: Iterable[str]) -> list[str]:
    """All folders that hold some of the films, the inner ones first."""
    found: dict[str, None] = {}
    for film in films:
        if not is_remote(film):
            for folder in Path(os.path.abspath(film)).parents:
                found[str(folder)] = None
    return sorted(found, key=len, reverse=True)


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
