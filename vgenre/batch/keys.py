"""What films are kept under in a journal: what tells that one has changed."""

from __future__ import annotations

import hashlib
import json

from ..dialogue.sidecars import subtitle_state
from ..errors import VgenreError
from ..media.remote import place_of, state_of

_BEFORE_SUBTITLES = "-"
_MIXED = "mixed"


def film_key(path: str, settings: str, *, subtitles: bool = False, fresh: bool = False) -> str:
    """What a film's record is kept under.

    Parameters
    ----------
    path : str
    settings : str
        Identifies the model and all that its answer depends on.
    subtitles : bool
        Whether the files of subtitles beside the film count.
    fresh : bool
        Whether a remote store is asked anew, past its listing that was read before.

    Returns
    -------
    str
        Another one when the size or time of change of the film, or of its subtitles, is another.
        What `film_of` gives of it stays as long as the film itself does.
    """
    try:
        state = state_of(path, fresh=fresh)
    except (OSError, VgenreError):
        state = []
    key = _hash([place_of(path), state, settings])
    return key + _BEFORE_SUBTITLES + _hash(subtitle_state(path))[:16] if subtitles else key


def film_of(key: str) -> str:
    """The part of a key that is of the film itself, whatever its subtitles."""
    return key.partition(_BEFORE_SUBTITLES)[0]


def mixed(key: str) -> str:
    """A key for a film whose subtitles changed while it was labelled: none that is looked up."""
    return film_of(key) + _BEFORE_SUBTITLES + _MIXED


def _hash(values: list) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:32]
