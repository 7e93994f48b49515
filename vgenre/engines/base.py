"""What an engine is: it runs a model's two networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class HeadOutput:
    """What the head says of a batch of clips.

    Attributes
    ----------
    logits, visual_logits, audio_logits : ndarray of float32, shape (n, n_labels)
    gate : ndarray of float32, shape (n, 2)
        Weights of picture and sound.
    """

    logits: np.ndarray
    visual_logits: np.ndarray
    audio_logits: np.ndarray
    gate: np.ndarray


class Engine(Protocol):
    """Runs a model's two networks."""

    name: str

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Features of frames, uint8 (n, 299, 299, 3): float32 (n, width)."""

    def classify(
        self, features: np.ndarray, frame_mask: np.ndarray, mel: np.ndarray, mel_mask: np.ndarray
    ) -> HeadOutput:
        """Opinion on clips: (n, 40, width), (n, 40), (n, n_mels, steps), (n, steps)."""
