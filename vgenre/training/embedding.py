"""The space in which films are compared, fitted on the training films. Plain numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..models.embedding import EmbeddingSpace, Expected, StreamMap
from ..models.fusion import STREAMS

SIZES = {"visual": 256, "audio": 128, "dialogue": 128}
"""How many values of a vector are each stream's, at most."""

FLOORS = {"visual": 0.003, "audio": 0.01, "dialogue": 0.01}
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
    maps = {
        stream: fit_map(
            readings[stream],
            genres,
            SIZES[stream],
            floor=FLOORS[stream],
            weight=(weights or {}).get(stream, 1.0),
        )
        for stream in STREAMS
        if stream in readings
    }
    return EmbeddingSpace(maps, expected)


def fit_map(
    readings: np.ndarray,
    genres: Sequence[Sequence[str]],
    size: int,
    *,
    floor: float,
    weight: float = 1.0,
) -> StreamMap:
    """Fit a stream's map: principal components of films, turned to the axes that tell genres apart.

    Parameters
    ----------
    readings : ndarray, shape (n_films, width)
    genres : sequence of sequence of str, length n_films
    size : int
        Fewer where there are fewer films.
    floor, weight : float
        See `FLOORS` and `StreamMap`.

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
    axes, variances = _principal(known - mean, size)
    whitened = (known - mean) @ axes / np.sqrt(variances)
    labels = [names for names, has in zip(genres, there, strict=True) if has]
    prior = _TRUSTED * _between(whitened, labels)
    prior += floor * np.diag(np.sqrt(variances / variances.mean()))
    # In these axes a genre's mean is likely to lie as far as they are long, in each by itself.
    lengths, turned = np.linalg.eigh(prior)
    lengths, turned = lengths[::-1].clip(1e-9), turned[:, ::-1]
    projection = axes / np.sqrt(variances) @ (turned * np.sqrt(lengths))
    projection /= np.abs(projection).max()  # it is kept in half precision; length does not count
    parts = (known - mean) @ projection
    parts /= np.linalg.norm(parts, axis=1, keepdims=True).clip(1e-12)
    spread = parts.var(axis=0)
    return StreamMap(
        mean.astype(np.float32),
        projection.astype(np.float32),
        parts.mean(axis=0).astype(np.float32),
        spread.clip(1e-9).astype(np.float32),
        float(spread.sum() / lengths.sum()),
        weight,
    )


def _principal(centred: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The first principal axes, shape (width, k), and the variances along them."""
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    count = min(size, int((lengths > 1e-6 * lengths[0]).sum()))
    return axes[:count].T, lengths[:count] ** 2 / len(centred)


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
