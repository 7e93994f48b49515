"""From the bytes of a file of subtitles to its cues with their mark-up: encoding, format, times.

pysubs2 parses. What it is given is made small and regular first: some of its expressions take the
square of the length of a cue, and one bad line of an ASS file would cost the others.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ..errors import MediaError
from .language import plainly_english

MOST_BYTES = 1 << 23
"""So much is read of a file, and of a track; two hours of dialogue are an eightieth of it."""

MOST_CUES = 20_000
_LONGEST_LINE, _MOST_LINES = 2_000, 40  # characters of a line; lines of a cue
_FRAME_RATE = 24_000 / 1001  # of a film that does not say
_MOST_LOOKED_AT = 100_000
_SAMPLE_BYTES = 1 << 14  # of lines that are not ASCII, for the detector of encodings

_CLOCK = r"\d{1,2}:\d{1,2}[.,]\d{1,3}"
_TIME = rf"(?:\d{{1,4}}:)?{_CLOCK}"
_TIMES = re.compile(rf"(-?{_TIME})\s*(?:-+>|,)\s*(-?{_TIME})(?!\d)")
_MICRODVD = re.compile(r"\{\s*(\d{1,8})\s*\}\s*\{\s*(\d{1,8})\s*\}(.+)")
_MPL2 = re.compile(r"\[\d{1,7}\]\[\d{1,7}\].")
_IN_BRACES = re.compile(r"\{[^{}]*\}|[{}]")
_IS_ASS = re.compile(r"^[ \t]*\[(?:Script Info|Events)\]", re.IGNORECASE | re.MULTILINE)
_ASS = re.compile(
    rf"Dialogue:[^,]{{0,99}},\s*(\d{{1,2}}:{_CLOCK})\s*,\s*(\d{{1,2}}:{_CLOCK})\s*,([^,]*),"
    r"(?:[^,]*,){4}([^,]*),(.*)"
)
_INLINE_TIME = re.compile(r"<[\d:.]+>")  # of a word, in WebVTT
_SUBVIEWER_BREAK = re.compile(r"\[br\]", re.IGNORECASE)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
# What no text has: control characters other than tabulators and ends of lines.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class RawCue:
    """A cue as it was written.

    Attributes
    ----------
    start, end : float
        Seconds.
    text : str
        With mark-up: of HTML, and of ASS in braces. Lines end in ``\\n`` or in ``\\N``, as in ASS.
    style : str
        The name of its style; empty where the format has none.
    """

    start: float
    end: float
    text: str
    style: str = ""


def read_bytes(path: str) -> bytes:
    """All bytes of a file of subtitles.

    Raises
    ------
    MediaError
        If it cannot be read, is no plain file, or too large for one.
    """
    try:
        # A pipe that nobody writes to would keep the opener waiting.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            known = os.fstat(handle)
            if not stat.S_ISREG(known.st_mode):
                raise MediaError(path, "this is no plain file")
            if known.st_size > MOST_BYTES:
                raise MediaError(
                    path,
                    f"{known.st_size / 1e6:,.0f} MB are too much for subtitles "
                    f"({MOST_BYTES / 1e6:.0f} MB are read)",
                )
            return file.read(MOST_BYTES)
    except OSError as error:
        raise MediaError(path, f"cannot be read: {error.strerror or error}") from None


def decoded(path: str, data: bytes) -> str:
    """The text in the bytes of a file, in whatever encoding it is.

    Parameters
    ----------
    path : str
        For the message of the error.
    data : bytes

    Raises
    ------
    MediaError
        If it is no text.
    """
    text = _decoded(data)
    looked_at = text[:_MOST_LOOKED_AT]
    if len(_CONTROL.findall(looked_at)) > len(looked_at) / 100:
        raise MediaError(path, "this is no text")
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _decoded(data: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the mark of UTF-16 does
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    head = data[:4096]
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if zeros.count(0) > 0.4 * len(zeros) > 0:  # most letters of English have a byte of zero
            return data.decode(encoding, "replace")
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    if damaged and 4 * damaged >= len(text) - len(_NOT_ASCII.sub("", text)):
        return data.decode(_encoding_of(data), "replace")
    return text


def _encoding_of(data: bytes) -> str:
    """The likeliest encoding of a text that is none of Unicode's."""
    # A detector needs more than the few letters of English that are not ASCII.
    with contextlib.suppress(UnicodeDecodeError):
        if plainly_english(data[:_MOST_LOOKED_AT].decode("cp1252")):
            return "cp1252"
    from charset_normalizer import from_bytes

    lines, size = [], 0
    for line in io.BytesIO(data):
        if not line.isascii():
            lines.append(line[:_LONGEST_LINE])
            size += len(lines[-1])
            if size > _SAMPLE_BYTES:
                break
    found = from_bytes(b"".join(lines)).best()
    # Where nothing fits it is a text of western Europe or UTF-8 with some bytes damaged.
    return found.encoding if found else "cp1252"


