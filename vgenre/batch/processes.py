"""Films labelled in processes of this machine, which may die or hang without harm to the run.

They are spawned, never forked: a fork after TensorFlow or OpenVINO started their threads hangs.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any

from ..engines.choose import choose_engine
from ..errors import VgenreError
from ..labelling.record import FilmResult, failure
from ..media.ffmpeg import find_ffmpeg
from ..models.store import check_files, engine_files, find_model, read_card
from .executors import (
    DONE,
    FAILED,
    LOAD_TIMEOUT,
    REFUSED,
    FilmTimeout,
    Progress,
    Task,
    WorkerDied,
    attempt,
    load_error,
)

_READY, _PROGRESS, _DIED, _HUNG = "ready", "progress", "died", "hung"

_END_SECONDS = 10.0  # that a worker may take to end when its pipe is closed
_PARENT_SECONDS = 5.0  # after which a worker looks whether its parent is still there
_FALSE_STARTS = 2  # that are allowed for each job


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
        self.last_sign = time.monotonic()  # when it was last heard of

    def give(self, film: str) -> None:
        """Have it label a film."""
        self.film, self.last_sign = film, time.monotonic()
        with contextlib.suppress(OSError):  # it died; its pipe will tell
            self.pipe.send(film)

    def hears(self) -> tuple[str, Any]:
        """What it says next, or that it died."""
        self.last_sign = time.monotonic()
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            return _DIED, None

    def patience(self, film_timeout: float | None) -> float:
        """Seconds for which it may go on to say nothing."""
        limit = film_timeout if self.ready else LOAD_TIMEOUT
        if limit is None or (self.ready and self.film is None):
            return float("inf")
        return max(0.0, self.last_sign + limit - time.monotonic())

    def cause_of_death(self) -> str:
        """The signal or exit status with which it died by itself."""
        wait([self.process.sentinel], _END_SECONDS)
        self.stop()  # what is dead keeps its exit status
        status = self.process.exitcode
        if status is not None and status < 0:
            return f"signal {signal.Signals(-status).name}"
        return f"exit status {status}"

    def stop(self) -> None:
        """End it, and its FFmpeg."""
        self.pipe.close()
        assert self.process.pid
        with contextlib.suppress(OSError):  # its group is gone, or it had not made one yet
            os.killpg(self.process.pid, signal.SIGKILL)
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
        """Records of films, in the order in which they are finished.

        Raises
        ------
        VgenreError
            If no film can be labelled: there is no FFmpeg, or the model cannot be loaded.
        """
        waiting = _Waiting(films)
        if not waiting:
            return
        task = _checked(self._task)
        died: set[str] = set()
        false_starts = 0
        workers: list[_Worker] = []
        try:
            while any(worker.film for worker in workers) or waiting:
                for worker in workers:
                    if worker.film is None and waiting:
                        worker.give(waiting.popleft())
                while len(workers) < self._jobs and waiting:
                    workers.append(_Worker(task))
                    workers[-1].give(waiting.popleft())
                for worker, kind, value in self._news(list(workers)):
                    film = worker.film
                    if kind == _READY:
                        worker.ready = True
                    elif kind == REFUSED:
                        raise value
                    elif kind == _PROGRESS:
                        if progress and film:
                            progress(film, value)
                    elif kind in (DONE, FAILED):
                        assert film is not None
                        worker.film = None
                        yield value if kind == DONE else value.record(film, task.model)
                    else:
                        workers.remove(worker)
                        if kind == _DIED:
                            cause = worker.cause_of_death()
                        else:
                            worker.stop()
                            cause = f"not done in {LOAD_TIMEOUT:g} s"
                        if not worker.ready:
                            false_starts += 1
                            if false_starts > _FALSE_STARTS * self._jobs:
                                raise _cannot_start(cause, self._jobs)
                        if film is None:
                            continue
                        if kind == _HUNG and worker.ready:
                            assert task.film_timeout is not None
                            yield failure(FilmTimeout.of(film, task.film_timeout), film, task.model)
                        elif film in died:
                            yield failure(WorkerDied.of(film, cause), film, task.model)
                        else:
                            if worker.ready:
                                died.add(film)
                            waiting.appendleft(film)
        finally:
            for worker in workers:
                worker.stop()

    def _news(self, workers: list[_Worker]) -> Iterator[tuple[_Worker, str, Any]]:
        """What workers say, and which of them said nothing for too long."""
        limit = self._task.film_timeout
        patience = min(worker.patience(limit) for worker in workers)
        heard = wait(
            [worker.pipe for worker in workers], None if patience == float("inf") else patience
        )
        for worker in workers:
            if worker.pipe in heard:
                yield worker, *worker.hears()
            elif not worker.patience(limit):
                yield worker, _HUNG, None


def _checked(task: Task) -> Task:
    """The task, when all is there that every worker needs; the model's files are read once."""
    find_ffmpeg()
    directory = find_model(task.model)
    card = read_card(directory, files=())
    engine = choose_engine(task.engine, card)
    check_files(directory, card, engine_files(engine, card))
    return replace(task, engine=engine)


def _cannot_start(cause: str, jobs: int) -> VgenreError:
    return VgenreError(
        f"the workers die while they load the model ({cause}); is there memory for {jobs} of "
        "them? Try a smaller --jobs"
    )


def _work(pipe: Connection, task: Task) -> None:
    """Load the model and label what comes through the pipe: a worker's life."""
    # A group of its own: Ctrl-C at the terminal is for the parent, which ends the workers.
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, BrokenPipeError):
        try:
            model = task.load(check=False)
        except Exception as error:
            pipe.send((REFUSED, load_error(error)))
            return
        pipe.send((_READY, None))

        def label(film: str) -> FilmResult:
            return model.label(film, progress=lambda part: pipe.send((_PROGRESS, part)), **task.how)

        while True:
            pipe.send(attempt(label, pipe.recv()))


def _end_with_parent() -> None:
    """Wait for the end of the process that started this one, and end all of its group then.

    The kernel can do it (``PR_SET_PDEATHSIG``), but at the end of the *thread* that started
    the worker, be it that of a notebook's cell or of a web server's request.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    # A fork of the parent keeps the sentinel open, so its number is looked at too.
    while not wait([parent.sentinel], _PARENT_SECONDS) and os.getppid() == parent.pid:
        pass
    os.killpg(0, signal.SIGKILL)
