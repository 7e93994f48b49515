"""``vgenre serve``: the report's page, live, and a place to drop films.

It knows two addresses: ``/`` is the page, ``/films`` gives the records and takes films.
No address names a file, so none outside the chosen folders can be asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..media.types import MEDIA_SUFFIXES
from ..output.html import render_page
from .live import LabellingThread

if TYPE_CHECKING:
    from flask import Flask

_CHUNK = 1 << 20  # bytes
_LONGEST_NAME = 200  # bytes; file systems take 255


def create_app(
    live: LabellingThread, genres: tuple[str, ...], *, hosts: frozenset[str], max_bytes: int
) -> Flask:
    """The web application.

    Parameters
    ----------
    live : LabellingThread
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
