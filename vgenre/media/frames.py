"""The frames of a film, as FFmpeg writes them to a pipe."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

import numpy as np

from ..errors import MediaError
from .decoder import Decoder, Pipe
from .ffmpeg import KEY_FRAMES, MAX_PIXELS, Reading, decode_args
from .hdr import to_standard_range
from .probing import failure_class, last_message, picture_end
from .stills import is_still, still_frames
from .types import FRAME_RATE, MediaInfo


class FrameReader:
    """Reads frames from a pipe; those of high dynamic range are mapped to standard range.

    Parameters
    ----------
    pipe : Pipe
    info : MediaInfo
    """

    def __init__(self, pipe: Pipe, info: MediaInfo) -> None:
        self._pipe, self._info = pipe, info

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
        return count


class KeyFrameReader(FrameReader):
    """Reads key frames, of which each stands until the next one, the last until the end.

    How long the last one stands is not left to FFmpeg: some versions end the picture with it,
    others guess. So a frame is only given as often as is certain: until another one follows,
    or as long as the file really has a picture.

    Parameters
    ----------
    pipe : Pipe
    info : MediaInfo
    reading : Reading
        What FFmpeg was asked for.
    """

    def __init__(self, pipe: Pipe, info: MediaInfo, reading: Reading) -> None:
        super().__init__(pipe, info)
        self._reading = reading
        self._shown: np.ndarray | None = None
        self._following: np.ndarray | None = None  # the key frame after the one that is shown
        self._certain = 0  # how often the shown frame can still be given
        self._position = 0  # frames of the film that have been given, or were in a gap
        self._finished = False

    def read_into(self, frames: np.ndarray) -> int:
        """Fill an array with the next frames, see `FrameReader.read_into`."""
        count = 0
        while count < len(frames):
            if not self._certain:
                self._certain = self._look_ahead(len(frames) - count)
            if self._shown is None or not self._certain:
                break
            again = min(self._certain, len(frames) - count)
            frames[count : count + again] = self._shown
            count += again
            self._certain -= again
            self._position += again
        frames[count:] = 0
        return count

    def _look_ahead(self, wanted: int) -> int:
        """Find how often the next frame is certain; after a gap, the one that is shown."""
        if self._finished:
            return 0
        count = 0
        if self._following is not None:
            self._shown, self._following, count = self._following, None, 1
        height, width = self._reading.size[::-1]
        one = np.empty((1, height, width, 3), np.uint8)
        while super().read_into(one):
            if self._shown is None:
                self._shown, count = one[0].copy(), 1
            elif np.array_equal(one[0], self._shown):
                count += 1
            else:
                self._following = one[0]
                return count
        if self._pipe.ended:
            self._finished = True
            return self._count_to_end(count)
        # In a gap FFmpeg is still on its way to the next key frame. What it will write when it
        # is there are copies of the frame that is shown, and one of them is missing already.
        missing = max(0, wanted - count - 1)
        self._pipe.skip(missing * self._frame_bytes())
        if self._shown is None:
            self._shown = self._first()
        if self._shown is None:
            self._position += wanted
            return 0
        return count + 1 + missing

    def _first(self) -> np.ndarray | None:
        """Decode the first frame by itself: FFmpeg gives it only when it has the second."""
        moment = replace(self._reading, seconds=1 / FRAME_RATE)
        with closing(iter_frames(self._info, moment)) as frames:
            return next(frames, None)

    def _count_to_end(self, decoded: int) -> int:
        """Find how often the last frame is shown, of which FFmpeg gave so many copies."""
        start = self._position / FRAME_RATE
        rest = None if self._reading.seconds is None else self._reading.seconds - start
        if self._shown is None or (rest is not None and rest <= 0):
            return decoded
        length = picture_end(
            self._info, self._reading.start + start, rest, timeout=self._reading.timeout
        )
        return max(min(1, decoded), round(length * FRAME_RATE)) if length else decoded

    def _frame_bytes(self) -> int:
        width, height = self._reading.size
        return width * height * 3 * (2 if self._info.is_hdr else 1)


def frame_reader(pipe: Pipe, info: MediaInfo, reading: Reading) -> FrameReader:
    """Make the reader of a pipe to which FFmpeg writes what was asked for."""
    if reading.skip_frame == KEY_FRAMES:
        return KeyFrameReader(pipe, info, reading)
    return FrameReader(pipe, info)


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
        reader = frame_reader(pipe, info, reading)
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
