"""What a film says of itself, read from FFmpeg's messages: some machines have no ffprobe."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from ..errors import MediaError, UnreadableFilm
from .ffmpeg import TIMEOUT, messages_of, probe_args
from .find import check_file
from .sequences import is_sequence
from .stills import is_image, probe_sequence, read_image
from .types import MediaInfo

_DURATION = re.compile(r"^  Duration: (?:(\d+):(\d+):(\d+\.\d+)|N/A)", re.M)
_INPUT = re.compile(r"^Input #0, (.+?), from '", re.M)

# Anchored at the indentation of the streams: text in a film's metadata cannot imitate them.
_STREAM = re.compile(
    r"^  Stream #0:(\d+)(?:\[0x[\da-f]+\])?(?:\(.*?\))?: (Video|Audio): (.*)$", re.M
)
_NOISE = ("At least one output file", "Error opening input file")  # lines that give no reason


def probe(path: str | os.PathLike[str], *, timeout: float = TIMEOUT) -> MediaInfo:
    """Read what a media file says of itself.

    Works with the ``ffmpeg`` program alone, as some machines have no ``ffprobe``.

    Parameters
    ----------
    path : str or os.PathLike
    timeout : float
        Seconds after which FFmpeg is stopped.

    Returns
    -------
    MediaInfo

    Raises
    ------
    MediaError
        If the file is missing, empty, or neither film, sound nor picture.
    FFmpegNotFoundError

    Examples
    --------
    >>> vgenre.probe("film.mkv").duration  # doctest: +SKIP
    5843.7
    """
    path = os.fspath(path)
    if is_sequence(path):
        return probe_sequence(path)
    check_file(path)
    if is_image(path):
        height, width = read_image(path).shape[:2]
        return MediaInfo(path, "image", 0.0, True, video_stream=0, width=width, height=height)
    info = parse_report(path, messages_of(path, probe_args(path), timeout))
    if info.duration == 0:
        # No length in the header (a cut-off or streamed file): walk through the packets.
        report = messages_of(
            path, [*probe_args(path), "-map", "0", "-c", "copy", "-f", "null", "-"], timeout
        )
        info = replace(info, duration=last_time(report))
    return info


def parse_report(path: str, report: str) -> MediaInfo:
    """What FFmpeg says of a film it opened.

    Parameters
    ----------
    path : str
        The film.
    report : str
        What ``ffmpeg -i`` wrote to stderr.

    Returns
    -------
    MediaInfo
        With duration 0 where the report has none.

    Raises
    ------
    MediaError
        If FFmpeg could not open it, or there is neither picture nor sound in it.
    """
    header = _INPUT.search(report)
    if not header:
        raise failure_class(report)(
            path, f"FFmpeg cannot open it as film, sound or picture: {last_message(report)}"
        )
    duration = _DURATION.search(report)
    video: list[tuple[int, str]] = []
    audio: list[tuple[int, str]] = []
    for index, kind, text in _STREAM.findall(report):
        if kind == "Audio" and "Audio: none" not in f"Audio: {text}":
            audio.append((int(index), text))
        elif kind == "Video" and "(attached pic)" not in text and not text.startswith("none"):
            video.append((int(index), text))
    if not video and not audio:
        raise UnreadableFilm(path, "there is neither picture nor sound in it")
    picture, sound = _default_stream(video), _default_stream(audio)
    fields: dict = {}
    if picture:
        size = re.search(r", (\d{1,6})x(\d{1,6})\b", picture[1])
        rate = re.search(r", ([\d.]+)(k?) (?:fps|tbr)", picture[1])
        fields |= {
            "video_stream": picture[0],
            "video_codec": picture[1].split()[0].strip(","),
            "width": int(size[1]) if size else 0,
            "height": int(size[2]) if size else 0,
            "frame_rate": float(rate[1]) * (1000 if rate[2] else 1) if rate else 0.0,
        }
    if sound:
        hertz = re.search(r", (\d+) Hz", sound[1])
        fields |= {
            "audio_stream": sound[0],
            "audio_codec": sound[1].split()[0].strip(","),
            "sample_rate": int(hertz[1]) if hertz else 0,
            "audio_tracks": len(audio),
        }
    return MediaInfo(
        path=path,
        format=header[1],
        duration=_seconds(*duration.groups()) if duration and duration[1] else 0.0,
        **fields,
    )


def failure_class(report: str) -> type[MediaError]:
    """What to raise after FFmpeg's messages: whether the file is at fault, or its disk may be."""
    at_fault = "Invalid data found" in report or "not on whitelist" in report
    return UnreadableFilm if at_fault and "Input/output error" not in report else MediaError


def _default_stream(streams: list[tuple[int, str]]) -> tuple[int, str] | None:
    """The stream marked as default, else the first."""
    marked = [s for s in streams if "(default)" in s[1]]
    return (marked or streams or [None])[0]  # type: ignore[list-item]


def last_time(report: str) -> float:
    """The last ``time=`` that FFmpeg reported, in seconds; 0 without one."""
    times = re.findall(r"time=(\d+):(\d+):(\d+\.\d+)", report)
    return _seconds(*times[-1]) if times else 0.0


def _seconds(hours: str, minutes: str, seconds: str) -> float:
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def last_message(report: str) -> str:
    """The end of FFmpeg's messages without memory addresses and repetition.

    Parameters
    ----------
    report : str
        What FFmpeg wrote to stderr.

    Returns
    -------
    str
    """
    lines = [
        re.sub(r"^\[[^]]*\] ", "", line.strip())
        for line in report.splitlines()
        if line.strip() and not line.startswith(_NOISE)
    ]
    return "; ".join(dict.fromkeys(lines[-3:])) or "no message"
