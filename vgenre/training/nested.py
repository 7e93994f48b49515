"""Nested folds by film: every film is labelled by a procedure that chose and learnt without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..evaluation.films import Films
from ..models.fusion import case_of
from .fusing import fused
from .readings import FilmOpinions, Readings
from .streams import Learnt, learn_streams


@dataclass(frozen=True)
class Measured:
    """Films as systems see them that chose and learnt without them.

    Attributes
    ----------
    films : dict of str to Films
        By system: ``"fusion"``, and each stream alone; films that a system can say nothing of
        are left out, and those whose label is unsure.
    thresholds : dict of str to ndarray, shape (n_films, n_labels)
        The ones that hold for each film.
    learnt : list of Learnt
        Of each outer fold.
    """

    films: dict[str, Films]
    thresholds: dict[str, np.ndarray]
    learnt: list[Learnt]

    @classmethod
    def join(cls, parts: Sequence[Measured]) -> Measured:
        """Several outer folds."""
        systems = dict.fromkeys(system for part in parts for system in part.films)
        having = {system: [part for part in parts if system in part.films] for system in systems}
        return cls(
            {s: Films.join([part.films[s] for part in some]) for s, some in having.items()},
            {
                s: np.concatenate([part.thresholds[s] for part in some])
                for s, some in having.items()
            },
            [learnt for part in parts for learnt in part.learnt],
        )


def measure_nested(
    readings: Readings,
    folds: np.ndarray,
    *,
    sources: Mapping[str, Sequence[str]] | None = None,
    learn_from: np.ndarray | None = None,
    **options: Any,
) -> Measured:
    """Run the procedure on all folds but one and measure that one, in turn.

    Parameters
    ----------
    readings : Readings
    folds : ndarray of int, shape (n_clips,)
        The outer fold of each clip; all clips of a film in the same one.
    sources, **options
        As for `vgenre.training.streams.learn_streams`.
    learn_from : ndarray of bool, shape (n_clips,), optional
        Clips that may be learnt from, for a learning curve; all unless given.

    Returns
    -------
    Measured
    """
    may = np.ones(len(folds), bool) if learn_from is None else learn_from
    parts = []
    for fold in np.unique(folds):
        found = learn_streams(
            readings, np.flatnonzero((folds != fold) & may), sources=sources, **options
        )
        parts.append(measure_fold(readings, found, np.flatnonzero(folds == fold)))
    return Measured.join(parts)


def measure_fold(readings: Readings, learnt: Learnt, held: np.ndarray) -> Measured:
    """What was learnt, on films that it did not see.

    Parameters
    ----------
    readings : Readings
    learnt : Learnt
    held : ndarray of int, shape (n,)
        The clips of those films.
    """
    films = FilmOpinions.of(readings, learnt.logits(readings, held))
    films = films.take(np.flatnonzero(np.isin(films.names, readings.films[held]) & films.sure))
    seen, thresholds = {}, {}
    for system in ("fusion", *learnt.layers):
        streams = tuple(learnt.layers) if system == "fusion" else (system,)
        seen[system], thresholds[system] = _as_films(
            _with_any(films, streams), learnt, readings.labels.mode
        )
    return Measured(seen, thresholds, [learnt])


def _with_any(films: FilmOpinions, streams: tuple[str, ...]) -> FilmOpinions:
    """The films that have any of some streams, seen by these alone."""
    some = FilmOpinions(
        films.names, {s: films.opinions[s] for s in streams}, films.truth, films.primary, films.sure
    )
    there = np.logical_or.reduce([~np.isnan(said).any(axis=1) for said in some.opinions.values()])
    return some.take(np.flatnonzero(there))


def _as_films(films: FilmOpinions, learnt: Learnt, mode: str) -> tuple[Films, np.ndarray]:
    """Films with their probabilities, and the thresholds that hold for each."""
    thresholds = np.zeros(films.truth.shape)
    for row in range(len(films.names)):
        there = [s for s, said in films.opinions.items() if not np.isnan(said[row]).any()]
        thresholds[row] = learnt.fusions[case_of(there)].thresholds
    p = fused(films, learnt.fusions, mode)
    return Films(films.names, p, films.truth, films.primary), thresholds
