"""What a film says of itself, read from FFmpeg's messages: some machines have no ffprobe."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

from ..errors import MediaError, UnreadableFilm
from .ffmpeg import TIMEOUT, file_url, messages_of, probe_args, walk_args
from .find import check_file
from .sequences import is_sequence
from .stills import is_image, probe_sequence, read_image
from .types import MediaInfo, SubtitleTrack

_DURATION = re.compile(r"^  Duration: (?:(\d+):(\d+):(\d+\.\d+)|N/A)", re.M)
_INPUT = re.compile(r"^Input #0, (.+?), from '", re.M)

# Anchored at the indentation of the streams: text in a film's metadata cannot imitate them.
_STREAM = re.compile(
    r"^  Stream #0:(\d+)(?:\[0x[\da-f]+\])?(?:\((.*?)\))?: (Video|Audio|Subtitle): (.*)$", re.M
)
_OTHER_STREAM = re.compile(r"^  Stream #", re.M)
_ROTATION = re.compile(r"^ {6}display ?matrix: rotation of (-?[\d.]+) degrees", re.M | re.I)
_SAMPLE_ASPECT = re.compile(r"\bSAR ([1-9]\d*):([1-9]\d*)")
_LANGUAGE = re.compile(r"[a-z]{2,8}(?:-[a-z\d]{2,8})*", re.I)
_TITLE = re.compile(r"^ {6}(?:title|name) *: (.+)$", re.M | re.I)
_FLAGS = frozenset({"captions", "comment", "default", "forced", "hearing impaired", "lyrics"})
_COLOURS = re.compile(r"\((?:[\w ]+, )*[\w-]+/([\w-]+)/([\w-]+)\b")  # matrix/primaries/transfer
_NOISE = ("At least one output file", "Error opening input file")  # lines that give no reason


def probe(path: str | bytes | os.PathLike[str], *, timeout: float = TIMEOUT) -> MediaInfo:
    """Read what a media file says of itself.

    Works with the ``ffmpeg`` program alone, as some machines have no ``ffprobe``.

    Parameters
    ----------
    path : str, bytes or os.PathLike
    timeout : float
        Seconds after which FFmpeg is stopped.

    Returns
    -------
    MediaInfo

    Raises
    ------
    MediaError
        If the file is missing, empty, no plain file, or neither film, sound nor picture.
    MediaTimeoutError
        If FFmpeg does not end in time.
    FFmpegNotFoundError
        If there is no FFmpeg program.

    Examples
    --------
    >>> vgenre.probe("film.mkv").duration  # doctest: +SKIP
    5843.7
    """
    path = os.fsdecode(path)
    if is_sequence(path):
        return probe_sequence(path)
    check_file(path)
    if is_image(path):
        height, width = read_image(path).shape[:2]
        return MediaInfo(path, "image", 0.0, True, video_stream=0, width=width, height=height)
    info = parse_report(path, messages_of(path, probe_args(path), timeout))
    if info.duration == 0:
        # No length in the header (a cut-off or streamed file): walk through the packets.
        info = replace(info, duration=last_time(messages_of(path, walk_args(path), timeout)))
    return info


def picture_end(
    info: MediaInfo, start: float, seconds: float | None = None, *, timeout: float = TIMEOUT
) -> float:
    """Find how far the picture goes behind a time, without decoding it.

    What the file's header says is not trusted: a film that was cut off still says its full
    length.

    Parameters
    ----------
    info : MediaInfo
        Of a film with a picture.
    start : float
        Seconds from the beginning of the film.
    seconds : float, optional
        How far to look; to the end of the film unless given.
    timeout : float
        Seconds after which FFmpeg is stopped.

    Returns
    -------
    float
        Seconds from `start`; 0 where nothing comes any more.

    Raises
    ------
    MediaTimeoutError
        If FFmpeg does not end in time.
    """
    argv = walk_args(info.path, info.video_stream, start, seconds)
    return last_time(messages_of(info.path, argv, timeout))


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
    # A file name may hold line breaks, and lines that look like FFmpeg's own.
    shown = os.fsencode(file_url(path)).decode("utf-8", "replace")
    report = report.replace(f"from '{shown}'", "from ''", 1)
    header = _INPUT.search(report)
    if not header:
        raise failure_class(report)(
            path, f"FFmpeg cannot open it as film, sound or picture: {last_message(report)}"
        )
    duration = _DURATION.search(report)
    video: list[tuple[int, str]] = []
    audio: list[tuple[int, str]] = []
    subtitles: list[SubtitleTrack] = []
    below: dict[int, str] = {}  # what stands under a stream's line, up to the next stream
    for line in _STREAM.finditer(report):
        index, kind, text = int(line[1]), line[3], line[4]
        following = _OTHER_STREAM.search(report, line.end())
        below[index] = report[line.end() : following.start() if following else None]
        if kind == "Audio" and not text.startswith("none"):
            audio.append((index, text))
        elif kind == "Video" and "(attached pic)" not in text and not text.startswith("none"):
            video.append((index, text))
        elif kind == "Subtitle":
            subtitles.append(_subtitle_track(index, line[2] or "", text, below[index]))
    if not video and not audio:
        raise UnreadableFilm(path, "there is neither picture nor sound in it")
    picture, sound = _default_stream(video), _default_stream(audio)
    fields: dict[str, Any] = {}
    if picture:
        fields |= _picture_fields(picture[1], below[picture[0]]) | {"video_stream": picture[0]}
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
        subtitles=tuple(subtitles),
        **fields,
    )


def _picture_fields(text: str, below: str) -> dict[str, Any]:
    """What FFmpeg's line of a video stream, and the lines under it, say."""
    size = re.search(r", (\d{1,6})x(\d{1,6})\b", text)
    rate = re.search(r", ([\d.]+)(k?) (?:fps|tbr)", text)
    # The container's word comes last, and counts for more than the stream's own.
    pixels = _SAMPLE_ASPECT.findall(text)
    colours = _COLOURS.search(text)
    turned = _ROTATION.search(below)
    return {
        "video_codec": text.split()[0].strip(","),
        "width": int(size[1]) if size else 0,
        "height": int(size[2]) if size else 0,
        "rotation": -round(float(turned[1])) % 360 if turned else 0,
        "sample_aspect": int(pixels[-1][0]) / int(pixels[-1][1]) if pixels else 1.0,
        "primaries": _known(colours[1]) if colours else "",
        "transfer": _known(colours[2]) if colours else "",
        "frame_rate": float(rate[1]) * (1000 if rate[2] else 1) if rate else 0.0,
    }


def _subtitle_track(stream: int, language: str, text: str, below: str) -> SubtitleTrack:
    """What FFmpeg's line of a track of subtitles, and the lines under it, say."""
    title = _TITLE.search(below)
    said = language.split(",")[0]
    return SubtitleTrack(
        stream,
        codec=(text.split() or ["none"])[0].strip(","),
        language=said if _LANGUAGE.fullmatch(said) and said != "und" else "",
        title=title[1].strip() if title else "",
        flags=_FLAGS.intersection(re.findall(r"\(([a-z ]+)\)", text)),
    )


def _known(name: str) -> str:
    return "" if name in ("unknown", "reserved") else name


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
