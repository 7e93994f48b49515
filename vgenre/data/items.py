"""Data sets: which films there are, their genres, and which are held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import DataError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Item:
    """One media file of a data set.

    Parameters
    ----------
    path : str
    labels : tuple of str
        Its genres, the main one first; empty for none of the label set.
    film : str
        The film it is from. Files of one film always share a split.
    split : {"train", "val", "test"} or None
    measured : bool
        False for a file whose label is unsure: it is trained on, but nothing is measured,
        calibrated or stopped by it. See `is_sure`.
    known : tuple of str or None
        The labels of which its source can tell; the others are left out of the
        loss and of the figures. None: all.
    """

    path: str
    labels: tuple[str, ...]
    film: str
    split: str | None = None
    measured: bool = True
    known: tuple[str, ...] | None = None

    @property
    def is_sure(self) -> bool:
        """Whether one may measure and decide by it: its label is sure, or it has none."""
        return self.measured or not self.labels


def limit_labels(items: Sequence[Item], wanted: int) -> list[Item]:
    """The items of the first labels by name, for a quick try on a large data set.

    Parameters
    ----------
    items : sequence of Item
    wanted : int
        How many labels.

    Returns
    -------
    list of Item
        Those with any of these labels, without their other ones.
    """
    kept = sorted({name for item in items for name in item.labels})[:wanted]
    left = (replace(i, labels=tuple(n for n in i.labels if n in kept)) for i in items)
    return [item for item in left if item.labels]


def split_by_film(items: Sequence[Item], *, seed: int = 0) -> list[Item]:
    """Split a data set 80/10/10 by film, unless it says how it is split.

    Genres are spread over the three parts as evenly as whole films allow.

    Parameters
    ----------
    items : sequence of Item
    seed : int

    Returns
    -------
    list of Item
        The same, each with a split.

    Raises
    ------
    DataError
        If only some have a split, a film is in two parts, or there are fewer
        than three films.
    """
    films: dict[str, str | None] = {}
    for item in items:
        if films.setdefault(item.film, item.split) != item.split:
            raise DataError(
                f"film {item.film!r} is in two splits ({films[item.film]}, {item.split}); clips of "
                "one film on both sides make any score look good"
            )
    if all(films.values()):
        return list(items)
    if any(films.values()):
        raise DataError("some films have a split and some have none; give it to all or to none")
    if len(films) < 3:
        raise DataError(f"{len(films)} film(s) cannot be split in three; at least 3 are needed")

    by_genre: dict[str, list[str]] = {}
    for item in {i.film: i for i in items}.values():
        by_genre.setdefault(item.labels[0] if item.labels else "", []).append(item.film)
    rng = np.random.default_rng(seed)
    queue: list[str] = []
    for genre in sorted(by_genre):
        names = sorted(by_genre[genre])
        rng.shuffle(names)
        # Every tenth film is for validation and the one five further for the test, so that each
        # genre with two films or more is held out somewhere.
        queue += names
    split = dict.fromkeys(queue, "train")
    n_held_out = max(1, round(len(queue) / 10))
    spread = np.linspace(0, len(queue), 2 * n_held_out, endpoint=False).astype(int)
    for position, index in enumerate(spread):
        split[queue[index]] = ("val", "test")[position % 2]
    return [replace(item, split=split[item.film]) for item in items]


def film_weights(items: Sequence[Item]) -> np.ndarray:
    """Weights that give each genre, and in it each film, the same say.

    Returns
    -------
    ndarray of float64, shape (n_items,)
        With mean 1.
    """
    genre = {item.film: item.labels[0] if item.labels else "" for item in items}
    films_of_genre = Counter(genre.values())
    items_of_film = Counter(item.film for item in items)
    weights = np.array(
        [1 / (films_of_genre[genre[i.film]] * items_of_film[i.film]) for i in items], np.float64
    )
    return weights / weights.mean()


def shared_weights(items: Sequence[Item]) -> np.ndarray:
    """Weights for films of several genres each, none of them the main one.

    A genre has a say as large as the square root of its number of films (Mahajan
    et al., *Exploring the Limits of Weakly Supervised Pretraining*, 2018), so that
    rare genres are learnt and yet one lone film of a genre is not drawn all the time.

    Returns
    -------
    ndarray of float64, shape (n_items,)
        With mean 1.
    """
    labels = {item.film: item.labels or ("",) for item in items}
    films_of = Counter(name for names in labels.values() for name in names)
    items_of_film = Counter(item.film for item in items)
    say = {film: np.mean([films_of[n] ** -0.5 for n in names]) for film, names in labels.items()}
    weights = np.array([say[item.film] / items_of_film[item.film] for item in items], np.float64)
    return weights / weights.mean()
