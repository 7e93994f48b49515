"""What of a cue is said, what is sung, what describes a sound, and what is none of these."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from .parsing import RawCue
from .types import Cue

_MOST_CHARACTERS = 2_000  # of a cue
_TOUCHING = 0.1  # seconds between cues that follow on one another

# Subtitles are hostile input: each of these expressions takes time in proportion to the text.
# Of ASS, and of what SubRip took over from it; a line may end in the middle of one.
_OVERRIDE = re.compile(r"(\{[^{}]*\}|\{\\[^{}]*$)")
_DRAWING = re.compile(r"\\p(\d)")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>")
_BREAK = re.compile(r"\\[Nn]|<br ?/?>|\n", re.IGNORECASE)
# Soft hyphens, joiners, directions of writing, marks of order: nothing that is seen.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]")

_BROKEN_NOTE = "♪".encode().decode("cp1252")  # UTF-8 that was taken for something else once
_NOTES = "♩♪♫♬¶"
_SUNG = re.compile(rf"[{_NOTES}]|#\s|#[^#]*#$")
_SUNG_TO_HERE = re.compile(rf"(?:[{_NOTES}]|\s#)$")
_NOTE = re.compile(rf"[{_NOTES}]|(?:^|\s)#{{1,3}}(?=\s|$)|#$")
_DESCRIPTION = re.compile(r"\[([^\[\]]*)(?:\]|$)|\(([^()]*)\)")
_NAME_IN_BRACKETS = re.compile(r"[\[(]([^\[\]()]{1,30})[\])]:?\s*(\w?)")
_SENTENCE = re.compile(r"(?:\S+\s+){2,}\S*[.,?!…]$")  # three words, and an end
_GAP = re.compile(r" (?=[.,!?…;:]+(?:\s|$))")
_DASH = re.compile(r"(?:[-\u2010-\u2015]{1,3}|>{2,3})\s*")
_LABEL = re.compile(r"([^\W\d_][\w.'\u2019#& -]{0,30}?)\s?:(?:\s+|$)")
_MANY = 4  # from so many lines on, "John:" is who speaks and no beginning of a sentence

_STYLE_OF_SONGS = re.compile(r"\b(?:songs?|karaoke|kara|lyrics?|romaji|op|ed)\b", re.IGNORECASE)
_STYLE_OF_SIGNS = re.compile(r"\b(?:signs?|titles?|notes?|credits?|staff)\b", re.IGNORECASE)

# Of sites and makers of subtitles, wherever it stands ...
_AD = re.compile(
    r"www\.|https?:|(?<=\w)\.(?:com|org|net|info|tv)\b|opensubtitles|subscene|addic7ed|podnapisi|"
    r"tvsubtitles|\byify\b|\byts\b|advertise your product|support us and become|rate this subtitle|"
    r"\b(?:sub(?:title)?s|sub(?:titl|b)ing|subtitled|caption(?:s|ed|ing)|transcript|transcribed)"
    r"(?: and \w{1,20})? ?(?:by\b|:|©)|"
    r"\bcaption(?:s|ing) (?:copyright|made possible|performed|provided|paid)",
    re.IGNORECASE,
)
_AD_BEGINS = (
    "www", "http", ".com", ".org", ".net", ".info", ".tv", "sub", "caption", "transcri", "addic7ed",
    "podnapisi", "yify", "yts", "advertise", "support us", "rate this",
)  # fmt: skip
# ... and what they and the makers of the film begin a line with.
_CREDIT = re.compile(
    r"(?:(?:synced|sync|synchroni[sz]ed|resync(?:ed)?|encoded|ripped|timed|timing|translated|"
    r"translation|adapted|adaptation|corrected|corrections|proofread|directed|produced|written|"
    r"edited|screenplay|music|story|photography|cinematography)(?: (?:and|&) \w{1,20})? by\b|"
    r"a (?:film|picture|production) by\b|starring\b|executive producers?\b)",
    re.IGNORECASE,
)


def cleaned(cues: Sequence[RawCue]) -> list[Cue]:
    """Cues in the order of their times, with what is said told from all else.

    Mark-up, drawings, signs, names of speakers, credits and advertisements are left out, and so
    is a line that is shown on (captions that roll, layers of one text).

    Parameters
    ----------
    cues : sequence of RawCue

    Returns
    -------
    list of Cue
        Those in which something is left.
    """
    ordered = [(cue, _lines(cue.text)) for cue in sorted(cues, key=lambda c: (c.start, c.end))]
    speakers = _speakers(line for _, lines in ordered for line in lines)
    shown: dict[str, float] = {}  # until when a line was shown
    found = []
    for cue, lines in ordered:
        start = max(0.0, cue.start)
        end = max(start, cue.end)
        new = [line for line in lines if start > shown.get(line, -1.0) + _TOUCHING]
        shown.update((line, max(end, shown.get(line, end))) for line in lines)
        if not new or _STYLE_OF_SIGNS.search(cue.style) or is_advertisement(lines):
            continue
        sung = bool(_STYLE_OF_SONGS.search(cue.style)) or "\\k" in cue.text
        said = _sorted_out(new, speakers, sung)
        if any(said):
            found.append(Cue(start, end, *said))
    return found


def is_advertisement(lines: Sequence[str]) -> bool:
    """Whether the lines of a cue are of a site, or name makers of subtitles or of the film.

    Examples
    --------
    >>> is_advertisement(["Subtitles by somebody"]), is_advertisement(["Directed by", "SOMEBODY"])
    (True, True)
    >>> is_advertisement(["It was directed by a fool."])
    False
    """
    if any(map(_CREDIT.match, lines)):
        return True
    lower = "\n".join(lines).lower()
    # The expression is slow; what all that it finds begins with is looked for first.
    return any(begin in lower for begin in _AD_BEGINS) and any(map(_AD.search, lines))


def _lines(text: str) -> list[str]:
    """The lines of a cue as they are seen, without mark-up."""
    seen, drawing = [], False
    for i, part in enumerate(_OVERRIDE.split(text[:_MOST_CHARACTERS])):
        if i % 2:
            if scales := _DRAWING.findall(part):
                drawing = scales[-1] != "0"
        elif not drawing:
            seen.append(part)
    text = _BREAK.sub("\n", "".join(seen)).replace("\\h", " ").replace(_BROKEN_NOTE, "♪")
    # Some files have their mark-up as entities, so that it appears only behind them.
    text = _UNSEEN.sub("", _TAG.sub("", html.unescape(_TAG.sub("", text))))
    return [words for line in text.split("\n") if (words := " ".join(line.split()))]


def _speakers(lines: Iterable[str]) -> set[str]:
    """Names, lower case, that stand before what is said: ``John: …``, ``[John] …``."""
    before_colon: Counter[str] = Counter()
    before_words: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for line in lines:
        if label := _LABEL.match(_without_dash(line)):
            before_colon[label[1].lower()] += 1
        for bracket in _NAME_IN_BRACKETS.finditer(line):
            name = bracket[1].strip()
            if not bracket[2]:
                alone[name.lower()] += 1
            elif name.istitle() or name.isupper():
                before_words[name.lower()] += 1
    # A sound is described without words behind it sooner or later, a name hardly ever.
    speakers = {name for name, n in before_words.items() if n > 1 and alone[name] <= n / 10}
    return speakers | {name for name, count in before_colon.items() if count >= _MANY}


def _sorted_out(lines: list[str], speakers: set[str], sung: bool) -> tuple[str, str, str]:
    """What of a cue's lines is said, what describes a sound, what is sung."""
    effects = []

    def describe(match: re.Match[str]) -> str:
        words = " ".join((match[1] or match[2] or "").split())
        if _SENTENCE.match(words):  # some translators put what is said far away in brackets
            return words
        if words.lower() not in speakers:
            effects.append(words)
        return " "

    said, song, inside_song = [], [], False
    for line in _DESCRIPTION.sub(describe, "\n".join(lines)).split("\n"):
        line = _without_dash(line.strip())
        inside_song = inside_song or bool(_SUNG.match(line))
        if sung or inside_song:
            song.append(_NOTE.sub(" ", line))
            if inside_song and not any(map(str.isalnum, song[-1])):
                effects.append("music")
            # A song that begins here goes on over the lines up to its closing note.
            inside_song = inside_song and not _SUNG_TO_HERE.search(line[1:])
        else:
            label = _LABEL.match(line)
            named = label and (label[1].isupper() or label[1].lower() in speakers)
            said.append(line[label.end() :] if label and named else line)
    return _joined(said), _joined(effects), _joined(song)


def _without_dash(line: str) -> str:
    dash = _DASH.match(line)
    return line[dash.end() :] if dash else line


def _joined(lines: Iterable[str]) -> str:
    """Lines that hold anything but marks."""
    tidy = (_GAP.sub("", " ".join(line.split())) for line in lines)
    return "\n".join(line for line in tidy if any(map(str.isalnum, line)))
