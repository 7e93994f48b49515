"""The systems of the literature, reached by name: ``build("cnn", labels=101)``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ...errors import ModelError

if TYPE_CHECKING:
    import keras

# An architecture: the module that builds it, its function, and a size for tests.
REGISTRY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "lstm": ("features", "build_lstm", {"shape": (4, 8), "units": 8, "hidden": 4}),
    "mlp": ("features", "build_mlp", {"shape": (4, 8), "units": 8}),
    "cnn-rnn": ("features", "build_rnn", {"shape": (4, 8), "units": 8}),
    "cnn-lstm-softmax": ("features", "build_softmax_lstm", {"shape": (4, 6), "units": 8}),
    "cnn-lstm-pool": ("features", "build_pool_lstm", {"shape": (4, 8), "units": 8}),
    "cnn": ("cnn", "build_cnn", {"shape": (75, 75, 3)}),
    "c3d": ("c3d", "build_c3d", {"shape": (16, 32, 32, 3), "width": 2, "hidden": 8}),
    "poster-cnn": ("poster", "build_poster_cnn", {"shape": (64, 64, 3), "width": 2, "hidden": 8}),
}


def build(name: str, *, labels: int, **sizes: Any) -> keras.Model:
    """An architecture with random weights.

    Parameters
    ----------
    name : str
        One of `REGISTRY`.
    labels : int
        Width of the output.
    **sizes
        What the builder takes beside them, ``shape`` of the input for one.

    Returns
    -------
    keras.Model
        To probabilities, float32 (n, labels).

    Raises
    ------
    ModelError
        If there is no such architecture.
    """
    if name not in REGISTRY:
        raise ModelError(f"there is no architecture {name!r}; there are {', '.join(REGISTRY)}")
    module, function, _ = REGISTRY[name]
    builder = getattr(importlib.import_module(f".{module}", __name__), function)
    return builder(labels, **sizes)


def build_toy(name: str, *, labels: int) -> keras.Model:
    """The same at its smallest, for tests."""
    if name not in REGISTRY:
        raise ModelError(f"there is no architecture {name!r}; there are {', '.join(REGISTRY)}")
    return build(name, labels=labels, **REGISTRY[name][2])
