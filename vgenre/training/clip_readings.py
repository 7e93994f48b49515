"""From the cached features and sound of clips to what the linear layers read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np

from ..data.features import ClipFeatures
from ..data.items import Item
from ..labels import SINGLE, LabelSet
from .ear import ear_features
from .readings import COURSE, DEVIATION, EAR, GENRES, MEAN, TEXTURE, Frames, Readings

_AT_ONCE = 64  # clips
_FRAMES = 6  # of a clip, that teach one by one: its neighbours are much like a frame
_MOST_FRAMES = 20_000  # of all clips; one of each at least


def readings_of_clips(
    clips: ClipFeatures,
    owners: np.ndarray,
    items: Sequence[Item],
    labels: LabelSet,
    audio: keras.Model,
    genres: FrameGenres | None = None,
) -> Readings:
    """Clips as the procedure reads them.

    Parameters
    ----------
    clips, owners, items
        As for `learn`.
    labels : LabelSet
    audio : keras.Model
        An audio stream, whose ear is asked.
    genres : FrameGenres, optional
        What names genres of frames, where that is to be read too.
    """
    return Readings(
        {"visual": summaries(clips, genres), "audio": _heard(audio, clips)},
        {
            "visual": np.asarray(clips.frame_mask.any(axis=1)),
            "audio": np.asarray(clips.mel_mask.any(axis=1)),
        },
        clips.seconds,
        owners,
        list(items),
        labels,
        has_outside(items, labels),
    )


def with_frames(readings: Readings, clips: ClipFeatures, stills: Readings) -> Readings:
    """Readings with single frames to learn from, evenly spaced over each clip.

    Parameters
    ----------
    readings : Readings
    clips : ClipFeatures
        That they are of.
    stills : Readings
        Still images, by the mean of their one frame; none, where there are none.
    """
    features, owners = [], []
    wanted = max(1, min(_FRAMES, _MOST_FRAMES // max(1, len(clips))))
    for row, count in enumerate(clips.frame_mask.sum(axis=1).astype(int)):
        if count:
            places = np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(int))
            features.append(clips.pick(np.array([row]), places[None])[0])
            owners += [row] * len(places)
    if not features:
        return readings
    frames = Frames(np.concatenate(features), np.array(owners), stills)
    return replace(readings, frames=frames)


def has_outside(items: Sequence[Item], labels: LabelSet) -> bool:
    """Whether none of the labels is an outcome: films of one label each, some without any."""
    return labels.mode == SINGLE and any(not item.labels for item in items)


@dataclass(frozen=True)
class FrameGenres:
    """A linear layer that names genres of single frames, as still images taught it.

    Attributes
    ----------
    kernel : ndarray of float32, shape (width, n_genres)
    bias : ndarray of float32, shape (n_genres,)
    """

    kernel: np.ndarray
    bias: np.ndarray

    def __len__(self) -> int:
        return len(self.bias)


def summaries(clips: ClipFeatures, genres: FrameGenres | None = None) -> dict[str, np.ndarray]:
    """The ways of reading the frame features of clips: float32, shape (n_clips, width) each."""
    found: dict[str, list[np.ndarray]] = {MEAN: [], DEVIATION: []}
    if genres:
        found[GENRES] = []
    for rows in np.array_split(np.arange(len(clips)), -(-len(clips) // _AT_ONCE)):
        inputs = clips.inputs(rows, ("frame_features", "frame_mask"))
        features, mask = inputs["frame_features"], inputs["frame_mask"]
        mean, deviation = _summed_up(features, mask)
        found[MEAN].append(mean)
        found[DEVIATION].append(np.hstack([mean, deviation]))
        if genres:
            named = features @ genres.kernel + genres.bias
            found[GENRES].append(np.hstack(_summed_up(named, mask)))
    return {way: np.concatenate(parts) for way, parts in found.items()}


def _summed_up(steps: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation over the frames that are there: from (n, 40, width) to (n, width)."""
    there = mask[..., None]
    count = np.maximum(there.sum(axis=1), 1)
    mean = (steps * there).sum(axis=1) / count
    off = (steps - mean[:, None]) ** 2 * there
    return mean, np.sqrt(off.sum(axis=1) / count)


def _heard(audio: keras.Model, clips: ClipFeatures) -> dict[str, np.ndarray]:
    """The ways of reading what an ear hears: float32, shape (n_clips, width) each."""
    parts = []
    for rows in np.array_split(np.arange(len(clips)), -(-len(clips) // _AT_ONCE)):
        inputs = clips.inputs(rows, ("mel", "mel_mask"))
        parts.append(ear_features(audio.get_layer("ear"), inputs["mel"], inputs["mel_mask"]))
    return {
        way: np.concatenate([part[name] for part in parts])
        for way, name in ((EAR, "features"), (COURSE, "course"), (TEXTURE, "texture"))
    }
