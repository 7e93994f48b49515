"""The space in which films are compared: what the streams see and hear of a film, as one vector.

Each stream's reading of a film is projected by arrays that were fitted on the training films. They
are all that is kept of them: means, directions, and how far films usually lie from the mean.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ..errors import DataError, ModelError
from ..output.atomic import write_atomic
from .fusion import STREAMS

_MOST_VALUES = 6000  # of a film: 12 kB
_PARTS = ("mean", "projection", "centre", "spread", "noise", "weight")
_LARGE = ("mean", "projection")
_TERMS = ("base", "films", "separation", "share")


@dataclass(frozen=True)
class StreamMap:
    """From a stream's reading of a film to its part of the vector, and where films lie in it.

    Parameters
    ----------
    mean : ndarray of float32, shape (width,)
        Of the training films.
    projection : ndarray of float32, shape (width, size)
        The axes are those in which genres differ, each as long as they do.
    centre, spread : ndarray of float32, shape (size,)
        Mean and variance of the training films' parts.
    noise : float
        The variance of a single film about its genre's mean, where that of the genres' means is
        the spread: how little few films tell.
    weight : float
        How much the stream counts where films are compared.
    """

    mean: np.ndarray
    projection: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    noise: float
    weight: float = 1.0

    @property
    def size(self) -> int:
        """How many values of the vector are the stream's."""
        return self.projection.shape[1]

    @cached_property
    def usual_cosine(self) -> float:
        """The standard deviation of the cosine of two films taken at random."""
        return float(np.sqrt(np.sum((self.spread + self.centre**2) ** 2)))

    def of(self, reading: np.ndarray) -> np.ndarray:
        """The stream's part: float32, shape (..., size), of length 1.

        Parameters
        ----------
        reading : ndarray, shape (..., width)
            What is NaN in it is not known and counts as the mean.
        """
        centred = np.nan_to_num(np.asarray(reading, np.float32) - self.mean)
        part = centred @ self.projection
        return part / np.maximum(np.linalg.norm(part, axis=-1, keepdims=True), 1e-12)

    def pull(self, parts: np.ndarray) -> np.ndarray:
        """What some films of a genre have in common: a direction, unless they are too few for one.

        That of linear discriminant analysis against the training films. In axes that few films
        tell nothing of, it is shrunk: the mean is the posterior one under the distribution that
        the means of known genres have (empirical Bayes).

        Parameters
        ----------
        parts : ndarray, shape (n, size)

        Returns
        -------
        ndarray of float64, shape (size,)
        """
        found = parts.mean(axis=0, dtype=np.float64) - self.centre
        return found / (self.spread + self.noise / len(parts))

    def direction(self, pull: np.ndarray) -> tuple[np.ndarray, float]:
        """A direction by which the scores of the training films have mean 0 and deviation 1.

        Parameters
        ----------
        pull : ndarray, shape (size,)

        Returns
        -------
        direction : ndarray of float32, shape (size,)
        centre : float
            What is taken off the product of a film with it.
        """
        length = max(float(np.sqrt(np.sum(pull**2 * self.spread))), 1e-12)
        found = (pull / length).astype(np.float32)
        return found, float(found @ self.centre)


@dataclass(frozen=True)
class Expected:
    """What was measured of taught genres: the odds that a film among the first ten is right.

    A logistic regression over many genres, taught from several numbers of films.

    Parameters
    ----------
    base, films, separation, share : float
        The intercept, and what the logarithm of the number of films, the separation (see
        `vgenre.taught.genre.Genre`) and the log odds of the share of films that are of the genre
        add to the log odds.
    measured : tuple of float
        The fewest and the most films that it was measured with.
    """

    base: float
    films: float
    separation: float
    share: float
    measured: tuple[float, float]

    def at(self, films: int, separation: float, share: float) -> float:
        """The precision to expect of the first ten films."""
        count = np.log(np.clip(films, *self.measured))
        odds = self.base + self.films * count + self.separation * separation
        return float(1 / (1 + np.exp(-odds - self.share * np.log(share / (1 - share)))))


