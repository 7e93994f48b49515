"""From logits to probabilities that mean what they say, and to thresholds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, softmax

from .labels import MULTI, SINGLE


def probabilities_of(logits: np.ndarray, temperature: float, mode: str) -> np.ndarray:
    """Calibrated probabilities.

    Parameters
    ----------
    logits : ndarray, shape (..., n_labels)
    temperature : float
    mode : {"single", "multi"}
        Softmax or sigmoid.

    Returns
    -------
    ndarray of float64, shape (..., n_labels)
    """
    scaled = np.asarray(logits, np.float64) / temperature
    return softmax(scaled, axis=-1) if mode == SINGLE else expit(scaled)


def film_means(values: np.ndarray, films: Sequence[str], weights: np.ndarray) -> np.ndarray:
    """Weighted mean over the clips of each film, films in order of their first clip.

    Parameters
    ----------
    values : ndarray, shape (n_clips, n)
    films : sequence of str, length n_clips
    weights : ndarray, shape (n_clips,)

    Returns
    -------
    ndarray, shape (n_films, n)
    """
    index = {film: i for i, film in enumerate(dict.fromkeys(films))}
    rows = np.array([index[film] for film in films])
    total, weight = np.zeros((len(index), values.shape[1])), np.zeros(len(index))
    np.add.at(total, rows, values * weights[:, None])
    np.add.at(weight, rows, weights)
    return total / weight[:, None]


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
        As `LabelSet.target` gives them, films in order of their first clip.
    mode : {"single", "multi"}
    temperature : float
    films : sequence of str, length n_clips
    weights : ndarray, shape (n_clips,)

    Returns
    -------
    float
        Nats a film.
    """
    clips = probabilities_of(logits, temperature, mode)
    p = np.clip(film_means(clips, films, weights), 1e-6, 1 - 1e-6)
    each = targets * np.log(p)
    if mode == MULTI:
        each = each + (1 - targets) * np.log(1 - p)
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
        all, below which the likeliest genre is wrong more often than right.
    """
    if mode == MULTI:
        return tuple(
            _best_f1_threshold(p, t) for p, t in zip(probabilities.T, truth.T, strict=True)
        )
    best = probabilities.argmax(axis=1)
    top, right = probabilities.max(axis=1), truth[np.arange(len(truth)), best] > 0
    candidates = np.linspace(1 / truth.shape[1], 0.6, 30)
    # Each label given counts 1 if right and -1 if wrong; none counts 0.
    gain = [np.where(top >= c, np.where(right, 1, -1), 0).sum() for c in candidates]
    return (round(float(candidates[int(np.argmax(gain))]), 3),) * truth.shape[1]


def _best_f1_threshold(probabilities: np.ndarray, truth: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    if not truth.any():
        return 0.5
    candidates = np.linspace(0.05, 0.95, 37)
    scores = [f1_score(truth, probabilities >= c, zero_division=0) for c in candidates]
    return round(float(candidates[int(np.argmax(scores))]), 3)