def parsed(path: str, text: str, frame_rate: float = 0.0) -> list[RawCue]:
    """The cues of a file of subtitles, whose format is told by what is in it.

    Parameters
    ----------
    path : str
        For the message of the error.
    text : str
        SubRip, WebVTT, ASS, SSA, SubViewer, MicroDVD or MPL2.
    frame_rate : float
        Of the film: MicroDVD counts frames. 0 where it is not known.

    Returns
    -------
    list of RawCue
        As they stand in the file, `MOST_CUES` at most.

    Raises
    ------
    MediaError
        If there are none.
    """
    import pysubs2

    form, lines = _prepared(text)
    if form == "microdvd":
        lines, frame_rate = _without_frame_rate(lines, frame_rate)
    try:
        found = pysubs2.SSAFile.from_string(
            "\n".join(lines), form, fps=frame_rate or _FRAME_RATE, keep_html_tags=True
        )
    except (pysubs2.Pysubs2Error, ValueError, OverflowError) as error:
        raise MediaError(path, f"these subtitles cannot be parsed: {error}") from None
    if not found:
        raise MediaError(path, "there are no subtitles in it")
    return [RawCue(e.start / 1000, e.end / 1000, e.text, e.style) for e in found]


def _prepared(text: str) -> tuple[str, list[str]]:
    """The format, as pysubs2 calls it, and the lines of a text that it is to parse."""
    head = text[:_MOST_LOOKED_AT]
    first = [line.lstrip() for line in head.split("\n", 50)[:50]]
    if any(map(_MICRODVD.match, first)):
        return "microdvd", list(islice(_frame_lines(text), MOST_CUES))
    if any(map(_MPL2.match, first)):
        return "mpl2", list(islice(filter(_MPL2.match, _lines(text)), MOST_CUES))
    if _IS_ASS.search(text):
        return "ass", list(islice(_ass_lines(text), MOST_CUES))
    return "srt", list(_timed_lines(text, only_blocks=head.lstrip().startswith("WEBVTT")))


def _lines(text: str) -> Iterator[str]:
    """Lines without blanks around them, and no two empty ones after each other."""
    empty = True
    for line in io.StringIO(text):
        line = line[:_LONGEST_LINE].strip()
        if line or not empty:
            yield line
        empty = not line


def _ass_lines(text: str) -> Iterator[str]:
    """Lines of dialogue, with what is read of them alone: no styles, no fonts in the file."""
    for line in _lines(text):
        if match := _ASS.match(line):
            start, end, style, effect, words = match.groups()
            if effect != "fx":  # karaoke: copies of a line that show it syllable after syllable
                yield f"Dialogue: 0,{start},{end},{style},,0,0,0,,{words}"


def _frame_lines(text: str) -> Iterator[str]:
    """Lines of MicroDVD without their mark-up, which is about fonts."""
    for line in _lines(text):
        if match := _MICRODVD.match(line):
            yield f"{{{match[1]}}}{{{match[2]}}}{_IN_BRACES.sub('', match[3])}"


def _timed_lines(text: str, only_blocks: bool) -> Iterator[str]:
    """Lines of SubRip or WebVTT, of which the times are written as SubRip has them.

    In WebVTT a cue ends at an empty line, and what follows may be a note or a name.
    """
    cues, lines_of_cue, inside = 0, 0, False
    for line in _lines(text):
        if times := _TIMES.match(line):
            cues += 1
            if cues > MOST_CUES:
                return
            lines_of_cue, inside = 0, True
            yield from ("", " --> ".join(map(_with_hours, times.groups())))
        elif only_blocks and not line:
            inside = False
        elif inside and lines_of_cue < _MOST_LINES:
            lines_of_cue += 1
            yield from _SUBVIEWER_BREAK.sub("\n", _INLINE_TIME.sub("", line)).split("\n")


def _with_hours(time: str) -> str:
    if time.startswith("-"):
        return "00:00:00,000"
    return time if time.count(":") == 2 else f"00:{time}"


def _without_frame_rate(lines: list[str], frame_rate: float) -> tuple[list[str], float]:
    """MicroDVD's first line may be no text but the frame rate."""
    match = _MICRODVD.match(lines[0]) if lines else None
    if match and re.fullmatch(r"\d{2,3}(?:[.,]\d{1,6})?", match[3].strip()):
        return lines[1:], float(match[3].replace(",", "."))
    return lines, frame_rate
