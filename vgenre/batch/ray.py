"""Films labelled on a Ray cluster: the same work as on one machine, in actors on many.

Ray places the actors, by the CPUs and GPUs that each one asks for, and starts them; only
paths go to them and only records come back. The film that an actor dies of is tried once
more and is an error then, as it is with processes of one machine (`vgenre.batch.processes`).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..errors import DataError, VgenreError, needs
from ..labelling.record import FilmResult, failure
from ..media.remote import place_of
from .actors import ActorRun, Job, Share, WorkerHung, WorkerLost
from .additions import at_place
from .executors import Fault, FilmTimeout, Progress, Task, WorkerDied

ADDRESSES = "auto, local, HOST:PORT or ray://HOST:PORT"


class _Labeller:
    """A loaded model as a function from paths to records."""

    def __init__(self, task: Task) -> None:
        self._model, self._how = task.load(), task.how
        self.last_sign = 0.0

    def __call__(self, film: str) -> FilmResult:
        return self._model.label(film, progress=self._note, **self._how)

    def _note(self, part: float) -> None:
        self.last_sign = time.monotonic()


@dataclass(frozen=True)
class Labelling:
    """The job of ``vgenre label``.

    Parameters
    ----------
    task : Task
    """

    task: Task

    def load(self) -> Callable[[str], FilmResult]:
        """Load the model on the actor's machine; the engine ``auto`` is chosen there."""
        return _Labeller(self.task)


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster, and what each actor asks of it.

    Parameters
    ----------
    address : str
        ``"auto"``: the cluster that this machine belongs to, or a new one of this machine
        alone; ``"local"``: the latter; else where a cluster is.
    actors : int, optional
        As many as the cluster has room for unless given.
    cpus, gpus : float
        That Ray sets aside for each.
    """

    address: str = "auto"
    actors: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    def run(
        self, job: Job, films: Iterable[str], *, film_timeout: float | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Do a job with each film, in the order in which they are finished.

        The films wait here: each actor has one at a time, so that what an actor dies of is
        known, and a cluster that grows or shrinks meanwhile is made use of.

        Parameters
        ----------
        job : Job
        films : iterable of str
        film_timeout : float, optional
            Seconds that a film may go without progress before its actor is ended.

        Yields
        ------
        film : str
        result : object
            What the job made of it, or a `Fault`, `WorkerLost` or `WorkerHung`.

        Raises
        ------
        VgenreError
            If Ray is not installed, no cluster is found, the cluster has no place for an
            actor, or the actors cannot load the job; or one that the job raised and that is
            no `MediaError`.
        """
        return ActorRun(
            self.connect(),
            job,
            films,
            share=Share(self.cpus, self.gpus),
            actors=self.actors,
            film_timeout=film_timeout,
        ).results()

    def connect(self) -> Any:
        """Ray, connected to the cluster.

        Raises
        ------
        MissingExtra
            If Ray is not installed.
        VgenreError
            If there is no cluster at the address.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
        # It would print to stdout, between our lines, that an actor died; we tell what came of it.
        os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
        with needs("ray", "labelling on a cluster"):
            import ray
        if not ray.is_initialized():
            named = None if self.address == "auto" else self.address
            try:
                ray.init(
                    address=named,
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                    include_dashboard=False if self.address == "local" else None,
                )
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise VgenreError(
                    f"no Ray cluster at {self.address!r} ({error}); --ray takes {ADDRESSES}"
                ) from None
        return ray


class RayWorkers:
    """Labels films on a Ray cluster; an executor as those of `vgenre.batch.processes`.

    Parameters
    ----------
    task : Task
        Its model has to be where it says on every node.
    cluster : Cluster
    """

    def __init__(self, task: Task, cluster: Cluster) -> None:
        if os.path.isdir(task.model):
            task = replace(task, model=os.path.abspath(task.model))
        threads = task.threads or max(1, int(cluster.cpus))
        self._job, self._cluster = Labelling(replace(task, threads=threads)), cluster

    def run(self, films: Iterable[str], progress: Progress | None = None) -> Iterator[FilmResult]:
        """Records of films, in the order in which they are finished."""
        # Actors have another working directory.
        asked = {at_place(film, place_of(film)): film for film in films}
        task = self._job.task
        for path, found in self._cluster.run(self._job, asked, film_timeout=task.film_timeout):
            film = asked[path]
            if isinstance(found, WorkerLost):
                yield failure(WorkerDied.of(film, found.cause), film, task.model)
            elif isinstance(found, WorkerHung):
                yield failure(FilmTimeout.of(film, found.seconds), film, task.model)
            elif isinstance(found, Fault):
                yield found.record(path, task.model).called(film)
            else:
                yield found.called(film)


def cluster_of(
    address: str | None, actors: int | None = None, cpus: float = 1.0, gpus: float = 0.0
) -> Cluster | None:
    """The cluster that the options of a command name; None without an address.

    Raises
    ------
    DataError
        If they ask for nothing at all.
    """
    if address is None:
        return None
    if cpus <= 0 and gpus <= 0:
        raise DataError("an actor has to ask for a part of a CPU or a GPU")
    return Cluster(address, actors, cpus, gpus)
