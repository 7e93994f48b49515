"""``vgenre serve``: the report's page, live, and a place to drop films.

It knows two addresses: ``/`` is the page, ``/films`` gives the records and takes films.
No address names a file, so none outside the chosen folders can be asked for.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .dataset import MEDIA_SUFFIXES
from .workers import InProcess, Task
from .writers.html import page_data, render_page

if TYPE_CHECKING:
    from flask import Flask

MOST_WAITING = 16
"""Films that may wait to be labelled beside those of the chosen folders."""
_CHUNK = 1 << 20  # bytes
_LONGEST_NAME = 200  # bytes; file systems take 255


class Live:
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


def create_app(
    live: Live, genres: tuple[str, ...], *, hosts: frozenset[str], max_bytes: int
) -> Flask:
    """The web application.

    Parameters
    ----------
    live : Live
    genres : tuple of str
        Of the model.
    hosts : frozenset of str
        Names under which it may be asked for; another one means that a page from
        elsewhere had its own name point here.
    max_bytes : int
        The largest film that may be dropped in.

    Returns
    -------
    flask.Flask
    """
    from flask import Flask, Response, abort, request
    from werkzeug.exceptions import HTTPException

    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = max_bytes

    @app.before_request
    def refuse_strangers() -> None:
        if request.host.rsplit(":", 1)[0].strip("[]") not in hosts:
            abort(403, "this address is not the one that vgenre serves")
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            abort(403, "another page sent this")

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(HTTPException)
    def say(error: HTTPException) -> tuple[dict[str, Any], int]:
        return {"error": error.description}, error.code or 500

    @app.get("/")
    def page() -> str:
        return "".join(render_page(genres, live=True))

    @app.get("/films")
    def films() -> dict[str, Any]:
        return live.state(max(0, request.args.get("after", 0, type=int)))

    @app.post("/films")
    def drop() -> tuple[dict[str, Any], int]:
        name = request.args.get("name", "")
        if (
            os.path.splitext(name)[1].lower() not in MEDIA_SUFFIXES
            or "\0" in name
            or len(name.encode()) > 200
        ):
            abort(415, f"{name or 'this'} has no name of a film, a sound or a picture")
        if not request.content_length:
            abort(411, f"{name} is empty")
        if request.content_length > max_bytes:
            abort(413, f"{name} is larger than the {max_bytes / 1e6:.0f} MB that are taken here")
        if not live.room():
            abort(429, "many films wait already; drop this one later")
        live.drop(name, iter(lambda: request.stream.read(_CHUNK), b""))
        return {"waiting": name}, 202

    return app
