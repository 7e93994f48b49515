"""The systems of the literature, reached by name: ``build("cnn", labels=101)``."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from .naming import ModelName

if TYPE_CHECKING:
    import keras

_SMALL_CLIP = (4, 32, 32, 3)

# An architecture: the module that builds it, its function, and a size for tests.
REGISTRY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cnn": ("cnn", "build_cnn", {"shape": (75, 75, 3)}),
    "time-distributed-cnn": (
        "recurrent",
        "build_time_distributed",
        {"shape": _SMALL_CLIP, "width": 2, "hidden": 8},
    ),
    "conv3d": ("c3d", "build_conv3d", {"shape": (24, 32, 32, 3), "width": 2, "hidden": 8}),
    "cnn-rnn": ("features", "build_rnn", {"shape": (4, 8), "units": 8}),
    "cnn-lstm-softmax": ("features", "build_softmax_lstm", {"shape": (4, 6), "units": 8}),
    "cnn-lstm-pool": ("features", "build_pool_lstm", {"shape": (4, 8), "units": 8}),
    "lstm": ("features", "build_lstm", {"shape": (4, 8), "units": 8, "hidden": 4}),
    "mlp": ("features", "build_mlp", {"shape": (4, 8), "units": 8}),
    "lrcn": ("recurrent", "build_lrcn", {"shape": (4, 64, 64, 3), "width": 2, "units": 8}),
    "c3d": ("c3d", "build_c3d", {"shape": (16, 32, 32, 3), "width": 2, "hidden": 8}),
    "i3d": ("i3d", "build_i3d", {"shape": (8, 32, 32, 3), "shrink": 16}),
    "single-frame": (
        "temporal_fusion",
        "build_single_frame",
        {"shape": (10, 64, 64, 3), "width": 6, "hidden": 8},
    ),
    "early-fusion": (
        "temporal_fusion",
        "build_early_fusion",
        {"shape": (10, 64, 64, 3), "width": 6, "hidden": 8},
    ),
    "late-fusion": (
        "temporal_fusion",
        "build_late_fusion",
        {"shape": (10, 64, 64, 3), "width": 6, "hidden": 8},
    ),
    "slow-fusion": (
        "temporal_fusion",
        "build_slow_fusion",
        {"shape": (10, 80, 80, 3), "width": 6, "hidden": 8},
    ),
    "c2d": ("cnn", "build_c2d", {"shape": (32, 32, 3), "backbone": "Mv2"}),
    "c2d-average": ("cnn", "build_c2d_average", {"shape": (2, 32, 32, 3), "backbone": "Mv2"}),
    "poster-cnn": ("poster", "build_poster_cnn", {"shape": (64, 64, 3), "width": 2, "hidden": 8}),
}

# What the first part of a name such as ``I3DIv1-16x224x224x3-339-ikm`` stands for.
_NAMED = {"C3D": "c3d", "I3DIv1": "i3d", "LRCN": "lrcn"}


def build(
    name: str, *, labels: int | None = None, multi: bool | None = None, **sizes: Any
) -> keras.Model:
    """An architecture with random weights.

    Parameters
    ----------
    name : str
        One of `REGISTRY`, or a name of the Moments in Time model zoo such as
        ``"LRCN-16x224x224x3-339-m"``, see `ModelName`.
    labels : int, optional
        Width of the output; the name may say it.
    multi : bool, optional
        Whether each label has a probability of its own (sigmoid), or all share one
        (softmax); as in the literature unless given.
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

    Examples
    --------
    >>> build("lstm", labels=101).count_params()
    34663525
    """
    name, named = resolve(name)
    classes = named.pop("classes", None)
    labels, sizes = labels or classes, {**named, **sizes}
    if labels is None:
        raise ModelError(f"how many labels is {name} to have? Say labels=...")
    network = _builder(name)(labels, **sizes)
    if multi is not None:
        _answer_by(network, "sigmoid" if multi else "softmax")
    return network


def _answer_by(network: keras.Model, activation: str) -> None:
    """Change what the last layer of a network makes of its sums."""
    import keras

    for layer in network.layers:
        if layer.name == "probabilities":
            layer.activation = keras.activations.get(activation)
        elif isinstance(inner := getattr(layer, "layer", layer), keras.Model):
            _answer_by(inner, activation)  # the answers of several frames are averaged


def about(name: str) -> tuple[tuple[int, ...], str]:
    """The shape of an architecture's input, and what it is, in a sentence."""
    builder = _builder(name)
    shape = inspect.signature(builder).parameters["shape"].default
    return shape, (builder.__doc__ or "").partition("\n")[0]


def flops(network: keras.Model) -> int:
    """Floating-point operations of one run of a network on one input.

    Two for each multiplication by a weight of a convolution, a dense or a recurrent
    layer; all else is little beside them.

    Examples
    --------
    >>> flops(build("mlp", labels=3, shape=(4, 8), units=16))
    1632
    """
    import keras
    import numpy as np

    from .networks.each_frame import EachFrame

    total = 0
    for layer in network.layers:
        times, inner = 1, layer
        if isinstance(layer, EachFrame):
            times, inner = layer.output.shape[1], layer.layer
        if isinstance(inner, keras.Model):
            total += times * flops(inner)
        elif cell := getattr(inner, "cell", None):  # once for each step
            steps = inner.input.shape[1]
            total += 2 * steps * sum(np.prod(w.shape) for w in cell.weights if len(w.shape) == 2)
        else:
            places = np.prod(layer.output.shape[1:-1], dtype=int)  # the steps of time included
            kernels = [w for w in inner.weights if len(w.shape) > 1]
            total += 2 * places * sum(np.prod(w.shape) for w in kernels)
    return int(total)


def _builder(name: str) -> Callable[..., keras.Model]:
    module, function, _ = REGISTRY[name]
    return getattr(importlib.import_module(f".networks.{module}", __package__), function)


def resolve(name: str) -> tuple[str, dict[str, Any]]:
    """The registered name that a name of either kind stands for, and what else it says.

    Parameters
    ----------
    name : str
        As for `build`.

    Returns
    -------
    name : str
        One of `REGISTRY`.
    sizes : dict
        For its builder, and ``classes``; empty where the name was registered.

    Raises
    ------
    ModelError
        If there is no such architecture.
    """
    if name in REGISTRY:
        return name, {}
    if "-" not in name or name.count("x") < 2:
        raise ModelError(f"there is no architecture {name!r}; there are {', '.join(REGISTRY)}")
    parts = ModelName.parse(name)
    sizes: dict[str, Any] = {"shape": parts.shape, "classes": parts.classes}
    if parts.backbone in _NAMED:
        return _NAMED[parts.backbone], sizes
    from .networks.backbones import BACKBONES

    backbone = parts.backbone.removesuffix("avg")
    if backbone not in BACKBONES:
        known = ", ".join((*_NAMED, *BACKBONES, "IRv2avg"))
        raise ModelError(f"{name}: there is no backbone {parts.backbone!r}; there are {known}")
    # A picture has three dimensions, a clip four.
    kind = "c2d" if len(parts.shape) == 3 else "c2d-average"
    return kind, {"backbone": backbone, **sizes}
