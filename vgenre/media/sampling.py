"""Sampling policies: which clips of a film are looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .ffmpeg import KEY_FRAMES, NO_REFERENCE
from .types import CLIP_SECONDS, MediaInfo

DEFAULT_CLIPS = 10

# Frames a second of which one in five is still four a second: encoders put at most three frames
# that can be skipped between two that cannot, save at settings seldom used.
_ENOUGH_FPS = 20.0


@dataclass(frozen=True)
class Span:
    """A stretch of a film that FFmpeg reads in one pass.

    Attributes
    ----------
    start, seconds : float
        Seconds.
    """

    start: float
    seconds: float


@dataclass(frozen=True)
class Sampling:
    """Evenly spaced clips, or all of a film.

    Parameters
    ----------
    clips : int or None
        How many clips of 10 s; None for every second.
    keyframes : bool
        Whether only key frames are decoded. Each is shown until the next one, and the last
        until the picture ends. That is several times as fast, and right about as often where
        films have a key frame every few seconds.
    """

    clips: int | None = DEFAULT_CLIPS
    keyframes: bool = False

    @classmethod
    def parse(cls, text: str) -> Sampling:
        """The policy that ``--sampling`` names: a number of clips, ``full`` or ``keyframes``.

        Raises
        ------
        ValueError
            If it is none of them.

        Examples
        --------
        >>> Sampling.parse("4")
        Sampling(clips=4, keyframes=False)
        >>> str(Sampling.parse("full"))
        'full'
        """
        if text in ("full", "keyframes"):
            return cls(None, keyframes=text == "keyframes")
        if text.isdecimal() and int(text) > 0:
            return cls(int(text))
        raise ValueError(
            f"sampling {text!r} is neither a number of clips nor 'full' nor 'keyframes'"
        )

    @classmethod
    def of(cls, value: Sampling | int | str | None) -> Sampling:
        """The policy that a number or word names; the default for None."""
        if isinstance(value, Sampling):
            return value
        return cls() if value is None else cls.parse(str(value))

    def __str__(self) -> str:
        if self.keyframes:
            return "keyframes"
        return "full" if self.clips is None else str(self.clips)

    def skip_frame(self, info: MediaInfo) -> str | None:
        """The frames that the decoder need not decode, as FFmpeg's ``-skip_frame`` names them.

        Frames that no other frame refers to are passed over where the rest comes thick
        enough for four a second.
        """
        if self.keyframes:
            return KEY_FRAMES
        return NO_REFERENCE if info.frame_rate >= _ENOUGH_FPS else None

    def spans(self, info: MediaInfo) -> list[Span]:
        """What to read of a film.

        Parameters
        ----------
        info : MediaInfo

        Returns
        -------
        list of Span
            One of the whole film where every second is wanted, or where the
            film is no longer than the clips together; else one a clip, each in
            the middle of its share of the film. A still image has one.
        """
        if info.is_image:
            return [Span(0.0, 0.0)]
        if self.clips is None or math.ceil(info.duration / CLIP_SECONDS) <= self.clips:
            return [Span(0.0, info.duration)]
        share = info.duration / self.clips
        return [
            Span(round((i + 0.5) * share - CLIP_SECONDS / 2, 3), float(CLIP_SECONDS))
            for i in range(self.clips)
        ]
