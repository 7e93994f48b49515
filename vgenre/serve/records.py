"""Finished films of a served page: what the table shows in memory, the rest in a file."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..labelling.record import FilmResult
from ..output.html import page_data


class RecordFile:
    """Records of films with their pictures, in the order in which they were added.

    The pictures of thousands of films do not fit into memory, so they go to a file.
    Several threads may use it at once.

    Parameters
    ----------
    path : Path
        A file that does not exist yet.

    Attributes
    ----------
    rows : list of dict
        What the page's table shows of each film.
    """

    def __init__(self, path: Path) -> None:
        self.rows: list[dict[str, Any]] = []
        self._file = open(path, "x+b")  # noqa: SIM115
        self._starts = [0]  # in bytes; the last one is where the next record begins
        self._lock = threading.Lock()

    def add(self, film: FilmResult, **more: Any) -> None:
        """Keep a film's record.

        Parameters
        ----------
        film : FilmResult
        **more
            What the film's row is to hold besides.
        """
        data = page_data(film)
        # ASCII: a file name may hold bytes that are no text, which JSON can escape.
        line = json.dumps(data["details"]).encode("ascii") + b"\n"
        with self._lock:
            self._file.seek(self._starts[-1])
            self._file.write(line)
            self._file.flush()
            self._starts.append(self._starts[-1] + len(line))
            self.rows.append({**data["film"], **more})

    def text(self, number: int) -> bytes | None:
        """A record as JSON; None where there is no such film."""
        with self._lock:
            if not 0 <= number < len(self.rows):
                return None
            start, end = self._starts[number : number + 2]
            self._file.seek(start)
            return self._file.read(end - start)

    def films(self) -> Iterator[FilmResult]:
        """The records of all films that are finished, read from the file one at a time."""
        number = 0
        while text := self.text(number):
            yield FilmResult.from_dict(json.loads(text))
            number += 1

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
