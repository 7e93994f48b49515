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
from .readings import FilmOpinions, Readings, film_folds

if TYPE_CHECKING:
    import keras

    from .recurrent import Lstm

log = logging.getLogger(__name__)

INNER_FOLDS = 4


@dataclass(frozen=True)
class Reading:
    """How a stream is read.

    Parameters
    ----------
    source : str
        Of `Readings.sources`.
    components : int
        See `vgenre.training.linear.fit_linear`.
    strength : float
        Likewise.
    fit : {"single", "multi"}
        How the layer is fitted. A model of a single label may have one that was taught all the
        labels of a film, each by itself, or only the main one.
    """

    source: str
    components: int
    strength: float
    fit: str = SINGLE


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
    chosen : dict of str to Reading
        For each stream.
    tried : dict of str to dict of Reading to float
        Nats a film of each reading of each stream, in the inner folds.
    layers : dict of str to tuple of ndarray
        Kernel and bias of each stream's linear layer, fitted to all of the films.
    fusions : dict of str to Fusion
        For each set of streams, fitted to what the inner folds say of the films.
    inner : FilmOpinions
        That, by layers that did not see the film.
    recurrent : Recurrent or None
        Where an LSTM was tried.
    """

    chosen: dict[str, Reading]
    tried: dict[str, dict[Reading, float]]
    layers: dict[str, tuple[np.ndarray, np.ndarray]]
    fusions: dict[str, Fusion]
    inner: FilmOpinions
    recurrent: Recurrent | None = None

    def logits(self, readings: Readings, rows: np.ndarray) -> dict[str, np.ndarray]:
        """What the streams say of some clips: NaN elsewhere; shape (n_clips, n_outcomes)."""
        said = {}
        for stream, (kernel, bias) in self.layers.items():
            said[stream] = np.full((len(readings.owners), len(bias)), np.nan)
            own = rows[readings.there[stream][rows]]
            x = readings.sources[stream][self.chosen[stream].source][own]
            said[stream][own] = np.asarray(x, np.float32) @ kernel + bias
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
        For each stream that is wanted the ways of reading it to choose from; all unless given.
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
    sources = sources or {stream: list(ways) for stream, ways in readings.sources.items()}
    sources = {s: ways for s, ways in sources.items() if readings.there[s][rows].sum() > 1}
    fits = (readings.labels.mode,) if readings.labels.mode == MULTI else (SINGLE, MULTI)
    targets = {fit: readings.targets(fit) for fit in fits}
    folds = _folds(readings, rows, seed)
    grids = {
        (stream, source): _grid(
            readings.sources[stream][source],
            _own(readings, rows, stream),
            [(fit, components or COMPONENTS[fit], strengths or STRENGTHS[fit]) for fit in fits],
        )
        for stream, ways in sources.items()
        for source in ways
    }
    work = [
        (stream, source, fold)
        for stream, ways in sources.items()
        for source in ways
        for fold in np.unique(folds[folds >= 0])
    ]
    found = Parallel(jobs)(
        delayed(_answers)(
            np.asarray(
                readings.sources[stream][source][_own(readings, rows[folds != fold], stream)]
            ),
            np.asarray(
                readings.sources[stream][source][_own(readings, rows[folds == fold], stream)]
            ),
            {
                fit: wanted[_own(readings, rows[folds != fold], stream)]
                for fit, wanted in targets.items()
            },
            readings.weights(_own(readings, rows[folds != fold], stream)),
            grids[stream, source],
        )
        for stream, source, fold in work
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
    chosen, tried, layers = {}, {}, {}
    mode = readings.labels.mode
    for stream, by_reading in said.items():
        tried[stream] = {
            reading: stream_loss(
                FilmOpinions.of(readings, {stream: logits}).having((stream,)), stream, mode
            )
            for reading, logits in by_reading.items()
        }
        best = chosen[stream] = min(tried[stream], key=tried[stream].__getitem__)
        own = _own(readings, rows, stream)
        reduced = Reduced.of(readings.sources[stream][best.source][own], readings.weights(own))
        layers[stream] = fit_linear(
            reduced, targets[best.fit][own], readings.weights(own), best.fit,
            components=best.components, strength=best.strength,
        )  # fmt: skip
        log.info("%s: %s, %.3f nats", stream, best, tried[stream][best])
    recurrent = None
    if lstm and "visual" in chosen:
        own = _own(readings, rows, "visual")
        linear = said["visual"][chosen["visual"]]
        recurrent, said["visual"][chosen["visual"]] = _with_lstm(
            lstm, readings, own, folds[readings.there["visual"][rows]], linear
        )
    inner = FilmOpinions.of(readings, {s: said[s][chosen[s]] for s in sources})
    inner = inner.take(np.flatnonzero(np.isin(inner.names, readings.films[rows])))
    fusions = fit_fusions(inner, cases(list(sources)), mode)
    return Learnt(chosen, tried, layers, fusions, inner, recurrent)


def _with_lstm(
    lstm: Lstm, readings: Readings, rows: np.ndarray, folds: np.ndarray, linear: np.ndarray
) -> tuple[Recurrent, np.ndarray]:
    """Try the LSTM in the inner folds, and teach it all of the films if it adds something."""
    mode = readings.labels.mode
    both = linear.copy()
    for fold in np.unique(folds[folds >= 0]):
        network, _ = lstm.fit(readings, rows[folds != fold], linear[rows[folds != fold]])
        held = rows[folds == fold]
        both[held] = linear[held] + lstm.logits(network, held)
    without, with_it = (
        stream_loss(FilmOpinions.of(readings, {"visual": said}).having(("visual",)), "visual", mode)
        for said in (linear, both)
    )
    log.info("LSTM: %.3f nats, %.3f without", with_it, without)
    if with_it >= without:
        return Recurrent(lstm, (without, with_it), None, []), linear
    network, weights = lstm.fit(readings, rows, linear[rows])
    return Recurrent(lstm, (without, with_it), network, weights), both


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
    source: np.ndarray,
    rows: np.ndarray,
    choices: Sequence[tuple[str, Sequence[int], Sequence[float]]],
) -> list[tuple[int, float, str]]:
    """What is tried of a source: of few clips or features there are few components."""
    most = min(len(rows) - 1, source.shape[1])
    return [
        (count, strength, fit)
        for fit, components, strengths in choices
        for count in dict.fromkeys(min(c, most) for c in components)
        for strength in strengths
    ]


def _answers(
    learnt_from: np.ndarray,
    asked: np.ndarray,
    targets: Mapping[str, np.ndarray],
    weights: np.ndarray,
    grid: Sequence[tuple[int, float, str]],
) -> list[np.ndarray]:
    """Logits of clips by layers of each strength, fitted to others."""
    if len(learnt_from) < 2 or not len(asked):
        outcomes = next(iter(targets.values())).shape[1]
        return [np.full((len(asked), outcomes), np.nan)] * len(grid)
    reduced = Reduced.of(learnt_from, weights)
    answers = []
    for count, strength, fit in grid:
        kernel, bias = fit_linear(
            reduced, targets[fit], weights, fit, components=count, strength=strength
        )
        answers.append(np.asarray(asked, np.float32) @ kernel + bias)
    return answers
