"""Still images and numbered frames as films."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator

import numpy as np

from ..errors import UnreadableFilm
from .ffmpeg import MAX_PIXELS, Reading
from .find import check_file
from .sequences import is_sequence, sequence_files
from .types import (
    CLIP_FRAMES,
    CLIP_SECONDS,
    FRAME_RATE,
    FRAME_SIZE,
    IMAGE_SUFFIXES,
    Clip,
    MediaInfo,
)


def is_image(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES


def read_image(path: str) -> np.ndarray:
    """A still image as OpenCV gives it: BGR, turned the way its EXIF data says."""
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
    import cv2

    check_file(path)
    try:
        with open(path, "rb") as file:
            picture = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:  # more pixels than OpenCV takes, for one
        raise UnreadableFilm(path, f"OpenCV cannot read this picture: {error.err}") from None
    if picture is None:
        raise UnreadableFilm(
            path, "this is no picture that OpenCV can read; copy or export it again"
        )
    return picture


def is_still(path: str) -> bool:
    """Whether a path is read by OpenCV: an image, or numbered frames."""
    return is_image(path) or is_sequence(path)


def probe_sequence(path: str) -> MediaInfo:
    files = sequence_files(path)
    height, width = read_image(files[0]).shape[:2]
    seconds = len(files) / FRAME_RATE
    return MediaInfo(path, "sequence", seconds, video_stream=0, width=width, height=height)


def still_frames(path: str, reading: Reading) -> Generator[np.ndarray, None, None]:
    """Read a still image, or the numbered frames of a span, scaled.

    Parameters
    ----------
    path : str
    reading : Reading
        An image is read whatever its span.

    Yields
    ------
    ndarray of uint8, shape (height, width, 3)
        RGB.

    Raises
    ------
    MediaError
        If a picture cannot be read.
    """
    import cv2

    files = [path]
    if is_sequence(path):
        files = sequence_files(path)[round(reading.start * FRAME_RATE) :]
        if reading.seconds is not None:
            files = files[: round(reading.seconds * FRAME_RATE)]
    for file in files:
        picture = cv2.resize(read_image(file), reading.size, interpolation=cv2.INTER_AREA)
        yield picture[..., ::-1]


def still_clips(path: str, reading: Reading) -> Generator[Clip, None, None]:
    """Read a still image, or numbered frames, as clips without sound.

    Parameters
    ----------
    path : str
    reading : Reading

    Yields
    ------
    Clip

    Raises
    ------
    MediaError
        If a picture cannot be read.
    """
    first = round(reading.start * FRAME_RATE) if is_sequence(path) else 0
    coming = still_frames(path, reading)
    while pictures := list(itertools.islice(coming, CLIP_FRAMES)):
        frames = np.zeros((CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
        frames[: len(pictures)] = pictures
        silence = np.zeros(CLIP_SECONDS * reading.sample_rate, np.float32)
        yield Clip(first / FRAME_RATE, frames, len(pictures), silence, 0, reading.sample_rate)
        first += CLIP_FRAMES
