"""What a network that takes pixels is trained on: small frames of a data set, in one file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ..errors import MediaError
from ..labelling.padding import frame_masks
from ..media.sampling import Sampling
from ..media.types import CLIP_FRAMES, Clip
from .features import INPUTS, ClipFeatures, FeatureExtractor
from .items import Item
from .raw_frames import write_frames


@dataclass(frozen=True)
class PixelClips:
    """Clips as `vgenre.data.features.ClipFeatures` has them, read from disk as they are asked for.

    Attributes
    ----------
    pixels : memory map of uint8, shape (n_frames, height * width * 3)
    first : ndarray of int, shape (n_clips,)
        Where the frames of each clip begin.
    counts : ndarray of int, shape (n_clips,)
        How many it has, at most 40.
    seconds : ndarray of float32, shape (n_clips,)
    """

    pixels: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    seconds: np.ndarray

    names: ClassVar[tuple[str, ...]] = INPUTS[:2]

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def frame_mask(self) -> np.ndarray:
        """1 for each decoded frame: float32, shape (n_clips, 40)."""
        return frame_masks(self.counts)

    def inputs(self, rows: np.ndarray, names: Collection[str]) -> dict[str, np.ndarray]:
        """Some clips, as the streams' inputs by name; there are no mels."""
        masks = self.frame_mask[rows]
        found = {"frame_mask": masks}
        if "frame_features" in names:
            features = np.zeros((len(rows), CLIP_FRAMES, self.pixels.shape[1]), np.float32)
            for clip, row in zip(features, rows, strict=True):
                n = self.counts[row]
                clip[:n] = self.pixels[self.first[row] : self.first[row] + n]
            found["frame_features"] = features
        return {name: found[name] for name in names}

    def pick(self, rows: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Some frames of some clips: from (n,) and (n, t) to float32, (n, t, width)."""
        return self.pixels[self.first[rows][:, None] + frames].astype(np.float32)

    def take(self, rows: np.ndarray) -> PixelClips:
        """Some of the clips."""
        return PixelClips(self.pixels, self.first[rows], self.counts[rows], self.seconds[rows])


Clips = ClipFeatures | PixelClips
"""What networks are trained on: either has the same methods."""


def collect_pixels(
    items: Sequence[Item],
    body: FeatureExtractor,
    sampling: Sampling,
    file: Path,
    name: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    skipped: Callable[[MediaError], None] | None = None,
) -> tuple[PixelClips, np.ndarray]:
    """The frames of a data set as a network will see them.

    Parameters
    ----------
    items : sequence of Item
    body : FeatureExtractor
        Of a body as `vgenre.zoo.snippets.build_pixels` gives it.
    sampling : Sampling
    file : path
        For the frames, see `vgenre.data.raw_frames.write_frames`.
    name : str
        Identifies the body, its size included.
    progress : callable, optional
        Is told the number of files done and of all.
    skipped : callable, optional
        Is told of each file that cannot be read; without it that is an error.

    Returns
    -------
    clips : PixelClips
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    """

    def smaller(clip: Clip) -> np.ndarray:
        return np.rint(body.features(clip.frames[: clip.frame_count])).astype(np.uint8)

    found = write_frames(
        items, file, sampling, lambda *_: smaller, name, progress=progress, skipped=skipped
    )
    first = np.cumsum(found.counts) - found.counts
    return PixelClips(found.frames, first, found.counts, found.seconds), found.owners
