"""One row a film, for spreadsheets."""

from __future__ import annotations

import csv

from ..labelling.record import FilmResult
from ..labels import SEPARATOR
from .base import Writer


class CsvWriter(Writer):
    """Columns: path, status, labels (``|`` between), one a genre, taught ones behind, error.

    A cell that a spreadsheet would take for a formula has a ``'`` before it; a path that begins
    with ``=``, ``+``, ``-`` or ``@`` has to be read back without.
    """

    def begin(self) -> None:
        """Write the names of the columns."""
        self._csv = csv.writer(self.file)
        self._csv.writerow(["path", "status", "labels", *self.genres, "error"])

    def write(self, film: FilmResult) -> None:
        """Write a film's row; a film that failed has no probabilities."""
        found = [film.probability(genre) for genre in self.genres]
        probabilities = ["" if p is None else f"{p:.4f}" for p in found]
        error = film.error["message"] if film.error else ""
        row = [film.path, film.status, SEPARATOR.join(film.labels), *probabilities, error]
        self._csv.writerow([_inert(value) for value in row])


def _inert(value: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + value if value[:1] in tuple("=+-@\t\r") and value else value
