"""Late fusion: the streams' opinions of a clip or a film, as one set of probabilities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import ModelError
from ..labels import MULTI, SINGLE

STREAMS = ("visual", "audio", "dialogue")
"""All streams there are, in the order in which sets of them are written."""

STILL = "still"
"""The case of still images: the picture alone, and one frame of it."""

_JOIN = "+"


@dataclass(frozen=True)
class Fusion:
    """What turns the opinions of one set of streams into probabilities that mean what they say.

    Opinions are logits over *outcomes*: the labels, and for some models of a single label one
    more, that a film is none of them. Their weighted sum is a product of experts (Hinton,
    *Training Products of Experts by Minimizing Contrastive Divergence*, 2002). For one stream
    a single weight is temperature scaling (Guo et al., *On Calibration of Modern Neural
    Networks*, 2017), weights and a bias for each outcome are Platt's scaling (*Probabilistic
    Outputs for Support Vector Machines*, 1999). Each set of streams has its own, as fewer
    streams that are as sure as all of them together would be too sure.

    Parameters
    ----------
    weights : dict of str to tuple of float
        What each stream's logit is multiplied by, for each outcome.
    bias : tuple of float
        What is added to the sum, for each outcome.
    thresholds : tuple of float
        A film gets a label when its probability reaches the label's threshold.
    """

    weights: dict[str, tuple[float, ...]]
    bias: tuple[float, ...]
    thresholds: tuple[float, ...]

    @classmethod
    def plain(
        cls, streams: Collection[str], n_labels: int, outside: bool = False, mode: str = SINGLE
    ) -> Fusion:
        """The mean of the streams' logits, for a model that was not calibrated.

        Parameters
        ----------
        streams : collection of str
        n_labels : int
        outside : bool
            Whether there is an outcome more, none of the labels.
        mode : {"single", "multi"}
            With one label a film it gets the likeliest whatever its probability, with many
            those that are more probable than not.
        """
        n_outcomes = n_labels + outside
        return cls(
            {stream: (1 / len(streams),) * n_outcomes for stream in streams_of(case_of(streams))},
            (0.0,) * n_outcomes,
            (0.5 if mode == MULTI else 0.0,) * n_labels,
        )

    def probabilities(self, opinions: Mapping[str, np.ndarray], mode: str) -> np.ndarray:
        """The labels' probabilities.

        Parameters
        ----------
        opinions : mapping of str to ndarray, shape (..., n_outcomes)
            Logits by each stream of `weights`; others are not asked.
        mode : {"single", "multi"}
            Softmax over the outcomes, or a sigmoid of each.

        Returns
        -------
        ndarray of float64, shape (..., n_labels)
            Where there is the outcome of none of the labels, they sum to what it leaves.
        """
        total = np.asarray(self.bias, np.float64)
        for stream, weights in self.weights.items():
            total = total + np.asarray(opinions[stream], np.float64) * weights
        outcomes = softmax(total) if mode == SINGLE else sigmoid(total)
        return outcomes[..., : len(self.thresholds)]


def case_of(streams: Collection[str], *, still: bool = False) -> str:
    """The name of a set of streams that can be there.

    Parameters
    ----------
    streams : collection of str
        In any order.
    still : bool
        Whether the picture is a still image; other streams than it make it a film.

    Raises
    ------
    ModelError
        If there is no stream, or one that is not known.

    Examples
    --------
    >>> case_of({"audio", "visual"})
    'visual+audio'
    >>> case_of(["visual"], still=True)
    'still'
    """
    if odd := set(streams) - set(STREAMS):
        raise ModelError(f"there is no stream {', '.join(sorted(odd))}; there are {STREAMS}")
    if not streams:
        raise ModelError("there is no fusion of no streams")
    if still and set(streams) == {"visual"}:
        return STILL
    return _JOIN.join(name for name in STREAMS if name in streams)


def streams_of(case: str) -> tuple[str, ...]:
    """The streams of a case, as `case_of` names it.

    Raises
    ------
    ModelError
        If there is no such case.
    """
    streams = ("visual",) if case == STILL else tuple(case.split(_JOIN))
    if case != STILL and (not set(streams) <= set(STREAMS) or case_of(streams) != case):
        raise ModelError(f"there is no set of streams called {case!r}")
    return streams


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities that sum to 1 over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """A probability for each logit by itself."""
    return 0.5 * (1 + np.tanh(0.5 * logits))  # by tanh, which cannot overflow
