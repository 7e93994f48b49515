"""The weight of picture and sound against each other."""

from __future__ import annotations

import numpy as np

from .calibration import film_loss, fit_temperature
from .parts import Part


def fit_gate(visual: np.ndarray, audio: np.ndarray, part: Part, mode: str) -> float:
    """The weight of the picture by which films fare best once the temperature is fitted.

    A few films do not silence a stream: a prior, Beta(2, 2), has the say of one film.

    Parameters
    ----------
    visual, audio : ndarray, shape (n_clips, n_labels)
        Logits of each stream alone.
    part : Part
        The clips.
    mode : {"single", "multi"}

    Returns
    -------
    float
        Between 0 and 1.
    """
    names, targets = part.films()
    seconds = part.clips.seconds

    def loss(weight: float) -> float:
        logits = weight * visual + (1 - weight) * audio
        temperature = fit_temperature(logits, targets, mode, films=names, weights=seconds)
        found = film_loss(logits, targets, mode, temperature, films=names, weights=seconds)
        return found - np.log(4 * weight * (1 - weight)) / len(targets)

    return float(min(np.linspace(0.025, 0.975, 39), key=loss))
