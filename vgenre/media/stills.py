"""Still images and numbered frames as films."""

from __future__ import annotations

import os
from collections.abc import Generator

import numpy as np

from ..errors import MediaError, UnreadableFilm
from .ffmpeg import MAX_PIXELS
from .find import check_file
from .sequences import sequence_files
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
    if not os.path.isfile(path):
        raise MediaError(path, "a picture has to be a plain file")
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


def image_clip(path: str, sample_rate: int) -> Clip:
    import cv2

    frames = np.zeros((CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
    picture = cv2.resize(read_image(path), (FRAME_SIZE, FRAME_SIZE), interpolation=cv2.INTER_AREA)
    frames[0] = picture[..., ::-1]
    return Clip(0.0, frames, 1, np.zeros(CLIP_SECONDS * sample_rate, np.float32), 0, sample_rate)


def probe_sequence(path: str) -> MediaInfo:
    files = sequence_files(path)
    height, width = read_image(files[0]).shape[:2]
    seconds = len(files) / FRAME_RATE
    return MediaInfo(path, "sequence", seconds, video_stream=0, width=width, height=height)


def sequence_clips(
    path: str, start: float, seconds: float | None, sample_rate: int
) -> Generator[Clip, None, None]:
    import cv2

    first = round(start * FRAME_RATE)
    files = sequence_files(path)[first:]
    if seconds is not None:
        files = files[: round(seconds * FRAME_RATE)]
    for begin in range(0, len(files), CLIP_FRAMES):
        some = files[begin : begin + CLIP_FRAMES]
        frames = np.zeros((CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
        for frame, file in zip(frames, some, strict=False):
            size = (FRAME_SIZE, FRAME_SIZE)
            picture = cv2.resize(read_image(file), size, interpolation=cv2.INTER_AREA)
            frame[:] = picture[..., ::-1]
        silence = np.zeros(CLIP_SECONDS * sample_rate, np.float32)
        clip_start = (first + begin) / FRAME_RATE
        yield Clip(clip_start, frames, len(some), silence, 0, sample_rate)
