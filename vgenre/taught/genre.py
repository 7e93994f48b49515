"""A genre taught from a few films: directions in which they lie apart from films at large."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import DataError
from ..models.embedding import EmbeddingSpace
from ..models.fusion import STREAMS, sigmoid

FEWEST, MOST = 3, 50
"""From how many films a genre is taught."""

PRIOR = 0.1
"""How probable a genre is of a film of which nothing is known: one film in ten."""

_VARIANCE = 1.6  # of scores about their means: more than that of films at large, as a genre's vary
_USUAL = 10  # films that the usual weights of streams count for
_SAME = 0.999  # cosine from which on two films count as copies of one


@dataclass(frozen=True)
class Example:
    """A film that a genre is taught from.

    Parameters
    ----------
    path : str
    embedding : ndarray of float16, shape (size,)
        See `vgenre.models.embedding.EmbeddingSpace`.
    """

    path: str
    embedding: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Genre:
    """A genre that was taught.

    A film's score by a stream is how far it lies in the genre's direction, in standard
    deviations of films at large; where streams are missing the others say it.

    Parameters
    ----------
    name : str
    films, others : tuple of Example
        Films of the genre, and films that are named as not of it.
    directions : ndarray of float32, shape (size,)
        Parts by stream; NaN of a stream that none of the films has.
    centres : ndarray of float32, shape (n_streams,)
        Of films at large in each direction, in its standard deviations.
    weights : ndarray of float32, shape (n_streams,)
        How much each stream counts.
    separation : float
        How far a film of the genre lies from films at large, in their standard deviations: the
        mean over its films, of each by a genre taught from all others (leave one out).
    """

    name: str
    films: tuple[Example, ...]
    others: tuple[Example, ...]
    directions: np.ndarray
    centres: np.ndarray
    weights: np.ndarray
    separation: float

    def scores(self, embeddings: np.ndarray, space: EmbeddingSpace) -> np.ndarray:
        """How far films lie in the genre's direction.

        Parameters
        ----------
        embeddings : ndarray, shape (n, size)
        space : EmbeddingSpace

        Returns
        -------
        ndarray of float64, shape (n,)
            NaN for a film that has no stream which the genre knows.
        """
        return _joined(self.scores_by_stream(embeddings, space), self.weights)

    def scores_by_stream(self, embeddings: np.ndarray, space: EmbeddingSpace) -> np.ndarray:
        """The same by each stream: float64, shape (n, n_streams), NaN where it is missing."""
        return _by_stream(self.directions, self.centres, embeddings, space)

    def probabilities(self, embeddings: np.ndarray, space: EmbeddingSpace) -> np.ndarray:
        """How probable it is that films are of the genre: float64, shape (n,), NaN as of `scores`.

        Films at large lie at 0 in scores and those of the genre at its separation, with the same
        variance; before a film is looked at it is of the genre with the probability `PRIOR`.
        """
        apart, odds = max(0.0, self.separation), np.log(PRIOR / (1 - PRIOR))
        return sigmoid(odds + apart * (self.scores(embeddings, space) - apart / 2) / _VARIANCE)

    def by_stream(self, embedding: np.ndarray, space: EmbeddingSpace) -> dict[str, float]:
        """A film's score by each stream that it has and the genre knows."""
        found = self.scores_by_stream(embedding[None], space)[0]
        known = np.isfinite(found) & (self.weights > 0)
        return {s: float(z) for s, z, k in zip(space.maps, found, known, strict=True) if k}

    def expected(self, space: EmbeddingSpace) -> float | None:
        """The part of its first ten films that is likely to be right; None where none was measured.

        Where one film in ten is of the genre (`PRIOR`).
        """
        known = space.expected
        return None if known is None else known.at(len(self.films), self.separation, PRIOR)


def teach(
    name: str,
    films: list[Example],
    space: EmbeddingSpace,
    others: list[Example] | None = None,
) -> Genre:
    """Teach a genre.

    In each stream the direction is the one from films at large towards the films, and away from
    the others; films at large are known by their mean and spread alone; see
    `vgenre.models.maps.StreamMap.pull`.

    Parameters
    ----------
    name : str
    films : list of Example
        Of the genre; copies of one film count once.
    space : EmbeddingSpace
    others : list of Example, optional
        Films that are not of it.

    Returns
    -------
    Genre

    Raises
    ------
    DataError
        If there are too few different films, or too many.
    """
    films, others = distinct(films, space), distinct(others or [], space)
    if len(films) < FEWEST:
        raise DataError(
            f"{name}: {len(films)} different film{'s' * (len(films) != 1)}; a genre is taught from "
            f"{FEWEST} at least (copies of one film count once)"
        )
    if max(len(films), len(others)) > MOST:
        raise DataError(f"{name}: {len(films)} films; a genre is taught from {MOST} at most")
    return _taught(name, films, others, space)


