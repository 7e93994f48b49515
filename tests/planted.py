"""Clips and films that say what their genre is, made of numbers: what training should find."""

from __future__ import annotations

import numpy as np

from vgenre.data.items import Item
from vgenre.labels import SINGLE, LabelSet
from vgenre.training.readings import FilmOpinions, Readings

WIDTH = 12
"""Features of a clip; the first ones tell the outcomes, one each, the others nothing."""


def items_of(
    n_films: int, names: str = "ABC", *, none: int = 0, split: str | None = None
) -> list[Item]:
    """Films whose labels take turns, and behind them films of none."""
    labels = [(names[i % len(names)],) for i in range(n_films)] + [()] * none
    return [Item(f"{i}.mp4", label, f"{i}", split) for i, label in enumerate(labels)]


def told(rng: np.random.Generator, outcomes: np.ndarray, strength: float) -> np.ndarray:
    """Features of which the one of a clip's outcome is larger, by as many deviations."""
    features = rng.normal(size=(len(outcomes), WIDTH)).astype(np.float32)
    features[np.arange(len(outcomes)), outcomes] += strength
    return features


def outcomes_of(items: list[Item], names: str = "ABC") -> np.ndarray:
    """The outcome of each film: its main label, or the one behind all labels."""
    return np.array([names.index(i.labels[0]) if i.labels else len(names) for i in items], int)


def readings_of(
    items: list[Item],
    *,
    seed: int = 0,
    clips: int = 2,
    strengths: dict[str, float] | None = None,
    without: dict[str, list[int]] | None = None,
    names: str = "ABC",
    mode: str = SINGLE,
    outside: bool = False,
) -> Readings:
    """Clips of films, each stream's only way of reading them called ``"features"``.

    Parameters
    ----------
    items : list of Item
    seed : int
    clips : int
        Of each film.
    strengths : dict of str to float, optional
        How plainly each stream tells, see `told`.
    without : dict of str to list of int, optional
        The films that a stream is missing of.
    names, mode, outside
        The labels.
    """
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(len(items)), clips)
    outcomes = outcomes_of(items, names)[owners]
    sources, there = {}, {}
    for stream, strength in (strengths or {"visual": 2.0, "audio": 2.0}).items():
        sources[stream] = {"features": told(rng, outcomes, strength)}
        there[stream] = ~np.isin(owners, (without or {}).get(stream, []))
    return Readings(
        sources, there, np.full(len(owners), 10.0), owners, items, LabelSet(tuple(names), mode),
        outside,
    )  # fmt: skip


def films_of(
    opinions: dict[str, np.ndarray], truth: np.ndarray, primary: np.ndarray | None = None
) -> FilmOpinions:
    """Films of which streams say this."""
    if primary is None:
        primary = np.where((truth > 0).any(axis=1), (truth > 0).argmax(axis=1), -1)
    n = len(truth)
    return FilmOpinions([str(i) for i in range(n)], opinions, truth, primary, np.ones(n, bool))
