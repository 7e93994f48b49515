"""What a film's embedding is made of: the streams' readings of its clips, summed up on the way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..dialogue.types import Subtitles
from ..models.embedding import EmbeddingSpace, written


class FilmReading:
    """A film as the streams read it: means over its clips, each with its length as weight.

    The picture of a clip is the mean of its frames' features and their deviation, the sound what
    the ear hears. A clip of one frame has no deviation.
    """

    def __init__(self) -> None:
        self._sums: dict[str, np.ndarray] = {}
        self._seconds: dict[str, float] = {}
        self._widths: dict[str, int] = {}

    def add(self, parts: Mapping[str, np.ndarray], seconds: float) -> None:
        """Take a clip.

        Parameters
        ----------
        parts : mapping of str to ndarray
            ``frames``, features of its frames of the shape (n, width); ``audio``, what the ear
            hears, of the shape (width,). What is not there is left out.
        seconds : float
            Its length.
        """
        frames = parts.get("frames")
        if frames is not None and len(frames):
            exact = np.asarray(frames, np.float64)
            self._widths["frames"] = exact.shape[1]
            self._add("mean", exact.mean(axis=0), seconds)
            if len(exact) > 1:
                self._add("deviation", exact.std(axis=0), seconds)
        if (heard := parts.get("audio")) is not None:
            self._add("audio", np.asarray(heard, np.float64), seconds)

    def _add(self, name: str, values: np.ndarray, seconds: float) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + values * seconds
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def readings(self) -> dict[str, np.ndarray]:
        """By stream, for `vgenre.models.embedding.EmbeddingSpace.embedding`.

        Returns
        -------
        dict of str to ndarray of float32
            ``visual`` of the shape (2 * width,), the deviation NaN where no clip has any;
            ``audio`` of the shape (width,). A stream that no clip has is left out.
        """
        means = {name: total / self._seconds[name] for name, total in self._sums.items()}
        found = {}
        if "mean" in means:
            unknown = np.full(self._widths["frames"], np.nan)
            seen = [means["mean"], means.get("deviation", unknown)]
            found["visual"] = np.concatenate(seen).astype(np.float32)
        if "audio" in means:
            found["audio"] = means["audio"].astype(np.float32)
        return found


def embedded(
    space: EmbeddingSpace | None, reading: FilmReading, subtitles: Subtitles | None
) -> str | None:
    """A film's embedding, as its record keeps it; None where the model has no space."""
    if space is None:
        return None
    said = space.dialogue(subtitles.cues) if subtitles else {}
    return written(space.embedding(reading.readings() | said))
