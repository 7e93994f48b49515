"""What a space of embeddings is made of: a map for each stream, and what was measured in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

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
        # Not by BLAS: for one film it wakes threads, which then spin for longer than it took.
        product = np.matmul if centred.ndim > 1 else partial(np.einsum, "i,ij->j")
        part = product(centred, self.projection)
        return part / np.maximum(np.linalg.norm(part, axis=-1, keepdims=True), 1e-12)

    def arrays(self) -> dict[str, np.ndarray]:
        """What `read` takes, the large ones in half precision."""
        return {
            name: np.atleast_1d(getattr(self, name)).astype(
                np.float16 if name in _LARGE else np.float32
            )
            for name in _PARTS
        }

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray]) -> StreamMap:
        """The map that `arrays` gave.

        Raises
        ------
        ValueError
            If one is missing, or they are of shapes that do not fit.
        """
        if set(arrays) != set(_PARTS):
            raise ValueError("other arrays than those of a map")
        found = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
        mean, projection, centre, spread, noise, weight = (found[name] for name in _PARTS)
        if projection.ndim != 2 or not projection.size or mean.shape != projection.shape[:1]:
            raise ValueError("arrays of other shapes")
        if not centre.shape == spread.shape == projection.shape[1:] or (spread <= 0).any():
            raise ValueError("arrays of other shapes")
        if not noise.shape == weight.shape == (1,) or noise[0] < 0 or weight[0] < 0:
            raise ValueError("arrays of other shapes")
        return cls(mean, projection, centre, spread, float(noise[0]), float(weight[0]))

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

    def array(self) -> np.ndarray:
        """What `read` takes: float32."""
        numbers = [getattr(self, name) for name in _TERMS]
        return np.array([*numbers, *self.measured], np.float32)

    @classmethod
    def read(cls, numbers: np.ndarray) -> Expected:
        """What `array` gave.

        Raises
        ------
        ValueError
            If it is of another shape.
        """
        if numbers.shape != (len(_TERMS) + 2,) or not 0 < numbers[-2] <= numbers[-1]:
            raise ValueError("arrays of other shapes")
        base, films, separation, share, fewest, most = map(float, numbers)
        return cls(base, films, separation, share, (fewest, most))
