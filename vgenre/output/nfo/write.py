"""``--nfo``: the genres of a film into its NFO."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from ...labelling.record import ERROR, FilmResult
from ...media.remote import is_remote
from ..atomic import write_atomic
from .edit import ADD, FILL, LIBRARY_NAMES, REPLACE, NfoError, with_genres
from .places import EPISODE, MOVIE, SHOW, Places, places_of
from .titles import episode_of, readable, title_and_year

CREATE = "create"
NFO_MODES = (FILL, ADD, REPLACE, CREATE)
"""What ``--nfo`` takes; ``create`` is ``fill``, and a new NFO where there is none."""

MERGED, CREATED, LEFT, REFUSED = "merged", "created", "left", "refused"

_LARGEST = 10_000_000  # bytes; a library's NFO has some thousand
_ROOTS = {MOVIE: (MOVIE, EPISODE, "musicvideo"), EPISODE: (EPISODE, MOVIE), SHOW: (SHOW,)}
_NAME_MAX = 255  # bytes of a file's name


@dataclass(frozen=True)
class NfoOutcome:
    """What became of a film's NFO.

    Attributes
    ----------
    path : str
        The NFO; the film where it has none.
    what : {"merged", "created", "left", "refused"}
        ``"left"``: there was nothing to do. ``"refused"``: it could not be done.
    reason : str
        Why, in plain words; empty where it was merged or created. Those of what was left
        hold no names, so that they can be counted.
    """

    path: str
    what: str
    reason: str = ""


def write_nfo(film: FilmResult, mode: str = FILL) -> NfoOutcome:
    """Write a film's genres into its NFO.

    In one that exists only ``<genre>`` elements change; all else stays as it is, byte for
    byte, as do its mode and owner. The first time the old one is kept beside it (``.nfo.bak``).

    Parameters
    ----------
    film : FilmResult
    mode : {"fill", "add", "replace", "create"}
        Put genres only where there are none, beside those that are there, or in their place;
        or fill, and create an NFO, with title and year out of the file's name, where a film
        has none.

    Returns
    -------
    NfoOutcome

    Raises
    ------
    ValueError
        If there is no such mode.
    """
    if mode not in NFO_MODES:
        raise ValueError(f"{mode!r} is none of {', '.join(NFO_MODES)}")
    if film.status == ERROR:
        return NfoOutcome(film.path, LEFT, "the film could not be labelled")
    if not film.labels:
        return NfoOutcome(film.path, LEFT, "no genre of it is sure enough")
    if is_remote(film.path):
        return NfoOutcome(
            film.path, REFUSED, "no .nfo is written, as the film is not on this machine"
        )
    try:
        places = places_of(film.path)
    except OSError as error:
        return NfoOutcome(film.path, REFUSED, f"its folder cannot be read: {error.strerror}")
    return write_into(places, film.path, library_names(film.labels), mode)


def library_names(labels: Sequence[str]) -> list[str]:
    """Genres as libraries call them, each once."""
    return list(dict.fromkeys(LIBRARY_NAMES.get(name, name) for name in labels))


def write_into(places: Places, path: str, genres: Sequence[str], mode: str) -> NfoOutcome:
    """Write genres into the NFO files of a film or show, or create one.

    Parameters
    ----------
    places : Places
    path : str
        The film, or the show's folder.
    genres : sequence of str
    mode : str
        As of `write_nfo`.

    Returns
    -------
    NfoOutcome
        Of several files the one that says most: a refusal, else a change.
    """
    try:
        if places.existing:
            how = FILL if mode == CREATE else mode
            outcomes = [_merge(nfo, genres, how, places.root) for nfo in places.existing]
            return min(outcomes, key=lambda o: (REFUSED, MERGED, LEFT).index(o.what))
        if mode == CREATE and places.new:
            write_atomic(places.new, _new(places.root, path, genres))
            return NfoOutcome(str(places.new), CREATED)
    except OSError as error:
        nfo = places.existing[0] if places.existing else places.new
        return NfoOutcome(str(nfo), REFUSED, f"it cannot be written: {error.strerror or error}")
    return NfoOutcome(path, LEFT, places.reason)


def _merge(path: Path, genres: Sequence[str], mode: str, root: str) -> NfoOutcome:
    if path.exists() and not path.is_file():
        return NfoOutcome(str(path), REFUSED, "it is no plain file")
    if path.stat().st_size > _LARGEST:
        return NfoOutcome(str(path), REFUSED, "it is too large for an NFO")
    data = path.read_bytes()
    try:
        merged = with_genres(data, genres, mode, _ROOTS[root])
    except NfoError as error:
        return NfoOutcome(str(path), REFUSED, str(error))
    if merged is None:
        return NfoOutcome(
            str(path), LEFT, "it has genres" if mode == FILL else "it has these genres"
        )
    backup = _backup(path)
    if not backup.exists():
        write_atomic(backup, data)
    write_atomic(path, merged)
    return NfoOutcome(str(path), MERGED)


def _backup(path: Path) -> Path:
    real = Path(os.path.realpath(path))
    name = os.fsencode(real.name)[: _NAME_MAX - len(".bak")]
    return real.with_name(os.fsdecode(name) + ".bak")


def _new(root: str, path: str, genres: Sequence[str]) -> bytes:
    """An NFO with what the file's name tells."""
    fields: list[tuple[str, object]] = []
    episode = episode_of(path) if root == EPISODE else None
    if episode:
        show, season, number, title = episode
        title = title or f"{show} {season}x{number:02}".strip()
        fields += [("title", title), ("season", season), ("episode", number)]
    else:
        title, year = title_and_year(path)
        fields += [("title", title), *([("year", year)] if year else [])]
    fields += [("genre", genre) for genre in genres]
    lines = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>', f"<{root}>"]
    lines += [f"  <{name}>{escape(readable(str(value)))}</{name}>" for name, value in fields]
    return "\n".join([*lines, f"</{root}>", ""]).encode("utf-8")
