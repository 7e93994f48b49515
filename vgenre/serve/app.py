"""``vgenre serve``: the report's page, live, and a place to drop films.

Its addresses: ``/`` is the page; ``/films`` gives the state and takes films, ``/films/room`` says
beforehand whether it would take one; ``/films/N`` is a record, and ``/films.csv`` and its like are
all of them. No address names a file, so none outside the chosen folders can be asked for.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..media.types import MEDIA_SUFFIXES
from ..output.html import render_page
from ..output.writers import WRITERS, open_writer
from .hosts import name_of, spelt
from .live import DropRefused, LiveBatch

if TYPE_CHECKING:
    from flask import Flask, Response

_CHUNK_BYTES = 1 << 20
_KINDS = {
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson; charset=utf-8",
}
# What lies beside films and is none: the word says why it is not taken.
_NO_FILMS = {
    **dict.fromkeys((".ass", ".idx", ".srt", ".ssa", ".sub", ".sup", ".vtt"), "subtitles"),
    **dict.fromkeys((".nfo", ".xml"), "a description"),
    **dict.fromkeys((".htm", ".html", ".md", ".pdf", ".txt"), "a text"),
    **dict.fromkeys((".7z", ".gz", ".rar", ".tar", ".zip"), "an archive: unpack it first"),
    **dict.fromkeys((".crdownload", ".part", ".tmp"), "a film that is not complete yet"),
    ".iso": "a disc image: take the films out of it first",
}


def create_app(
    live: LiveBatch, genres: tuple[str, ...], *, hosts: frozenset[str], max_bytes: int
) -> Flask:
    """The web application.

    Parameters
    ----------
    live : LiveBatch
    genres : tuple of str
        Of the model, and taught ones.
    hosts : frozenset of str
        Names under which it may be asked for, as `vgenre.serve.hosts.known_names` gives them,
        beside the address at which a request arrives. Another name means that a page from
        elsewhere had its own name point here.
    max_bytes : int
        The largest film that may be dropped in.

    Returns
    -------
    flask.Flask
    """
    from flask import Flask, Response, abort, request, send_file
    from werkzeug.exceptions import HTTPException

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_bytes

    @app.before_request
    def refuse_strangers() -> None:
        name = name_of(request.headers.get("Host", ""))
        connection = request.environ.get("werkzeug.socket")
        here = {spelt(str(connection.getsockname()[0]))} if connection else set()
        if name is None or name not in hosts | here:
            abort(
                403,
                f"this is vgenre serve, which does not know itself as {name or 'that'}. If it is "
                f"to be reached under this name, start it with --allow-host {name or 'NAME'}",
            )
        origin, host = request.headers.get("Origin"), request.headers["Host"].lower()
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            abort(403, "another page sent this; vgenre takes films from its own page alone")

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(HTTPException)
    def say(error: HTTPException) -> Response | tuple[dict[str, Any], int]:
        if "text/html" in request.headers.get("Accept", ""):  # somebody opens it in a browser
            return Response(f"{error.description}\n", error.code, mimetype="text/plain")
        return {"error": error.description}, error.code or 500

    @app.errorhandler(DropRefused)
    def refuse(error: DropRefused) -> tuple[dict[str, Any], int]:
        return {"error": str(error)}, error.status

    def wanted(name: str, size: int | None) -> tuple[str, int]:
        """The last part of a film's name, and its size, or a refusal."""
        name = name.replace("\\", "/").rsplit("/", 1)[-1]
        suffix = os.path.splitext(name)[1].lower()
        if suffix not in MEDIA_SUFFIXES or "\0" in name:
            what = _NO_FILMS.get(suffix, "no film, sound or picture by its name")
            abort(415, f"not taken: {what}")
        if not size or size < 0:
            abort(411, "not taken: it is empty")
        if size > max_bytes:
            abort(
                413,
                f"not taken: it has more than the {max_bytes / 1e6:.0f} MB that are taken here "
                "(--max-upload); put it into a folder and name that to vgenre serve",
            )
        return name, size

    @app.get("/")
    def page() -> str:
        return "".join(render_page(genres, live=True))

    @app.get("/films")
    def films() -> dict[str, Any]:
        return live.state(max(0, request.args.get("after", 0, type=int)))

    @app.get("/films/<int:number>")
    def film(number: int) -> Response:
        text = live.records.text(number)
        if text is None:
            abort(404, "there is no such film")
        return Response(text, mimetype="application/json")

    @app.get("/films.<kind>")
    def download(kind: str) -> Response:
        suffix = f".{kind}"
        if suffix not in WRITERS:
            abort(404, f"records are given as {', '.join(WRITERS)}")
        with tempfile.TemporaryDirectory(dir=live.folder) as folder:
            path = Path(folder) / f"films{suffix}"
            with open_writer(path, genres) as writer:
                for record in live.records.films():
                    writer.write(record)
            file = open(path, "rb")  # noqa: SIM115  # can be read on when its name is gone
        return send_file(file, _KINDS.get(suffix), as_attachment=True, download_name=path.name)

    @app.get("/films/room")
    def room() -> dict[str, Any]:
        _, size = wanted(request.args.get("name", ""), request.args.get("bytes", 0, type=int))
        live.check_room(size)
        return {}

    @app.post("/films")
    def drop() -> tuple[dict[str, Any], int]:
        name, size = wanted(request.args.get("name", ""), request.content_length)
        parts = iter(lambda: request.stream.read(_CHUNK_BYTES), b"")
        return {"waiting": name, "drop": live.drop(name, parts, size)}, 202

    return app
