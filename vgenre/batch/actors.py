"""Actors on a Ray cluster that do a job with films, one each at a time."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import VgenreError
from .executors import DONE, FAILED, LOAD_TIMEOUT, REFUSED, Fault, attempt, load_error

log = logging.getLogger(__name__)

_FALSE_STARTS = 3  # an actor may fail to start so often, for each that is wanted
_LOOK_SECONDS = 10.0  # after which to see whether the cluster has grown, or an actor hangs
_PLACE_SECONDS = 50.0  # after which it is said that the cluster has placed no actor
_WAIT_SECONDS = 600.0  # that a cluster which others use may take to place the first one
_ANSWER_SECONDS = 30.0  # that an actor may take to say how long it has been silent


class Job(Protocol):
    """What actors do with films."""

    def load(self) -> Callable[[str], Any]:
        """Load what takes a film's path, once an actor.

        Where that has an attribute ``last_sign``, it is the `time.monotonic` at which there
        was progress with the film.
        """


@dataclass(frozen=True)
class WorkerLost:
    """In the place of a result: the actors that were at this film died, twice."""

    cause: str


@dataclass(frozen=True)
class WorkerHung:
    """In the place of a result: the actor at this film made no progress and was ended."""

    seconds: float


@dataclass
class _Busy:
    """An actor and what it is at."""

    actor: Any
    film: str | None  # None: it loads the job
    look_at: float  # `time.monotonic` at which to ask whether it goes on


@dataclass(frozen=True)
class Share:
    """What each actor asks of its node.

    Parameters
    ----------
    cpus, gpus : float
        That Ray sets aside for it.
    """

    cpus: float
    gpus: float

    def room(self, ray: Any) -> int:
        """How many actors the nodes of the cluster have CPUs and GPUs for, as it is now."""
        return sum(self._fit(node) for node in _nodes(ray))

    def _fit(self, resources: dict[str, float]) -> int:
        """How many actors one node has room for: none is spread over two."""
        asked = (("CPU", self.cpus), ("GPU", self.gpus))
        # Fractions of a CPU are added up in ten thousandths by Ray.
        return min(
            (int(resources.get(name, 0) / each + 1e-4) for name, each in asked if each), default=1
        )

    def __str__(self) -> str:
        return _in_words({"CPU": self.cpus, "GPU": self.gpus})


def _nodes(ray: Any) -> list[dict[str, float]]:
    """The resources of each node that is there."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _in_words(resources: dict[str, float]) -> str:
    named = [(f"{resources.get(name, 0):g}", name) for name in ("CPU", "GPU")]
    return " and ".join(
        f"{n} {name}{'s' * (n != '1')}" for n, name in named if n != "0" or name == "CPU"
    )


