"""How sure a film's dialogue makes one: scores as logits, and what they count for by words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from ...labels import SINGLE, UNKNOWN
from ...models.fusion import sigmoid, softmax

LENGTHS = (100, 300, 1_000, 3_000)
"""Words at which it is looked how sure one can be; of less no opinion is had."""
_FEW = 10  # films with so many words, below which nothing is fitted to them
_PRIOR = 2.0  # films' worth of say that all outcomes are as steep, and none is moved


@dataclass(frozen=True)
class Sureness:
    """From scores to logits.

    Attributes
    ----------
    slope, shift : ndarray, shape (n_outcomes,)
    prior : ndarray, shape (n_outcomes,)
        The logits of a film of which nothing is known.
    lengths, trust : ndarray, shape (k,)
        How much of the way from the prior is gone at so many words.
    """

    slope: np.ndarray
    shift: np.ndarray
    prior: np.ndarray
    lengths: np.ndarray
    trust: np.ndarray

    def logits(self, scores: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Logits of films: shape (n_films, n_outcomes); NaN where too little is said."""
        trust = np.interp(np.log1p(words), np.log1p(self.lengths), self.trust)
        logits = self.prior + trust[:, None] * (scores * self.slope + self.shift - self.prior)
        return np.where((words >= self.lengths[0])[:, None], logits, np.nan)


def loss_of(logits: np.ndarray, targets: np.ndarray, mode: str) -> float:
    """Nats a film: of all labels, or of the probability that goes to those it has."""
    return _loss(logits, targets, mode)[0] / max(1, len(logits))


def _loss(logits: np.ndarray, targets: np.ndarray, mode: str) -> tuple[float, np.ndarray]:
    """Nats of all films, and their slope."""
    if mode == SINGLE:
        right = targets > 0
        p = softmax(logits)
        mass = np.maximum((p * right).sum(axis=1, keepdims=True), 1e-9)
        asked = right.any(axis=1, keepdims=True)
        nats = -float(np.log(mass[asked]).sum())
        return nats, (p - p * right / mass) * asked
    known = targets != UNKNOWN
    nats = np.logaddexp(0, logits) - logits * (targets > 0)
    return float((nats * known).sum()), (sigmoid(logits) - (targets > 0)) * known


def prior_of(targets: np.ndarray, mode: str) -> np.ndarray:
    """The logits of the outcomes' frequencies."""
    known = targets != UNKNOWN
    positive = ((targets > 0) / np.maximum(1, (targets > 0).sum(axis=1, keepdims=True))
                if mode == SINGLE else targets > 0)  # fmt: skip
    p = (positive.sum(axis=0) + 0.5) / (known.sum(axis=0) + 1)
    p = np.where(known.any(axis=0), np.clip(p, 1e-4, 1 - 1e-4), 1e-4)
    return np.log(p) if mode == SINGLE else np.log(p / (1 - p))


def fit_sureness(
    scores: Mapping[int, np.ndarray], words: np.ndarray, targets: np.ndarray, mode: str
) -> Sureness:
    """Fit it to films whose scores are by layers that learnt without them.

    Parameters
    ----------
    scores : mapping of int to ndarray, shape (n_films, n_outcomes)
        Of the first so many words; 0 for all of them.
    words : ndarray of int, shape (n_films,)
    targets : ndarray, shape (n_films, n_outcomes)
    mode : {"single", "multi"}
    """
    prior = prior_of(targets, mode)
    long = words >= min(LENGTHS[-1], np.median(words))
    slope, shift = _line(scores[0][long], targets[long], mode, prior)
    typical = max(float(np.median(words)), LENGTHS[0] + 1)
    lengths = [float(n) for n in LENGTHS if n < typical] + [typical]
    trust: list[float] = []
    for n in lengths:
        at = scores[0] if n == typical else scores[int(n)]
        rows = long if n == typical else words >= n
        if rows.sum() < _FEW:
            trust.append(trust[-1] if trust else 0.5)
            continue
        way = at[rows] * slope + shift - prior
        best = minimize_scalar(
            lambda t, way=way, rows=rows: _loss(prior + t * way, targets[rows], mode)[0],
            bounds=(0, 1),
            method="bounded",
        )
        trust.append(float(best.x))
    rising = np.maximum.accumulate(trust)  # more words never make less sure
    return Sureness(slope, shift, prior, np.array(lengths), rising)


def _line(
    scores: np.ndarray, targets: np.ndarray, mode: str, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slope and shift of each outcome at which the films are likeliest (Platt, 1999)."""
    k = scores.shape[1]
    spread = max(float(scores.std()), 1e-9)
    centre = scores.mean(axis=0)
    standard = (scores - centre) / spread

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        common, own, shift = x[0], x[1 : k + 1], x[k + 1 :]
        slope = np.exp(common + own)
        nats, by_logit = _loss(standard * slope + prior + shift, targets, mode)
        by_slope = (by_logit * standard).sum(axis=0) * slope
        nats += _PRIOR * (2 * np.sum(own**2) + np.sum(shift**2) / 8)
        by_shift = by_logit.sum(axis=0) + _PRIOR * shift / 4
        gradient = np.concatenate([[by_slope.sum()], by_slope + 4 * _PRIOR * own, by_shift])
        return nats, gradient

    bounds = [(-4, 3)] + [(-1, 1)] * k + [(-6, 6)] * k
    found = minimize(loss, np.zeros(2 * k + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    slope = np.exp(found[0] + found[1 : k + 1]) / spread
    return slope, prior + found[k + 1 :] - slope * centre
