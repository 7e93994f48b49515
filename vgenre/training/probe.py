"""The linear probe: a logistic regression on the mean of a clip's frame features.

From a few hundred films it learns more surely than a network does, and what each of the
two gets wrong is not the same: the visual stream adds their logits up.
"""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ..data.pixels import Clips
from ..labels import SINGLE

COMPONENTS = 120
"""Principal components that are looked at, at most."""

STRENGTH = 0.01
"""Inverse of the regularisation, scikit-learn's ``C``."""

_AT_ONCE = 64  # clips


def mean_features(clips: Clips) -> np.ndarray:
    """Mean over the frames of each clip: float32, (n_clips, width); zeros without frames."""
    parts = []
    for begin in range(0, len(clips), _AT_ONCE):
        rows = np.arange(begin, min(begin + _AT_ONCE, len(clips)))
        inputs = clips.inputs(rows, ("frame_features", "frame_mask"))
        mask = inputs["frame_mask"][..., None]
        total = (inputs["frame_features"] * mask).sum(axis=1)
        parts.append(total / np.maximum(mask.sum(axis=1), 1))
    return np.concatenate(parts)


def fit_probe(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the probe.

    Parameters
    ----------
    features : ndarray of float32, shape (n, width)
    targets : ndarray of float32, shape (n, n_labels)
        In ``single`` mode 1 for the main label alone; a clip of none is left out. In
        ``multi`` mode as `vgenre.labels.LabelSet.target` gives them.
    weights : ndarray, shape (n,)
        How much each clip counts.
    mode : {"single", "multi"}

    Returns
    -------
    kernel : ndarray of float32, shape (width, n_labels)
    bias : ndarray of float32, shape (n_labels,)
        Logits are ``features @ kernel + bias``; 0 for a label of which the targets
        do not tell.
    """
    scaler = StandardScaler().fit(features)
    standard = scaler.transform(features)
    components = min(COMPONENTS, len(features) - 1, features.shape[1])
    pca = PCA(components, random_state=0).fit(standard)
    reduced = pca.transform(standard)
    n_labels = targets.shape[1]
    slopes, bias = np.zeros((n_labels, components)), np.zeros(n_labels)
    if mode == SINGLE:
        rows, labels = np.nonzero(targets)
        if found := _regression(reduced[rows], labels, weights[rows]):
            known = found.classes_
            if len(known) == 2:  # scikit-learn gives the difference of the two
                slopes[known], bias[known] = _halves(found)
            else:
                slopes[known], bias[known] = found.coef_, found.intercept_
    else:
        for label, column in enumerate(targets.T):
            rows = np.flatnonzero(column >= 0)
            if found := _regression(reduced[rows], column[rows] > 0, weights[rows]):
                slopes[label], bias[label] = found.coef_[0], found.intercept_[0]
    kernel = (slopes @ pca.components_ / scaler.scale_).T
    middle = scaler.mean_ + scaler.scale_ * pca.mean_
    return kernel.astype(np.float32), (bias - middle @ kernel).astype(np.float32)


def _regression(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> LogisticRegression | None:
    if len(np.unique(y)) < 2:
        return None
    return LogisticRegression(C=STRENGTH, max_iter=3000).fit(x, y, sample_weight=weights)


def _halves(found: LogisticRegression) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and intercepts of two labels whose difference a regression gives."""
    sign = np.array([-0.5, 0.5])
    return sign[:, None] * found.coef_, sign * found.intercept_
