"""Clip by clip: what each stream says of it, and what a film's embedding takes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engines.base import Engine
from ..media.types import Clip, MediaInfo
from ..models.card import ModelCard
from ..sound import SoundInput
from .features import features_of
from .padding import frame_masks, padded
from .record import OK, PARTIAL

# What may be missing of a film that counts as whole: containers round, tracks end apart.
_MISSING_SECONDS, _MISSING_FRACTION = 1.0, 0.02


@dataclass(frozen=True)
class Looked:
    """A clip that was looked at and listened to.

    Attributes
    ----------
    clip : Clip
    sound : SoundInput
    opinions : dict of str to ndarray of float32, shape (n_outcomes,)
        Logits by each stream that the clip has.
    readings : dict of str to ndarray
        As `vgenre.labelling.summary.FilmReading.add` takes them.
    """

    clip: Clip
    sound: SoundInput
    opinions: dict[str, np.ndarray]
    readings: dict[str, np.ndarray] = field(default_factory=dict)


def looked_at(engine: Engine, card: ModelCard, clip: Clip, sound: SoundInput) -> Looked:
    """A clip by itself."""
    features = features_of(engine, clip.frames[: clip.frame_count])
    return _looked(engine, card, clip, sound, features)


def look_at_film(
    engine: Engine,
    card: ModelCard,
    seen: Iterable[tuple[Clip, Future[SoundInput], np.ndarray]],
) -> Iterator[Looked]:
    """Each clip of a film, of which features and sound are on their way.

    Parameters
    ----------
    engine : Engine
    card : ModelCard
    seen : iterable of tuple of Clip, Future of SoundInput and ndarray
        As `vgenre.labelling.features.ClipFeatures.of` gives them.
    """
    for clip, coming, features in seen:
        yield _looked(engine, card, clip, coming.result(), features)


def _looked(
    engine: Engine, card: ModelCard, clip: Clip, sound: SoundInput, features: np.ndarray
) -> Looked:
    """Streams that the clip does not have are not run."""
    opinions, readings = {}, {}
    if clip.has_picture:
        said = engine.see(padded(features)[None], frame_masks([clip.frame_count]))
        opinions["visual"], readings["frames"] = said[0], features
    if clip.has_sound and card.architecture.uses_sound:
        said, heard = engine.listen(sound.mel[None], sound.mask[None])
        opinions["audio"] = said[0]
        if heard is not None:
            readings["audio"] = heard[0]
    return Looked(clip, sound, opinions, readings)


def completeness(info: MediaInfo, decoded: float, wanted: float) -> dict[str, Any]:
    """Whether all of a film was there that was to be read.

    Parameters
    ----------
    info : MediaInfo
    decoded, wanted : float
        Seconds.

    Returns
    -------
    dict
        ``status``, ``decoded_fraction`` and ``error`` of `vgenre.FilmResult`.
    """
    fraction = 1.0 if info.is_image else min(1.0, decoded / max(wanted, 1e-9))
    whole = wanted - decoded <= max(_MISSING_SECONDS, _MISSING_FRACTION * wanted)
    problem = {
        "type": "IncompleteFilm",
        "message": f"{info.path}: only {fraction:.0%} of what was to be read could be "
        "decoded; the file is cut off or damaged, copy or download it again",
    }
    return {
        "status": OK if whole else PARTIAL,
        "decoded_fraction": fraction,
        "error": None if whole else problem,
    }


def nothing_said(card: ModelCard, decoded: bool) -> str:
    """Why nothing can be said of a film of which something was decoded, or nothing."""
    if decoded and not card.architecture.uses_sound:
        return f"there is no picture, and the model {card.name} looks at nothing else"
    what = "neither picture nor sound" if decoded else "nothing"
    return f"{what} could be decoded; the file is damaged or silent"
