"""Many films: each gets a record, one bad file never stops the rest, nothing is done twice."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from ..engines.choose import choose_engine, engine_by_rule
from ..errors import DataError, UnreadableFilm
from ..labelling.model import Model
from ..labelling.record import ERROR, PARTIAL, FilmResult
from ..media.ffmpeg import find_ffmpeg
from ..media.remote import is_remote
from ..media.sampling import Sampling
from ..models.card import ModelCard
from ..models.store import find_model, read_card
from ..version import __version__
from .additions import Additions, Completer, LabelledFilm, lacks
from .executors import FILM_TIMEOUT, Executor, InProcess, Progress, Task
from .interrupts import held_back
from .journal import Journal, film_key
from .processes import Workers
from .ray import Cluster, RayWorkers


@dataclass(frozen=True)
class Finished:
    """A film's record, and whether an earlier run had made it."""

    result: FilmResult
    known: bool


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


@dataclass(frozen=True)
class LabellingRun:
    """A model, what it is to do with films, and where; see `plan_run`.

    Attributes
    ----------
    card : ModelCard
    task : Task
    jobs : int
        Worker processes; 0: films are labelled in this process.
    cluster : Cluster or None
    model : Model or None
        One that was loaded already.
    """

    card: ModelCard
    task: Task
    jobs: int = 0
    cluster: Cluster | None = None
    model: Model | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """All that a record depends on beside the film, as plain values."""
        return {
            "version": __version__,
            "model": self.card.name,
            "digest": self.card.digest(),
            "engine": self.task.engine,
            "sampling": self.task.sampling,
            "labels": list(self.card.labels.names),
        }

    @property
    def key(self) -> str:
        """The settings in a word, under which records are kept."""
        # Neither pictures nor explanations: they are added to records that have none.
        names = ("version", "digest", "engine", "sampling")
        return " ".join(str(self.settings[name]) for name in names)

    def executor(self) -> Executor:
        """What labels films.

        Raises
        ------
        FFmpegNotFoundError
            If there is no FFmpeg on this machine, which is to label.
        ModelError
            If the model cannot be loaded in this process.
        """
        if not self.cluster:
            find_ffmpeg()
        return self._executor(self.task, lambda: self.model or self.task.load())

    def completer(self) -> Executor:
        """What adds pictures and explanations to the records of `LabelledFilm`."""
        task = Additions.for_task(self.task)
        return self._executor(task, lambda: Completer(self.task, self.model))

    def _executor(self, task: Task, load: Callable[[], Any]) -> Executor:
        if self.cluster:
            return RayWorkers(task, self.cluster)
        return Workers(task, self.jobs) if self.jobs else InProcess(load(), **task.how)


def plan_run(
    model: str | os.PathLike[str] | Model,
    *,
    engine: str = "auto",
    sampling: Sampling | int | str | None = None,
    jobs: int = 1,
    isolated: bool = False,
    cluster: Cluster | None = None,
    pictures: bool = False,
    explain: bool = False,
    film_timeout: float | None = FILM_TIMEOUT,
) -> LabellingRun:
    """Settle how films are labelled; nothing is loaded or started yet.

    Parameters
    ----------
    model : str, path or Model
        See `vgenre.load_model`. A loaded one labels in this process, whatever `jobs`.
    engine : {"auto", "openvino", "tensorflow"}
    sampling : Sampling, int or str, optional
    jobs : int
        Films at once.
    isolated : bool
        Whether one job, too, gets a worker process, which may die without harm.
    cluster : Cluster, optional
        Films are labelled there.
    pictures, explain : bool
        Whether the records are to have pictures, and an explanation.
    film_timeout : float or None
        Seconds that a film may go without progress in a worker or actor; None: for ever.

    Returns
    -------
    LabellingRun

    Raises
    ------
    ModelError
        If there is no such model, its files are damaged, or no engine can run it.
    DataError
        If a loaded model is to go to a cluster.
    """
    wants: dict[str, Any] = {
        "pictures": pictures,
        "explain": explain,
        "film_timeout": film_timeout,
    }
    policy = str(Sampling.of(sampling))
    if isinstance(model, Model):
        if cluster:
            raise DataError("a loaded model cannot go to a cluster; name it, or its directory")
        task = Task(model.card.name, model.engine.name, policy, **wants)
        return LabellingRun(model.card, task, model=model)
    card = read_card(find_model(model), files=())
    workers = 0 if cluster or (jobs == 1 and not isolated) else jobs
    threads = threads_for(jobs) if jobs > 1 and not cluster else None
    task = Task(os.fspath(model), engine_for(engine, card, cluster), policy, threads, **wants)
    return LabellingRun(card, task, workers, cluster)


