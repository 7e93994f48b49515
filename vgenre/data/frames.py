"""All frames of a data set in one file, for training on single frames."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ..media.reader import iter_clips
from ..media.types import FRAME_SIZE
from .items import Item


def decode_frames(
    items: Sequence[Item], file: str | Path, *, every: int = 2, workers: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """All frames of a data set in one file, for training on single frames.

    Done once: where `file` is complete it is opened as it is.

    Parameters
    ----------
    items : sequence of Item
    file : path
        Raw frames; beside it, with ``.owners.npy``, whose they are.
    every : int
        Of the four frames a second each `every`-th is taken.
    workers : int
        Files decoded at once.

    Returns
    -------
    frames : memory map of uint8, shape (n, 299, 299, 3)
    owners : ndarray of int, shape (n,)
        Index into `items`.
    """
    file = Path(file)
    index = file.with_suffix(".owners.npy")
    if not index.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        owners: list[int] = []

        def frames_of(item: Item) -> np.ndarray:
            clips = iter_clips(item.path)
            return np.concatenate([clip.frames[: clip.frame_count : every] for clip in clips])

        with ThreadPoolExecutor(workers) as pool, open(file, "wb") as sink:
            for begin in range(0, len(items), 64):  # a few at a time: results wait in memory
                batch = items[begin : begin + 64]
                for i, frames in enumerate(pool.map(frames_of, batch), begin):
                    frames.tofile(sink)
                    owners += [i] * len(frames)
        np.save(index, np.array(owners))
    frames = np.memmap(file, np.uint8, "r").reshape(-1, FRAME_SIZE, FRAME_SIZE, 3)
    return frames, np.load(index)
