"""Many films: each gets a record, one bad file never stops the rest, nothing is done twice."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..engines.choose import choose_engine, engine_by_rule
from ..labelling.record import ERROR, PARTIAL, FilmResult
from ..models.card import ModelCard
from ..version import __version__
from .executors import Executor, Progress, Task
from .journal import Journal, film_key
from .ray import Cluster


@dataclass(frozen=True)
class Finished:
    """A film's record, and whether an earlier run had made it."""

    result: FilmResult
    known: bool


def settings_of(task: Task, card: ModelCard) -> str:
    """All that a record depends on beside the film: version, model, engine, sampling."""
    more = " pictures" * task.pictures + " explained" * task.explain
    return f"{__version__} {card.digest()} {task.engine} {task.sampling}{more}"


def engine_for(name: str, card: ModelCard, cluster: Cluster | None = None) -> str:
    """The engine that ``auto`` stands for.

    On a cluster each actor that has a GPU finds out on its own machine, so it stays ``auto``;
    Ray hides all GPUs from an actor that asks for none.
    """
    if cluster is None:
        return choose_engine(name, card)
    if cluster.gpus and name == "auto":
        return name
    return engine_by_rule(name, card, lambda: False)


def threads_for(jobs: int) -> int:
    """How many threads each of several engines gets."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, round((cores or 1) / jobs))


class Batch:
    """Films and their journal.

    Parameters
    ----------
    films : iterable of str
    journal : Journal
    settings : str
        As `settings_of` gives it.
    """

    def __init__(self, films: Iterable[str], journal: Journal, settings: str) -> None:
        self.journal, self._settings = journal, settings
        # As the files are now: one that changes while it waits is done again by the next run.
        self._keys = {film: film_key(film, settings) for film in films}

    def run(self, executor: Executor, progress: Progress | None = None) -> Iterator[Finished]:
        """Label the films that the journal does not know, and put each record into it.

        Parameters
        ----------
        executor : Executor
        progress : callable, optional
            Is told of a film and how much of it is done.

        Yields
        ------
        Finished
            Known films first; each record is on disk when it is given.
        """
        new = []
        for film, key in self._keys.items():
            if key in self.journal:
                yield Finished(self._record(film), True)
            else:
                new.append(film)
        for result in executor.run(new, progress):
            key = self._keys[result.path]
            if result.status != ERROR and film_key(result.path, self._settings) != key:
                result = _changed(result)
            self.journal[key] = result.to_dict(pictures=True)
            yield Finished(result, False)

    def records(self) -> Iterator[FilmResult]:
        """The records of all films that are finished, in the films' order, one at a time."""
        for film, key in self._keys.items():
            if key in self.journal:
                yield self._record(film)

    def _record(self, film: str) -> FilmResult:
        return replace(FilmResult.from_dict(self.journal[self._keys[film]]), path=film)


def _changed(result: FilmResult) -> FilmResult:
    message = (
        f"{result.path}: the file changed while it was read; run again when it is complete, and it "
        "will be labelled anew"
    )
    return replace(result, status=PARTIAL, error={"type": "FileChanged", "message": message})
