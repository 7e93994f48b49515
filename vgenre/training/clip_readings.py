"""From the cached features and sound of clips to what the linear layers read."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from ..data.features import ClipFeatures
from ..data.items import Item
from ..labels import SINGLE, LabelSet
from .ear import ear_features
from .readings import DEVIATION, MEAN, Readings

_AT_ONCE = 64  # clips


def readings_of_clips(
    clips: ClipFeatures,
    owners: np.ndarray,
    items: Sequence[Item],
    labels: LabelSet,
    audio: keras.Model,
) -> Readings:
    """Clips as the procedure reads them.

    Parameters
    ----------
    clips, owners, items
        As for `learn`.
    labels : LabelSet
    audio : keras.Model
        An audio stream, whose ear is asked.
    """
    return Readings(
        {"visual": summaries(clips), "audio": {"ear": _heard(audio, clips)}},
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


def has_outside(items: Sequence[Item], labels: LabelSet) -> bool:
    """Whether none of the labels is an outcome: films of one label each, some without any."""
    return labels.mode == SINGLE and any(not item.labels for item in items)


def summaries(clips: ClipFeatures) -> dict[str, np.ndarray]:
    """The ways of reading the frame features of clips: float32, shape (n_clips, width) each."""
    means, deviations = [], []
    for rows in np.array_split(np.arange(len(clips)), -(-len(clips) // _AT_ONCE)):
        inputs = clips.inputs(rows, ("frame_features", "frame_mask"))
        mask = inputs["frame_mask"][..., None]
        count = np.maximum(mask.sum(axis=1), 1)
        mean = (inputs["frame_features"] * mask).sum(axis=1) / count
        off = (inputs["frame_features"] - mean[:, None]) ** 2 * mask
        means.append(mean)
        deviations.append(np.sqrt(off.sum(axis=1) / count))
    mean = np.concatenate(means)
    return {MEAN: mean, DEVIATION: np.hstack([mean, np.concatenate(deviations)])}


def _heard(audio: keras.Model, clips: ClipFeatures) -> np.ndarray:
    """What the ear of an audio stream hears: float32, shape (n_clips, width)."""
    parts = []
    for rows in np.array_split(np.arange(len(clips)), -(-len(clips) // _AT_ONCE)):
        inputs = clips.inputs(rows, ("mel", "mel_mask"))
        parts.append(ear_features(audio.get_layer("ear"), inputs["mel"], inputs["mel_mask"]))
    return np.concatenate(parts)
