"""Clips that end early, filled up to the fixed shapes that the networks take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..media.types import CLIP_FRAMES


def frame_masks(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    """1 for each decoded frame of some clips, 0 for padding: float32, shape (n_clips, 40)."""
    return (np.arange(CLIP_FRAMES) < np.asarray(counts)[:, None]).astype(np.float32)


def padded(features: np.ndarray, dtype: Any = np.float32) -> np.ndarray:
    """A clip's frame features (n, width), followed by zeros: shape (40, width)."""
    sequence = np.zeros((CLIP_FRAMES, features.shape[1]), dtype)
    sequence[: len(features)] = features
    return sequence
