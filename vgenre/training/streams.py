"""The procedure that makes the streams: choose how each is read, fit it, fuse, all by inner folds.

It is given films and decides by them alone, so that it can be run on the training part of an
outer fold, to measure it, and on all films, for the model that ships.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed

from ..labels import MULTI, SINGLE
from ..models.fusion import Fusion
from .fusing import fit_fusions, stream_loss
from .linear import Reduced, fit_linear
from .readings import FRAMES, MEAN, FilmOpinions, Lesson, Readings, film_folds
from .stack import Layer, Reading, said_by, stack

if TYPE_CHECKING:
    import keras

    from .recurrent import Lstm

log = logging.getLogger(__name__)

INNER_FOLDS = 4


COMPONENTS = {SINGLE: (60, 120), MULTI: (120, 1000)}
"""Principal components to choose from; ridge regression, which solves for all labels at once, takes
as many as there are."""
STRENGTHS = {
    SINGLE: (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.1),
    MULTI: (1e-7, 3e-7, 1e-6, 1e-5, 3e-5, 1e-4, 1e-3),
}


@dataclass(frozen=True)
class Learnt:
    """What the procedure makes of films.

    Attributes
    ----------
    chosen : dict of str to dict of Reading to float
        For each stream the best reading of each of its sources, and what it counts.
    tried : dict of str to dict of Reading to float
        Nats a film of each reading of each stream, in the inner folds.
    layers : dict of str to tuple of Layer
        Each stream's linear layers, which are added up, fitted to all of the films.
    fusions : dict of str to Fusion
        For each set of streams, fitted to what the inner folds say of the films.
    inner : FilmOpinions
        That, by layers that did not see the film.
    recurrent : Recurrent or None
        Where an LSTM was tried.
    """

    chosen: dict[str, dict[Reading, float]]
    tried: dict[str, dict[Reading, float]]
    layers: dict[str, tuple[Layer, ...]]
    fusions: dict[str, Fusion]
    inner: FilmOpinions
    recurrent: Recurrent | None = None

    def logits(self, readings: Readings, rows: np.ndarray) -> dict[str, np.ndarray]:
        """What the streams say of some clips: NaN elsewhere; shape (n_clips, n_outcomes)."""
        said = {}
        for stream, parts in self.layers.items():
            said[stream] = np.full((len(readings.owners), readings.outcomes), np.nan)
            own = rows[readings.there[stream][rows]]
            said[stream][own] = said_by(parts, readings.sources[stream], own)
            if stream == "visual" and self.recurrent and self.recurrent.network:
                said[stream][own] += self.recurrent.lstm.logits(self.recurrent.network, own)
        return said


@dataclass(frozen=True)
class Recurrent:
    """What became of the LSTM.

    Attributes
    ----------
    lstm : Lstm
    nats : tuple of float
        A film, in the inner folds, by the linear layer alone and with the LSTM.
    network : keras.Model or None
        None where the LSTM adds nothing in the inner folds, and is left out.
    weights : list of ndarray
    """

    lstm: Lstm
    nats: tuple[float, float]
    network: keras.Model | None
    weights: list[np.ndarray]


def learn_streams(
    readings: Readings,
    rows: np.ndarray,
    *,
    sources: Mapping[str, Sequence[str]] | None = None,
    components: Sequence[int] | None = None,
    strengths: Sequence[float] | None = None,
    lstm: Lstm | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> Learnt:
    """Run the procedure.

    Parameters
    ----------
    readings : Readings
    rows : ndarray of int, shape (n,)
        The clips of the films to learn from.
    sources : mapping of str to sequence of str, optional
        For each stream that is wanted the ways of reading it; all unless given.
    components, strengths : sequences
        To choose from too; `COMPONENTS` and `STRENGTHS` of the way of fitting unless given.
    lstm : Lstm, optional
        One that is to add to the linear layer of the picture, and is left out where it does not.
    seed : int
        Of the inner folds.
    jobs : int
        Fits at once; -1 for one on each core.

    Returns
    -------
    Learnt
        With the streams that some film to learn from has.
    """
    sources = sources or {stream: readings.ways(stream) for stream in readings.sources}
    sources = {s: ways for s, ways in sources.items() if readings.there[s][rows].sum() > 1}
    fits = (readings.labels.mode,) if readings.labels.mode == MULTI else (SINGLE, MULTI)
    targets = {fit: readings.targets(fit) for fit in fits}
    folds = _folds(readings, rows, seed)
    choices = [(fit, components or COMPONENTS[fit], strengths or STRENGTHS[fit]) for fit in fits]
    grids = {
        (stream, way): _grid(
            len(_own(readings, rows, stream)), readings.read(stream, way).shape[1], choices
        )
        for stream, ways in sources.items()
        for way in ways
    }
    work = [
        (stream, way, fold)
        for stream, ways in sources.items()
        for way in ways
        for fold in np.unique(folds[folds >= 0])
    ]
    found = Parallel(jobs)(
        delayed(_answers)(
            readings.lesson(stream, way, _own(readings, rows[folds != fold], stream), targets),
            np.asarray(readings.read(stream, way)[_own(readings, rows[folds == fold], stream)]),
            grids[stream, way],
        )
        for stream, way, fold in work
    )
    said: dict[str, dict[Reading, np.ndarray]] = {stream: {} for stream in sources}
    for (stream, source, fold), answers in zip(work, found, strict=True):
        own = _own(readings, rows[folds == fold], stream)
        for how, logits in zip(grids[stream, source], answers, strict=True):
            reading = Reading(source, *how)
            of_all = said[stream].setdefault(
                reading, np.full((len(readings.owners), readings.outcomes), np.nan)
            )
            of_all[own] = logits
    chosen, tried, layers, together = {}, {}, {}, {}
    for stream, by_reading in said.items():
        tried[stream] = {
            reading: _loss_of(readings, stream, logits) for reading, logits in by_reading.items()
        }
        best = [
            min((r for r in by_reading if r.source == way), key=tried[stream].__getitem__)
            for way in sources[stream]
        ]
        chosen[stream] = stack(readings, stream, {how: by_reading[how] for how in best})
        together[stream] = np.sum([w * by_reading[r] for r, w in chosen[stream].items()], axis=0)
        own = _own(readings, rows, stream)
        layers[stream] = tuple(
            _fitted(how, readings.lesson(stream, how.source, own, targets)).times(weight)
            for how, weight in chosen[stream].items()
        )
        nats = _loss_of(readings, stream, together[stream])
        log.info("%s: %s, %.3f nats", stream, chosen[stream], nats)
    recurrent = None
    if lstm and "visual" in chosen:
        own = _own(readings, rows, "visual")
        held = folds[readings.there["visual"][rows]]
        # Where a split decides, no fold holds the others out: what was learnt of them counts.
        taught = own[held < 0]
        together["visual"][taught] = said_by(layers["visual"], readings.sources["visual"], taught)
        recurrent, together["visual"] = _with_lstm(lstm, readings, own, held, together["visual"])
    inner = FilmOpinions.of(readings, together)
    inner = inner.take(np.flatnonzero(np.isin(inner.names, readings.films[rows])))
    untold = ~(targets[MULTI][rows] > 0).any(axis=0)
    fusions = fit_fusions(inner, cases(list(sources)), readings.labels.mode, untold)
    return Learnt(chosen, tried, layers, fusions, inner, recurrent)


def _with_lstm(
    lstm: Lstm, readings: Readings, rows: np.ndarray, folds: np.ndarray, linear: np.ndarray
) -> tuple[Recurrent, np.ndarray]:
    """Try the LSTM in the inner folds, and teach it all of the films if it adds something.

    The logits that are returned are those of clips that some fold holds out, NaN elsewhere.
    """
    alone, both = (np.full(linear.shape, np.nan) for _ in range(2))
    for fold in np.unique(folds[folds >= 0]):
        network, _ = lstm.fit(readings, rows[folds != fold], linear[rows[folds != fold]])
        held = rows[folds == fold]
        alone[held] = linear[held]
        both[held] = linear[held] + lstm.logits(network, held)
    without, with_it = (_loss_of(readings, "visual", said) for said in (alone, both))
    log.info("LSTM: %.3f nats, %.3f without", with_it, without)
    if not with_it < without:
        return Recurrent(lstm, (without, with_it), None, []), alone
    network, weights = lstm.fit(readings, rows, linear[rows])
    return Recurrent(lstm, (without, with_it), network, weights), both


def _loss_of(readings: Readings, stream: str, logits: np.ndarray) -> float:
    """Nats a film of a stream that says this of clips."""
    films = FilmOpinions.of(readings, {stream: logits}).having((stream,))
    return stream_loss(films, stream, readings.labels.mode)


def _fitted(how: Reading, lesson: Lesson) -> Layer:
    """A layer that reads in a way, fitted to a lesson."""
    kernel, bias = fit_linear(
        Reduced.of(lesson.features, lesson.weights), lesson.targets[how.fit], lesson.weights,
        how.fit, components=how.components, strength=how.strength,
    )  # fmt: skip
    return Layer(MEAN if how.source == FRAMES else how.source, kernel, bias)


def cases(streams: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The sets of streams that a film can have."""
    return tuple(
        some
        for count in range(len(streams), 0, -1)
        for some in itertools.combinations(streams, count)
    )


