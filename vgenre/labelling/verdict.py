"""From the streams' opinions of a film to what its record says of its genres."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..models.card import ModelCard
from ..models.fusion import STREAMS


class ClipMeans:
    """A film's opinion by picture and sound: the mean of those of its clips that have the stream.

    Logits are averaged, not probabilities, so that the same fusion suits a film that is one
    clip long and one of a hundred, and each stream is weighed once, whatever clips have it.
    """

    def __init__(self) -> None:
        self._sums: dict[str, np.ndarray] = {}
        self._seconds: dict[str, float] = {}

    def add(self, opinions: Mapping[str, np.ndarray], seconds: float) -> None:
        """Take a clip's opinions, logits of shape (n_outcomes,), with its length as weight."""
        for stream, logits in opinions.items():
            weighed = np.asarray(logits, np.float64) * seconds
            self._sums[stream] = self._sums.get(stream, 0.0) + weighed
            self._seconds[stream] = self._seconds.get(stream, 0.0) + seconds

    def means(self) -> dict[str, np.ndarray]:
        """The film's opinions by stream: float64, shape (n_outcomes,)."""
        return {s: self._sums[s] / self._seconds[s] for s in STREAMS if s in self._sums}


def verdict(
    card: ModelCard, opinions: Mapping[str, np.ndarray], *, still: bool = False
) -> dict[str, Any]:
    """What a film's record says of its genres.

    All streams are fused at once, by the fusion of the set of them that is there. What a
    stream decided is what changes without it: the fusion of the others on their opinions,
    which is what labelling would have given had the film not had the stream.

    Parameters
    ----------
    card : ModelCard
    opinions : mapping of str to ndarray, shape (n_outcomes,)
        Of the film, by each stream that it has; one at least.
    still : bool
        Whether the film is a still image.

    Returns
    -------
    dict
        ``labels``, ``probabilities``, ``outside``, ``opinions`` and ``without`` of
        `vgenre.FilmResult`.
    """
    mode = card.labels.mode
    fusion = card.fusion(opinions, still=still)
    found = fusion.probabilities(opinions, mode)
    without = {}
    if len(opinions) > 1:
        for stream in opinions:
            others = card.fusion([other for other in opinions if other != stream])
            without[stream] = named(card, others.probabilities(opinions, mode))
    return {
        "labels": list(card.labels.choose(found, fusion.thresholds)),
        "probabilities": named(card, found),
        "outside": max(0.0, 1.0 - float(found.sum())) if card.outside else None,
        "opinions": {s: np.asarray(o, np.float64).tolist() for s, o in opinions.items()},
        "without": without,
    }


def named(card: ModelCard, probabilities: np.ndarray) -> dict[str, float]:
    """Probabilities, shape (n_labels,), by the names of their labels."""
    return dict(zip(card.labels.names, probabilities.tolist(), strict=True))
