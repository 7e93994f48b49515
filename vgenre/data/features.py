"""What the heads are trained on: features and mels of a data set, computed once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Protocol, TypeVar

import numpy as np

from ..errors import MediaError
from .arrays import Rows
from .items import Item
from .stages import fingerprint

_T = TypeVar("_T")
_AT_ONCE = 256  # clips
INPUTS = ("frame_features", "frame_mask", "mel", "mel_mask")
"""What the streams read, by name."""


class FeatureExtractor(Protocol):
    """The part of an engine that is needed here."""

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Features of frames, uint8 (n, 299, 299, 3): float32 (n, width)."""


@dataclass(frozen=True)
class ClipFeatures:
    """What the streams read of some clips.

    Features and mels are the bulk of it. They may lie on disk, as memory maps, and are read
    a batch at a time.

    Attributes
    ----------
    features : ndarray or Rows of float16, shape (n_clips, 40, width)
    frame_mask : ndarray of float32, shape (n_clips, 40)
    mel : ndarray or Rows of float16, shape (n_clips, n_mels, steps)
        dB.
    mel_mask : ndarray of float32, shape (n_clips, steps)
    seconds : ndarray of float32, shape (n_clips,)
        Decoded length.
    """

    features: np.ndarray | Rows
    frame_mask: np.ndarray
    mel: np.ndarray | Rows
    mel_mask: np.ndarray
    seconds: np.ndarray

    names: ClassVar[tuple[str, ...]] = INPUTS

    def __len__(self) -> int:
        return len(self.seconds)

    def inputs(self, rows: np.ndarray, names: Collection[str] = INPUTS) -> dict[str, np.ndarray]:
        """Some clips, as the streams' inputs by name."""
        stored = {
            "frame_features": self.features,
            "frame_mask": self.frame_mask,
            "mel": self.mel,
            "mel_mask": self.mel_mask,
        }
        return {name: np.asarray(stored[name][rows], np.float32) for name in names}

    def pick(self, rows: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Some frames of some clips: from (n,) and (n, t) to float32, (n, t, width)."""
        return self.features[rows[:, None], frames].astype(np.float32)

    def take(self, rows: np.ndarray) -> ClipFeatures:
        """Some of the clips; features and mels stay where they are until they are read."""
        return ClipFeatures(
            Rows(self.features, rows),
            self.frame_mask[rows],
            Rows(self.mel, rows),
            self.mel_mask[rows],
            self.seconds[rows],
        )

    def key(self) -> str:
        """A key of all that is in it, for what is made from it."""
        bulk = (
            [fingerprint(array[begin : begin + _AT_ONCE]) for array in (self.features, self.mel)]
            for begin in range(0, len(self), _AT_ONCE)
        )
        return fingerprint(list(bulk), self.frame_mask, self.mel_mask, self.seconds)

    @classmethod
    def join(cls, parts: Sequence[ClipFeatures]) -> ClipFeatures:
        """Clips of several parts of a film, in memory, one behind the other."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


def readable(
    items: Sequence[Item],
    read: Callable[[str], _T],
    progress: Callable[[int, int], None] | None,
    skipped: Callable[[MediaError], None] | None,
) -> Iterator[tuple[int, _T]]:
    """Go through the files of a data set, past those that cannot be read.

    Parameters
    ----------
    items : sequence of Item
    read : callable
        What is done with each file's path.
    progress : callable or None
        Is told the number of files done and of all.
    skipped : callable or None
        Is told of each file that cannot be read; without it that is an error.

    Yields
    ------
    index : int
        Into `items`.
    found : object
        What `read` made of the file.

    Raises
    ------
    MediaError
        If no file at all can be read.
    """
    none = True
    for i, item in enumerate(items):
        try:
            found = read(item.path)
        except MediaError as error:
            if skipped is None:
                raise
            skipped(error)
        else:
            none = False
            yield i, found
        if progress:
            progress(i + 1, len(items))
    if none:
        raise MediaError(items[0].path if items else "data set", "no file could be read")