def _folds(readings: Readings, rows: np.ndarray, seed: int) -> np.ndarray:
    """Inner folds; where the data has a validation split that alone decides, and -1 teaches."""
    held = np.array([split == "val" for split in readings.take(rows).splits()])
    if held.any() and not held.all():
        return np.where(held, 0, -1)
    return film_folds(readings, rows, INNER_FOLDS, seed)


def _own(readings: Readings, rows: np.ndarray, stream: str) -> np.ndarray:
    return rows[readings.there[stream][rows]]


def _grid(
    rows: int, width: int, choices: Sequence[tuple[str, Sequence[int], Sequence[float]]]
) -> list[tuple[int, float, str]]:
    """What is tried of a source: of few clips or features there are few components."""
    most = min(rows - 1, width)
    return [
        (count, strength, fit)
        for fit, components, strengths in choices
        for count in dict.fromkeys(min(c, most) for c in components)
        for strength in strengths
    ]


def _answers(
    lesson: Lesson, asked: np.ndarray, grid: Sequence[tuple[int, float, str]]
) -> list[np.ndarray]:
    """Logits of clips by layers of each strength, fitted to others."""
    if len(lesson.features) < 2 or not len(asked):
        outcomes = next(iter(lesson.targets.values())).shape[1]
        return [np.full((len(asked), outcomes), np.nan)] * len(grid)
    reduced = Reduced.of(lesson.features, lesson.weights)
    answers = []
    for count, strength, fit in grid:
        kernel, bias = fit_linear(
            reduced, lesson.targets[fit], lesson.weights, fit, components=count, strength=strength
        )
        answers.append(np.asarray(asked, np.float32) @ kernel + bias)
    return answers
