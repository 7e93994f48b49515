"""Films that a served page shows: those that wait, the one at hand, those that are done."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..batch.executors import Executor
from ..errors import MediaError, VgenreError
from ..labelling.record import FilmResult, failure
from ..media.discs import film_name
from ..taught.telling import Telling
from .records import RecordFile

MOST_DROPPED = 16
"""Films that may be on their way, or wait, beside those of the chosen folders."""

_MOST_FAULTS = 3  # in a row; then the fault is not in the films
_SPARE_BYTES = 200_000_000  # that a film which is dropped in must leave free


class DropRefused(VgenreError):
    """A film cannot be taken.

    Parameters
    ----------
    status : int
        What it is in HTTP: 429 no place, 503 nothing is labelled any more, 507 no disk space.
    reason : str
    """

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


@dataclass(frozen=True)
class _Dropped:
    """A film that was dropped in: what its sender calls it, and the name of its drop."""

    name: str
    drop: str


class LiveBatch:
    """Films that are labelled one after the other, while more of them come in.

    One thread labels them with `run`; others may add films and ask for the state.

    Parameters
    ----------
    films : iterable of str
        Those of the chosen folders.
    folder : Path
        An empty folder for what is dropped in, which goes when it is labelled, and for the
        records.
    model : str
        Its name, for records of films that could not be given to it.
    telling : Telling, optional
        Adds taught genres to the records.
    """

    def __init__(
        self, films: Iterable[str], folder: Path, model: str, telling: Telling | None = None
    ) -> None:
        self.folder = folder
        self.records = RecordFile(folder / "records.jsonl")
        self.trouble: str | None = None
        self._model = model
        self._telling = telling or Telling()
        self._films = deque(films)
        self._dropped: deque[str] = deque()
        self._drops: dict[str, _Dropped] = {}  # by path
        self._places = threading.Semaphore(MOST_DROPPED)
        self._film: str | None = None  # at hand
        self._part = 0.0  # of it that is done
        self._stopped = False
        self._changed = threading.Condition()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """The next film; waits for one where there is none."""
        with self._changed:
            while not (self._stopped or self._dropped or self._films):
                self._changed.wait()
            if self._stopped:
                raise StopIteration
            # What is dropped in goes first: somebody is looking on.
            self._film = (self._dropped or self._films).popleft()
            self._part = 0.0
            return self._film

    def run(self, executor: Executor) -> None:
        """Label films until `stop` is called, or labelling itself fails again and again.

        Parameters
        ----------
        executor : Executor
            It has to take a film from an iterator only when it is done with the one before.
        """
        faults = 0
        while not self._stopped:
            try:
                for film in executor.run(self, self._tell):
                    faults = 0
                    self._finish(film)
            except Exception as error:  # of vgenre's own: films that fail have records
                if not isinstance(error, VgenreError):
                    traceback.print_exc()
                faults += 1
                kept = self._give_up(error)
                if faults == _MOST_FAULTS or not kept:
                    self.trouble = f"labelling has stopped: {error}"
                    return

    def _give_up(self, error: Exception) -> bool:
        """Give the film at hand an error record; returns whether that could be kept."""
        if self._film is not None:
            try:
                self._finish(failure(_told(error, self._film), self._film, self._model))
            except OSError:  # a full disk, for one
                return False
        return True

    def stop(self) -> None:
        """Label no further film."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def state(self, after: int = 0) -> dict[str, Any]:
        """What the page shows.

        Parameters
        ----------
        after : int
            How many films the page has already.

        Returns
        -------
        dict
            ``films``: rows of those that came since; ``current``: name, drop and done part of
            the film at hand, or None; ``waiting``, ``total``: numbers of films; ``trouble``: why
            nothing is labelled any more, or None.
        """
        with self._changed:
            film, current = self._film, None
            if film is not None:
                drop = self._drops.get(film)
                name = drop.name if drop else film_name(film)
                current = {"name": name, "drop": drop and drop.drop, "part": self._part}
            waiting = len(self._dropped) + len(self._films)
            done = len(self.records.rows)
            return {
                "films": self.records.rows[after:],
                "current": current,
                "waiting": waiting,
                "total": done + (film is not None) + waiting,
                "trouble": self.trouble,
            }

    def check_room(self, size: int) -> None:
        """See whether a film could be taken now.

        Parameters
        ----------
        size : int
            Its bytes.

        Raises
        ------
        DropRefused
        """
        if not self._places.acquire(blocking=False):
            raise DropRefused(429, f"{MOST_DROPPED} films wait already; add this one later")
        self._places.release()
        self._check_disk(size)

    def drop(self, name: str, parts: Iterable[bytes], size: int) -> str:
        """Take a film in.

        Its place among those that wait is taken before the first part is read, so that what is
        on its way counts too.

        Parameters
        ----------
        name : str
            What its sender calls it. It is only shown: the file gets a name from here.
        parts : iterable of bytes
        size : int
            Bytes of all parts.

        Returns
        -------
        str
            The name of this drop, which the film's row and the state repeat.

        Raises
        ------
        DropRefused
        """
        if not self._places.acquire(blocking=False):
            raise DropRefused(429, f"{MOST_DROPPED} films wait already; add this one later")
        try:
            self._check_disk(size)
            path = self._write(os.path.splitext(name)[1].lower(), parts)
        except BaseException:
            self._places.release()
            raise
        with self._changed:
            self._drops[str(path)] = _Dropped(name, path.parent.name)
            self._dropped.append(str(path))
            self._changed.notify_all()
        return path.parent.name

    def _check_disk(self, size: int) -> None:
        if self.trouble:
            raise DropRefused(503, self.trouble)
        if size + _SPARE_BYTES > shutil.disk_usage(self.folder).free:
            raise DropRefused(
                507, f"there is no room for it on the disk of {self.folder.parent}; set TMPDIR"
            )

    def _write(self, suffix: str, parts: Iterable[bytes]) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="drop-", dir=self.folder))
        path = folder / f"film{suffix}"
        try:
            with open(path, "xb") as file:
                for part in parts:
                    file.write(part)
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError) and error.filename is None and error.errno:
                raise DropRefused(507, f"it could not be written: {error.strerror}") from None
            raise
        return path

    def _tell(self, film: str, part: float) -> None:
        """Note how much of a film is done."""
        with self._changed:
            if film == self._film:
                self._part = part

    def _finish(self, film: FilmResult) -> None:
        film = self._telling.tell(film)
        drop = self._drops.get(film.path)
        if drop:
            shutil.rmtree(os.path.dirname(film.path), ignore_errors=True)
        with self._changed:
            self.records.add(film.called(drop.name) if drop else film, drop=drop and drop.drop)
            self._film = None
            if drop:
                del self._drops[film.path]
        if drop:
            self._places.release()


def _told(error: Exception, film: str) -> VgenreError:
    if isinstance(error, VgenreError):
        return error
    return MediaError(film, f"vgenre failed at it, which is no fault of the film: {error!r}")