def distinct(films: list[Example], space: EmbeddingSpace) -> list[Example]:
    """Films without copies of one that came before, told by what is seen and heard in them.

    Copies may have other subtitles: what is said tells where there is nothing else.
    """
    kept: list[Example] = []
    for film in films:
        if not any(_are_copies(film.embedding, o.embedding, space) for o in kept):
            kept.append(film)
    return kept


def _are_copies(one: np.ndarray, other: np.ndarray, space: EmbeddingSpace) -> bool:
    cosines = space.by_stream(one.astype(np.float32), other[None])
    others = np.array([stream != STREAMS[-1] for stream in space.maps])
    if np.isfinite(cosines[0, others]).any():
        cosines[:, ~others] = np.nan
    return float(space.joined(cosines)[0]) >= _SAME


def likeness(one: np.ndarray, other: np.ndarray, space: EmbeddingSpace) -> float:
    """The mean cosine of two films, over the streams that both have; NaN where there is none."""
    return float(space.joined(space.by_stream(one.astype(np.float32), other[None]))[0])


def _taught(name: str, films: list[Example], others: list[Example], space: EmbeddingSpace) -> Genre:
    embedded = np.stack([film.embedding for film in films]).astype(np.float32)
    against = np.stack([film.embedding for film in others]) if others else np.zeros((0, space.size))
    directions, centres = _directions(embedded, against, space)
    left_out = np.full((len(films), len(space.maps)), np.nan)
    for i in range(len(films)):
        rest = _directions(np.delete(embedded, i, axis=0), against, space)
        left_out[i] = _by_stream(*rest, embedded[i : i + 1], space)[0]
    weights = _weights(left_out, space)
    apart = _joined(left_out, weights)
    separation = float(np.nanmean(apart)) if np.isfinite(apart).any() else 0.0
    return Genre(name, tuple(films), tuple(others), directions, centres, weights, separation)


def _directions(
    films: np.ndarray, others: np.ndarray, space: EmbeddingSpace
) -> tuple[np.ndarray, np.ndarray]:
    """Directions of all streams, shape (size,), and their centres; NaN of streams without films."""
    directions = np.full(space.size, np.nan, np.float32)
    centres = np.zeros(len(space.maps), np.float32)
    for i, (stream, part) in enumerate(space.parts.items()):
        known = space.maps[stream]
        seen, unlike = (_complete(rows[:, part]) for rows in (films, others))
        if len(seen):
            pull = known.pull(seen)
            if len(unlike):  # half-way between away from films at large and away from the others
                pull = pull - known.pull(unlike) / 2
            directions[part], centres[i] = known.direction(pull)
    return directions, centres


def _complete(rows: np.ndarray) -> np.ndarray:
    return rows[np.isfinite(rows).all(axis=1)]


def _weights(left_out: np.ndarray, space: EmbeddingSpace) -> np.ndarray:
    """How much each stream counts: its usual weight, and how far it tells these films apart.

    Parameters
    ----------
    left_out : ndarray, shape (n, n_streams)
        Scores of the films, each by a genre taught from the others.
    space : EmbeddingSpace
    """
    counts = np.isfinite(left_out).sum(axis=0)
    found = np.nansum(left_out, axis=0).clip(0)
    weights = (found + _USUAL * space.weights) / (counts + _USUAL)
    return np.where(counts > 0, weights, 0).astype(np.float32)


def _by_stream(
    directions: np.ndarray, centres: np.ndarray, films: np.ndarray, space: EmbeddingSpace
) -> np.ndarray:
    return space.by_stream(directions, np.asarray(films, np.float32)).astype(np.float64) - centres


def _joined(by_stream: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Scores of all streams as one, of a deviation of 1 among films at large."""
    there = np.isfinite(by_stream)
    length = np.sqrt((there * weights.astype(np.float64) ** 2).sum(axis=1))
    total = (np.nan_to_num(by_stream) * weights).sum(axis=1)
    return np.divide(total, length, out=np.full(len(total), np.nan), where=length > 0)
