"""The model card: all that is known of a model beside its weights."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import DataError, ModelError
from ..labels import SINGLE, LabelSet
from ..media.types import CLIP_FRAMES, FRAME_RATE, FRAME_SIZE
from ..sound import MelSettings
from .checks import built, check_mel, checked
from .fusion import STILL, Fusion, case_of, streams_of

CARD_FILE = "card.json"
FORMAT = 3

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
    blocks : tuple of str
        The blocks of InceptionV3 whose average pools, joined, are a frame's features.
    softmax_classes : int or None
        Where a frame's class probabilities are its features, in place of the pools: how many
        classes.
    deviation : bool
        Whether the linear layer of the visual stream reads the deviation of features over a
        clip, beside their mean.
    genres : int
        How many genres of each frame it reads beside them; see
        `vgenre.models.visual.build_visual_stream`. 0: none.
    lstm : int
        Units of the visual stream's LSTM; 0: there is none.
    project : int
        Width of the fixed projection of the features that the LSTM reads.
    dropout : float
    ear : str
        See `vgenre.models.audio.build_audio_stream`.
    course : bool
        Whether the linear layer of the audio stream reads course and texture of the sound too.
    network : ZooNetwork or None
        What stands in the place of the visual stream, which the fields from `deviation` on
        describe; there are no other streams then. One that takes pixels has no body either.
    dialogue : bool
        Whether there is a head for what is said; see `vgenre.models.dialogue`.
    """

    body: str = "inception_v3"
    blocks: tuple[str, ...] = ("mixed8", "mixed9")
    softmax_classes: int | None = None
    deviation: bool = True
    genres: int = 0
    lstm: int = 0
    project: int = 256
    dropout: float = 0.5
    ear: str = "mn04"
    course: bool = False
    network: ZooNetwork | None = None
    dialogue: bool = False

    def __post_init__(self) -> None:
        if self.dialogue and self.network is not None:
            raise ModelError(f"the network {self.network.name} has no dialogue beside it")

    @property
    def takes_pixels(self) -> bool:
        """Whether its network reads pictures, and there is no body before it."""
        return self.network is not None and reads_pixels(self.network.shape)

    @property
    def uses_sound(self) -> bool:
        """Whether sound plays a part; in networks of the zoo it does not."""
        return self.network is None

    @property
    def networks(self) -> tuple[str, ...]:
        """The streams that it has networks for, which an engine runs."""
        return ("visual", "audio") if self.uses_sound else ("visual",)

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams that it knows something of."""
        return (*self.networks, "dialogue") if self.dialogue else self.networks

    @property
    def cases(self) -> tuple[str, ...]:
        """The sets of streams that can be there, all streams first; beside them still images."""
        sizes = range(len(self.streams), 0, -1)
        sets = (itertools.combinations(self.streams, size) for size in sizes)
        return tuple(map(case_of, itertools.chain.from_iterable(sets)))

    @classmethod
    def toy(cls) -> Architecture:
        """The smallest one, for tests."""
        return cls(body="toy", project=4, dropout=0.1, ear="toy")


@dataclass(frozen=True)
class ModelCard:
    """A model, described.

    Parameters
    ----------
    name : str
    labels : LabelSet
    architecture : Architecture
    mel : MelSettings
    outside : bool
        Whether the streams know one outcome beside the labels, the last: none of them. Only
        where a film has a single label.
    fusions : dict of str to Fusion
        By the case of `vgenre.models.fusion.case_of`; plain ones unless given.
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
    outside: bool = False
    fusions: dict[str, Fusion] = field(default_factory=dict)
    body_from: str | None = None
    description: str = ""
    licence: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.outside and self.labels.mode != SINGLE:
            raise ModelError(f"model {self.name}: only one of a single label a film has an outside")
        if not self.fusions:
            plain = {
                case: Fusion.plain(
                    streams_of(case), len(self.labels), self.outside, self.labels.mode
                )
                for case in self.architecture.cases
            }
            object.__setattr__(self, "fusions", plain)
        try:
            self._check_fusions()
        except ModelError as error:
            raise ModelError(f"model {self.name}: {error}") from None

    def _check_fusions(self) -> None:
        for case in self.architecture.cases:
            if case not in self.fusions:
                raise ModelError(f"it has no fusion for {case!r}")
        for case, fusion in self.fusions.items():
            streams = streams_of(case)
            if case != STILL and case not in self.architecture.cases:
                raise ModelError(f"it has a fusion for {case!r}, but not those streams")
            if set(fusion.weights) != set(streams):
                raise ModelError(f"its fusion for {case!r} weighs {', '.join(fusion.weights)}")
            if len(fusion.thresholds) != len(self.labels):
                raise ModelError(
                    f"{len(self.labels)} labels, but {len(fusion.thresholds)} thresholds for "
                    f"{case!r}"
                )
            for name, numbers in {**fusion.weights, "bias": fusion.bias}.items():
                if len(numbers) != self.outcomes:
                    raise ModelError(
                        f"{self.outcomes} outcomes, but {len(numbers)} numbers for {name!r} in "
                        f"its fusion for {case!r}"
                    )

    @property
    def outcomes(self) -> int:
        """How many logits a stream's opinion has: one for each label, and that of none."""
        return len(self.labels) + self.outside

    def fusion(self, streams: Collection[str], *, still: bool = False) -> Fusion:
        """The fusion of a set of streams.

        Parameters
        ----------
        streams : collection of str
        still : bool
            Whether the picture is a still image; without a fusion of its own it counts as a film.

        Raises
        ------
        ModelError
            If the model has no network for one of the streams.
        """
        case = case_of(streams, still=still)
        if case == STILL and STILL not in self.fusions:
            case = case_of(streams)
        try:
            return self.fusions[case]
        except KeyError:
            raise ModelError(f"model {self.name} has no fusion for {case!r}") from None

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
            raise ModelError(f"{path}: {_of_another_format(card)}")
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
        if isinstance(parts, dict) and parts.get("network") is not None:
            parts = {**parts, "network": built(ZooNetwork, parts["network"])}
        values["architecture"] = built(Architecture, parts)
        values["labels"] = built(LabelSet, values["labels"])
        values["mel"] = built(MelSettings, values["mel"])
        for f in fields(cls):
            if f.name != "fusions" and str(f.type).partition("[")[0] in _PLAIN:
                values[f.name] = checked(f.name, str(f.type), values[f.name])
        if not isinstance(values["fusions"], dict) or not values["fusions"]:
            raise ModelError("it has no fusions")
        values["fusions"] = {
            case: built(Fusion, fusion) for case, fusion in values["fusions"].items()
        }
        check_mel(values["mel"])
        return cls(**values)


_PLAIN = ("str", "str | None", "bool", "dict")  # fields that are no dataclasses of their own


def _of_another_format(card: object) -> str:
    """What is to be done about a card that this version does not understand."""
    found = card.get("format") if isinstance(card, dict) else None
    what = f"not a model card of format {FORMAT}"
    if type(found) is int and 0 < found < FORMAT:
        return (
            f"{what} but of format {found}, which an earlier vgenre wrote; train the model again, "
            "or install the vgenre that made it"
        )
    if type(found) is int:
        return f"{what} but of format {found}, which a later vgenre wrote; update vgenre"
    return what
