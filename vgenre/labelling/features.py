"""Features of frames: what is equal, or all but equal, to a frame before it is computed once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

from ..engines.base import Engine
from ..errors import DataError
from ..media.types import CLIP_SECONDS, FRAME_SIZE, Clip
from .unchanged import small_pictures, stand_ins

_With = TypeVar("_With")

_MOST_WAITING = 4  # clips, of 11 MB each; a still of minutes fills no batch


def features_of(engine: Engine, frames: np.ndarray) -> np.ndarray:
    """Features of frames; see `vgenre.Model.features`."""
    dtype, shape = getattr(frames, "dtype", type(frames).__name__), np.shape(frames)
    if dtype != np.uint8 or len(shape) != 4 or shape[1:] != (FRAME_SIZE, FRAME_SIZE, 3):
        raise DataError(
            f"frames are uint8 of the shape (n, {FRAME_SIZE}, {FRAME_SIZE}, 3), as those of "
            f"vgenre.read_clip; these are {dtype} of the shape {shape}"
        )
    new = np.ones(len(frames), bool)
    new[1:] = (frames[1:] != frames[:-1]).any(axis=(1, 2, 3))
    if new.all():
        return engine.features(frames)
    return engine.features(frames[new])[np.cumsum(new) - 1]


class ClipFeatures:
    """Features of the clips of a film, one after the other.

    A frame close to the last one that was computed takes its feature, also over the border of
    clips that follow each other. Frames to be computed wait for full batches.

    Parameters
    ----------
    engine : Engine
    close : float or None
        As of `vgenre.labelling.unchanged.stand_ins`; None: only frames equal to the one before
        them are not computed.
    """

    def __init__(self, engine: Engine, close: float | None) -> None:
        self._engine, self._close = engine, close
        self._frames: list[np.ndarray] = []  # to be computed
        self._found: dict[int, np.ndarray] = {}  # features by their places
        self._places = 0  # that were given to frames, in the order of the film
        self._last: np.ndarray | None = None  # what the next frame is compared with
        self._end: float | None = None  # of the last clip, in seconds

    def of(self, clips: Iterable[tuple[Clip, _With]]) -> Iterator[tuple[Clip, _With, np.ndarray]]:
        """Compute the features of clips.

        Parameters
        ----------
        clips : iterable of tuple of Clip and object
            The object is handed through.

        Yields
        ------
        clip : Clip
        with : object
        features : ndarray of float32, shape (frame_count, width)
            At least one clip late, so that what is handed through may be computed meanwhile.
        """
        waiting: deque[tuple[Clip, _With, np.ndarray]] = deque()

        def oldest() -> tuple[Clip, _With, np.ndarray]:
            clip, other, places = waiting.popleft()
            if not len(places):
                return clip, other, self._engine.features(clip.frames[:0])
            features = np.stack([self._found[place] for place in places.tolist()])
            for place in [p for p in self._found if p < places[-1]]:
                del self._found[place]
            return clip, other, features

        for clip, other in clips:
            waiting.append((clip, other, self._placed(clip)))
            at_once = self._engine.frames_at_once
            full = len(self._frames) // at_once * at_once
            self._compute(full if len(waiting) <= _MOST_WAITING else len(self._frames))
            computed = self._places - len(self._frames)
            while len(waiting) > 1 and waiting[0][2].max(initial=-1) < computed:
                yield oldest()
        self._compute(len(self._frames))
        while waiting:
            yield oldest()

    def _placed(self, clip: Clip) -> np.ndarray:
        """The places where the features of a clip's frames are, or will be."""
        frames = clip.frames[: clip.frame_count]
        looks = frames if self._close is None else small_pictures(frames)
        if self._end is None or abs(clip.start - self._end) > 1e-6:
            self._last = None
        self._end = clip.start + CLIP_SECONDS
        if not len(frames):
            self._last = None
            return np.zeros(0, int)
        before = [] if self._last is None else [self._last[None]]
        compared = np.concatenate([*before, looks]) if before else looks
        if self._close is None:
            changed = (compared[1:] != compared[:-1]).any(axis=(1, 2, 3))
            new = np.concatenate([[True], changed])[len(before) :]
        else:
            source = stand_ins(compared, self._close)
            new = (source == np.arange(len(source)))[len(before) :]
        places = self._places + np.cumsum(new) - 1
        self._frames += list(frames[new])
        self._places += int(new.sum())
        if new.any():
            self._last = looks[np.flatnonzero(new)[-1]]
        return places

    def _compute(self, count: int) -> None:
        """Compute the features of the first frames of those that wait."""
        if not count:
            return
        first, at_once = self._places - len(self._frames), self._engine.frames_at_once
        frames = self._frames[:count]
        if first >= at_once and (rest := count % at_once):
            # A batch of another size might have to be compiled first.
            frames = frames + [np.zeros_like(frames[0])] * (at_once - rest)
        found = self._engine.features(np.stack(frames))[:count]
        self._found |= zip(range(first, first + count), found, strict=True)
        del self._frames[:count]
