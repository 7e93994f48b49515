"""Where films are labelled: in this process, or in workers that may die without harm.

An executor takes paths and gives their records as they are finished. Workers are
spawned, never forked: a fork after TensorFlow or OpenVINO started their threads hangs.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing.connection import Connection, wait

from ..errors import VgenreError
from ..labelling.record import FilmResult, failure
from .executors import Progress, Task, WorkerDied


class _Worker:
    """One spawned process and the film it is at."""

    def __init__(self, task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, task), daemon=True)
        self.process.start()
        theirs.close()
        self.film: str | None = None
        self.ready = False

    def give(self, film: str) -> None:
        self.film = film
        with contextlib.suppress(OSError):  # it died; its pipe will tell
            self.pipe.send(film)

    def stop(self) -> None:
        self.pipe.close()
        assert self.process.pid
        with contextlib.suppress(OSError):  # its group is gone, or it had not made one yet
            os.killpg(self.process.pid, signal.SIGKILL)  # its FFmpeg too
        self.process.kill()
        self.process.join()


class _Waiting(deque[str]):
    """Films to be tried again, and those of an iterator, which is asked when a process is free.

    So a list may still grow while its films are labelled.
    """

    def __init__(self, films: Iterable[str]) -> None:
        super().__init__()
        self._coming = iter(films)

    def __bool__(self) -> bool:
        if not len(self):
            self.extend(islice(self._coming, 1))
        return len(self) > 0


class Workers:
    """Labels films in spawned processes.

    One that dies costs its film one more try and then an error record, not the run.

    Parameters
    ----------
    task : Task
    jobs : int
        Processes.
    """

    def __init__(self, task: Task, jobs: int) -> None:
        self._task, self._jobs = task, jobs

    def run(self, films: Iterable[str], progress: Progress | None = None) -> Iterator[FilmResult]:
        """Records of films, in the order in which they are finished."""
        waiting = _Waiting(films)
        died: set[str] = set()
        false_starts = 0
        workers: list[_Worker] = []
        try:
            while any(worker.film for worker in workers) or waiting:
                for worker in workers:
                    if worker.film is None and waiting:
                        worker.give(waiting.popleft())
                while len(workers) < self._jobs and waiting:
                    workers.append(_Worker(self._task))
                    workers[-1].give(waiting.popleft())
                for pipe in wait([worker.pipe for worker in workers]):
                    worker = next(w for w in workers if w.pipe is pipe)
                    try:
                        kind, value = worker.pipe.recv()
                    except (EOFError, OSError):
                        kind, value = "died", None
                    if kind == "ready":
                        worker.ready = True
                    elif kind == "refused":  # by the model: no film can be labelled
                        raise value
                    elif kind == "progress":
                        if progress and worker.film:
                            progress(worker.film, value)
                    elif kind == "done":
                        worker.film = None
                        yield value
                    else:
                        workers.remove(worker)
                        worker.stop()
                        film, status = worker.film, worker.process.exitcode
                        if not worker.ready:
                            false_starts += 1
                            if false_starts > 2 * self._jobs:
                                raise VgenreError(
                                    f"the workers die while they load the model (exit status "
                                    f"{status}); is there memory for {self._jobs} of them? "
                                    "Try a smaller --jobs"
                                )
                        if film is None:
                            continue
                        if film in died:
                            error = WorkerDied.of(film, _cause(status))
                            yield failure(error, film, self._task.model)
                        else:
                            if worker.ready:
                                died.add(film)
                            waiting.appendleft(film)
        finally:
            for worker in workers:
                worker.stop()


def _cause(status: int | None) -> str:
    if status is not None and status < 0:
        return f"signal {signal.Signals(-status).name}"
    return f"exit status {status}"


_PR_SET_PDEATHSIG = 1


def _work(pipe: Connection, task: Task) -> None:
    """A worker's life: load the model, label what comes through the pipe."""
    # A group of its own: Ctrl-C at the terminal is for the parent, which ends the workers.
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):  # Linux: no worker outlives its parent
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        model = task.load()
    except VgenreError as error:
        pipe.send(("refused", error))
        return
    pipe.send(("ready", None))
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            film = pipe.recv()
            result = model.label(
                film, progress=lambda part: pipe.send(("progress", part)), **task.how
            )
            pipe.send(("done", result))
