"""Dialogue beside picture and sound: a product of experts where few films have all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...labels import SINGLE
from ...models.fusion import STILL, STREAMS, Fusion, case_of, sigmoid, softmax, streams_of
from ..fusing import film_loss, fit_fusion, fused
from ..readings import FilmOpinions

DIALOGUE = STREAMS[-1]

ENOUGH = 30
"""Films with dialogue and another stream from which on the weight of the dialogue is fitted."""

USUAL = 0.5
"""The weight where there are fewer: half of what it would be were the streams independent, given
the genre."""

_WEIGHTS = tuple(np.round(np.linspace(0, 1.5, 16), 2).tolist())


@dataclass(frozen=True)
class Spoken:
    """How dialogue is fused.

    Attributes
    ----------
    fusions : dict of str to Fusion
        For each set of streams, those without dialogue as they were.
    weight : float
        Of the dialogue's evidence in the product.
    films : int
        From how many films it is; with fewer than `ENOUGH` it is `USUAL`.
    """

    fusions: dict[str, Fusion]
    weight: float
    films: int

    def told(self) -> dict[str, float | int | str]:
        """Plain values for the model card."""
        how = "fitted" if self.films >= ENOUGH else "assumed, as these are too few to fit it"
        return {
            "fusion": "product of calibrated opinions, divided by the dialogue's prior",
            "weight": self.weight,
            "weight_from_films": self.films,
            "weight_is": how,
        }


def fuse_dialogue(
    fusions: dict[str, Fusion],
    spoken: FilmOpinions,
    together: FilmOpinions,
    mode: str,
    *,
    known_by: dict[str, Fusion] | None = None,
) -> Spoken:
    """Fusions of all sets of streams with dialogue.

    What picture and sound say together, calibrated, is multiplied by what the dialogue says,
    calibrated, divided by what it says of films on average: the posterior of streams that are
    independent given the genre. As they are not quite, the dialogue's evidence is raised to a
    power below 1 or so, a single number (a logarithmic opinion pool; Genest and Zidek,
    *Combining Probability Distributions*, 1986). Of a genre that no film had which the other
    streams learnt from, the dialogue alone decides.

    Parameters
    ----------
    fusions : dict of str to Fusion
        Of all sets of the other streams.
    spoken : FilmOpinions
        Films as heads see their dialogue that did not learn from them.
    together : FilmOpinions
        Films that have dialogue and others of the streams, by streams that did not learn from
        them; none, where there are none.
    mode : {"single", "multi"}
    known_by : dict of str to Fusion, optional
        Of the other streams of `together`, where these are of another kind than `fusions` are
        for: still images in place of clips.

    Returns
    -------
    Spoken
    """
    alone = fit_fusion(spoken, (DIALOGUE,), mode)
    prior = _prior(alone, spoken, mode)

    rows = np.flatnonzero(together.sure & _has_both(together))
    both = together.take(rows)
    weight = USUAL
    if len(rows) >= ENOUGH:
        known = known_by or fusions
        loss = {
            w: film_loss(fused(both, _joined(known, alone, prior, w), mode), both, mode)
            for w in _WEIGHTS
        }
        weight = min(loss, key=loss.__getitem__)
    return Spoken(_joined(fusions, alone, prior, weight), weight, len(rows))


def _joined(
    fusions: dict[str, Fusion], alone: Fusion, prior: np.ndarray, weight: float
) -> dict[str, Fusion]:
    """Fusions of the other streams, those of the same streams with dialogue, and its own."""
    products = {
        case_of((*streams_of(case), DIALOGUE)): _product(fusion, alone, prior, weight)
        for case, fusion in fusions.items()
        if case != STILL
    }
    return {**fusions, **products, DIALOGUE: alone}


def _has_both(films: FilmOpinions) -> np.ndarray:
    there = {s: ~np.isnan(said).any(axis=1) for s, said in films.opinions.items()}
    others = [has for stream, has in there.items() if stream != DIALOGUE]
    none = np.zeros(len(films.names), bool)
    return there.get(DIALOGUE, none) & np.logical_or.reduce([none, *others])


def _prior(alone: Fusion, spoken: FilmOpinions, mode: str) -> np.ndarray:
    """What the dialogue says of films on average: logits of the outcomes."""
    films = spoken.having((DIALOGUE,))
    total = films.opinions[DIALOGUE] * np.array(alone.weights[DIALOGUE]) + np.array(alone.bias)
    if not len(total):
        return np.zeros(len(alone.bias))
    if mode == SINGLE:
        return np.log(np.clip(softmax(total).mean(axis=0), 1e-6, 1))
    mean = np.clip(sigmoid(total).mean(axis=0), 1e-6, 1 - 1e-6)
    return np.log(mean / (1 - mean))


def _product(others: Fusion, alone: Fusion, prior: np.ndarray, weight: float) -> Fusion:
    scaled = weight * np.array(alone.weights[DIALOGUE])
    # Where the other streams know nothing of a genre, the dialogue's prior is all there is.
    silent = np.all([np.array(by_outcome) == 0 for by_outcome in others.weights.values()], axis=0)
    known = np.where(silent, prior, np.array(others.bias))
    bias = known + weight * (np.array(alone.bias) - prior)
    weights = {**others.weights, DIALOGUE: tuple(np.round(scaled, 4).tolist())}
    thresholds = np.where(silent[: len(others.thresholds)], alone.thresholds, others.thresholds)
    return Fusion(weights, tuple(np.round(bias, 4).tolist()), tuple(thresholds.tolist()))
