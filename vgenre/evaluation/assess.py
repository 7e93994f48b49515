"""A model on labelled films: its answers and figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.items import Item
from ..errors import DataError
from ..labelling.model import Model
from ..labelling.record import ERROR, FilmResult
from ..labels import SINGLE, LabelSet
from ..media.sampling import Sampling
from ..models.card import ModelCard
from .films import Films, films_of
from .intervals import sureness
from .measures import majority, measure, outside, rounded

DIALOGUE = "dialogue"


@dataclass(frozen=True)
class Assessment:
    """A model's answers on labelled films.

    Attributes
    ----------
    card : ModelCard
    films : Films
        Files put together to films; those whose label is unsure are left out.
    baseline : Films
        The same films as the model's training films alone let one guess.
    files : dict of str to FilmResult
        The longest file of each film.
    failed : list of FilmResult
        Files that could not be read.
    silent : Films
        The same films as they are labelled without their dialogue.
    """

    card: ModelCard
    films: Films
    baseline: Films
    files: dict[str, FilmResult]
    failed: list[FilmResult]
    silent: Films

    @property
    def spoken(self) -> np.ndarray:
        """Which films have dialogue that counted: bool, shape (n_films,)."""
        return np.array([DIALOGUE in self.files[name].without for name in self.films.names])

    @property
    def thresholds(self) -> np.ndarray:
        """Those that hold for each film, by the streams that it has: (n_films, n_labels)."""
        return self._thresholds()

    def _thresholds(self, *, without: str = "") -> np.ndarray:
        rows = []
        for film in (self.files[name] for name in self.films.names):
            used = [stream for stream, there in film.streams.items() if there]
            others = [stream for stream in used if stream != without] or used
            rows.append(self.card.fusion(others, still=film.duration == 0).thresholds)
        return np.array(rows)

    def figures(self) -> dict[str, Any]:
        """Figures of the model and of the majority baseline, with 95 % intervals.

        Where there are few films there is a ``warning`` in the place of the intervals.
        """
        labels, thresholds = self.card.labels, self.thresholds
        labelled = self.films.labelled()
        has = self.films.primary >= 0
        figures: dict[str, Any] = {
            "model": self.card.name,
            "files_failed": len(self.failed),
            "fusion": measure(labelled, labels, thresholds[has]),
            "majority": measure(self.baseline.labelled(), labels),
        }
        figures["fusion"] |= sureness(labelled, labels)
        if labels.mode == SINGLE:
            figures["fusion"]["outside"] = outside(self.films, labels, thresholds)
        if self.spoken.any():
            silent = self._thresholds(without=DIALOGUE)[has]
            figures["fusion"]["films_with_dialogue"] = int(self.spoken[has].sum())
            figures["without_dialogue"] = measure(self.silent.labelled(), labels, silent)
        return rounded(figures)


def assess(
    model: Model,
    items: Sequence[Item],
    *,
    sampling: Sampling | None = None,
    progress: Callable[[int], None] | None = None,
) -> Assessment:
    """Label a data set and compare with what is known.

    Parameters
    ----------
    model : Model
    items : sequence of Item
    sampling : Sampling, optional
    progress : callable, optional
        Is told how many files are done.

    Returns
    -------
    Assessment

    Raises
    ------
    DataError
        If a label is not one of the model's, or no file could be read.
    """
    items = [item for item in items if item.is_sure]
    for item in items:
        model.labels.multi_hot(item.labels)  # a strange label is known before hours of work
    read, failed = [], []
    for done, item in enumerate(items, 1):
        result = model.label(item.path, sampling=sampling)
        if result.status == ERROR:
            failed.append(result)
        else:
            read.append((item, result))
        if progress:
            progress(done)
    if not any(item.labels for item, _ in read):
        raise DataError("none of the labelled files could be read")
    seconds = np.array([sum(c.duration for c in r.clips) for _, r in read])
    films, silent = (
        films_of(
            np.array([list(found.values()) for found in probabilities]),
            seconds,
            np.arange(len(read)),
            [item for item, _ in read],
            model.labels,
        )
        for probabilities in (
            [result.probabilities for _, result in read],
            [result.without.get(DIALOGUE, result.probabilities) for _, result in read],
        )
    )
    longest = sorted(range(len(read)), key=lambda i: seconds[i])
    files = {read[i][0].film: read[i][1] for i in longest}
    return Assessment(model.card, films, _majority(films, model.card), files, failed, silent)


def _majority(films: Films, card: ModelCard) -> Films:
    """The baseline, from the counts in the card; from these films where the card has none."""
    counts = card.data.get("train", {}).get("films_per_label")
    if not counts:
        names = card.labels.names
        known = [
            Item("", tuple(n for n, t in zip(names, truth, strict=True) if t > 0), film)
            for film, truth in zip(films.names, films.truth, strict=True)
        ]
        return majority(films, card.labels, known)
    frequency = np.array([counts[name] for name in card.labels.names]) / card.data["train"]["films"]
    probabilities = np.tile(frequency, (len(films.names), 1))
    return Films(films.names, probabilities, films.truth, films.primary)


def worst(films: Films, labels: LabelSet) -> list[int]:
    """The films that a model is most surely wrong about, the worst first.

    For a single label those whose likeliest genre is none of theirs; for many labels
    those with the largest gap between a probability and the truth.
    """
    p, truth = films.probabilities, films.truth
    if labels.mode == SINGLE:
        best = p.argmax(axis=1)
        rows = np.arange(len(p))
        gap = np.where(truth[rows, best] > 0, -1.0, p[rows, best])
    else:
        gap = np.where(truth < 0, 0.0, np.abs(p - truth)).max(axis=1)
    return [int(i) for i in np.argsort(-gap, kind="stable") if gap[i] > 0]
