"""What an engine is: it runs a model's networks."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Engine(Protocol):
    """Runs a model's networks: the body, and one for each stream.

    Attributes
    ----------
    name : str
    frames_at_once : int
        Frames of a full batch of the body: as many are computed as fast as can be.
    """

    name: str
    frames_at_once: int

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Features of frames.

        Parameters
        ----------
        frames : ndarray of uint8, shape (n, 299, 299, 3)

        Returns
        -------
        ndarray of float32, shape (n, width)
        """

    def see(self, features: np.ndarray, frame_mask: np.ndarray) -> np.ndarray:
        """Opinion of the picture on a batch of clips.

        Parameters
        ----------
        features : ndarray of float32, shape (n, 40, width)
        frame_mask : ndarray of float32, shape (n, 40)

        Returns
        -------
        ndarray of float32, shape (n, n_outcomes)
            Logits.
        """

    def hear(self, mel: np.ndarray, mel_mask: np.ndarray) -> np.ndarray:
        """Opinion of the sound on a batch of clips.

        Parameters
        ----------
        mel : ndarray of float32, shape (n, n_mels, steps)
        mel_mask : ndarray of float32, shape (n, steps)

        Returns
        -------
        ndarray of float32, shape (n, n_outcomes)
            Logits.
        """
        return self.listen(mel, mel_mask)[0]

    def listen(self, mel: np.ndarray, mel_mask: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Opinion of the sound on a batch of clips, and what the ear hears in them.

        Parameters
        ----------
        mel : ndarray of float32, shape (n, n_mels, steps)
        mel_mask : ndarray of float32, shape (n, steps)

        Returns
        -------
        logits : ndarray of float32, shape (n, n_outcomes)
        embedding : ndarray of float32, shape (n, width), or None
            None where the graph, which an earlier version wrote, has no such output.
        """
