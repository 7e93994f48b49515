"""What a model card may say: each value checked before a network is built from it."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from ..errors import ModelError
from ..sound import MelSettings

# What a card may ask for at most: enough for any model, too little to fill the memory.
_LIMITS = {
    "sample_rate": (1000, 192_000),
    "n_fft": (16, 1 << 16),
    "win_length": (1, 1 << 16),
    "hop_length": (16, 1 << 16),
    "n_mels": (1, 1024),
    "fmin": (0, 96_000),
    "pre_emphasis": (0, 1),
    "floor_db": (-200, 0),
    "level": (-100, 0),
    "softmax_classes": (1, 1 << 16),
    "lstm": (0, 1 << 14),
    "project": (1, 1 << 14),
    "dropout": (0, 0.99),
    "shape": (1, 1 << 16),
    "sizes": (1, 1 << 16),
    "weights": (-1e6, 1e6),
    "bias": (-1e6, 1e6),
}
_MOST_MEL_VALUES = 1 << 22  # of a clip
_NOT_SIZES = {"labels", "multi", "name", "shape"}  # of a network: the rest of the card says them


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_size(value: Any) -> bool:
    return value is None or _is_whole(value) or _is_text(value)


# What fields are annotated with: the words for one value and for several, and a test of one.
_KINDS: dict[str, tuple[str, str, Callable[[Any], bool]]] = {
    "int": ("a whole number", "whole numbers", _is_whole),
    "float": ("a number", "numbers", _is_number),
    "str": ("text", "texts", _is_text),
    "bool": ("true or false", "true or false", lambda value: isinstance(value, bool)),
    "Any": ("anything", "anything", lambda value: True),
}


def checked(name: str, annotation: str, value: Any) -> Any:
    """A value of a card, if it is of the type that the field wants and within its limits."""
    kind, _, optional = annotation.partition(" | ")
    if optional and value is None:
        return None
    container, _, inner = kind.removesuffix("]").partition("[")
    several = container in ("tuple", "dict")
    # Of its values: "float, ..." is of a tuple, "str, float" of a dict.
    inner = inner.split(", ", 1)[container == "dict"] if several else kind
    if container == "dict" and inner.startswith("tuple"):
        if not isinstance(value, dict):
            raise ModelError(f"{name} is {reprlib.repr(value)}, which is not a dict of lists")
        return {key: checked(name, inner, item) for key, item in value.items()}
    word, words, fits = _KINDS[inner]
    if name == "sizes":
        words, fits = "whole numbers and texts", _is_size
        if isinstance(value, dict) and (clash := _NOT_SIZES & value.keys()):
            raise ModelError(f"sizes may not hold {', '.join(sorted(clash))}")
    if several:
        expected: type = list if container == "tuple" else dict
        whole = isinstance(value, expected)
        items = list(value if container == "tuple" else value.values()) if whole else []
        word = f"a {expected.__name__} of {words}"
    else:
        whole, items = True, [value]
    low, high = _LIMITS.get(name, (-math.inf, math.inf))
    if not whole or not all(map(fits, items)):
        raise ModelError(f"{name} is {reprlib.repr(value)}, which is not {word}")
    if not all(low <= item <= high for item in items if _is_number(item)):
        raise ModelError(f"{name} is {reprlib.repr(value)}, which is not from {low} to {high}")
    return tuple(items) if container == "tuple" else value


def built(kind: Any, values: Any) -> Any:
    """An instance of a dataclass from what a card says of it, each field checked."""
    if not isinstance(values, dict):
        raise ModelError(f"{reprlib.repr(values)} is no {kind.__name__}")
    known = {f.name: str(f.type) for f in fields(kind)}
    if odd := values.keys() - known.keys():
        raise ModelError(f"{kind.__name__} has no {', '.join(sorted(map(str, odd)))}")
    return kind(
        **{
            # Another dataclass is built before the one that holds it.
            name: value if is_dataclass(value) else checked(name, known[name], value)
            for name, value in values.items()
        }
    )


def check_mel(mel: MelSettings) -> None:
    """Check that the settings of a spectrogram fit one another."""
    if mel.win_length > mel.n_fft:
        raise ModelError(f"win_length is {mel.win_length}, which is more than n_fft, {mel.n_fft}")
    if not mel.fmin < mel.fmax <= mel.sample_rate / 2:
        raise ModelError(
            f"fmin and fmax are {mel.fmin:g} and {mel.fmax:g} Hz, at {mel.sample_rate} Hz"
        )
    if mel.n_mels * mel.steps > _MOST_MEL_VALUES:
        raise ModelError(f"a spectrogram of {mel.n_mels} x {mel.steps} is too large")
