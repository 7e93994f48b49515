"""How films fare by the logits of their clips, once the temperature is right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..evaluation.films import film_means
from ..labels import MULTI
from ..models.fusion import sigmoid, softmax


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
    clips = (sigmoid if mode == MULTI else softmax)(np.asarray(logits, np.float64) / temperature)
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