class Batch:
    """Films and their journal.

    Parameters
    ----------
    films : iterable of str
        Each is looked up when its turn comes, so that a long list costs nothing at the start.
    journal : Journal
    run : LabellingRun
    """

    def __init__(self, films: Iterable[str], journal: Journal, run: LabellingRun) -> None:
        self._films, self.journal, self._run = list(films), journal, run
        self._keys: dict[str, str] = {}
        self._before: dict[str, str] = {}

    def run(
        self,
        progress: Progress | None = None,
        finish: Callable[[FilmResult], None] | None = None,
    ) -> Generator[Finished, None, None]:
        """Label the films that the journal does not know, and put each record into it.

        A film that failed is tried again, unless what is wrong lies in the file itself. Pictures
        and explanations that known records lack are added when all films have labels.

        Parameters
        ----------
        progress : callable, optional
            Is told of a film and how much of it is done.
        finish : callable, optional
            Is given each film's record as soon as its genres stand. Signals that end the run
            wait until it returns, so that no film is in the journal and missing here.

        Yields
        ------
        Finished
            Each record is on disk when it is given.

        Raises
        ------
        VgenreError
            If no film can be labelled: the model, FFmpeg or the cluster is not there.
        DataError
            If the journal cannot be written.
        """
        known: deque[Finished] = deque()
        incomplete: list[str] = []

        def is_known(film: str) -> bool:
            if (record := self._find(film)) is None:
                return False
            if finish:
                with held_back():
                    finish(self._shown(record))
            if lacks(record, self._run.task):
                incomplete.append(film)
            else:
                known.append(Finished(self._shown(record), True))
            return True

        films = iter(self._films)
        first = None
        for film in films:  # nothing is loaded as long as all films are known
            if not is_known(film):
                first = film
                break
            yield from _taken(known)
        if first is not None:
            executor = self._run.executor()
            unknown = chain([first], (film for film in films if not is_known(film)))
            for result in executor.run(map(self._handed_over, unknown), progress):
                yield from _taken(known)
                with held_back():
                    result = self._keep(result)
                    if finish:
                        finish(result)
                yield Finished(result, False)
            yield from _taken(known)
        if incomplete:
            asked = (LabelledFilm.of(self._record(film)) for film in incomplete)
            for result in self._run.completer().run(asked, progress):
                yield Finished(self._shown(self._keep_additions(result)), True)

    def records(self) -> Iterator[FilmResult]:
        """The records of all films that are finished, in the films' order, one at a time."""
        for film in self._films:
            # Where the run was stopped, the turn of a known film may not have come.
            if film not in self._keys and not is_remote(film):
                self._keys[film] = film_key(film, self._run.key)
            if self._keys.get(film, "") in self.journal:
                yield self._shown(self._record(film))

    def _find(self, film: str) -> FilmResult | None:
        """The record of a film that need not be labelled."""
        key = self._keys[film] = film_key(film, self._run.key)
        if key not in self.journal and not self.journal.adopt(key):
            return None
        try:
            record = self._record(film)
        except DataError:  # of another version; it is made anew
            return None
        failed = record.status == ERROR
        return None if failed and not _is_lasting(record) else record

    def _handed_over(self, film: str) -> str:
        # The key of a remote film comes from a listing, which tells of no change later on.
        if is_remote(film):
            self._before[film] = film_key(film, self._run.key, fresh=True)
        return film

    def _keep(self, result: FilmResult) -> FilmResult:
        film, key = result.path, self._keys[result.path]
        before = self._before.pop(film, key)
        if result.status != ERROR and film_key(film, self._run.key, fresh=True) != before:
            result = _changed(result)
        self.journal[key] = result.to_dict(pictures=True)
        return result

    def _keep_additions(self, result: FilmResult) -> FilmResult:
        film = str(result.path)
        before = self._record(film)
        if result.status == ERROR:  # the worker died of it; the labels stand
            return before
        result = replace(result, path=film)
        if result != before:
            self.journal[self._keys[film]] = result.to_dict(pictures=True)
        return result

    def _record(self, film: str) -> FilmResult:
        return replace(FilmResult.from_dict(self.journal[self._keys[film]]), path=film)

    def _shown(self, record: FilmResult) -> FilmResult:
        """A record without an explanation that this run did not ask for."""
        return record if self._run.task.explain else replace(record, explanation=None)


def _taken(known: deque[Finished]) -> Iterator[Finished]:
    while known:
        yield known.popleft()


def _is_lasting(record: FilmResult) -> bool:
    """Whether a film failed for what lies in the file itself."""
    return record.error is not None and record.error["type"] == UnreadableFilm.__name__


def _changed(result: FilmResult) -> FilmResult:
    message = (
        f"{result.path}: the file changed while it was read; run again when it is complete, and it "
        "will be labelled anew"
    )
    return replace(result, status=PARTIAL, error={"type": "FileChanged", "message": message})
