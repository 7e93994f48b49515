"""The figure by which dialogue is learnt."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import average_precision_score

from ...labels import UNKNOWN

_ENOUGH = 3  # films of an outcome, for it to count


def mean_precision(scores: np.ndarray, targets: np.ndarray) -> float:
    """Average precision, the mean over the outcomes that some films have and some have not.

    Parameters
    ----------
    scores : ndarray, shape (n_films, n_outcomes)
    targets : ndarray, shape (n_films, n_outcomes)
        1, 0 or `vgenre.labels.UNKNOWN`.

    Returns
    -------
    float
        0 where there is no such outcome.
    """
    found = []
    for said, truth in zip(scores.T, targets.T, strict=True):
        known = truth != UNKNOWN
        positives = (truth[known] > 0).sum()
        if _ENOUGH <= positives < known.sum():
            found.append(float(average_precision_score(truth[known] > 0, said[known])))
    return float(np.mean(found)) if found else 0.0
