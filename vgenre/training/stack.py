"""The linear layers of a stream: one for each way of reading it, added up.

What each counts is fitted to what layers say of films that they did not see (Wolpert, *Stacked
generalization*, 1992).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..labels import SINGLE
from .fusing import weights_of
from .readings import FilmOpinions, Readings

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Reading:
    """How a stream is read.

    Parameters
    ----------
    source : str
        Of `Readings.sources`.
    components : int
        See `vgenre.training.linear.fit_linear`.
    strength : float
        Likewise.
    fit : {"single", "multi"}
        How the layer is fitted. A model of a single label may have one that was taught all the
        labels of a film, each by itself, or only the main one.
    """

    source: str
    components: int
    strength: float
    fit: str = SINGLE


@dataclass(frozen=True)
class Layer:
    """A linear layer that reads a stream in one way.

    Attributes
    ----------
    source : str
        Of `Readings.sources`.
    kernel : ndarray of float32, shape (width, n_outcomes)
    bias : ndarray of float32, shape (n_outcomes,)
    """

    source: str
    kernel: np.ndarray
    bias: np.ndarray

    def times(self, weight: float) -> Layer:
        """The same, counting so much."""
        scale = np.float32(weight)
        return replace(self, kernel=self.kernel * scale, bias=self.bias * scale)


def said_by(
    parts: Sequence[Layer], sources: Mapping[str, np.ndarray], rows: np.ndarray
) -> np.ndarray:
    """What the layers say together: float32, shape (n_rows, n_outcomes).

    Parameters
    ----------
    parts : sequence of Layer
    sources : mapping of str to ndarray, shape (n_clips, width)
    rows : ndarray of int
        Clips.
    """
    return np.sum(
        [np.asarray(sources[p.source][rows], np.float32) @ p.kernel + p.bias for p in parts], axis=0
    )


def stack(
    readings: Readings, stream: str, said: Mapping[Reading, np.ndarray]
) -> dict[Reading, float]:
    """How much each of some ways of reading a stream counts.

    Parameters
    ----------
    readings : Readings
    stream : str
    said : mapping of Reading to ndarray, shape (n_clips, n_outcomes)
        What layers say of clips that they did not see; NaN elsewhere. One of each source.

    Returns
    -------
    dict of Reading to float
    """
    if len(said) == 1:
        return dict.fromkeys(said, 1.0)
    there = dict.fromkeys((how.source for how in said), readings.there[stream])
    alone = replace(readings, there=there)
    films = FilmOpinions.of(alone, {how.source: logits for how, logits in said.items()})
    weights = weights_of(films, tuple(there), readings.labels.mode)
    return dict(zip(said, weights.tolist(), strict=True))


def fill_linear(linear: keras.layers.Dense, parts: Sequence[Layer], order: Sequence[str]) -> None:
    """Put layers that are added up into the one that reads all that they read; zeros for none.

    Parameters
    ----------
    linear : keras.layers.Dense
    parts : sequence of Layer
        Of each source in `order`, and of such as read the same as the beginning of its first.
    order : sequence of str
        What the layer reads, one behind the other.
    """
    whole, bias = (np.zeros(weight.shape, np.float32) for weight in linear.weights)
    widths = {part.source: len(part.kernel) for part in parts}
    ends = np.cumsum([0, *(widths.get(source, 0) for source in order)]).tolist()
    begins = dict(zip(order, ends, strict=False))
    for part in parts:
        begin = begins.get(part.source, 0)
        whole[begin : begin + len(part.kernel)] += part.kernel
        bias += part.bias
    linear.set_weights([whole, bias])
