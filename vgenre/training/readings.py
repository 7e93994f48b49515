"""What the linear layers of the streams read of clips, and what they are to say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..data.items import Item, film_weights, shared_weights
from ..evaluation.films import film_means
from ..labels import MULTI, SINGLE, LabelSet

MEAN, DEVIATION, GENRES = "mean", "mean and deviation", "genres of frames"
"""The ways of reading the frame features of a clip; the last one by a layer that names genres of
single frames, mean and deviation too."""

EAR, COURSE, TEXTURE = "ear", "course of the sounds", "texture of the sound"
"""The ways of reading what the ear hears in a clip; see `vgenre.models.audio.build_ear`."""

FRAMES = "frames one by one"
"""A way to learn: of single frames, see `Frames`. What is learnt reads the mean of a clip's."""


STILLS, UNSURE_STILLS = 0.3, 0.5
"""What all stills count beside all frames of clips, and one whose label is unsure beside others."""


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
    frames : Frames or None
        Single frames to learn from too.
    """

    sources: dict[str, dict[str, np.ndarray]]
    there: dict[str, np.ndarray]
    seconds: np.ndarray
    owners: np.ndarray
    items: list[Item]
    labels: LabelSet
    outside: bool
    frames: Frames | None = None

    def take(self, rows: np.ndarray) -> Readings:
        """Some of the clips, without single frames."""
        return replace(
            self,
            sources={
                stream: {name: values[rows] for name, values in ways.items()}
                for stream, ways in self.sources.items()
            },
            there={stream: there[rows] for stream, there in self.there.items()},
            seconds=self.seconds[rows],
            owners=self.owners[rows],
            frames=None,
        )

    def ways(self, stream: str) -> list[str]:
        """All ways of reading a stream."""
        one_by_one = [FRAMES] if stream == "visual" and self.frames else []
        return [*self.sources[stream], *one_by_one]

    def read(self, stream: str, way: str) -> np.ndarray:
        """What a layer reads of each clip in a way: shape (n_clips, width)."""
        return self.sources[stream][MEAN if way == FRAMES else way]

    def lesson(
        self, stream: str, way: str, rows: np.ndarray, targets: Mapping[str, np.ndarray]
    ) -> Lesson:
        """What a layer that reads a stream in a way learns of some clips.

        Parameters
        ----------
        stream, way : str
        rows : ndarray of int
            Clips that have the stream.
        targets : mapping of str to ndarray, shape (n_clips, outcomes)
            By the way of fitting, as `targets` gives them.
        """
        if way == FRAMES:
            assert self.frames
            return self.frames.lesson(self, rows, targets)
        asked = {fit: wanted[rows] for fit, wanted in targets.items()}
        return Lesson(np.asarray(self.sources[stream][way][rows]), asked, self.weights(rows))

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
class Lesson:
    """What a linear layer learns from.

    Attributes
    ----------
    features : ndarray, shape (n, width)
    targets : dict of str to ndarray, shape (n, outcomes)
        By the way of fitting.
    weights : ndarray, shape (n,)
        How much each row counts.
    """

    features: np.ndarray
    targets: dict[str, np.ndarray]
    weights: np.ndarray


@dataclass(frozen=True)
class Frames:
    """Single frames, which teach one by one: some of each clip, and still images of other films.

    A clip is read by the mean of its frames, of which a still is no example. A layer that learns
    single frames takes stills too, and says of a mean the mean of what it says of each frame.

    Attributes
    ----------
    features : ndarray of float32, shape (n, width)
        Of the clips' frames.
    clips : ndarray of int, shape (n,)
        The clip of each.
    stills : Readings
        By the mean of their one frame; none, where there are none.
    """

    features: np.ndarray
    clips: np.ndarray
    stills: Readings

    def lesson(
        self, readings: Readings, rows: np.ndarray, targets: Mapping[str, np.ndarray]
    ) -> Lesson:
        """The frames of some clips, and stills of films that the other clips are not of."""
        kept = np.isin(self.clips, rows)
        clips = self.clips[kept]
        frames_of = np.bincount(clips, minlength=len(readings.owners))
        of_clip = np.zeros(len(readings.owners))
        of_clip[rows] = readings.weights(rows)
        weights = of_clip[clips] / frames_of[clips]
        weights /= weights.mean()
        asked = {fit: wanted[clips] for fit, wanted in targets.items()}
        others = set(readings.films) - set(readings.films[rows])
        may = [film not in others for film in self.stills.films]
        own = np.flatnonzero(np.array(may, bool))
        if len(own) > len(clips):  # more would only take longer
            own = np.sort(np.random.default_rng(0).choice(own, len(clips), replace=False))
        if not len(own):
            return Lesson(self.features[kept], asked, weights)
        say = self.stills.weights(own) * np.where(self.stills.sure[own], 1, UNSURE_STILLS)
        say *= STILLS * len(clips) / say.sum()
        return Lesson(
            np.concatenate([self.features[kept], self.stills.sources["visual"][MEAN][own]]),
            {fit: np.concatenate([a, self.stills.targets(fit)[own]]) for fit, a in asked.items()},
            np.concatenate([weights, say]) * (len(clips) + len(own)) / (len(clips) * (1 + STILLS)),
        )


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
