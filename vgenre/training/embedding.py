"""The space in which films are compared, fitted on the training films. Plain numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..models.embedding import EmbeddingSpace
from ..models.fusion import STREAMS
from ..models.maps import Expected, StreamMap
from ..models.vocabulary import Vocabulary

SIZES = {"visual": 256, "audio": 128, "dialogue": 128}
"""How many values of a vector are each stream's, at most."""

FLOORS = {"visual": 0.003, "audio": 0.01, "dialogue": 0.03}
"""How far genres differ in directions in which those that are known do not; of films' variance."""

_TRUSTED = 0.1  # of how far the known ones differ: what is taught lies nearer, or varies more
_FEWEST = 8  # films of a genre whose mean tells anything


def fit_space(
    readings: Mapping[str, np.ndarray],
    genres: Sequence[Sequence[str]],
    *,
    weights: Mapping[str, float] | None = None,
    expected: Expected | None = None,
) -> EmbeddingSpace:
    """Fit a space.

    Parameters
    ----------
    readings : mapping of str to ndarray, shape (n_films, width)
        By stream, as `vgenre.labelling.summary.FilmReading` gives them; NaN for a film without
        the stream.
    genres : sequence of sequence of str, length n_films
        What is known of the films.
    weights : mapping of str to float, optional
        Of the streams; 1 unless given.
    expected : Expected, optional

    Returns
    -------
    EmbeddingSpace
    """
    return space_along(axes_of(readings), genres, weights=weights, expected=expected)


def axes_of(readings: Mapping[str, np.ndarray]) -> dict[str, Axes]:
    """The axes of each stream, for `space_along`: as for `fit_space`."""
    return {s: Axes.of(readings[s], SIZES[s]) for s in STREAMS if s in readings}


def space_along(
    axes: Mapping[str, Axes],
    genres: Sequence[Sequence[str]],
    *,
    weights: Mapping[str, float] | None = None,
    expected: Expected | None = None,
) -> EmbeddingSpace:
    """A space of films whose axes are known, as for `fit_space`."""
    weights = weights or {}
    maps = {s: known.map(genres, FLOORS[s], weights.get(s, 1.0)) for s, known in axes.items()}
    return EmbeddingSpace(maps, expected=expected)


def with_dialogue(
    space: EmbeddingSpace,
    vocabulary: Vocabulary,
    readings: np.ndarray,
    genres: Sequence[Sequence[str]],
    weight: float = 1.0,
) -> EmbeddingSpace:
    """A space with a map for the dialogue, which other films teach than the other streams' do.

    Parameters
    ----------
    space : EmbeddingSpace
    vocabulary : Vocabulary
    readings : ndarray, shape (n_films, n_terms)
        Of films by what is said in them, as `EmbeddingSpace.dialogue` gives them.
    genres : sequence of sequence of str, length n_films
    weight : float
        Of the stream.
    """
    stream = STREAMS[-1]
    known = Axes.of(readings, SIZES[stream]).map(genres, FLOORS[stream], weight)
    return replace(space, maps={**space.maps, stream: known}, vocabulary=vocabulary)


@dataclass(frozen=True)
class Axes:
    """The principal axes of films as a stream reads them, for whatever genres they are sorted by.

    Attributes
    ----------
    there : ndarray of bool, shape (n_films,)
        Which of the films have the stream.
    mean : ndarray, shape (width,)
    axes : ndarray, shape (width, k)
    variances : ndarray, shape (k,)
    films : ndarray, shape (n, k)
        Those that have it along the axes.
    """

    there: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    films: np.ndarray

    @classmethod
    def of(cls, readings: np.ndarray, size: int) -> Axes:
        """Find them.

        Parameters
        ----------
        readings : ndarray, shape (n_films, width)
            NaN for a film without the stream.
        size : int
            How many; fewer where there are fewer films.

        Raises
        ------
        ValueError
            If fewer than three films have the stream.
        """
        there = np.isfinite(readings).all(axis=1)
        known = readings[there].astype(np.float64)
        if len(known) < 3:
            raise ValueError(f"{len(known)} films have the stream; a space needs three at least")
        mean = known.mean(axis=0)
        known -= mean
        axes, variances = _principal(known, size)
        return cls(there, mean, axes, variances, known @ axes)

    def map(self, genres: Sequence[Sequence[str]], floor: float, weight: float) -> StreamMap:
        """The stream's map: the axes turned to those that tell genres apart.

        Parameters
        ----------
        genres : sequence of sequence of str, length n_films
        floor, weight : float
            See `FLOORS` and `StreamMap`.
        """
        variances = self.variances
        labels = [names for names, has in zip(genres, self.there, strict=True) if has]
        prior = _TRUSTED * _between(self.films / np.sqrt(variances), labels)
        prior += floor * np.diag(np.sqrt(variances / variances.mean()))
        # In these axes a genre's mean is likely to lie as far as they are long, in each by itself.
        lengths, turned = np.linalg.eigh(prior)
        lengths, turned = lengths[::-1].clip(1e-9), turned[:, ::-1]
        turn = turned * np.sqrt(lengths / variances[:, None])
        projection = self.axes @ turn
        # It is kept in half precision, and length does not count.
        length = np.abs(projection).max()
        parts = self.films @ turn / length
        parts /= np.linalg.norm(parts, axis=1, keepdims=True).clip(1e-12)
        spread = parts.var(axis=0)
        return StreamMap(
            self.mean.astype(np.float32),
            (projection / length).astype(np.float32),
            parts.mean(axis=0).astype(np.float32),
            spread.clip(1e-9).astype(np.float32),
            float(spread.sum() / lengths.sum()),
            weight,
        )


def _principal(centred: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The first principal axes, shape (width, k), and the variances along them."""
    wide = centred.shape[1] > 2 * len(centred)  # there are far more terms than films
    if wide:
        values, films = np.linalg.eigh(centred @ centred.T)
        values, films = values[::-1].clip(0), films[:, ::-1]
    else:
        _, lengths, rows = np.linalg.svd(centred, full_matrices=False)
        values = lengths**2
    count = min(size, int((values > 1e-12 * values[0]).sum()))
    found = centred.T @ films[:, :count] / np.sqrt(values[:count]) if wide else rows[:count].T
    return found, values[:count] / len(centred)


def _between(parts: np.ndarray, genres: Sequence[Sequence[str]]) -> np.ndarray:
    """The covariance of genres' means, less what chance alone would give: shape (size, size).

    Parameters
    ----------
    parts : ndarray, shape (n_films, size)
        Of mean 0 and deviation 1.
    genres : sequence of sequence of str
    """
    names = sorted({name for films in genres for name in films})
    member = np.array([[name in films for films in genres] for name in names], bool)
    member = member.reshape(len(names), len(genres))
    counts = member.sum(axis=1)
    member, counts = member[counts >= _FEWEST], counts[counts >= _FEWEST]
    if not len(counts):
        return np.zeros((parts.shape[1], parts.shape[1]))
    means = member @ parts / counts[:, None]
    _, lengths, axes = np.linalg.svd(means, full_matrices=False)
    variances = (lengths**2 / len(means) - (1 / counts).mean()).clip(0)
    return (axes.T * variances) @ axes