@dataclass(frozen=True)
class EmbeddingSpace:
    """The space of a model; a vector of it is called a film's embedding.

    An embedding is float16 of the shape (`size`,): the parts of the streams one after the other
    (`parts`), each of length 1. Those of streams that the film has not are NaN.

    Parameters
    ----------
    maps : dict of str to StreamMap
        By stream, in the order of `vgenre.models.fusion.STREAMS`.
    expected : Expected or None
        None where nothing was measured.
    digest : str
        SHA-256 of the file, which identifies the space.
    """

    maps: dict[str, StreamMap]
    expected: Expected | None = None
    digest: str = field(default="", compare=False)

    @cached_property
    def parts(self) -> dict[str, slice]:
        """Where each stream's part lies in a vector."""
        ends = np.cumsum([0, *(found.size for found in self.maps.values())]).tolist()
        return {
            stream: slice(*bounds) for stream, bounds in zip(self.maps, pairwise(ends), strict=True)
        }

    @property
    def size(self) -> int:
        """How many values a vector has."""
        return sum(found.size for found in self.maps.values())

    @cached_property
    def weights(self) -> np.ndarray:
        """How much each stream counts where films are compared: float32, shape (n_streams,)."""
        return np.array([found.weight for found in self.maps.values()], np.float32)

    def by_stream(self, vector: np.ndarray, films: np.ndarray) -> np.ndarray:
        """The product of a vector with films, by stream: the cosines, where it is a film too.

        Parameters
        ----------
        vector : ndarray, shape (size,)
        films : ndarray, shape (n, size)

        Returns
        -------
        ndarray of float32, shape (n, n_streams)
            NaN where either lacks the stream.
        """
        found = [films[:, part] @ vector[part] for part in self.parts.values()]
        return np.stack(found, axis=1)

    def joined(self, cosines: np.ndarray) -> np.ndarray:
        """How like films are: the weighted mean over the streams that both have.

        Parameters
        ----------
        cosines : ndarray, shape (n, n_streams)
            As `by_stream` gives them.

        Returns
        -------
        ndarray of float64, shape (n,)
            NaN where no stream is in both.
        """
        weights = np.isfinite(cosines) * self.weights.astype(np.float64)
        length = weights.sum(axis=1)
        total = (np.nan_to_num(cosines) * weights).sum(axis=1)
        return np.divide(total, length, out=np.full(len(total), np.nan), where=length > 0)

    def embedding(self, readings: Mapping[str, np.ndarray]) -> np.ndarray:
        """The vector of a film.

        Parameters
        ----------
        readings : mapping of str to ndarray, shape (width,)
            By each stream that the film has; those that the space does not know are passed over.

        Returns
        -------
        ndarray of float16, shape (size,)

        Raises
        ------
        ModelError
            If a reading is of another width than the space was made for.
        """
        found = np.full(self.size, np.nan, np.float16)
        for stream, reading in readings.items():
            if (known := self.maps.get(stream)) is None:
                continue
            if np.shape(reading) != known.mean.shape:
                raise ModelError(
                    f"the {stream} stream gives {np.shape(reading)} values of a film, the "
                    f"embedding takes {known.mean.shape}: they are not of one model; copy the "
                    "model again"
                )
            found[self.parts[stream]] = known.of(reading)
        return found

    def write(self, path: Path) -> None:
        """Write it as arrays, the large ones in half precision; nothing in the file can run."""
        arrays: dict[str, np.ndarray] = {}
        for stream, known in self.maps.items():
            for part in _PARTS:
                kind = np.float16 if part in _LARGE else np.float32
                arrays[f"{stream}.{part}"] = np.atleast_1d(getattr(known, part)).astype(kind)
        if table := self.expected:
            numbers = [getattr(table, name) for name in _TERMS]
            arrays["expected"] = np.array([*numbers, *table.measured], np.float32)
        write_atomic(path, save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))

    @classmethod
    def read(cls, path: Path, digest: str = "") -> EmbeddingSpace:
        """Read what `write` wrote.

        Parameters
        ----------
        path : Path
        digest : str
            Of the file.

        Raises
        ------
        ModelError
            If the file cannot be read, or its arrays do not fit one another.
        """
        try:
            arrays = {name: array.astype(np.float32) for name, array in load_file(path).items()}
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path}: cannot be read: {error}") from None
        odd = ModelError(f"{path}: its arrays do not fit one another; copy the model again")
        maps = {}
        try:
            if not all(np.isfinite(array).all() for array in arrays.values()):
                raise ValueError("numbers that are none")
            for stream in STREAMS:
                if any(name.startswith(f"{stream}.") for name in arrays):
                    found = {part: arrays.pop(f"{stream}.{part}") for part in _PARTS}
                    maps[stream] = _checked_map(found)
            expected = _expected(arrays)
        except (KeyError, ValueError):
            raise odd from None
        if not maps or arrays or sum(m.size for m in maps.values()) > _MOST_VALUES:
            raise odd
        return cls(maps, expected, digest)


def _checked_map(found: dict[str, np.ndarray]) -> StreamMap:
    """A stream's map; ValueError where its arrays are of shapes that do not fit."""
    mean, projection, centre, spread, noise, weight = (found[part] for part in _PARTS)
    if projection.ndim != 2 or not projection.size or mean.shape != projection.shape[:1]:
        raise ValueError("arrays of other shapes")
    if not centre.shape == spread.shape == projection.shape[1:] or (spread <= 0).any():
        raise ValueError("arrays of other shapes")
    if not noise.shape == weight.shape == (1,) or noise[0] < 0 or weight[0] < 0:
        raise ValueError("arrays of other shapes")
    return StreamMap(mean, projection, centre, spread, float(noise[0]), float(weight[0]))


def _expected(arrays: dict[str, np.ndarray]) -> Expected | None:
    """What was measured, taken out of the arrays; ValueError where it is of another shape."""
    if (numbers := arrays.pop("expected", None)) is None:
        return None
    if numbers.shape != (len(_TERMS) + 2,) or not 0 < numbers[-2] <= numbers[-1]:
        raise ValueError("arrays of other shapes")
    base, films, separation, share, fewest, most = numbers.tolist()
    return Expected(base, films, separation, share, (fewest, most))


def written(embedding: np.ndarray) -> str:
    """An embedding as text, for a record: float16, least byte first, in base64."""
    return base64.b64encode(np.asarray(embedding, "<f2").tobytes()).decode()


def parsed(text: str, space: EmbeddingSpace) -> np.ndarray:
    """The embedding that `written` wrote.

    Raises
    ------
    DataError
        If it is none, or of another size than the space.
    """
    try:
        found = np.frombuffer(base64.b64decode(text, validate=True), "<f2")
    except (binascii.Error, ValueError):
        raise DataError("a record holds an embedding that is none; label with --restart") from None
    if found.shape != (space.size,):
        raise DataError(
            f"a record holds an embedding of {found.size} values, the model gives {space.size}; "
            "label with --restart"
        )
    return found.astype(np.float16)
