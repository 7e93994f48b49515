"""A page to look at: one file that needs no other and no network."""

from __future__ import annotations

import json
import os
from typing import Any

from ..colours import genre_colour
from ..labelling.record import ERROR, FilmResult
from ..media.discs import film_name
from .alike import AlikeFilms
from .base import Writer
from .pages import render

_TEMPLATE, _BETWEEN = "report.html", "<!-- films -->"


class HtmlWriter(Writer):
    """A table of films to search, sort and filter; each opens to its pictures and timeline.

    What a film opens to is data that the page's script reads when it is opened, so
    that thousands of films open at once.

    Parameters
    ----------
    path : Path
    genres : tuple of str
    note : str
        What the page says above its table.
    space : EmbeddingSpace, optional
        Of the films' embeddings; each film then opens to the films that are most like it too.
    """

    pictures = True

    def begin(self) -> None:
        """Write the page up to its films."""
        before, self._after = render_page(self.genres, note=self.note)
        self._alike = AlikeFilms(self.space)
        self.file.write(before)

    def write(self, film: FilmResult) -> None:
        """Write a film's data."""
        self._alike.add(film)
        for kind, data in page_data(film).items():
            self.file.write(f'<script type="application/json" class="{kind}">')
            self.file.write(_inert(data) + "</script>\n")

    def end(self) -> None:
        """Write the rest of the page."""
        self.file.write('<script type="application/json" id="alike">')
        self.file.write(_inert(self._alike.found()) + "</script>\n")
        self.file.write(self._after)


def render_page(genres: tuple[str, ...], *, live: bool = False, note: str = "") -> tuple[str, str]:
    """The page without its films: what stands before them and what behind.

    Parameters
    ----------
    genres : tuple of str
        Of the model.
    live : bool
        Whether a server gives the page its films as they are labelled.
    note : str
        What the page says above its table.
    """
    colours = {name: genre_colour(name) for name in genres}
    page = render(_TEMPLATE, genres=genres, colours=colours, live=live, note=note)
    before, after = page.split(_BETWEEN)
    return before, after


def page_data(film: FilmResult) -> dict[str, dict[str, Any]]:
    """What the page knows of a film: ``film`` for its row, ``details`` for what it opens to."""
    return {
        "film": {
            "name": film_name(film.path),
            "folder": os.path.dirname(film.path),
            "status": film.status if film.labels or film.status == ERROR else "uncertain",
            "labels": film.labels,
            "sure": round(max((*film.probabilities.values(), *film.taught.values()), default=0), 4),
            "length": film.duration,
        },
        "details": film.to_dict(pictures=True),
    }


def _inert(data: dict | list) -> str:
    """JSON in which no text ends the element that it stands in."""
    # ASCII alone: a file name may hold bytes that are no text.
    text = json.dumps(data)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
