"""From logits to probabilities that mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..labels import SINGLE


@dataclass(frozen=True)
class Calibration:
    """What turns logits into probabilities that mean what they say.

    Parameters
    ----------
    scale, bias : tuple of float
        A label's logit is multiplied by its scale, and its bias is added, before softmax
        or sigmoid. One scale for all and no bias is temperature scaling (Guo et al., *On
        Calibration of Modern Neural Networks*, 2017), one of each a label is Platt's
        (*Probabilistic Outputs for Support Vector Machines*, 1999).
    """

    scale: tuple[float, ...]
    bias: tuple[float, ...]

    @classmethod
    def temperature(cls, temperature: float, n_labels: int) -> Calibration:
        """Logits divided by one temperature."""
        return cls((1 / temperature,) * n_labels, (0.0,) * n_labels)

    def probabilities(self, logits: np.ndarray, mode: str) -> np.ndarray:
        """Calibrated probabilities.

        Parameters
        ----------
        logits : ndarray, shape (..., n_labels)
        mode : {"single", "multi"}
            Softmax or sigmoid.

        Returns
        -------
        ndarray of float64, shape (..., n_labels)
        """
        scaled = np.asarray(logits, np.float64) * self.scale + self.bias
        if mode == SINGLE:
            powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
            return powers / powers.sum(axis=-1, keepdims=True)
        # By tanh, which cannot overflow.
        return 0.5 * (1 + np.tanh(0.5 * scaled))
