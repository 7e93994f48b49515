"""Films most like one, found among very many by plain numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..models.embedding import EmbeddingSpace

_AT_ONCE = 8192  # films
_TOGETHER = 64  # films that all others are compared with at once


@dataclass(frozen=True)
class Neighbour:
    """A film that is like another one.

    Attributes
    ----------
    index : int
        Of the film.
    likeness : float
        1 for a copy, 0 for a film taken at random: the mean of its streams' cosines, each with
        the stream's weight.
    streams : dict of str to float
        Each stream's cosine.
    told_by : str
        The stream that says it most: whose cosine is the farthest from those of films taken at
        random, in their standard deviations.
    """

    index: int
    likeness: float
    streams: dict[str, float]
    told_by: str


def nearest(
    space: EmbeddingSpace, embedding: np.ndarray, films: np.ndarray, top: int = 10
) -> list[Neighbour]:
    """The films most like one.

    Parameters
    ----------
    space : EmbeddingSpace
    embedding : ndarray of float16, shape (size,)
    films : ndarray of float16, shape (n, size)
        May be memory-mapped: it is read in batches.
    top : int

    Returns
    -------
    list of Neighbour
        At most `top`, the most alike first; without films that have no stream in common with it.
    """
    one = embedding.astype(np.float32)
    parts = [
        space.by_stream(one, films[begin : begin + _AT_ONCE].astype(np.float32))
        for begin in range(0, len(films), _AT_ONCE)
    ]
    if not parts:
        return []
    return _best(space, np.concatenate(parts), top)


def neighbours_of_all(
    space: EmbeddingSpace, films: np.ndarray, top: int = 5
) -> list[list[Neighbour]]:
    """The films most like each of some, itself left out.

    Parameters
    ----------
    space : EmbeddingSpace
    films : ndarray of float16, shape (n, size)
    top : int

    Returns
    -------
    list of list of Neighbour
    """
    there = np.stack([np.isfinite(films[:, part.start]) for part in space.parts.values()], axis=1)
    plain = np.nan_to_num(films.astype(np.float32))
    found = []
    for begin in range(0, len(films), _TOGETHER):
        rows = slice(begin, begin + _TOGETHER)
        products = [plain[rows, part] @ plain[:, part].T for part in space.parts.values()]
        both = there[rows, None] & there[None]
        by_stream = np.where(both, np.stack(products, axis=2), np.nan)
        for i, cosines in enumerate(by_stream, begin):
            cosines[i] = np.nan  # a film is not like itself
            found.append(_best(space, cosines, top))
    return found


def _best(space: EmbeddingSpace, by_stream: np.ndarray, top: int) -> list[Neighbour]:
    """The films most alike by their cosines, shape (n, n_streams)."""
    alike = space.joined(by_stream)
    order = _largest(np.nan_to_num(alike, nan=-np.inf), top)
    return [
        _neighbour(space, int(i), float(alike[i]), by_stream[i])
        for i in order
        if np.isfinite(alike[i])
    ]


def _neighbour(
    space: EmbeddingSpace, index: int, likeness: float, by_stream: np.ndarray
) -> Neighbour:
    streams = {
        stream: float(cosine)
        for stream, cosine in zip(space.maps, by_stream, strict=True)
        if np.isfinite(cosine)
    }
    told_by = max(streams, key=lambda s: streams[s] / space.maps[s].usual_cosine)
    return Neighbour(index, likeness, streams, told_by)


def _largest(values: np.ndarray, count: int) -> Sequence[int]:
    """Where the largest values stand, the largest first, equal ones in their order."""
    if count < len(values):
        some = np.sort(np.argpartition(-values, count)[:count])
    else:
        some = np.arange(len(values))
    return some[np.argsort(-values[some], kind="stable")].tolist()
