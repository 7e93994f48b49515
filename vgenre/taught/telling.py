"""Taught genres in the records of films, beside the model's own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..labelling.record import FilmResult
from ..models.embedding import parsed
from ..models.spaces import space_of
from .taxonomy import THRESHOLD, Taxonomy


class Telling:
    """Adds taught genres to records.

    Parameters
    ----------
    taxonomy : Taxonomy or None
        None: records stay as they are.
    """

    def __init__(self, taxonomy: Taxonomy | None = None) -> None:
        self._taxonomy = taxonomy

    @classmethod
    def of(cls, directory: Path | None, model: str | os.PathLike[str]) -> Telling:
        """By the taxonomy of a directory, where one is named.

        Raises
        ------
        DataError
            If there is none, it is damaged, or a genre is called like one of the model.
        ModelError
            If it was taught with a model of another space, or the model has none.
        """
        if directory is None:
            return cls()
        card, space = space_of(model)
        taxonomy = Taxonomy.read(directory, space)
        taxonomy.check_names(card)
        return cls(taxonomy)

    @property
    def names(self) -> tuple[str, ...]:
        """The taught genres."""
        return self._taxonomy.names if self._taxonomy else ()

    def tell(self, film: FilmResult) -> FilmResult:
        """A record with its taught genres, those that are likely among its labels behind others."""
        if self._taxonomy is None or film.embedding is None:
            return film
        found = self._taxonomy.probabilities(parsed(film.embedding, self._taxonomy.space))
        likely = sorted((n for n in found if found[n] >= THRESHOLD), key=lambda n: -found[n])
        return replace(film, taught=found, labels=[*film.labels, *likely])

    def tell_all(self, films: Iterable[FilmResult]) -> Iterator[FilmResult]:
        """The same for each of some records."""
        return map(self.tell, films)
