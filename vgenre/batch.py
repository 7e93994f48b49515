"""Many films: each gets a record, one bad file never stops the rest, nothing is done twice."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from . import __version__
from .cluster import Cluster, RayWorkers
from .dataset import find_media
from .engines import choose_engine
from .errors import DataError
from .journal import Journal, film_key
from .models.card import ModelCard
from .models.store import find_model, read_card
from .predict import Model, load_model
from .result import ERROR, PARTIAL, FilmResult
from .sampling import Sampling
from .workers import Executor, InProcess, Progress, Task, Workers


def label_folder(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    model: str | os.PathLike[str] | Model = "six",
    sampling: Sampling | int | str | None = None,
    engine: str = "auto",
    jobs: int = 1,
    ray: str | Cluster | None = None,
    journal: str | os.PathLike[str] | None = None,
    restart: bool = False,
) -> Iterator[FilmResult]:
    """Name the genres of all films in a folder.

    Parameters
    ----------
    paths : path or iterable of path
        Folders, searched recursively, and files.
    model : str, path or Model
        See `load_model`. A loaded one labels in this process, whatever `jobs`.
    sampling : Sampling, int or str, optional
        How many evenly spaced clips of a film are looked at, ``"full"`` or
        ``"keyframes"``.
    engine : {"auto", "openvino", "tensorflow"}
    jobs : int
        Films at once, each in a process of its own; 1: in this process. A script
        that asks for more has to do so under ``if __name__ == "__main__":``, as
        every one that starts processes.
    ray : str or Cluster, optional
        Films are labelled by actors on a Ray cluster, given by its address (``"auto"``
        for the one that this machine belongs to) or with what each actor asks for. The
        paths, and a model directory, have to be the same on every node.
    journal : path, optional
        A file that keeps every finished record; films that it knows, and that
        have not changed, are not labelled again.
    restart : bool
        Forget what the journal knows.

    Yields
    ------
    FilmResult
        As each film is done; with one job in the order of their paths.

    Raises
    ------
    ModelError
        If the model cannot be loaded. Errors of films are in their records.
    DataError
        If another run writes the journal, or a loaded model is to go to a cluster.

    Examples
    --------
    >>> for film in vgenre.label_folder("FILMS/"):  # doctest: +SKIP
    ...     print(film.path, film.labels)
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    films = find_media(paths)
    policy = sampling if isinstance(sampling, Sampling) else Sampling.of(sampling)
    cluster = Cluster(ray) if isinstance(ray, str) else ray
    if isinstance(model, Model) and cluster:
        raise DataError("a loaded model cannot go to a cluster; name it, or its directory")
    if not isinstance(model, Model) and not cluster and jobs == 1:
        model = load_model(model, engine=engine)
    executor: Executor
    if isinstance(model, Model):
        card, task = model.card, Task(model.card.name, model.engine.name, str(policy))
        executor = InProcess(model, **task.how)
    else:
        card = read_card(find_model(model))
        task = Task(os.fspath(model), engine_for(engine, card, cluster), str(policy))
        if cluster:
            executor = RayWorkers(task, cluster)
        else:
            executor = Workers(replace(task, threads=threads_for(jobs)), jobs)
    if journal is None:
        yield from executor.run(films)
        return
    with Journal(Path(journal), restart=restart) as known:
        for finished in Batch(films, known, settings_of(task, card)).run(executor):
            yield finished.result


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
    """The engine that ``auto`` stands for; on a cluster TensorFlow where actors have GPUs."""
    if cluster and cluster.gpus and name == "auto":
        return "tensorflow"
    return choose_engine(name, card)


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
