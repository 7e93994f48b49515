"""Clips put together to films, and the truth about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.items import Item
from ..labels import MULTI, LabelSet


@dataclass(frozen=True)
class Films:
    """Clips put together to films, and the truth about them.

    Attributes
    ----------
    names : list of str
    probabilities : ndarray, shape (n_films, n_labels)
    truth : ndarray, shape (n_films, n_labels)
        0 or 1; `vgenre.labels.UNKNOWN` where a film's source does not tell.
    primary : ndarray of int, shape (n_films,)
        The main label; -1 for none of the label set.
    """

    names: list[str]
    probabilities: np.ndarray
    truth: np.ndarray
    primary: np.ndarray

    def take(self, rows: np.ndarray) -> Films:
        """Some of the films."""
        return Films(
            [self.names[row] for row in rows],
            self.probabilities[rows],
            self.truth[rows],
            self.primary[rows],
        )

    def labelled(self) -> Films:
        """The films that have a label of the set."""
        return self.take(np.flatnonzero(self.primary >= 0))

    @classmethod
    def join(cls, parts: Sequence[Films]) -> Films:
        """The films of several data sets."""
        return cls(
            [name for part in parts for name in part.names],
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("probabilities", "truth", "primary")
            ),
        )


def films_of(
    probabilities: np.ndarray,
    seconds: np.ndarray,
    owners: np.ndarray,
    items: Sequence[Item],
    labels: LabelSet,
) -> Films:
    """Average clips to films, weighing a clip by its length.

    Parameters
    ----------
    probabilities : ndarray, shape (n_clips, n_labels)
    seconds : ndarray, shape (n_clips,)
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    items : sequence of Item
    labels : LabelSet

    Returns
    -------
    Films
    """
    of_clip = [items[owner] for owner in owners]
    films = [item.film for item in of_clip]
    first = {item.film: item for item in reversed(of_clip)}
    names = list(dict.fromkeys(films))
    known = LabelSet(labels.names, MULTI)
    truth = np.stack([known.target(first[name].labels, first[name].known) for name in names])
    primary = np.array(
        [labels.names.index(first[n].labels[0]) if first[n].labels else -1 for n in names]
    )
    return Films(names, film_means(probabilities, films, seconds), truth, primary)


def film_means(values: np.ndarray, films: Sequence[str], weights: np.ndarray) -> np.ndarray:
    """Weighted mean over the clips of each film, films in order of their first clip.

    Parameters
    ----------
    values : ndarray, shape (n_clips, n)
    films : sequence of str, length n_clips
    weights : ndarray, shape (n_clips,)

    Returns
    -------
    ndarray, shape (n_films, n)
    """
    index = {film: i for i, film in enumerate(dict.fromkeys(films))}
    rows = np.array([index[film] for film in films])
    total, weight = np.zeros((len(index), values.shape[1])), np.zeros(len(index))
    np.add.at(total, rows, values * weights[:, None])
    np.add.at(weight, rows, weights)
    return total / weight[:, None]
