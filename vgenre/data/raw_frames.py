"""Frames of a data set's sampled clips, one behind the other in a file that is read from disk."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import MediaError
from ..media.probing import probe
from ..media.reader import sampled_clips
from ..media.remote import fetched
from ..media.sampling import Sampling
from ..media.types import Clip, MediaInfo
from ..output.atomic import atomic
from .features import readable
from .items import Item
from .stages import READING, code_version, fingerprint, items_key

_SAMPLE_RATE = 16_000  # Hz; the sound is not looked at


@dataclass(frozen=True)
class RawFrames:
    """What a file of frames holds.

    Attributes
    ----------
    frames : memory map of uint8, shape (n_frames, ...)
    counts : ndarray of int, shape (n_clips,)
        Frames of each clip.
    seconds : ndarray of float32, shape (n_clips,)
        Length of each clip.
    owners : ndarray of int, shape (n_clips,)
        Index into the items.
    """

    frames: np.ndarray
    counts: np.ndarray
    seconds: np.ndarray
    owners: np.ndarray


def write_frames(
    items: Sequence[Item],
    file: Path,
    sampling: Sampling,
    choose: Callable[[Item, MediaInfo], Callable[[Clip], np.ndarray]],
    *made_by: object,
    progress: Callable[[int, int], None] | None = None,
    skipped: Callable[[MediaError], None] | None = None,
) -> RawFrames:
    """Write frames of a data set to a file, or open it where it is there and nothing changed.

    A film is written clip after clip, so that memory does not grow with it. What was written
    of a film that fails half-way is taken back.

    Parameters
    ----------
    items : sequence of Item
        URLs are fetched.
    file : Path
        Raw frames; beside it, with ``.npz``, which are whose.
    sampling : Sampling
    choose : callable
        Gives for a file what makes of each of its clips the frames to write: uint8,
        shape (n, ...).
    *made_by
        All else that the frames depend on, for the key.
    progress, skipped : callable, optional
        As for `vgenre.data.features.readable`.

    Returns
    -------
    RawFrames

    Raises
    ------
    MediaError
        If no file at all can be read.
    """
    index = file.with_suffix(".npz")
    key = fingerprint(items_key(items), str(sampling), made_by, code_version(*READING))
    if not _is_of(index, key):
        file.parent.mkdir(parents=True, exist_ok=True)
        index.unlink(missing_ok=True)  # it is of other frames
        counts: list[int] = []
        seconds: list[float] = []
        owners: list[int] = []
        shape: tuple[int, ...] = ()
        with open(file, "wb") as sink:
            by_path = {item.path: item for item in items}

            def write(path: str) -> list[tuple[int, float]]:
                nonlocal shape
                before, written = sink.tell(), []
                try:
                    for clip, frames in _frames_of(by_path[path], sampling, choose):
                        sink.write(np.ascontiguousarray(frames).data)
                        shape = frames.shape[1:]
                        written.append((len(frames), clip.seconds))
                except MediaError:
                    sink.seek(before)
                    sink.truncate()
                    raise
                if not written:
                    raise MediaError(path, "nothing could be decoded")
                return written

            for i, found in readable(items, write, progress, skipped):
                for count, length in found:
                    counts.append(count)
                    seconds.append(length)
                    owners.append(i)
            sink.flush()
            os.fsync(sink.fileno())
        with atomic(index) as kept:
            np.savez(
                kept,
                key=np.array(key),
                shape=np.array(shape, int),
                counts=np.array(counts),
                seconds=np.array(seconds, np.float32),
                owners=np.array(owners),
            )
    with np.load(index) as stored:
        shape = (int(stored["counts"].sum()), *map(int, stored["shape"]))
        frames = np.memmap(file, np.uint8, "r", shape=shape) if shape[0] else np.zeros(shape, "u1")
        return RawFrames(frames, stored["counts"], stored["seconds"], stored["owners"])


def _frames_of(
    item: Item,
    sampling: Sampling,
    choose: Callable[[Item, MediaInfo], Callable[[Clip], np.ndarray]],
) -> Iterator[tuple[Clip, np.ndarray]]:
    with ExitStack() as stack:
        info = probe(stack.enter_context(fetched(item.path)))
        taken = choose(item, info)
        clips = sampled_clips(info, sampling, sample_rate=_SAMPLE_RATE)
        stack.callback(clips.close)  # FFmpeg ends, whatever happens
        for clip in clips:
            yield clip, taken(clip)


def _is_of(index: Path, key: str) -> bool:
    """Whether the frames beside an index were made from the same things."""
    missing_or_damaged = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
    with contextlib.suppress(*missing_or_damaged), np.load(index) as stored:
        return str(stored["key"]) == key
    return False
