"""Fitting what turns logits into probabilities, and the thresholds of labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.items import Item
from ..evaluation.films import film_means, films_of
from ..labels import MULTI, SINGLE, LabelSet
from ..models.calibration import Calibration

_RECALL_GIVEN_UP = 0.03


def film_loss(
    logits: np.ndarray,
    targets: np.ndarray,
    mode: str,
    temperature: float,
    *,
    films: Sequence[str],
    weights: np.ndarray,
) -> float:
    """Cross-entropy of films' mean probabilities.

    Parameters
    ----------
    logits : ndarray, shape (n_clips, n_labels)
    targets : ndarray, shape (n_films, n_labels)
        As `LabelSet.target` gives them, films in order of their first clip;
        below 0 where a film's source does not tell.
    mode : {"single", "multi"}
    temperature : float
    films : sequence of str, length n_clips
    weights : ndarray, shape (n_clips,)

    Returns
    -------
    float
        Nats a film.
    """
    calibration = Calibration.temperature(temperature, logits.shape[1])
    clips = calibration.probabilities(logits, mode)
    p = np.clip(film_means(clips, films, weights), 1e-6, 1 - 1e-6)
    each = targets * np.log(p)
    if mode == MULTI:
        each = np.where(targets < 0, 0.0, each + (1 - targets) * np.log(1 - p))
    return -float(each.sum(axis=1).mean())


def fit_temperature(
    logits: np.ndarray,
    targets: np.ndarray,
    mode: str,
    *,
    films: Sequence[str],
    weights: np.ndarray,
) -> float:
    """The temperature at which `film_loss`, with the same parameters, is least.

    Returns
    -------
    float
        In [0.25, 8].
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log_temperature: film_loss(
            logits, targets, mode, float(np.exp(log_temperature)), films=films, weights=weights
        ),
        bounds=(np.log(0.25), np.log(8)),
        method="bounded",
    )
    return float(np.exp(found.x))


def fit_confidence(
    logits: np.ndarray, truth: np.ndarray, *, films: Sequence[str], weights: np.ndarray
) -> float:
    """The temperature at which a film's likeliest genre is right as often as its probability says.

    `film_loss` asks for probabilities that share themselves out among the genres of a
    film, so that a film of two is never sure of either. A reader takes the likeliest
    genre's probability for the chance that it is one of the film's; this fits that.

    Parameters
    ----------
    logits : ndarray, shape (n_clips, n_labels)
    truth : ndarray, shape (n_films, n_labels)
        Above 0 where a film has the genre; films in order of their first clip.
        Those of none at all are left out.
    films : sequence of str, length n_clips
    weights : ndarray, shape (n_clips,)

    Returns
    -------
    float
        In [0.1, 10].
    """
    from scipy.optimize import minimize_scalar

    has = (truth > 0).any(axis=1)
    if not has.any():
        return 1.0

    def loss(log_temperature: float) -> float:
        clips = Calibration.temperature(float(np.exp(log_temperature)), logits.shape[1])
        p = film_means(clips.probabilities(logits, SINGLE), films, weights)[has]
        sure = np.clip(p.max(axis=1), 1e-6, 1 - 1e-6)
        right = truth[has, p.argmax(axis=1)] > 0
        n = right.sum()
        # Platt's targets (1999): where all of a few films are right, the next may not be.
        target = np.where(right, (n + 1) / (n + 2), 1 / (len(right) - n + 2))
        return -float(np.mean(target * np.log(sure) + (1 - target) * np.log(1 - sure)))

    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(10)), method="bounded")
    return float(np.exp(found.x))


def fit_platt(
    logits: np.ndarray, targets: np.ndarray, *, films: Sequence[str], weights: np.ndarray
) -> Calibration:
    """Platt's scaling for each label of a ``"multi"`` model.

    Parameters
    ----------
    logits : ndarray, shape (n_clips, n_labels)
    targets : ndarray of 0/1, shape (n_films, n_labels)
        Films in order of their first clip; below 0 where a film's source does not tell.
    films : sequence of str, length n_clips
    weights : ndarray, shape (n_clips,)

    Returns
    -------
    Calibration
        A label that no film has, or all have, keeps its logits.
    """
    from sklearn.linear_model import LogisticRegression

    means = film_means(logits, films, weights)
    scale, bias = [], []
    for x, y in zip(means.T, targets.T, strict=True):
        known = y >= 0
        if len(np.unique(y[known])) < 2:
            scale.append(1.0)
            bias.append(0.0)
            continue
        fitted = LogisticRegression().fit(x[known, None], y[known])
        # A label that the network got the wrong way round stays as it is, not turned over.
        scale.append(round(max(float(fitted.coef_[0, 0]), 0.05), 4))
        bias.append(round(float(fitted.intercept_[0]), 4))
    return Calibration(tuple(scale), tuple(bias))


def fit_thresholds(probabilities: np.ndarray, truth: np.ndarray, mode: str) -> tuple[float, ...]:
    """Thresholds from validation films.

    Parameters
    ----------
    probabilities : ndarray, shape (n_films, n_labels)
    truth : ndarray of 0/1, shape (n_films, n_labels)
        Films with no label at all belong in it: they show where to be unsure.
    mode : {"single", "multi"}

    Returns
    -------
    tuple of float
        ``"multi"``: for each label the one of best F1. ``"single"``: one for
        all, as high as it can be without taking more than 3 in 100 of the films
        their right label. Films outside the label set are seldom above it.
    """
    if mode == MULTI:
        return tuple(
            _best_f1_threshold(p[t >= 0], t[t >= 0] > 0)
            for p, t in zip(probabilities.T, truth.T, strict=True)
        )
    best = probabilities.argmax(axis=1)
    top, right = probabilities.max(axis=1), truth[np.arange(len(truth)), best] > 0
    if not right.any():
        return (1 / truth.shape[1],) * truth.shape[1]
    may_lose = int(_RECALL_GIVEN_UP * (truth > 0).any(axis=1).sum())
    threshold = np.sort(top[right])[min(may_lose, right.sum() - 1)]
    # A genre more probable than all others together is never withheld, however few films say so.
    return (min(0.5, int(threshold * 1000) / 1000),) * truth.shape[1]


def _best_f1_threshold(probabilities: np.ndarray, truth: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    if not truth.any():
        return 0.5
    candidates = np.linspace(0.05, 0.95, 37)
    scores = [f1_score(truth, probabilities >= c, zero_division=0) for c in candidates]
    return round(float(candidates[int(np.argmax(scores))]), 3)


def calibrate(
    logits: np.ndarray,
    seconds: np.ndarray,
    owners: np.ndarray,
    items: Sequence[Item],
    labels: LabelSet,
) -> tuple[Calibration, tuple[float, ...]]:
    """The calibration and the thresholds that suit some films.

    Parameters
    ----------
    logits : ndarray, shape (n_clips, n_labels)
    seconds : ndarray, shape (n_clips,)
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    items : sequence of Item
    labels : LabelSet

    Returns
    -------
    calibration : Calibration
    thresholds : tuple of float
    """
    truth = films_of(logits, seconds, owners, items, labels).truth
    names = [items[owner].film for owner in owners]
    if labels.mode == MULTI:
        calibration = fit_platt(logits, truth, films=names, weights=seconds)
    else:
        temperature = fit_confidence(logits, truth, films=names, weights=seconds)
        calibration = Calibration.temperature(round(temperature, 4), len(labels))
    said = calibration.probabilities(logits, labels.mode)
    found = films_of(said, seconds, owners, items, labels)
    return calibration, fit_thresholds(found.probabilities, found.truth, labels.mode)
