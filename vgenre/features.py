"""What the heads are trained on: features and mels of a data set, computed once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

import numpy as np

from .clips import frame_mask, heard_clips
from .dataset import Item
from .errors import MediaError
from .media import CLIP_FRAMES, probe
from .remote import fetched, place_of, state_of
from .sampling import Sampling
from .spectrogram import MelSettings

INPUTS = ("frame_features", "frame_mask", "mel", "mel_mask")
"""The head's inputs, by name."""


CACHE_LIMIT = 20_000_000_000
"""Bytes that a cache may hold; what was not used for longest goes first."""


def default_cache() -> Path:
    """Where features are kept unless another folder is named."""
    import platformdirs

    return platformdirs.user_cache_path("vgenre") / "features"


def entries(directory: Path) -> list[tuple[Path, os.stat_result]]:
    """The entries of a cache, the one not used for longest first."""
    found = []
    for path in directory.glob("??/*.npz"):
        with contextlib.suppress(OSError):  # another run removed it
            found.append((path, path.stat()))
    return sorted(found, key=lambda entry: entry[1].st_mtime_ns)


def shrink(directory: Path, limit: int) -> int:
    """Remove entries until a cache holds no more than `limit` bytes.

    Returns
    -------
    int
        How many were removed.
    """
    found = entries(directory)
    size = sum(stat.st_size for _, stat in found)
    removed = 0
    for path, stat in found:
        if size <= limit:
            break
        path.unlink(missing_ok=True)
        size -= stat.st_size
        removed += 1
    return removed


class FeatureExtractor(Protocol):
    """The part of an engine that is needed here."""

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Features of frames, uint8 (n, 299, 299, 3): float32 (n, width)."""


@dataclass(frozen=True)
class ClipFeatures:
    """The inputs of the head for some clips.

    Attributes
    ----------
    features : ndarray of float16, shape (n_clips, 40, width)
    frame_mask : ndarray of float32, shape (n_clips, 40)
    mel : ndarray of float16, shape (n_clips, n_mels, steps)
        dB.
    mel_mask : ndarray of float32, shape (n_clips, steps)
    seconds : ndarray of float32, shape (n_clips,)
        Decoded length.
    """

    features: np.ndarray
    frame_mask: np.ndarray
    mel: np.ndarray
    mel_mask: np.ndarray
    seconds: np.ndarray

    names: ClassVar[tuple[str, ...]] = INPUTS

    def __len__(self) -> int:
        return len(self.seconds)

    def inputs(self, rows: np.ndarray, names: Collection[str] = INPUTS) -> dict[str, np.ndarray]:
        """Some clips, as the head's inputs by name."""
        stored = {
            "frame_features": self.features,
            "frame_mask": self.frame_mask,
            "mel": self.mel,
            "mel_mask": self.mel_mask,
        }
        return {name: stored[name][rows].astype(np.float32) for name in names}

    def pick(self, rows: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Some frames of some clips: from (n,) and (n, t) to float32, (n, t, width)."""
        return self.features[rows[:, None], frames].astype(np.float32)

    def take(self, rows: np.ndarray) -> ClipFeatures:
        """Some of the clips."""
        return ClipFeatures(*(getattr(self, f.name)[rows] for f in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[ClipFeatures]) -> ClipFeatures:
        """Clips of several films one behind the other."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


_T = TypeVar("_T")


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


class FeatureCache:
    """Features on disk, keyed by the file and by all that they depend on.

    A file that changed (size or time of change), another body, other mel
    settings or another sampling are computed anew; so is a damaged entry.

    Parameters
    ----------
    directory : path
    extractor : FeatureExtractor
    body : str
        Identifies the body's weights and precision.
    mel : MelSettings
    sampling : Sampling
    limit : int
        Bytes that it may hold when a data set is collected.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        extractor: FeatureExtractor,
        body: str,
        *,
        mel: MelSettings,
        sampling: Sampling,
        limit: int = CACHE_LIMIT,
    ) -> None:
        self.directory, self._limit = Path(directory), limit
        self.directory.mkdir(parents=True, exist_ok=True)
        self._extractor, self._mel, self._sampling = extractor, mel, sampling
        self._settings = {"body": body, "mel": mel.to_dict(), "sampling": str(sampling)}

    def entry(self, path: str) -> Path:
        """The file in the cache that belongs to a media file."""
        key = [place_of(path), *state_of(path), self._settings]
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self.directory / digest[:2] / f"{digest[2:40]}.npz"

    def get(self, path: str) -> ClipFeatures:
        """Features of a media file, computed where they are not there.

        Raises
        ------
        MediaError
            If the file cannot be read.
        """
        try:
            entry = self.entry(path)
        except OSError as error:
            raise MediaError(path, error.strerror or str(error)) from None
        try:
            with np.load(entry, allow_pickle=False) as stored:
                found = ClipFeatures(**stored)
            os.utime(entry)  # used now
            return found
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile):
            pass  # not there, or damaged
        with fetched(path) as file:
            made = self._extract(file)
        entry.parent.mkdir(exist_ok=True)
        temporary = entry.with_suffix(f".{os.getpid()}.part")
        with open(temporary, "wb") as sink:
            np.savez(sink, **{f.name: getattr(made, f.name) for f in fields(made)})
        os.replace(temporary, entry)
        return made

    def _extract(self, path: str) -> ClipFeatures:
        info = probe(path)
        parts = []
        for clip, sound in heard_clips(info, self._sampling, self._mel):
            found = self._extractor.features(clip.frames[: clip.frame_count])
            heard = sound.result()
            sequence = np.zeros((1, CLIP_FRAMES, found.shape[1]), np.float16)
            sequence[0, : len(found)] = found
            parts.append(
                ClipFeatures(
                    sequence,
                    frame_mask(clip)[None],
                    heard.mel[None].astype(np.float16),
                    heard.mask[None],
                    np.array([clip.seconds], np.float32),
                )
            )
        if not parts:
            raise MediaError(path, "nothing could be decoded")
        return ClipFeatures.join(parts)

    def collect(
        self,
        items: Sequence[Item],
        *,
        progress: Callable[[int, int], None] | None = None,
        skipped: Callable[[MediaError], None] | None = None,
    ) -> tuple[ClipFeatures, np.ndarray]:
        """Features of a whole data set.

        Parameters
        ----------
        items : sequence of Item
        progress : callable, optional
            Is told the number of files done and of all.
        skipped : callable, optional
            Is told of each file that cannot be read; without it that is an error.

        Returns
        -------
        clips : ClipFeatures
        owners : ndarray of int, shape (n_clips,)
            Index into `items`.
        """
        parts, owners = [], []
        for i, found in readable(items, self.get, progress, skipped):
            parts.append(found)
            owners += [i] * len(found)
        shrink(self.directory, self._limit)
        return ClipFeatures.join(parts), np.array(owners)
