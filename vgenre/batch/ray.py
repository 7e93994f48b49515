"""Films labelled on a Ray cluster: the same work as on one machine, in actors on many.

Ray places the actors, by the CPUs and GPUs that each one asks for, and starts them; only
paths go to them and only records come back. The film that an actor dies of is tried once
more and is an error then, as it is with processes of one machine (`vgenre.batch.processes`).
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..errors import DataError, VgenreError
from ..labelling.record import FilmResult, failure
from ..media.remote import place_of
from .additions import at_place
from .executors import Progress, Task, WorkerDied

ADDRESSES = "auto, local, HOST:PORT or ray://HOST:PORT"
_FALSE_STARTS = 3  # an actor may fail to start so often, for each that is wanted
_LOOK_AGAIN = 10.0  # seconds after which to see whether the cluster has grown


class Job(Protocol):
    """What actors do with films."""

    def load(self) -> Callable[[str], Any]:
        """What takes a film's path, loaded once an actor."""


@dataclass(frozen=True)
class Labelling:
    """The job of ``vgenre label``.

    Parameters
    ----------
    task : Task
    """

    task: Task

    def load(self) -> Callable[[str], FilmResult]:
        """The model, as a function from paths to records."""
        model = self.task.load()
        return lambda film: model.label(film, **self.task.how)


@dataclass(frozen=True)
class WorkerLost:
    """In the place of a result: the actors that were at this film died, twice."""

    cause: str


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

    def run(self, job: Job, films: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """Do a job with each film, in the order in which they are finished.

        The films wait here: each actor has one at a time, so that what an actor dies of is
        known, and a cluster that grows or shrinks meanwhile is made use of.

        Parameters
        ----------
        job : Job
        films : iterable of str

        Yields
        ------
        film : str
        result : object
            What the job made of it, or `WorkerLost`.

        Raises
        ------
        VgenreError
            If Ray is not installed, no cluster is found, or the actors cannot start.
        """
        ray = self.connect()
        actor = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_restarts=0)(_Actor)
        waiting = deque(films)
        wanted, asked = self.actors or self.room(ray), time.monotonic()
        starting: dict[Any, Any] = {}  # what Ray will tell of, and the actor it is of
        working: dict[Any, tuple[Any, str | None]] = {}
        tried: set[str] = set()
        false_starts = 0
        try:
            while waiting or working:
                if not self.actors and time.monotonic() - asked > _LOOK_AGAIN:
                    wanted, asked = self.room(ray), time.monotonic()
                while len(starting) + len(working) < min(wanted, len(waiting) + len(working)):
                    one = actor.remote(job)
                    starting[one.ready.remote()] = one
                (told,), _ = ray.wait([*starting, *working], num_returns=1)
                one, film = working.pop(told) if told in working else (starting.pop(told), None)
                try:
                    found = ray.get(told)
                except ray.exceptions.RayError as error:  # the actor's end, its node's, or a bug
                    ray.kill(one)  # where only the way to it was lost
                    raised = getattr(error, "cause", None)
                    cause = type(raised or error).__name__
                    if film is None and isinstance(raised, VgenreError):
                        raise raised from None  # the model: no film can be labelled
                    if film is None:
                        false_starts += 1
                        if false_starts > _FALSE_STARTS * wanted:
                            raise VgenreError(
                                f"the actors die while they load the model ({cause}); is vgenre "
                                "installed on every node, and memory for so many of them?"
                            ) from None
                    elif film in tried:
                        yield film, WorkerLost(cause)
                    else:
                        tried.add(film)
                        waiting.appendleft(film)
                    continue
                if film is not None:
                    yield film, found
                if waiting:
                    film = waiting.popleft()
                    working[one.do.remote(film)] = one, film
                else:
                    ray.kill(one)
        finally:
            for one in [*starting.values(), *(one for one, _ in working.values())]:
                ray.kill(one)

    def connect(self) -> Any:
        """Ray, connected to the cluster.

        Raises
        ------
        VgenreError
            If Ray is not installed or there is no cluster at the address.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
        # It would print to stdout, between our lines, that an actor died; we tell what came of it.
        os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
        try:
            import ray
        except ImportError:
            raise VgenreError(
                "labelling on a cluster needs Ray: pip install 'vgenre[ray]'"
            ) from None
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

    def room(self, ray: Any) -> int:
        """How many actors the cluster has CPUs and GPUs for, as it is now; at least one."""
        has = ray.cluster_resources()
        rooms = [has.get("CPU", 0) / self.cpus] if self.cpus else []
        rooms += [has.get("GPU", 0) / self.gpus] if self.gpus else []
        return max(1, int(min(rooms, default=1)))


class _Actor:
    """Loads the job once and does it with one film after the other."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def ready(self) -> None:
        """Answers when the job is loaded."""
        self._do = self._job.load()

    def do(self, film: str) -> Any:
        """The job, with a film."""
        return self._do(film)


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
        for path, found in self._cluster.run(self._job, asked):
            film = asked[path]
            if isinstance(found, WorkerLost):
                error = WorkerDied.of(film, found.cause)
                yield failure(error, film, self._job.task.model)
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
