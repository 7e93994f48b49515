"""The terms of what is said in films, and how much each weighs. Plain numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..dialogue.types import WORD

_MOST_TERMS = 1 << 20
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


def terms_of(text: str) -> list[str]:
    """The terms of what is said in a cue: its words, lower case, and each two that follow.

    Examples
    --------
    >>> terms_of("Don't move!")
    ["don't", 'move', "don't move"]
    """
    words = words_of(text)
    return words + [f"{one} {next_}" for one, next_ in pairwise(words)]


def words_of(text: str) -> list[str]:
    """The words of what is said, lower case.

    Examples
    --------
    >>> words_of("Don't move!")
    ["don't", 'move']
    """
    return [word.replace(_APOSTROPHE, "'") for word in WORD.findall(text.lower())]


@dataclass(frozen=True)
class Vocabulary:
    """Terms that are known, weighed by tf-idf with sublinear counts.

    Salton and Buckley, *Term-weighting approaches in automatic text retrieval*, 1988.

    Parameters
    ----------
    terms : tuple of str
        See `terms_of`.
    idf : ndarray of float32, shape (n_terms,)
    """

    terms: tuple[str, ...]
    idf: np.ndarray

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self.terms)}

    def weighed(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """What is said as weighed terms.

        Parameters
        ----------
        texts : sequence of str
            A cue an entry.

        Returns
        -------
        places : ndarray of int64, shape (n,)
            Of those of the terms that are said.
        values : ndarray of float32, shape (n,)
            Their weights, of length 1.
        """
        counts = Counter(
            place
            for text in texts
            for term in terms_of(text)
            if (place := self._places.get(term)) is not None
        )
        places = np.fromiter(counts, np.int64, len(counts))
        values = (1 + np.log(np.fromiter(counts.values(), np.float32, len(counts)))) * (
            self.idf[places]
        )
        length = float(np.linalg.norm(values))
        return places, values / length if length else values

    def arrays(self) -> dict[str, np.ndarray]:
        """What `read` takes: the terms as UTF-8, a line each, and their weights."""
        return {
            "terms": np.frombuffer("\n".join(self.terms).encode(), np.uint8),
            "idf": self.idf.astype(np.float16),
        }

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray]) -> Vocabulary:
        """The vocabulary that `arrays` gave.

        Raises
        ------
        ValueError
            If its arrays do not fit one another, or a term is there twice.
        KeyError
            If one is missing.
        """
        if arrays["terms"].dtype != np.uint8:
            raise ValueError("terms that are no text")
        terms = tuple(arrays["terms"].tobytes().decode().split("\n"))
        idf = arrays["idf"]
        if idf.shape != (len(terms),) or idf.dtype.kind != "f" or len(terms) > _MOST_TERMS:
            raise ValueError("weights of other terms")
        if len(set(terms)) < len(terms):
            raise ValueError("terms that are there twice")
        return cls(terms, idf.astype(np.float32))
