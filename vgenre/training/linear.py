"""The linear layers of the streams: regression on what a stream reads of a clip.

Logistic for one label a film, ridge for many. From a few hundred films it learns more surely than
a network does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.utils.extmath import randomized_svd

from ..labels import SINGLE, UNKNOWN

MOST_COMPONENTS = 240
_ROWS_A_COMPONENT = 16  # where there are many rows, more components can be told apart
_LEAST_DEVIATION = 0.05
"""Of a feature, in shares of the mean deviation of all: rounding of one that hardly moves is not
to be blown up."""


@dataclass(frozen=True)
class Reduced:
    """Features, standardised and turned to their principal components.

    Attributes
    ----------
    middle, scale : ndarray, shape (width,)
    components : ndarray, shape (n_components, width)
        The one with the largest variance first.
    values : ndarray, shape (n, n_components)
    """

    middle: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, weights: np.ndarray) -> Reduced:
        """Reduce features.

        Parameters
        ----------
        features : ndarray, shape (n, width)
        weights : ndarray, shape (n,)
            How much each row counts for mean and deviation.
        """
        x = np.asarray(features, np.float32)
        middle = np.average(x, axis=0, weights=weights)
        scale = np.sqrt(np.average((x - middle) ** 2, axis=0, weights=weights))
        scale = np.maximum(scale, _LEAST_DEVIATION * scale.mean() + 1e-6)
        standard = ((x - middle) / scale).astype(np.float32)
        count = max(MOST_COMPONENTS, len(x) // _ROWS_A_COMPONENT)
        count = min(count, len(x) - 1, x.shape[1])
        _, _, components = randomized_svd(standard, count, random_state=0)
        return cls(middle, scale, components, standard @ components.T)

    def linear(self, slopes: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A linear layer on features from one on the first components.

        Parameters
        ----------
        slopes : ndarray, shape (n_outcomes, n)
        bias : ndarray, shape (n_outcomes,)

        Returns
        -------
        kernel : ndarray of float32, shape (width, n_outcomes)
        bias : ndarray of float32, shape (n_outcomes,)
        """
        kernel = (slopes @ self.components[: slopes.shape[1]] / self.scale).T
        return kernel.astype(np.float32), (bias - self.middle @ kernel).astype(np.float32)


def fit_linear(
    reduced: Reduced,
    targets: np.ndarray,
    weights: np.ndarray,
    mode: str,
    *,
    components: int,
    strength: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a linear layer.

    Parameters
    ----------
    reduced : Reduced
    targets : ndarray, shape (n, n_outcomes)
        In ``single`` mode 1 for one outcome, in ``multi`` mode 1, 0 or `UNKNOWN`.
    weights : ndarray, shape (n,)
        How much each row counts.
    mode : {"single", "multi"}
    components : int
        How many principal components are looked at.
    strength : float
        Inverse of the regularisation, scikit-learn's ``C``, of components whose variance is
        1 on average.

    Returns
    -------
    kernel : ndarray of float32, shape (width, n_outcomes)
    bias : ndarray of float32, shape (n_outcomes,)
        Logits are ``features @ kernel + bias``; an outcome of which the targets do not tell has
        slopes of 0.
    """
    x = reduced.values[:, :components]
    slopes, bias = np.zeros((targets.shape[1], x.shape[1])), np.zeros(targets.shape[1])
    if mode == SINGLE:
        outcome = targets.argmax(axis=1)
        if found := _regression(x, outcome, weights, strength):
            known = found.classes_
            two = len(known) == 2  # scikit-learn gives the difference of the two
            sign = np.array([-0.5, 0.5])
            slopes[known] = sign[:, None] * found.coef_ if two else found.coef_
            bias[:] = -_FAR_OFF
            bias[known] = sign * found.intercept_ if two else found.intercept_
    else:
        slopes, bias = _ridge(x, targets, weights, strength)
    return reduced.linear(slopes, bias)


def _ridge(
    x: np.ndarray, targets: np.ndarray, weights: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression to -1 and 1, solved for all labels at once."""
    slopes, bias = np.zeros((targets.shape[1], x.shape[1])), np.zeros(targets.shape[1])
    known = targets != UNKNOWN
    for pattern in np.unique(known, axis=1).T:  # labels of which the same rows tell
        same = np.flatnonzero((known == pattern[:, None]).all(axis=0))
        if not pattern.any():
            bias[same] = -_FAR_OFF
            continue
        some, say = x[pattern].astype(np.float64), weights[pattern][:, None]
        wanted = np.where(targets[pattern][:, same] > 0, 1.0, -1.0)
        middle = (some * say).sum(axis=0) / say.sum()
        mean = (wanted * say).sum(axis=0) / say.sum()
        centred = some - middle
        gram = centred.T @ (centred * say) + np.eye(x.shape[1]) / strength
        found = np.linalg.solve(gram, centred.T @ ((wanted - mean) * say)).T
        # Twice what separates the classes is near the logit of a logistic regression.
        slopes[same], bias[same] = 2 * found, 2 * (mean - middle @ found.T)
    return slopes, bias


_FAR_OFF = 6.0  # the logit below the others of an outcome that no film to learn from has


def _regression(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, strength: float
) -> LogisticRegression | None:
    if len(np.unique(y)) < 2:
        return None
    return LogisticRegression(C=strength, max_iter=500, tol=1e-3).fit(x, y, sample_weight=weights)
