"""The frames of a film, as FFmpeg writes them to a pipe."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from ..errors import MediaError
from .decoder import Decoder, Pipe
from .ffmpeg import KEY_FRAMES, MAX_PIXELS, Reading, decode_args
from .hdr import to_standard_range
from .probing import failure_class, last_message, picture_end
from .stills import is_still, still_frames
from .types import FRAME_RATE, MediaInfo


class FrameReader:
    """Reads frames from a pipe and makes them what the networks expect.

    Frames of high dynamic range are mapped to standard range. Where only key frames are
    decoded, each stands until the next one, and the last until the picture ends.

    Parameters
    ----------
    pipe : Pipe
    info : MediaInfo
    reading : Reading
        What FFmpeg was asked for.
    """

    def __init__(self, pipe: Pipe, info: MediaInfo, reading: Reading) -> None:
        self._pipe, self._info, self._reading = pipe, info, reading
        self._last: np.ndarray | None = None
        self._given = 0
        self._total: int | None = None  # frames of the whole reading; known at its end

    def read_into(self, frames: np.ndarray) -> int:
        """Fill an array with the next frames.

        Parameters
        ----------
        frames : ndarray of uint8, shape (n, height, width, 3)
            What is not filled becomes 0.

        Returns
        -------
        int
            How many frames there are; fewer than the array holds in a gap and at the end.

        Raises
        ------
        MediaTimeoutError
            If FFmpeg gives nothing for too long.
        """
        if self._info.is_hdr:
            coded = np.empty(frames.shape, "<u2")
            count = self._pipe.read_into(coded) // coded[0].nbytes
            frames[:count] = to_standard_range(
                coded[:count], self._info.transfer, self._info.primaries
            )
        else:
            count = self._pipe.read_into(frames) // frames[0].nbytes
        frames[count:] = 0  # the next one may have come in part
        if self._reading.skip_frame == KEY_FRAMES:
            count = self._hold_last(frames, count)
        self._given += count
        return count

    def _hold_last(self, frames: np.ndarray, count: int) -> int:
        """Repeat the last key frame where frames are missing; returns how many there are then."""
        if count:
            self._last = frames[count - 1].copy()
        if count == len(frames) or self._last is None:
            return count
        until = len(frames)  # in a gap FFmpeg is still on its way to the next key frame
        if self._pipe.ended:
            if self._total is None:
                self._total = self._frames_of_picture(self._given + count)
            until = min(until, self._total - self._given)
        frames[count:until] = self._last
        return max(count, until)

    def _frames_of_picture(self, decoded: int) -> int:
        """How many frames there would be, had FFmpeg decoded all and not only key frames."""
        sure = (decoded - 1) / FRAME_RATE
        rest = None if self._reading.seconds is None else self._reading.seconds - sure
        start = self._reading.start + sure
        end = sure + picture_end(self._info, start, rest, timeout=self._reading.timeout)
        return max(decoded, round(end * FRAME_RATE))


def iter_frames(info: MediaInfo, reading: Reading) -> Generator[np.ndarray, None, None]:
    """Read frames of any size, one after the other, without the sound.

    Parameters
    ----------
    info : MediaInfo
        A film, a still image or numbered frames.
    reading : Reading

    Yields
    ------
    ndarray of uint8, shape (height, width, 3)
        RGB, four a second.

    Raises
    ------
    MediaError
        If FFmpeg fails before any frame was decoded, or frames would be too large.
    """
    width, height = reading.size
    if width * height > MAX_PIXELS:
        raise MediaError(info.path, f"frames of {width}x{height} pixels are too large")
    if is_still(info.path):
        yield from still_frames(info.path, reading)
        return
    if info.video_stream is None:
        return
    wanted = None if reading.seconds is None else round(reading.seconds * FRAME_RATE)
    count = 0
    with Decoder(info.path, reading.timeout) as decoder:
        pipe = decoder.open_pipe()
        decoder.run(decode_args(info, reading, pipe, None))
        reader = FrameReader(pipe, info, reading)
        frame = np.zeros((1, height, width, 3), np.uint8)
        while (wanted is None or count < wanted) and reader.read_into(frame):
            yield frame[0]
            count += 1
            frame = np.zeros_like(frame)
        if not count and decoder.wait():
            report = decoder.messages
            raise failure_class(report)(
                info.path, f"FFmpeg cannot decode it: {last_message(report)}"
            )
