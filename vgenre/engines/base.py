"""What an engine is: it runs a model's networks."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Engine(Protocol):
    """Runs a model's networks: the body, and one for each stream."""

    name: str

    @property
    def frames_at_once(self) -> int:
        """Frames of a full batch of the body: as many are computed as fast as can be."""

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Features of frames, uint8 (n, 299, 299, 3): float32 (n, width)."""

    def see(self, features: np.ndarray, frame_mask: np.ndarray) -> np.ndarray:
        """Opinion of the picture on clips: (n, 40, width), (n, 40) to float32 (n, n_outcomes)."""

    def hear(self, mel: np.ndarray, mel_mask: np.ndarray) -> np.ndarray:
        """Opinion of the sound: (n, n_mels, steps), (n, steps) to float32 (n, n_outcomes)."""

    def listen(self, mel: np.ndarray, mel_mask: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The same, and what the ear hears, float32 (n, width); None where the graph keeps it."""
