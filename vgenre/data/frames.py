"""Frames of films to train the image network on, one at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..errors import MediaError
from ..media.sampling import Sampling
from ..media.types import FRAME_RATE, Clip, MediaInfo
from .items import Item
from .raw_frames import write_frames

EVERY = 2
"""Of the four frames a second at least each so many-th is taken: neighbours look alike."""

MOST_OF_A_FILM = 120
"""Frames of a film, at most: 32 MB on disk."""


def film_frames(
    items: Sequence[Item],
    file: Path,
    sampling: Sampling,
    *,
    most: int = MOST_OF_A_FILM,
    progress: Callable[[int, int], None] | None = None,
    skipped: Callable[[MediaError], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Frames from the sampled clips of films, spread evenly over them.

    Parameters
    ----------
    items : sequence of Item
        All of them are read: give only those to learn from.
    file : Path
        For the frames, see `vgenre.data.raw_frames.write_frames`.
    sampling : Sampling
    most : int
        Frames of a film, at most. The files of one film share them.
    progress, skipped : callable, optional
        As for `vgenre.data.features.readable`.

    Returns
    -------
    frames : memory map of uint8, shape (n, 299, 299, 3)
    owners : ndarray of int, shape (n,)
        Index into `items`.

    Raises
    ------
    MediaError
        If no file at all can be read.
    """
    files_of = Counter(item.film for item in items)

    def choose(item: Item, info: MediaInfo) -> Callable[[Clip], np.ndarray]:
        spans = sampling.spans(info)
        there = max(1, math.ceil(sum(span.seconds for span in spans) * FRAME_RATE))
        allowed = max(1, most // files_of[item.film])
        step = max(EVERY, math.ceil(there / allowed))
        passed = taken = 0

        def take(clip: Clip) -> np.ndarray:
            nonlocal passed, taken
            # Every `step`-th of the film, whatever clip it is in.
            chosen = np.arange(-passed % step, clip.frame_count, step)[: allowed - taken]
            passed += clip.frame_count
            taken += len(chosen)
            return clip.frames[chosen]

        return take

    found = write_frames(
        items, file, sampling, choose, "film frames", EVERY, most, progress=progress,
        skipped=skipped,
    )  # fmt: skip
    return found.frames, np.repeat(found.owners, found.counts)
