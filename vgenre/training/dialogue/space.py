"""Films as vectors of weighed terms, and the linear layers that are fitted to them.

There are far fewer films than terms, so that a layer is fitted as weights of films (the dual form,
Saunders et al., *Ridge regression learning algorithm in dual variables*, 1998): all strengths at
once, from the films' inner products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg, sparse

from ...labels import UNKNOWN
from ...models.vocabulary import Vocabulary
from .corpus import Corpus

MOST_TERMS = 150_000
_OFTEN = 1 / 25  # share of the films from which a term's column is multiplied as a dense one


@dataclass(frozen=True)
class Weighing:
    """How terms are chosen and weighed.

    Attributes
    ----------
    most_share : float
        Terms that a larger share of the films says are left out.
    idf_power : float
        1 for tf-idf as usual.
    names : bool
        Whether terms with names are kept.
    pairs : bool
        Whether pairs of words are.
    relevance : float
        The power of what a term tells of the labels, by which its idf is multiplied; see
        `relevance_of`. 0 for tf-idf as usual.
    """

    most_share: float = 0.8
    idf_power: float = 1.0
    names: bool = False
    pairs: bool = True
    relevance: float = 0.0


@dataclass(frozen=True)
class Space:
    """The weighed terms that some films gave.

    Attributes
    ----------
    columns : ndarray of int, shape (n,)
        Of the corpus's terms.
    idf : ndarray of float32, shape (n,)
    """

    columns: np.ndarray
    idf: np.ndarray

    @classmethod
    def of(
        cls, corpus: Corpus, rows: np.ndarray, weighing: Weighing, least_films: int = 8
    ) -> Space:
        """The terms that some films say; the others have no say in it."""
        films = np.bincount(corpus.counts[rows].indices, minlength=len(corpus.terms))
        kept = (films >= least_films) & (films <= weighing.most_share * len(rows))
        if not weighing.names:
            kept &= ~corpus.named(rows)
        if not weighing.pairs:
            kept &= corpus.parts[:, 1] < 0
        if kept.sum() > MOST_TERMS:
            kept &= films > np.sort(films[kept])[-MOST_TERMS - 1]
        idf = (np.log((1 + len(rows)) / (1 + films[kept])) + 1) ** weighing.idf_power
        return cls(np.flatnonzero(kept), idf.astype(np.float32))

    def vectors(self, counts: sparse.csr_array) -> sparse.csr_array:
        """Films as vectors of length 1, as `vgenre.models.vocabulary` weighs them."""
        found = counts[:, self.columns].tocsr()
        found.data = (1 + np.log(found.data)) * self.idf[found.indices]
        return _of_length_1(found)

    def strongest(self, vectors: sparse.csr_array, most: int) -> Space:
        """The space of the terms that films' vectors are made of most.

        Parameters
        ----------
        vectors : csr_array, shape (n_films, n_terms)
            As `vectors` gives them.
        most : int
            Terms.
        """
        share = np.asarray(vectors.multiply(vectors).sum(axis=0)).ravel()
        kept = np.sort(np.argsort(-share, kind="stable")[:most])
        return Space(self.columns[kept], self.idf[kept])

    def vocabulary(self, corpus: Corpus) -> Vocabulary:
        """Its terms, for labelling."""
        return Vocabulary(tuple(corpus.terms[self.columns].tolist()), self.idf)

    def weighed(
        self, vectors: sparse.csr_array, factor: np.ndarray
    ) -> tuple[Space, sparse.csr_array]:
        """The space with other weights of its terms, and vectors of films in it."""
        factor = factor.astype(np.float32)
        found = vectors.copy()
        found.data *= factor[found.indices]
        return replace(self, idf=self.idf * factor), _of_length_1(found)


def _of_length_1(vectors: sparse.csr_array) -> sparse.csr_array:
    length = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    vectors.data /= np.repeat(np.maximum(length, 1e-9), np.diff(vectors.indptr))
    return vectors


def relevance_of(vectors: sparse.csr_array, targets: np.ndarray) -> np.ndarray:
    """How differently often films say a term by whether they have a label.

    Parameters
    ----------
    vectors : csr_array, shape (n_films, n_terms)
    targets : ndarray, shape (n_films, n_outcomes)
        1, 0 or `vgenre.labels.UNKNOWN`.

    Returns
    -------
    ndarray, shape (n_terms,)
        Root of the mean over the labels of the squared score of a test of two proportions (each
        square is Pearson's chi-squared of term and label), in shares of its mean: a supervised
        weight of terms (Debole and Sebastiani, *Supervised term weighting for automated text
        categorization*, 2003).
    """
    said = vectors.copy()
    said.data = np.ones_like(said.data)
    positive, negative = targets > 0, targets == 0
    n, n_not = positive.sum(axis=0), negative.sum(axis=0)
    told = (n > 0) & (n_not > 0)
    if not told.any():
        return np.ones(vectors.shape[1])
    n, n_not = n[told], n_not[told]
    has = said.T @ positive[:, told].astype(np.float32)
    has_not = said.T @ negative[:, told].astype(np.float32)
    share = (has + has_not) / (n + n_not)
    variance = np.maximum(share * (1 - share), 1e-6) * (1 / n + 1 / n_not)
    score = np.sqrt(((has / n - has_not / n_not) ** 2 / variance).mean(axis=1))
    return score / max(float(score.mean()), 1e-9)


def products(vectors: sparse.csr_array) -> np.ndarray:
    """Inner products of films: shape (n_films, n_films)."""
    films = np.bincount(vectors.indices, minlength=vectors.shape[1])
    often = films > _OFTEN * vectors.shape[0]
    dense = vectors[:, np.flatnonzero(often)].toarray()
    rare = vectors[:, np.flatnonzero(~often)]
    return np.asarray(dense @ dense.T + (rare @ rare.T).toarray(), np.float32)


@dataclass(frozen=True)
class Dual:
    """A linear layer as weights of films.

    Attributes
    ----------
    weights : ndarray, shape (n_films, n_outcomes)
    bias : ndarray, shape (n_outcomes,)
    """

    weights: np.ndarray
    bias: np.ndarray

    def scores(self, inner: np.ndarray) -> np.ndarray:
        """What it says of films by their inner products with those it was fitted to."""
        return inner @ self.weights + self.bias


def ridge(inner: np.ndarray, targets: np.ndarray, strengths: Sequence[float]) -> list[Dual]:
    """Ridge regression to -1 and 1.

    Parameters
    ----------
    inner : ndarray, shape (n_films, n_films)
        Inner products.
    targets : ndarray, shape (n_films, n_outcomes)
        1, 0 or `vgenre.labels.UNKNOWN`.
    strengths : sequence of float
        Of the regularisation.

    Returns
    -------
    list of Dual
        For each strength.
    """
    n, outcomes = targets.shape
    found = [Dual(np.zeros((n, outcomes)), np.full(outcomes, -1.0)) for _ in strengths]
    known = targets != UNKNOWN
    for pattern in np.unique(known, axis=1).T:  # outcomes that the same films tell of
        same = np.flatnonzero((known == pattern[:, None]).all(axis=0))
        if not pattern.any():
            continue
        some = inner[np.ix_(pattern, pattern)]
        middle, overall = some.mean(axis=0), some.mean()
        centred = some - middle - middle[:, None] + overall
        wanted = np.where(targets[np.ix_(pattern, same)] > 0, 1, -1).astype(inner.dtype)
        mean = wanted.mean(axis=0)
        for dual, strength in zip(found, strengths, strict=True):
            np.fill_diagonal(centred, np.diag(some) - 2 * middle + overall + strength)
            a = linalg.solve(centred, wanted - mean, assume_a="pos", check_finite=False)
            a -= a.mean(axis=0)  # of centred films, written as of those that are not
            dual.weights[np.ix_(pattern, same)] = a
            dual.bias[same] = mean - middle @ a
    return found
