"""Labelling in the background of the served page."""

from __future__ import annotations

import contextlib
import queue
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..batch.executors import InProcess, Task
from ..output.html import page_data

MOST_WAITING = 16
"""Films that may wait to be labelled beside those of the chosen folders."""


class LabellingThread:
    """Labels films in a thread and keeps what the page shows of them.

    Parameters
    ----------
    task : Task
    films : iterable of str
        Those of the chosen folders.
    uploads : Path
        A folder for films that are dropped in; each is removed when it is labelled.
    """

    def __init__(self, task: Task, films: Iterable[str], uploads: Path) -> None:
        self.records: list[dict[str, Any]] = []
        self.trouble: str | None = None
        self._task, self._uploads = task, uploads
        self._films = list(films)
        self._dropped: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._total = len(self._films)
        self._thread = threading.Thread(target=self._run, name="label", daemon=True)

    def start(self) -> None:
        """Begin to label."""
        self._thread.start()

    def stop(self) -> None:
        """End after the film at hand."""
        self._films.clear()
        with contextlib.suppress(queue.Full):
            self._dropped.put_nowait(None)

    def state(self, after: int = 0) -> dict[str, Any]:
        """The records from one on, and how many there will be."""
        return {"films": self.records[after:], "total": self._total, "trouble": self.trouble}

    def room(self) -> bool:
        """Whether one more film may be dropped in."""
        return not self._dropped.full()

    def drop(self, name: str, parts: Iterator[bytes]) -> None:
        """Take a film.

        Parameters
        ----------
        name : str
            What its sender calls it; only the last part, and only to be shown.
        parts : iterator of bytes

        Raises
        ------
        queue.Full
            If too many wait already.
        """
        folder = Path(tempfile.mkdtemp(dir=self._uploads))
        path = folder / name.replace("\\", "/").rsplit("/", 1)[-1]
        try:
            with open(path, "xb") as file:
                for part in parts:
                    file.write(part)
            self._dropped.put_nowait(str(path))
        except BaseException:
            shutil.rmtree(folder)
            raise
        self._total += 1

    def _waiting(self) -> Iterator[str]:
        """What is dropped in goes first: somebody is looking on."""
        while True:
            try:
                film = self._dropped.get(block=not self._films)
            except queue.Empty:
                film = self._films.pop(0)
            if film is None:
                return
            yield film

    def _run(self) -> None:
        try:
            for result in InProcess(self._task.load(), **self._task.how).run(self._waiting()):
                path = Path(result.path)
                if self._uploads in path.parents:
                    shutil.rmtree(path.parent)
                    error = result.error and {
                        **result.error,
                        "message": result.error["message"].replace(str(path), path.name),
                    }
                    result = replace(result, path=path.name, error=error)
                self.records.append(page_data(result))
        except Exception as error:  # the page says so: nobody may be looking at the terminal
            self.trouble = f"labelling has stopped: {error}"
            raise
