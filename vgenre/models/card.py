"""The model card: all that is known of a model beside its weights."""

from __future__ import annotations

import hashlib
import json
import math
import reprlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import DataError, ModelError
from ..labels import LabelSet
from ..media.types import CLIP_FRAMES, FRAME_RATE, FRAME_SIZE
from ..sound import MelSettings
from .calibration import Calibration

CARD_FILE = "card.json"
FORMAT = 2

_CLIP = {"frame_rate": FRAME_RATE, "frames": CLIP_FRAMES, "frame_size": FRAME_SIZE}


def reads_pixels(shape: tuple[int, ...]) -> bool:
    """Whether a network with this input takes pictures, and not a body's features."""
    return len(shape) > 2


@dataclass(frozen=True)
class ZooNetwork:
    """An architecture of the literature in the place of the two streams and their fusion.

    Parameters
    ----------
    name : str
        In `vgenre.zoo.registry.REGISTRY`.
    shape : tuple of int
        Its input: (frames, width) of a body's features, (height, width, 3) for a
        picture or (frames, height, width, 3) for a clip.
    sizes : dict
        What else its builder takes.
    snippets : {"uniform", "dense"}
        Whether the frames it sees are spread over a clip or follow one another.
    """

    name: str
    shape: tuple[int, ...]
    sizes: dict[str, Any] = field(default_factory=dict)
    snippets: str = "uniform"


@dataclass(frozen=True)
class Architecture:
    """What the networks of a model are built from.

    Parameters
    ----------
    body : str
        See `vgenre.models.body.build_body`.
    block : str
        The block of InceptionV3 whose average pool is a frame's feature.
    softmax_classes : int or None
        Where the LSTM reads a frame's class probabilities instead of its
        pooled features: how many classes.
    units : int
        Width of the LSTM.
    embedding : int
        Width of each stream's embedding.
    pooling : str
        ``"lstm"``, or ``"mean"`` for the baseline.
    audio_channels : tuple of int
    dropout : float
    probe : bool
        Whether a linear probe is a part of the visual stream.
    network : ZooNetwork or None
        What stands in the place of the streams and their fusion, which the fields from
        `units` on describe. One that takes pixels has no body either.
    """

    body: str = "inception_v3"
    block: str = "mixed10"
    softmax_classes: int | None = None
    units: int = 256
    embedding: int = 128
    pooling: str = "lstm"
    audio_channels: tuple[int, ...] = (24, 48, 96, 128)
    dropout: float = 0.5
    probe: bool = True
    network: ZooNetwork | None = None

    @property
    def takes_pixels(self) -> bool:
        """Whether its network reads pictures, and there is no body before it."""
        return self.network is not None and reads_pixels(self.network.shape)

    @property
    def uses_sound(self) -> bool:
        """Whether sound plays a part; in networks of the zoo it does not."""
        return self.network is None

    @classmethod
    def toy(cls) -> Architecture:
        """The smallest one, for tests."""
        return cls(body="toy", units=8, embedding=8, audio_channels=(4, 8), dropout=0.1)


