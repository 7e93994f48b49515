"""A page to look at: one file that needs no other and no network."""

from __future__ import annotations

import json
import os

import jinja2

from ..colours import genre_colour
from ..result import ERROR, FilmResult
from .base import Writer

_TEMPLATE, _BETWEEN = "report.html", "<!-- films -->"


class HtmlWriter(Writer):
    """A table of films to search, sort and filter; each opens to its pictures and timeline.

    What a film opens to is data that the page's script reads when it is opened, so
    that thousands of films open at once.
    """

    pictures = True

    def begin(self) -> None:
        """Write the page up to its films."""
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("vgenre"), autoescape=True, undefined=jinja2.StrictUndefined
        )
        page = environment.get_template(_TEMPLATE).render(
            genres=self.genres, colours={name: genre_colour(name) for name in self.genres}
        )
        before, self._after = page.split(_BETWEEN)
        self.file.write(before)

    def write(self, film: FilmResult) -> None:
        """Write a film's data."""
        top = max(film.probabilities.values(), default=0.0)
        film_data = {
            "name": os.path.basename(film.path),
            "folder": os.path.dirname(film.path),
            "status": film.status if film.labels or film.status == ERROR else "uncertain",
            "labels": film.labels,
            "sure": round(top, 4),
            "length": film.duration,
        }
        details = film.to_dict(pictures=True)
        for data, kind in ((film_data, "film"), (details, "details")):
            self.file.write(f'<script type="application/json" class="{kind}">')
            self.file.write(_inert(data) + "</script>\n")

    def end(self) -> None:
        """Write the rest of the page."""
        self.file.write(self._after)


def _inert(data: dict) -> str:
    """JSON in which no text ends the element that it stands in."""
    # ASCII alone: a file name may hold bytes that are no text.
    text = json.dumps(data)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
