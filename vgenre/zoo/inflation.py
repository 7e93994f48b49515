"""From 2-D to 3-D convolutions (Carreira and Zisserman, *Quo Vadis, Action Recognition?*, 2017)."""

from __future__ import annotations

import keras
import numpy as np

from ..errors import ModelError


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


def inflate_weights(flat: keras.Model, deep: keras.Model) -> None:
    """Give a 3-D network the weights of the 2-D one that it was inflated from.

    Parameters
    ----------
    flat : keras.Model
        As `build_inception_v1` gives it.
    deep : keras.Model
        As `build_i3d` gives it: the same layers in the same order, with
        convolutions that span time.

    Raises
    ------
    ModelError
        If they are not the same network.
    """
    theirs = flat.get_weights()
    ours = deep.get_weights()
    if len(theirs) != len(ours):
        raise ModelError(f"{flat.name} and {deep.name} are not the same network")
    values = []
    for old, new in zip(theirs, ours, strict=True):
        value = inflate(old, new.shape[0]) if new.ndim == old.ndim + 1 else old
        if value.shape != new.shape:
            raise ModelError(f"a weight of {flat.name}, {old.shape}, does not fit {new.shape}")
        values.append(value)
    deep.set_weights(values)
