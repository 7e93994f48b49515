"""``vgenre.label_folder``: the genres of all films in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import DataError
from ..labelling.load import load_model
from ..labelling.model import Model
from ..labelling.record import FilmResult
from ..media.find import find_media
from ..media.sampling import Sampling
from ..models.store import find_model, read_card
from .executors import FILM_TIMEOUT, Executor, InProcess, Task
from .journal import Journal
from .processes import Workers
from .ray import Cluster, RayWorkers
from .run import Batch, engine_for, settings_of, threads_for


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
    film_timeout: float | None = FILM_TIMEOUT,
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
    film_timeout : float or None
        Seconds that a film may go without progress before its process, or its actor, is
        ended and the film is an error; None: for ever. Nothing ends a film in this process.

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
        card = read_card(find_model(model), files=())
        chosen = engine_for(engine, card, cluster)
        task = Task(os.fspath(model), chosen, str(policy), film_timeout=film_timeout)
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
