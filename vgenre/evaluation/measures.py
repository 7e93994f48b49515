"""How good a model is, on films it never saw, beside what is easily had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, recall_score, roc_auc_score

from ..data.items import Item
from ..labels import MULTI, SINGLE, UNKNOWN, LabelSet
from .films import Films


def measure(
    films: Films, labels: LabelSet, thresholds: np.ndarray | Sequence[float] | None = None
) -> dict[str, Any]:
    """Film-level figures.

    Parameters
    ----------
    films : Films
    labels : LabelSet
    thresholds : array_like, shape (n_labels,) or (n_films, n_labels), optional
        Of a model; with them come figures of the labels that it gives.

    Returns
    -------
    dict
        ``films``; ``mAP`` and ``macro_AUC``, with ``per_label`` average
        precision beside prevalence and count; ``micro_AP``; ``ECE``, the
        expected calibration error. For a single label a film, over the films
        that have one: ``top1``, ``any_label`` (right if the likeliest is any of
        the film's labels), ``macro_F1``, ``balanced_accuracy``. For many labels,
        at the thresholds: ``macro_F1`` and ``micro_F1``. Labels that no film has
        are left out of the means, and what is not known of a film of all.
    """
    p, truth = films.probabilities, films.truth
    known = truth != UNKNOWN
    per_label: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(labels.names):
        t, scores = truth[known[:, i], i], p[known[:, i], i]
        positives = int(t.sum())
        some = 0 < positives < len(t)
        per_label[name] = {
            "AP": float(average_precision_score(t, scores)) if positives else None,
            "AUC": float(roc_auc_score(t, scores)) if some else None,
            "prevalence": positives / max(1, len(t)),
            "films": positives,
        }
    figures: dict[str, Any] = {
        "films": len(truth),
        "mAP": _mean(entry["AP"] for entry in per_label.values()),
        "macro_AUC": _mean(entry["AUC"] for entry in per_label.values()),
        "micro_AP": float(average_precision_score(truth[known], p[known]))
        if truth[known].any()
        else None,
        "ECE": calibration_error(*reliability(films, labels)) if len(truth) else None,
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
    if thresholds is not None and labels.mode == MULTI:
        given = p >= np.broadcast_to(np.asarray(thresholds), p.shape)
        each = [
            f1_score(truth[k, i] > 0, given[k, i], zero_division=0)
            for i, k in enumerate(known.T)
            if (truth[k, i] > 0).any()
        ]
        figures |= {
            "macro_F1": _mean(each),
            "micro_F1": float(f1_score(truth[known] > 0, given[known], zero_division=0)),
        }
    return figures


def rounded(figures: Any, digits: int = 4) -> Any:
    """Figures as a card holds them: numbers rounded, tuples as lists.

    Parameters
    ----------
    figures : object
        Numbers, strings and None, in dicts, lists and tuples.
    digits : int
        Behind the point.
    """
    if isinstance(figures, dict):
        return {name: rounded(value, digits) for name, value in figures.items()}
    if isinstance(figures, (list, tuple)):
        return [rounded(value, digits) for value in figures]
    return round(float(figures), digits) if isinstance(figures, (float, np.floating)) else figures


def _mean(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known else None


def reliability(films: Films, labels: LabelSet) -> tuple[np.ndarray, np.ndarray]:
    """How sure a model was, and whether it was right.

    Returns
    -------
    sure : ndarray, shape (n,)
        For a single label a film the probability of the likeliest, for many
        labels every probability of which the truth is known.
    right : ndarray of bool, shape (n,)
    """
    p, truth = films.probabilities, films.truth
    if labels.mode == SINGLE:
        best = p.argmax(axis=1)
        rows = np.arange(len(p))
        return p[rows, best], truth[rows, best] > 0
    known = truth != UNKNOWN
    return p[known], truth[known] > 0


def calibration_error(sure: np.ndarray, right: np.ndarray, *, bins: int = 10) -> float:
    """Expected calibration error (Guo et al., 2017): mean gap between sureness and rightness.

    Parameters
    ----------
    sure : ndarray, shape (n,)
    right : ndarray of bool, shape (n,)
    bins : int
        Of equal width.
    """
    which = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = np.bincount(which, sure - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))


def chance_error(sure: np.ndarray, *, bins: int = 10, rounds: int = 200, seed: int = 0) -> float:
    """The calibration error that is expected where every probability is true.

    Of few films some bins are right more or less often than they say by chance, so that the
    error of a perfect model is not 0 (Bröcker and Smith, *Increasing the Reliability of
    Reliability Diagrams*, 2007).

    Parameters
    ----------
    sure : ndarray, shape (n,)
    bins : int
        As for `calibration_error`.
    rounds : int
        How many times it is drawn what is right.
    seed : int
    """
    rng = np.random.default_rng(seed)
    drawn = (rng.random(len(sure)) < sure for _ in range(rounds))
    return float(np.mean([calibration_error(sure, right, bins=bins) for right in drawn]))


def outside(
    films: Films, labels: LabelSet, thresholds: np.ndarray | Sequence[float]
) -> dict[str, Any]:
    """How a single-label model takes films of none of its genres.

    Parameters
    ----------
    films : Films
    labels : LabelSet
    thresholds : array_like, shape (n_labels,) or (n_films, n_labels)

    Returns
    -------
    dict
        ``films``: how many there are; ``labelled``: the share of them that gets
        a label; ``recall`` and ``recall_without_thresholds``: the share of the
        films of its genres that get a right label, with the thresholds and without.
    """
    best = films.probabilities.argmax(axis=1)
    rows = np.arange(len(best))
    needed = np.broadcast_to(np.asarray(thresholds), films.probabilities.shape)[rows, best]
    top = films.probabilities[rows, best]
    # As `LabelSet.choose` has it: none of the labels must not be likelier.
    given = (top >= needed) & (top > 1 - films.probabilities.sum(axis=1))
    right, has = films.truth[rows, best] > 0, films.primary >= 0
    return {
        "films": int((~has).sum()),
        "labelled": _mean(given[~has]),
        "recall": _mean((given & right)[has]),
        "recall_without_thresholds": _mean(right[has]),
    }


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
    targets = np.stack([labels.target(item.labels, item.known) for item in by_film.values()])
    known = targets != UNKNOWN
    frequency = (targets * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return Films(films.names, np.tile(frequency, (len(films.names), 1)), films.truth, films.primary)
