"""How sure a figure is: intervals by resampling films."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DataError
from ..labels import LabelSet
from .films import Films
from .measures import chance_error, reliability
from .resampled import ResampledFigures

FEW_FILMS = 10
"""Below so many films a figure has a warning beside it and no interval, which would say nothing."""

_AT_ONCE = 20_000_000  # numbers held in memory, of the resamplings that are worked on together


def sureness(films: Films, labels: LabelSet) -> dict[str, Any]:
    """What stands beside figures, or a ``warning`` where there are few films.

    ``interval_95``, and ``ECE_by_chance``, which `chance_error` expects of as many films.
    """
    if count := few_films(films):
        return {"warning": count}
    by_chance = chance_error(reliability(films, labels)[0])
    return {"interval_95": bootstrap(films, labels), "ECE_by_chance": by_chance}


def few_films(films: Films) -> str | None:
    """A warning if there are too few films for a figure to mean much."""
    count = len(films.names)
    if count >= FEW_FILMS:
        return None
    return (
        f"measured on {count} film{'' if count == 1 else 's'}: "
        "figures from so few say next to nothing, whatever they are"
    )


def bootstrap(
    films: Films, labels: LabelSet, *, rounds: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """95 % confidence intervals of the main figures, by resampling films.

    They are bias-corrected and accelerated (Efron, *Better Bootstrap Confidence Intervals*,
    1987). The labels are those that the films have: a resampling without a film of one of them
    takes that label's figure of all films.

    Parameters
    ----------
    films : Films
    labels : LabelSet
    rounds : int
        How many resamplings.
    seed : int

    Returns
    -------
    dict of str to (float, float)
        By the names that `vgenre.evaluation.measures.measure` has.
    """
    figures = ResampledFigures(films, labels)
    low, high, _ = _intervals(figures, len(films.names), figures.width, rounds, seed)
    return {name: (float(a), float(b)) for name, a, b in zip(figures.names, low, high, strict=True)}


def paired_bootstrap(
    one: Films,
    other: Films,
    labels: LabelSet,
    figure: str = "mAP",
    *,
    rounds: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """How surely a system is better than another one on the same films.

    Parameters
    ----------
    one, other : Films
        The same films in the same order.
    labels : LabelSet
    figure : str
        Of those that `bootstrap` gives.
    rounds, seed : int

    Returns
    -------
    dict
        ``difference`` on all films, its ``interval_95``, and ``share_better``, the
        share of resamplings in which `one` is better.
    """
    if one.names != other.names:
        raise DataError("two systems can be compared on the same films only")
    both = [ResampledFigures(films, labels) for films in (one, other)]
    row = both[0].names.index(figure)

    def difference(counts: np.ndarray) -> np.ndarray:
        mine, others = (figures(counts)[row] for figures in both)
        return (mine - others)[None]

    width = both[0].width
    low, high, drawn = _intervals(difference, len(one.names), width, rounds, seed)
    return {
        "difference": float(difference(np.ones((1, len(one.names))))[0, 0]),
        "interval_95": (float(low[0]), float(high[0])),
        "share_better": float(np.mean(drawn[0] > 0)),
    }


def _intervals(
    figures: Callable[[np.ndarray], np.ndarray], n_films: int, width: int, rounds: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ends of the intervals of some figures, and the figures of each resampling.

    Parameters
    ----------
    figures : callable
        From how often each film is drawn, shape (n, n_films), to shape (n_figures, n).
    n_films : int
    width : int
        Numbers that a resampling takes in memory.
    rounds, seed : int

    Returns
    -------
    low, high : ndarray, shape (n_figures,)
    drawn : ndarray, shape (n_figures, rounds)
    """
    from scipy import stats

    def statistic(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        rows = np.atleast_2d(np.asarray(drawn, int))
        counts = np.zeros((len(rows), n_films))
        np.add.at(counts, (np.arange(len(rows))[:, None], rows), 1)
        found = figures(counts)
        return found[:, 0] if np.ndim(drawn) == 1 else found

    films = np.arange(n_films)
    if n_films < 2:
        only = statistic(films)
        return only, only, only[:, None]
    how: dict[str, Any] = {
        "n_resamples": rounds,
        "batch": max(1, _AT_ONCE // max(1, width)),
        "vectorized": True,
        "random_state": np.random.default_rng(seed),
    }
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of figures that are the same in all resamplings
        found = stats.bootstrap((films,), statistic, method="BCa", **how)
    drawn = found.bootstrap_distribution
    low, high = (np.array(end) for end in found.confidence_interval)
    # For these BCa is not defined; percentiles are.
    plain = np.quantile(drawn, [0.025, 0.975], axis=-1)
    return np.where(np.isnan(low), plain[0], low), np.where(np.isnan(high), plain[1], high), drawn