@dataclass(frozen=True)
class ModelCard:
    """A model, described.

    Parameters
    ----------
    name : str
    labels : LabelSet
    architecture : Architecture
    mel : MelSettings
    calibration : Calibration, optional
        From logits to probabilities; leaves the logits as they are unless given.
    thresholds : tuple of float
        A film gets a label when its probability reaches the label's threshold.
    body_from : str or None
        Name of the model that ships whose body this one uses, in place of a copy.
    description, licence : str
    data, metrics : dict
        What it was trained on, and how it did on films it never saw.
    files : dict
        SHA-256 of every other file of the model's directory.
    """

    name: str
    labels: LabelSet
    architecture: Architecture = field(default_factory=Architecture)
    mel: MelSettings = field(default_factory=MelSettings)
    calibration: Calibration = None  # type: ignore[assignment]  # plain, in __post_init__
    thresholds: tuple[float, ...] = ()
    body_from: str | None = None
    description: str = ""
    licence: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.calibration is None:
            plain = Calibration.temperature(1.0, len(self.labels))
            object.__setattr__(self, "calibration", plain)
        if not self.thresholds:
            default = 0.5 if self.labels.mode == "multi" else 0.0
            object.__setattr__(self, "thresholds", (default,) * len(self.labels))
        c = self.calibration
        if not len(self.thresholds) == len(c.scale) == len(c.bias) == len(self.labels):
            raise ModelError(
                f"model {self.name}: {len(self.labels)} labels, but {len(self.thresholds)} "
                f"thresholds, {len(c.scale)} scales and {len(c.bias)} biases"
            )

    def write(self, directory: Path) -> None:
        """Write ``card.json``."""
        (directory / CARD_FILE).write_text(self._text(), encoding="utf-8")

    def digest(self) -> str:
        """Identifies the model: SHA-256 of the card, which names those of the weights."""
        return hashlib.sha256(self._text().encode()).hexdigest()

    def _text(self) -> str:
        card = {"format": FORMAT, "clip": _CLIP, **asdict(self)}
        return json.dumps(card, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, directory: Path) -> ModelCard:
        """Read ``card.json``.

        Raises
        ------
        ModelError
            If there is none, or it is not one that this version understands.
        """
        path = directory / CARD_FILE
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(f"{directory}: no model here, it has no {CARD_FILE}") from None
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(f"{path}: cannot be read: {error}") from None
        if not isinstance(card, dict) or card.get("format") != FORMAT:
            raise ModelError(f"{path}: not a model card of format {FORMAT}; update vgenre")
        if card.get("clip") != _CLIP:
            raise ModelError(f"{path}: the model takes clips of {card.get('clip')}, not of {_CLIP}")
        try:
            return cls._of(card)
        except KeyError as error:
            raise ModelError(f"{path}: damaged model card: it has no {error}") from None
        except (TypeError, ValueError, OverflowError, DataError, ModelError) as error:
            raise ModelError(f"{path}: damaged model card: {error}") from None

    @classmethod
    def _of(cls, card: dict[str, Any]) -> ModelCard:
        values = {f.name: card[f.name] for f in fields(cls)}
        parts = values["architecture"]
        if isinstance(parts, dict):
            parts = {"probe": False, **parts}  # older ones have none
            if parts.get("network") is not None:
                parts["network"] = _built(ZooNetwork, parts["network"])
        values["architecture"] = _built(Architecture, parts)
        for name, kind in (
            ("labels", LabelSet),
            ("mel", MelSettings),
            ("calibration", Calibration),
        ):
            values[name] = _built(kind, values[name])
        for f in fields(cls):
            if str(f.type).partition("[")[0] in ("str", "str | None", "tuple", "dict"):
                values[f.name] = _checked(f.name, str(f.type), values[f.name])
        _check_mel(values["mel"])
        return cls(**values)


# What a card may ask for at most: enough for any model, too little to fill the memory.
_LIMITS = {
    "sample_rate": (1000, 192_000),
    "n_fft": (16, 1 << 16),
    "win_length": (1, 1 << 16),
    "hop_length": (16, 1 << 16),
    "n_mels": (1, 1024),
    "fmin": (0, 96_000),
    "softmax_classes": (1, 1 << 16),
    "units": (1, 1 << 16),
    "embedding": (1, 1 << 16),
    "audio_channels": (1, 1 << 14),
    "dropout": (0, 0.99),
    "shape": (1, 1 << 16),
    "sizes": (1, 1 << 16),
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


def _checked(name: str, annotation: str, value: Any) -> Any:
    """A value of a card, if it is of the type that the field wants and within its limits."""
    kind, _, optional = annotation.partition(" | ")
    if optional and value is None:
        return None
    container, _, inner = kind.removesuffix("]").partition("[")
    several = container in ("tuple", "dict")
    inner = inner.split(", ")[container == "dict"] if several else kind  # of its values
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


def _built(kind: Any, values: Any) -> Any:
    """An instance of a dataclass from what a card says of it, each field checked."""
    if not isinstance(values, dict):
        raise ModelError(f"{reprlib.repr(values)} is no {kind.__name__}")
    known = {f.name: str(f.type) for f in fields(kind)}
    if odd := values.keys() - known.keys():
        raise ModelError(f"{kind.__name__} has no {', '.join(sorted(map(str, odd)))}")
    checked = {
        name: value if known[name].startswith("ZooNetwork") else _checked(name, known[name], value)
        for name, value in values.items()
    }
    return kind(**checked)


def _check_mel(mel: MelSettings) -> None:
    """Check that the settings of a spectrogram fit one another."""
    if mel.win_length > mel.n_fft:
        raise ModelError(f"win_length is {mel.win_length}, which is more than n_fft, {mel.n_fft}")
    if not mel.fmin < mel.fmax <= mel.sample_rate / 2:
        raise ModelError(
            f"fmin and fmax are {mel.fmin:g} and {mel.fmax:g} Hz, at {mel.sample_rate} Hz"
        )
    if mel.floor_db >= mel.ceiling_db or mel.reference <= 0:
        raise ModelError("there is no range between floor_db and ceiling_db, or no reference")
    if mel.n_mels * mel.steps > _MOST_MEL_VALUES:
        raise ModelError(f"a spectrogram of {mel.n_mels} x {mel.steps} is too large")
