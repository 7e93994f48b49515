"""Frames that are nearly the one before them: their features need not be computed again."""

from __future__ import annotations

import cv2
import numpy as np

CLOSE = 12.0
"""How far, in levels of 255, a frame may be from the last one that was computed to take its
feature. The smallest threshold that a fold of ``pipelines/unchanged_frames.py`` chose for another;
films under thresholds that they did not choose lose half a point of mAP."""

SMALL = 24
"""Height and width in pixels of the pictures by which frames are compared."""


def small_pictures(frames: np.ndarray) -> np.ndarray:
    """Frames so small that noise, grain and what a codec does to them is averaged out.

    Parameters
    ----------
    frames : ndarray of uint8, shape (n, height, width, 3)

    Returns
    -------
    ndarray of uint8, shape (n, 24, 24, 3)
    """
    size = (SMALL, SMALL)
    small = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
    return np.stack(small) if small else np.zeros((0, *size, 3), np.uint8)


def stand_ins(small: np.ndarray, close: float) -> np.ndarray:
    """Which frame's feature each frame takes.

    A frame is compared with the last one that was computed, not with the one before it, so that
    a slow pan is not taken for a still.

    Parameters
    ----------
    small : ndarray of uint8, shape (n, 24, 24, 3)
        As `small_pictures` gives them.
    close : float
        Mean difference, in levels of 255, up to which a frame takes the feature of another.

    Returns
    -------
    ndarray of int, shape (n,)
        Index of a frame, its own where it has to be computed.

    Examples
    --------
    >>> small = np.array([0, 1, 2, 9, 9], np.uint8)[:, None, None, None] * np.ones((24, 24, 3))
    >>> stand_ins(small, 1.5).tolist()
    [0, 0, 2, 3, 3]
    """
    values = small.astype(np.int16).reshape(len(small), -1)
    found = np.zeros(len(small), int)
    for i in range(1, len(small)):
        last = found[i - 1]
        found[i] = last if np.abs(values[i] - values[last]).mean() <= close else i
    return found
