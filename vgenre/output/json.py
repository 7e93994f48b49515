"""The whole record, timeline and all, for programs."""

from __future__ import annotations

import json

from ..labelling.record import FilmResult
from .base import Writer


class JsonLinesWriter(Writer):
    """One record a line, without its pictures."""

    def write(self, film: FilmResult) -> None:
        """Write a film's line."""
        self.file.write(json.dumps(film.to_dict(), ensure_ascii=False) + "\n")


class JsonWriter(Writer):
    """A list of records without their pictures."""

    def begin(self) -> None:
        """Open the list."""
        self.file.write("[")
        self._between = "\n"

    def write(self, film: FilmResult) -> None:
        """Write a film's element and the comma before it."""
        self.file.write(self._between + json.dumps(film.to_dict(), ensure_ascii=False, indent=1))
        self._between = ",\n"

    def end(self) -> None:
        """Close the list."""
        self.file.write("\n]\n")
