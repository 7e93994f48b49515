"""From 2-D to 3-D convolutions (Carreira and Zisserman, *Quo Vadis, Action Recognition?*, 2017)."""

from __future__ import annotations

import numpy as np


def inflate(kernel: np.ndarray, depth: int) -> np.ndarray:
    """Repeat a kernel along time and divide by `depth`: a still film gives the picture's answer.

    Parameters
    ----------
    kernel : ndarray, shape (height, width, channels, filters)
    depth : int
        Frames that the new kernel spans.

    Returns
    -------
    ndarray, shape (depth, height, width, channels, filters)
    """
    return np.repeat(kernel[None] / depth, depth, axis=0).astype(kernel.dtype)
