"""What a name says of subtitles: their language and kind, as Kodi, Jellyfin and Plex have it."""

from __future__ import annotations

import re
from typing import NamedTuple

from .language import language_of_code, language_of_name
from .types import COMMENTARY, FORCED, HEARING_IMPAIRED, WHOLE

_TOKEN = re.compile(r"[^\W_]+")
# A language with its region or script, "en-US", "zh-Hans", "es-419"; ("hi", "cc" are no regions).
_REGION = re.compile(
    r"(?<![^\W_])([a-z]{2,3})[-_](?!(?:hi|cc)(?![a-z]))(?:[a-z]{2}|hans|hant|latn|cyrl|\d{3})"
    r"(?![^\W_])"
)
_KINDS = {
    "full": WHOLE, "complete": WHOLE,
    "commentary": COMMENTARY, "comment": COMMENTARY,
    "forced": FORCED, "foreign": FORCED, "signs": FORCED, "songs": FORCED, "lyrics": FORCED,
    "cc": HEARING_IMPAIRED, "captions": HEARING_IMPAIRED, "hoh": HEARING_IMPAIRED,
    "sdh": HEARING_IMPAIRED,
}  # fmt: skip
_KIND_ORDER = (WHOLE, HEARING_IMPAIRED, FORCED, COMMENTARY)
_FIRST_THAT_COUNTS = (COMMENTARY, WHOLE, FORCED, HEARING_IMPAIRED)
_NEUTRAL = frozenset(
    "american brazil default dialogue latin simplified sub subs subtitle subtitles track "
    "traditional uk us utf8".split()
)


class Tags(NamedTuple):
    """What a name says.

    Attributes
    ----------
    language : str
        Empty where it says none.
    kind : str
        See `vgenre.dialogue.types`.
    plain : bool
        Whether nothing else stands in the name, save numbers.
    """

    language: str
    kind: str
    plain: bool


def likelihood(tags: Tags) -> tuple[int, bool]:
    """What sorts the likeliest whole English subtitles to the front, by their names."""
    return _KIND_ORDER.index(tags.kind), not tags.language


def tags_of(name: str) -> Tags:
    """What a name says of subtitles.

    Words are read from the end, where tags stand: codes of languages count up to the first word
    that is no tag (``It.Was.no`` is Norwegian and not Italian), names of languages anywhere.

    Parameters
    ----------
    name : str
        Of a file, without the film's name and the ending, or the title of a track.

    Examples
    --------
    >>> tags_of(".eng.sdh")
    Tags(language='en', kind='hearing impaired', plain=True)
    >>> tags_of("Signs & Songs")
    Tags(language='', kind='forced', plain=True)
    >>> tags_of(".en.hi").kind, tags_of(".hi").language, tags_of("It.Was.no")
    ('hearing impaired', 'hi', Tags(language='no', kind='whole', plain=False))
    """
    lower = _REGION.sub(lambda m: m[1] if language_of_code(m[1]) else m[0], name.lower())
    language, kinds, plain = "", set(), True
    among_tags, maybe_hindi = True, False  # "hi" is Hindi, or "hearing impaired"
    for token in reversed(_TOKEN.findall(lower)):
        if found := language_of_name(token):
            language = language or found
        elif token in _KINDS:
            kinds.add(_KINDS[token])
        elif token == "hi" and among_tags:
            maybe_hindi = True
        elif among_tags and (found := language_of_code(token)):
            language = language or found
        elif not token.isdigit() and token not in _NEUTRAL:
            plain = among_tags = False
    if maybe_hindi and language:
        kinds.add(HEARING_IMPAIRED)
    elif maybe_hindi:
        language = "hi"
    kind = next((kind for kind in _FIRST_THAT_COUNTS if kind in kinds), WHOLE)
    return Tags(language, kind, plain)
