"""How sure a figure is: intervals by resampling films."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from ..labels import LabelSet
from .films import Films
from .measures import measure


def bootstrap(
    films: Films, labels: LabelSet, *, rounds: int = 500, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """95 % confidence intervals of the main figures, by resampling films.

    Returns
    -------
    dict of str to (float, float)
    """
    values: dict[str, list[float]] = {}
    for sample in _resampled(films, rounds, seed):
        for name, value in measure(sample, labels).items():
            if isinstance(value, float):
                values.setdefault(name, []).append(value)
    return {name: _interval(v) for name, v in values.items()}


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
        Of those that `measure` gives.
    rounds, seed : int

    Returns
    -------
    dict
        ``difference`` on all films, its ``interval_95``, and ``share_better``, the
        share of resamplings in which `one` is better.
    """
    if one.names != other.names:
        raise DataError("two systems can be compared on the same films only")
    pairs = zip(_resampled(one, rounds, seed), _resampled(other, rounds, seed), strict=True)
    differences = [measure(a, labels)[figure] - measure(b, labels)[figure] for a, b in pairs]
    return {
        "difference": measure(one, labels)[figure] - measure(other, labels)[figure],
        "interval_95": _interval(differences),
        "share_better": float(np.mean(np.array(differences) > 0)),
    }


def _resampled(films: Films, rounds: int, seed: int) -> Iterator[Films]:
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        yield films.take(rng.integers(len(films.names), size=len(films.names)))


def _interval(values: Sequence[float]) -> tuple[float, float]:
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))