class ActorRun:
    """One run of a job over films: the actors, and what each of them is at.

    Parameters
    ----------
    ray : module
        Connected to the cluster.
    job, films, film_timeout
        See `vgenre.batch.ray.Cluster.run`.
    share : Share
    actors : int, optional
        As many as there is room for unless given.
    """

    def __init__(
        self,
        ray: Any,
        job: Job,
        films: Iterable[str],
        *,
        share: Share,
        actors: int | None = None,
        film_timeout: float | None = None,
    ) -> None:
        self._ray, self._job, self._waiting = ray, job, deque(films)
        self._share, self._actors, self._film_timeout = share, actors, film_timeout
        self._wanted, self._looked = 0, -_LOOK_SECONDS
        # By what Ray will tell of: actors that wait for a place, and those that have one.
        self._placing: dict[Any, Any] = {}
        self._busy: dict[Any, _Busy] = {}
        self._was_placed = self._told = False
        self._tried: set[str] = set()
        self._false_starts = 0

    def results(self) -> Iterator[tuple[str, Any]]:
        """Films and what came of them."""
        began = time.monotonic()
        try:
            while self._films_left():
                self._start_actors()
                told, _ = self._ray.wait(
                    [*self._placing, *self._busy], num_returns=1, timeout=self._patience()
                )
                for ref in told:
                    yield from self._answered(ref)
                if not self._was_placed:
                    self._check_place(time.monotonic() - began)
                yield from self._hanging()
        finally:
            for actor in (*self._placing.values(), *(busy.actor for busy in self._busy.values())):
                self._ray.kill(actor)

    def _films_left(self) -> int:
        """How many films have no result yet."""
        return len(self._waiting) + sum(busy.film is not None for busy in self._busy.values())

    def _patience(self) -> float:
        """Seconds to wait for an actor before something else is to be looked at."""
        if not self._was_placed:
            return min(1.0, _PLACE_SECONDS)
        soonest = min((busy.look_at for busy in self._busy.values()), default=float("inf"))
        return min(_LOOK_SECONDS, max(0.0, soonest - time.monotonic()))

    def _start_actors(self) -> None:
        """Ask for as many actors as the cluster has room for and films are left for."""
        share = self._share
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._wanted = self._actors or max(1, share.room(self._ray))
            self._looked = time.monotonic()
        there = len(self._placing) + len(self._busy)
        # Two threads each: one does the job, the other can say that it goes on.
        kind = self._ray.remote(
            num_cpus=share.cpus, num_gpus=share.gpus, max_restarts=0, max_concurrency=2
        )(_Actor)
        for _ in range(there, min(self._wanted, self._films_left())):
            actor = kind.remote(self._job)
            self._placing[actor.placed.remote()] = actor

    def _answered(self, ref: Any) -> Iterator[tuple[str, Any]]:
        """Go on with an actor that answered, or that never will."""
        busy = self._busy.pop(ref, None)
        actor = busy.actor if busy else self._placing.pop(ref)
        film = busy.film if busy else None
        try:
            answer = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:  # what it says cannot be pickled
            cause = error.cause if isinstance(error.cause, Exception) else error
            if film is None:
                self._ray.kill(actor)
                raise load_error(cause) from None
            answer = FAILED, Fault.of(film, cause)
        except self._ray.exceptions.RayError as error:  # the end of the actor or of its node
            self._ray.kill(actor)  # where only the way to it was lost
            yield from self._lost(film, type(error).__name__)
            return
        if busy is None:
            self._was_placed = True
            look_at = time.monotonic() + LOAD_TIMEOUT
            self._busy[actor.load.remote()] = _Busy(actor, None, look_at)
            return
        end, value = answer
        if end == REFUSED:
            self._ray.kill(actor)
            raise value
        if film is not None:
            yield film, value
        self._give(actor)

    def _give(self, actor: Any) -> None:
        """Have an actor do the job with the next film, or end it."""
        if not self._waiting:
            self._ray.kill(actor)
            return
        film = self._waiting.popleft()
        look_at = time.monotonic() + (self._film_timeout or float("inf"))
        self._busy[actor.do.remote(film)] = _Busy(actor, film, look_at)

    def _lost(self, film: str | None, cause: str) -> Iterator[tuple[str, Any]]:
        """Go on without an actor, whose film is tried once more."""
        if film is None:
            self._false_starts += 1
            if self._false_starts > _FALSE_STARTS * self._wanted:
                raise VgenreError(
                    f"the actors die while they load the model ({cause}); is vgenre installed on "
                    "every node, and memory for so many of them?"
                )
        elif film in self._tried:
            yield film, WorkerLost(cause)
        else:
            self._tried.add(film)
            self._waiting.appendleft(film)

    def _hanging(self) -> Iterator[tuple[str, Any]]:
        """End actors that made no progress for too long."""
        for ref, busy in list(self._busy.items()):
            if time.monotonic() < busy.look_at:
                continue
            if self._ray.wait([ref], timeout=0)[0]:  # it answered while the caller was busy
                continue
            limit = LOAD_TIMEOUT if busy.film is None else (self._film_timeout or 0.0)
            if busy.film is not None:
                left = limit - self._silence_of(busy.actor)
                if left > 0:
                    busy.look_at = time.monotonic() + left
                    continue
            del self._busy[ref]
            self._ray.kill(busy.actor)
            if busy.film is None:
                yield from self._lost(None, f"not done in {limit:g} s")
            else:
                yield busy.film, WorkerHung(limit)

    def _silence_of(self, actor: Any) -> float:
        """Seconds without progress in an actor; without end where it cannot even say that."""
        try:
            return self._ray.get(actor.silent_for.remote(), timeout=_ANSWER_SECONDS)
        except self._ray.exceptions.GetTimeoutError:
            return float("inf")
        except self._ray.exceptions.RayError:  # it died just now, which Ray will tell of
            return 0.0

    def _check_place(self, seconds: float) -> None:
        """Say that the cluster places no actor, and why; end where it never will."""
        if seconds < _PLACE_SECONDS:
            return
        if not self._share.room(self._ray):
            first = "GPU" if self._share.gpus else "CPU"
            largest = max(_nodes(self._ray), key=lambda node: node.get(first, 0), default={})
            raise VgenreError(
                f"no node of the cluster has the {self._share} that an actor asks for; the "
                f"largest has {_in_words(largest)}. Ask for less with --cpus and --gpus, or add "
                "larger nodes"
            )
        free, has = self._ray.available_resources(), self._ray.cluster_resources()
        said = (
            f"the cluster placed no actor in {seconds:.0f} s: each asks for {self._share}, and of "
            f"{_in_words(has)} only {_in_words(free)} are free"
        )
        if seconds > _WAIT_SECONDS:
            raise VgenreError(
                f"{said}. Run the same command again when others have ended, or ask for less with "
                "--cpus and --gpus"
            )
        if not self._told:
            self._told = True
            log.warning("%s; waiting for others to end", said)


class _Actor:
    """Loads the job once and does it with one film after the other."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._do: Callable[[str], Any] | None = None
        self._began = time.monotonic()

    def placed(self) -> None:
        """Answer as soon as the actor has a place."""

    def load(self) -> tuple[str, Any]:
        """Load the job; how that ends, as for a film."""
        try:
            self._do = self._job.load()
        except Exception as error:
            return REFUSED, load_error(error)
        return DONE, None

    def do(self, film: str) -> tuple[str, Any]:
        """Do the job with a film; see `attempt`."""
        assert self._do is not None
        self._began = time.monotonic()
        return attempt(self._do, film)

    def silent_for(self) -> float:
        """Seconds since there was progress."""
        return time.monotonic() - max(self._began, getattr(self._do, "last_sign", 0.0))
