"""What the linear layers of the streams read of clips, and what they are to say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..data.items import Item, film_weights, shared_weights
from ..evaluation.films import film_means
from ..labels import MULTI, SINGLE, LabelSet

MEAN, DEVIATION, GENRES = "mean", "mean and deviation", "genres of frames"
"""The ways of reading the frame features of a clip; the last one by a layer that names genres of
single frames, mean and deviation too."""


@dataclass(frozen=True)
class Readings:
    """Clips as the linear layers read them.

    Attributes
    ----------
    sources : dict of str to dict of str to ndarray, shape (n_clips, width)
        For each stream the ways of reading it that there are to choose from.
    there : dict of str to ndarray of bool, shape (n_clips,)
        Whether a clip has the stream.
    seconds : ndarray, shape (n_clips,)
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    items : list of Item
    labels : LabelSet
    outside : bool
        Whether none of the labels is an outcome.
    """

    sources: dict[str, dict[str, np.ndarray]]
    there: dict[str, np.ndarray]
    seconds: np.ndarray
    owners: np.ndarray
    items: list[Item]
    labels: LabelSet
    outside: bool

    def take(self, rows: np.ndarray) -> Readings:
        """Some of the clips."""
        return Readings(
            {
                stream: {name: values[rows] for name, values in ways.items()}
                for stream, ways in self.sources.items()
            },
            {stream: there[rows] for stream, there in self.there.items()},
            self.seconds[rows],
            self.owners[rows],
            self.items,
            self.labels,
            self.outside,
        )

    def read_as(self, way: str) -> Readings:
        """The pictures of the clips alone, read in one way."""
        return replace(self, sources={"visual": {way: self.sources["visual"][way]}})

    def owned(self) -> list[Item]:
        """The item of each clip."""
        return [self.items[owner] for owner in self.owners]

    def splits(self) -> list[str | None]:
        """The split of each clip."""
        return [item.split for item in self.owned()]

    @property
    def films(self) -> np.ndarray:
        """The film of each clip: str, shape (n_clips,)."""
        return np.array([self.items[owner].film for owner in self.owners])

    @property
    def sure(self) -> np.ndarray:
        """Whether one may decide and measure by a clip: bool, shape (n_clips,)."""
        return np.array([self.items[owner].is_sure for owner in self.owners])

    @property
    def outcomes(self) -> int:
        """How many outcomes there are."""
        return len(self.labels) + self.outside

    def targets(self, fit: str | None = None) -> np.ndarray:
        """What a linear layer learns of each clip: shape (n_clips, outcomes).

        Parameters
        ----------
        fit : {"single", "multi"}, optional
            The main label alone, or all of them; as the labels' mode has it unless given.
        """
        many = LabelSet(self.labels.names, MULTI)
        single = (fit or self.labels.mode) == SINGLE
        rows = []
        for item in (self.items[owner] for owner in self.owners):
            target = many.target(item.labels[:1] if single else item.labels, item.known)
            rows.append(np.append(target, float(not item.labels)) if self.outside else target)
        return np.stack(rows)

    def weights(self, rows: np.ndarray) -> np.ndarray:
        """How much each of some clips counts: genres alike, in a genre films, in a film seconds."""
        owned = [self.items[owner] for owner in self.owners[rows]]
        say = film_weights if self.labels.mode == SINGLE else shared_weights
        films = np.unique(self.films[rows], return_inverse=True)[1]
        seconds = self.seconds[rows]
        mean_length = np.bincount(films, seconds) / np.bincount(films)
        weights = say(owned) * seconds / mean_length[films]
        return weights / weights.mean()


@dataclass(frozen=True)
class FilmOpinions:
    """Films as the streams see them.

    Attributes
    ----------
    names : list of str
    opinions : dict of str to ndarray, shape (n_films, n_outcomes)
        By each stream; NaN for a film that has not the stream.
    truth : ndarray, shape (n_films, n_labels)
        1, 0 or `vgenre.labels.UNKNOWN`.
    primary : ndarray of int, shape (n_films,)
        The main label; -1 for none.
    sure : ndarray of bool, shape (n_films,)
    """

    names: list[str]
    opinions: dict[str, np.ndarray]
    truth: np.ndarray
    primary: np.ndarray
    sure: np.ndarray

    def take(self, rows: np.ndarray) -> FilmOpinions:
        """Some of the films."""
        return FilmOpinions(
            [self.names[row] for row in rows],
            {stream: said[rows] for stream, said in self.opinions.items()},
            self.truth[rows],
            self.primary[rows],
            self.sure[rows],
        )

    def having(self, streams: Sequence[str]) -> FilmOpinions:
        """The films that have all of some streams."""
        rows = np.logical_and.reduce([~np.isnan(self.opinions[s]).any(axis=1) for s in streams])
        return self.take(np.flatnonzero(rows))

    @classmethod
    def of(cls, readings: Readings, logits: dict[str, np.ndarray]) -> FilmOpinions:
        """Put clips together to films: a film's opinion is the mean over its clips that have it.

        Parameters
        ----------
        readings : Readings
        logits : dict of str to ndarray, shape (n_clips, n_outcomes)
            By each stream; NaN where nothing was asked.
        """
        films, labels = readings.films, readings.labels
        names = list(dict.fromkeys(films))
        first = {item.film: item for item in reversed(readings.items)}
        opinions = {}
        for stream, said in logits.items():
            found = np.full((len(names), said.shape[1]), np.nan)
            rows = np.flatnonzero(readings.there[stream] & ~np.isnan(said).any(axis=1))
            if len(rows):
                means = film_means(said[rows], list(films[rows]), readings.seconds[rows])
                there = {name: i for i, name in enumerate(names)}
                found[[there[name] for name in dict.fromkeys(films[rows])]] = means
            opinions[stream] = found
        return cls.of_items([first[name] for name in names], opinions, labels)

    @classmethod
    def of_items(
        cls, items: Sequence[Item], opinions: dict[str, np.ndarray], labels: LabelSet
    ) -> FilmOpinions:
        """Films of which each is one item.

        Parameters
        ----------
        items : sequence of Item
        opinions : dict of str to ndarray, shape (n_films, n_outcomes)
        labels : LabelSet
        """
        known = LabelSet(labels.names, MULTI)
        return cls(
            [item.film for item in items],
            opinions,
            np.stack([known.target(item.labels, item.known) for item in items]),
            np.array([labels.names.index(i.labels[0]) if i.labels else -1 for i in items]),
            np.array([item.is_sure for item in items]),
        )


def film_folds(readings: Readings, rows: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Folds of some clips by film, labels spread evenly over them.

    Parameters
    ----------
    readings : Readings
    rows : ndarray of int, shape (n,)
    count : int
        How many folds; as many as there are films, where those are fewer.
    seed : int

    Returns
    -------
    ndarray of int, shape (n,)
        All 0 for a single film.
    """
    films = readings.films[rows]
    main = {}
    for film, owner in zip(films, readings.owners[rows], strict=True):
        main[film] = (readings.items[owner].labels or ("",))[0]
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(sorted(main))
    in_order = sorted(shuffled, key=lambda film: main[film])  # stable: the films of a label mixed
    fold_of = {film: i % min(count, len(main)) for i, film in enumerate(in_order)}
    return np.array([fold_of[film] for film in films])
