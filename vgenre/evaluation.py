"""How good a model is, on films it never saw, beside what is easily had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, recall_score

from .calibration import film_means
from .dataset import Item
from .labels import SINGLE, LabelSet


@dataclass(frozen=True)
class Films:
    """Clips put together to films, and the truth about them.

    Attributes
    ----------
    names : list of str
    probabilities : ndarray, shape (n_films, n_labels)
    truth : ndarray of 0/1, shape (n_films, n_labels)
    primary : ndarray of int, shape (n_films,)
        The main label; -1 for none of the label set.
    """

    names: list[str]
    probabilities: np.ndarray
    truth: np.ndarray
    primary: np.ndarray


def films_of(
    probabilities: np.ndarray,
    seconds: np.ndarray,
    owners: np.ndarray,
    items: Sequence[Item],
    labels: LabelSet,
) -> Films:
    """Average clips to films, weighing a clip by its length.

    Parameters
    ----------
    probabilities : ndarray, shape (n_clips, n_labels)
    seconds : ndarray, shape (n_clips,)
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    items : sequence of Item
    labels : LabelSet

    Returns
    -------
    Films
    """
    of_clip = [items[owner] for owner in owners]
    films = [item.film for item in of_clip]
    first = {item.film: item for item in reversed(of_clip)}
    names = list(dict.fromkeys(films))
    truth = np.stack([labels.multi_hot(first[name].labels) for name in names])
    primary = np.array(
        [labels.names.index(first[n].labels[0]) if first[n].labels else -1 for n in names]
    )
    return Films(names, film_means(probabilities, films, seconds), truth, primary)


def measure(films: Films, labels: LabelSet) -> dict[str, Any]:
    """Film-level figures.

    Parameters
    ----------
    films : Films
    labels : LabelSet

    Returns
    -------
    dict
        ``films``; ``mAP`` (macro), with ``per_label`` average precision beside
        prevalence and count; ``micro_AP``. For a single label a film, over the
        films that have one: ``top1``, ``any_label`` (right if the likeliest is
        any of the film's labels), ``macro_F1``, ``balanced_accuracy``. Labels
        that no film has are left out of the means.
    """
    p, truth = films.probabilities, films.truth
    per_label = {}
    for i, name in enumerate(labels.names):
        positives = int(truth[:, i].sum())
        ap = float(average_precision_score(truth[:, i], p[:, i])) if positives else None
        per_label[name] = {"AP": ap, "prevalence": positives / len(truth), "films": positives}
    known = [entry["AP"] for entry in per_label.values() if entry["AP"] is not None]
    figures: dict[str, Any] = {
        "films": len(truth),
        "mAP": float(np.mean(known)) if known else None,
        "micro_AP": float(average_precision_score(truth.ravel(), p.ravel())) if known else None,
        "per_label": per_label,
    }
    has = films.primary >= 0
    if labels.mode == SINGLE and has.any():
        best, primary = p[has].argmax(axis=1), films.primary[has]
        present = np.unique(primary)
        figures |= {
            "top1": float((best == primary).mean()),
            "any_label": float(truth[has][np.arange(len(best)), best].mean()),
            "macro_F1": float(
                f1_score(primary, best, labels=present, average="macro", zero_division=0)
            ),
            "balanced_accuracy": float(
                recall_score(primary, best, labels=present, average="macro", zero_division=0)
            ),
        }
    return figures


def majority(films: Films, labels: LabelSet, train: Sequence[Item]) -> Films:
    """The baseline that says the same of every film: how frequent each label is.

    Parameters
    ----------
    films : Films
        Whose truth is to be met.
    labels : LabelSet
    train : sequence of Item
        Where the frequencies are from.
    """
    by_film = {item.film: item for item in train}
    frequency = np.mean([labels.target(item.labels) for item in by_film.values()], axis=0)
    return Films(films.names, np.tile(frequency, (len(films.names), 1)), films.truth, films.primary)


def bootstrap(
    films: Films, labels: LabelSet, *, rounds: int = 500, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """95 % confidence intervals of the main figures, by resampling films.

    Returns
    -------
    dict of str to (float, float)
    """
    rng = np.random.default_rng(seed)
    values: dict[str, list[float]] = {}
    for _ in range(rounds):
        rows = rng.integers(len(films.names), size=len(films.names))
        sample = Films(
            [films.names[r] for r in rows],
            films.probabilities[rows],
            films.truth[rows],
            films.primary[rows],
        )
        for name, value in measure(sample, labels).items():
            if isinstance(value, float):
                values.setdefault(name, []).append(value)
    return {
        name: (float(np.quantile(v, 0.025)), float(np.quantile(v, 0.975)))
        for name, v in values.items()
    }
