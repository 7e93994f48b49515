"""What reading a film's subtitles gives: cues, and where they are from."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Any

WHOLE, HEARING_IMPAIRED, FORCED, COMMENTARY = "whole", "hearing impaired", "forced", "commentary"
"""Kinds of subtitles: all that is said; that and sounds; parts, as signs; what others say of it."""

ENGLISH = "en"

WORD = re.compile(r"[^\W\d_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}][^\W\d_]+)*")
"""A word: letters, with apostrophes between them."""


def count_words(text: str) -> int:
    """How many words there are in a text.

    Examples
    --------
    >>> count_words("It's 10 o'clock - don't wait!")
    4
    """
    return sum(1 for _ in WORD.finditer(text))


@dataclass(frozen=True)
class Cue:
    """What is shown at once.

    Plain text: mark-up is gone, but what was written as ``&lt;`` is ``<`` here. Who shows it on a
    page has to escape it.

    Attributes
    ----------
    start, end : float
        Seconds from the beginning of the film; ``0 <= start <= end``.
    text : str
        What is said, without names of speakers; lines are kept. Empty where the cue is of
        something else.
    effect : str
        Described sounds, as ``"door creaks"``; one a line.
    song : str
        Words that are sung.
    """

    start: float
    end: float
    text: str
    effect: str = ""
    song: str = ""


@dataclass(frozen=True)
class Subtitles:
    """The subtitles of a film that were chosen, cleaned; false where there are none.

    Attributes
    ----------
    cues : tuple of Cue
        In the order of their times.
    source : str
        ``"track 3, eng"`` (the stream as FFmpeg counts it, its language as the container has it) or
        the name of a file beside the film; empty where nothing was taken.
    language : str
        Of two letters or more: ``"en"``; empty where nothing was taken.
    kind : {"whole", "hearing impaired", "forced", ""}
        What they are said to be. Forced ones hold only what a viewer who knows the film's
        language does not understand; they are taken where there are no others.
    notes : tuple of str
        What was found and not taken, and why; what was left out of what was taken.
    """

    cues: tuple[Cue, ...] = field(default=(), repr=False)
    source: str = ""
    language: str = ""
    kind: str = ""
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.source)

    @functools.cached_property
    def text(self) -> str:
        """All that is said, one line a line."""
        return "\n".join(cue.text for cue in self.cues if cue.text)

    @functools.cached_property
    def words(self) -> int:
        """How many words are said."""
        return count_words(self.text)

    @property
    def effects(self) -> int:
        """How many cues describe a sound."""
        return sum(1 for cue in self.cues if cue.effect)

    @property
    def songs(self) -> int:
        """How many cues are sung."""
        return sum(1 for cue in self.cues if cue.song)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a film's record: all but the cues."""
        return {
            "source": self.source,
            "language": self.language,
            "kind": self.kind,
            "words": self.words,
            "effects": self.effects,
            "songs": self.songs,
            "notes": list(self.notes),
        }
