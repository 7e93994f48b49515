"""Which of a page's films are most like each of them."""

from __future__ import annotations

import numpy as np

from ..labelling.record import FilmResult
from ..models.embedding import EmbeddingSpace, parsed
from ..taught.neighbours import neighbours_of_all

_SHOWN = 5  # films like one
_MOST = 5_000  # films of a page; of more each would have to be compared with too many


class AlikeFilms:
    """Collects the films of a page, and finds those that are alike.

    Parameters
    ----------
    space : EmbeddingSpace or None
        Of their embeddings; None: none are compared.
    """

    def __init__(self, space: EmbeddingSpace | None) -> None:
        self._space = space
        self._count = 0
        self._rows: list[int] = []
        self._embeddings: list[np.ndarray] = []

    def add(self, film: FilmResult) -> None:
        """Take the page's next film."""
        if self._space and film.embedding is not None and len(self._rows) <= _MOST:
            self._embeddings.append(parsed(film.embedding, self._space))
            self._rows.append(self._count)
        self._count += 1

    def found(self) -> list[list[tuple[int, float, str]]]:
        """For each film of the page those like it: its place there, how like it is, the stream.

        Empty lists for films without embedding; no lists at all where there are too many films.
        """
        if self._space is None or not 1 < len(self._rows) <= _MOST:
            return []
        alike: list[list[tuple[int, float, str]]] = [[] for _ in range(self._count)]
        each = neighbours_of_all(self._space, np.stack(self._embeddings), _SHOWN)
        for row, others in zip(self._rows, each, strict=True):
            alike[row] = [
                (self._rows[other.index], round(max(0.0, other.likeness), 2), other.told_by)
                for other in others
            ]
        return alike
