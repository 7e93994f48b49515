"""Films' dialogue made ready to learn from, once for however many label sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from ...data.items import Item
from ...errors import DataError
from .corpus import Corpus
from .space import Space, Weighing, products
from .sure import LENGTHS

FOLDS = 5
_LEAST_FILMS = 8  # that say a term, for it to be looked at; fewer where there are few films
_FILMS_A_TERM = 50


@dataclass(frozen=True)
class Basis:
    """Some films in the space of their own terms.

    Attributes
    ----------
    space : Space
    vectors : csr_array of float32, shape (n_films, n_terms)
    inner : ndarray, shape (n_films, n_films)
        Their inner products.
    """

    space: Space
    vectors: sparse.csr_array
    inner: np.ndarray


@dataclass(frozen=True)
class Lessons:
    """Films' dialogue, and who learns without whom.

    Attributes
    ----------
    corpus : Corpus
    cuts : dict of int to csr_array
        What the first so many words of each film say.
    folds : ndarray of int, shape (n_films,)
    least_films : int
        That say a term, for it to be one.
    """

    corpus: Corpus
    cuts: dict[int, sparse.csr_array]
    folds: np.ndarray
    least_films: int
    _made: dict[tuple[int | None, Weighing], Basis] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        texts: Sequence[Sequence[str]],
        items: Sequence[Item],
        folds: Sequence[int] | None = None,
        seed: int = 0,
    ) -> Lessons:
        """Read texts.

        Parameters
        ----------
        texts : sequence of sequence of str
            Of each film what is said, a cue an entry.
        items : sequence of Item
            Whose texts they are.
        folds : sequence of int, optional
            Of each film; made by film unless given.
        seed : int
            Of the folds that are made.

        Raises
        ------
        DataError
            If fewer than four films of two folds have enough dialogue.
        """
        least = int(np.clip(len(texts) // _FILMS_A_TERM, 2, _LEAST_FILMS))
        corpus = Corpus.of(texts, least)
        given = _folds(items, seed) if folds is None else np.asarray(folds)
        made = cls(corpus, {n: corpus.cut(n) for n in LENGTHS}, given, least)
        films = made.rows(None)
        if len(films) < 4 or len(np.unique(given[films])) < 2:
            raise DataError(
                f"{len(films)} films with {LENGTHS[0]} words of dialogue or more cannot be learnt "
                "from; 4 are needed, in two folds or more"
            )
        return made

    def rows(self, without: int | None) -> np.ndarray:
        """The films to learn from: those with dialogue, outside a fold."""
        enough = self.corpus.words >= LENGTHS[0]
        return np.flatnonzero(enough & (self.folds != without if without is not None else True))

    def basis(self, without: int | None, weighing: Weighing) -> Basis:
        """The films outside a fold, in their own space; kept for the next label set."""
        weighing = replace(weighing, relevance=0.0)  # that comes with the labels
        if (without, weighing) not in self._made:
            rows = self.rows(without)
            space = Space.of(self.corpus, rows, weighing, self.least_films)
            vectors = space.vectors(self.corpus.counts[rows])
            self._made[without, weighing] = Basis(space, vectors, products(vectors))
        return self._made[without, weighing]


def _folds(items: Sequence[Item], seed: int) -> np.ndarray:
    """Folds by film, main labels spread evenly over them."""
    main = {item.film: (item.labels or ("",))[0] for item in items}
    shuffled = np.random.default_rng(seed).permutation(sorted(main))
    in_order = sorted(shuffled, key=lambda film: main[film])
    fold_of = {film: i % FOLDS for i, film in enumerate(in_order)}
    return np.array([fold_of[item.film] for item in items])
