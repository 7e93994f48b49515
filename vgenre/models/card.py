"""The model card: all that is known of a model beside its weights."""

from __future__ import annotations

import hashlib
import json
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
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: cannot be read: {error}") from None
        if not isinstance(card, dict) or card.get("format") != FORMAT:
            raise ModelError(f"{path}: not a model card of format {FORMAT}; update vgenre")
        if card.get("clip") != _CLIP:
            raise ModelError(f"{path}: the model takes clips of {card.get('clip')}, not of {_CLIP}")
        try:
            values = {f.name: card[f.name] for f in fields(cls)}
            values["labels"] = LabelSet(tuple(card["labels"]["names"]), card["labels"]["mode"])
            parts = {"probe": False, **card["architecture"]}  # older ones have none
            parts["audio_channels"] = tuple(parts["audio_channels"])
            if network := parts.get("network"):
                parts["network"] = ZooNetwork(**{**network, "shape": tuple(network["shape"])})
            values["architecture"] = Architecture(**parts)
            values["mel"] = MelSettings(**card["mel"])
            values["thresholds"] = tuple(map(float, card["thresholds"]))
            values["calibration"] = Calibration(
                **{name: tuple(map(float, card["calibration"][name])) for name in ("scale", "bias")}
            )
            return cls(**values)
        except (KeyError, TypeError, ValueError, DataError) as error:
            raise ModelError(f"{path}: damaged model card: {error!r}") from None
