"""Genres for media libraries: Kodi's and Jellyfin's ``<film>.nfo``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.sax.saxutils import escape

from ..labelling.record import ERROR, FilmResult
from ..media.remote import is_remote

# The names that these libraries use for what a model may call otherwise.
LIBRARY_NAMES = {"Sports": "Sport", "Sci-Fi": "Science Fiction", "Musical": "Music"}

_LARGEST = 10_000_000  # bytes; a library's NFO has some thousand
_GENRE = re.compile(r"[ \t]*<genre(?:\s[^<>]*)?>[^<]*</genre>[ \t]*(?:\r\n|\n)?")


def merge_nfo(film: FilmResult, *, create: bool = False) -> list[str]:
    """Write a film's genres into the NFO beside it.

    In one that exists only the ``<genre>`` elements are replaced; all else stays
    as it is, byte for byte, and the first time a backup is left (``.nfo.bak``).

    Parameters
    ----------
    film : FilmResult
        One without labels is passed over.
    create : bool
        Whether to write an NFO for a film that has none.

    Returns
    -------
    list of str
        What could not be done.
    """
    if film.status == ERROR or not film.labels:
        return []
    if is_remote(film.path):
        return [f"{film.path}: no .nfo written, as it is not on this machine"]
    path = Path(film.path).with_suffix(".nfo")
    genres = list(dict.fromkeys(LIBRARY_NAMES.get(name, name) for name in film.labels))
    try:
        if path.exists():
            return _merge(path, genres)
        if create:
            title = escape(_text(Path(film.path).stem))
            lines = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>', "<movie>"]
            lines += [f"  <title>{title}</title>", *_elements(genres, "  "), "</movie>", ""]
            _replace(path, "\n".join(lines).encode("utf-8"))
    except OSError as error:
        return [f"{path}: not written: {error.strerror or error}"]
    return []


def _text(name: str) -> str:
    """A file name as XML may hold it."""
    readable = name.encode("utf-8", "backslashreplace").decode()
    return "".join(c for c in readable if c.isprintable())


def _elements(genres: list[str], indent: str) -> list[str]:
    return [f"{indent}<genre>{escape(genre)}</genre>" for genre in genres]


def _merge(path: Path, genres: list[str]) -> list[str]:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    if path.stat().st_size > _LARGEST:
        return [f"{path}: left as it is: too large for an NFO"]
    data = path.read_bytes()
    try:
        root = fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        return [f"{path}: left as it is: no XML that is safe to read ({error!r})"]
    if root.tag not in ("movie", "tvshow", "episodedetails"):
        return [f"{path}: left as it is: it describes a <{root.tag}>, no film"]
    if [e.text for e in root.findall("genre")] == genres:
        return []
    declared = re.match(rb"<\?xml[^>]*encoding=[\"']([A-Za-z0-9._-]+)", data)
    encoding = declared[1].decode() if declared else "utf-8"
    # Latin-1 keeps every byte; it serves all encodings in which tags are ASCII.
    text = data.decode("latin-1")
    if "<movie" not in text and "<tvshow" not in text and "<episodedetails" not in text:
        return [f"{path}: left as it is: written in {encoding}, which cannot be merged"]
    merged = _with_genres(text, root.tag, genres, encoding)
    if merged is None or _genres_of(merged) != genres:
        return [f"{path}: left as it is: its <genre> elements could not be found apart"]
    backup = path.with_name(path.name + ".bak")
    if not backup.exists():
        _replace(backup, data)
    _replace(path, merged.encode("latin-1"))
    return []


def _genres_of(text: str) -> list[str | None] | None:
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        return [element.text for element in fromstring(text.encode("latin-1")).findall("genre")]
    except ParseError:
        return None


def _with_genres(text: str, tag: str, genres: list[str], encoding: str) -> str | None:
    """The text with its genre elements replaced, at the place of the first one."""
    found = [m for m in _GENRE.finditer(text) if not _in_comment(text, m.start())]
    end = text.rfind(f"</{tag}>")
    newline = "\r\n" if "\r\n" in text else "\n"
    if found:
        indent = re.match(r"[ \t]*", found[0][0])
        place, gap = found[0].start(), indent[0] if indent else ""
    elif end >= 0:
        line = text.rfind("\n", 0, end) + 1
        place, gap = (line, "  ") if not text[line:end].strip() else (end, "")
    else:
        return None
    block = "".join(line + newline for line in _elements(genres, gap))
    block = block.encode(encoding, "xmlcharrefreplace").decode("latin-1")
    rest, last = [], 0
    for match in found:
        rest.append(text[last : match.start()])
        last = match.end()
    rest.append(text[last:])
    if not found:
        return text[:place] + block + text[place:]
    return rest[0] + block + "".join(rest[1:])


def _in_comment(text: str, at: int) -> bool:
    return text.rfind("<!--", 0, at) > text.rfind("-->", 0, at)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data)
    os.replace(temporary, path)
