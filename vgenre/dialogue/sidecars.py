"""Files of subtitles beside a film, as Kodi, Jellyfin and Plex name them. Only names are read."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..media.discs import DISC_FOLDERS, film_name, is_disc
from ..media.names import film_stems, films_among, same_film, suffix_of
from ..media.remote import is_remote
from ..media.stills import is_still
from ..media.types import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from .tags import Tags, likelihood, tags_of
from .types import COMMENTARY, ENGLISH

TEXT_SUFFIXES = frozenset(".ass .srt .ssa .sub .vtt".split())
PICTURE_SUFFIXES = {".idx": "VobSub", ".sup": "PGS"}
MOST_FILES = 12
"""So many files are read for a film; no film has more in one language."""

_FOLDERS = frozenset({"sub", "subs", "subtitle", "subtitles", "vobsub", "vobsubs"})
_SEPARATORS = frozenset(" ._-([{")
_ARTICLES = frozenset({"a", "an", "the"})
_FRESH_SECONDS = 3.0


@dataclass(frozen=True)
class Sidecar:
    """A file of subtitles beside a film.

    Attributes
    ----------
    path : str
    tags : Tags
        What its name says.
    owned : bool
        Whether its name begins with the film's.
    """

    path: str
    tags: Tags
    owned: bool = False

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @property
    def is_text(self) -> bool:
        return suffix_of(self.path) in TEXT_SUFFIXES

    @property
    def is_considered(self) -> bool:
        """Whether it is read: by its name it is text, and English or in no language."""
        wanted = self.tags.language in ("", ENGLISH) and self.tags.kind != COMMENTARY
        return self.is_text and wanted


def find_sidecars(film: str) -> list[Sidecar]:
    """The files of subtitles that belong to a film, likely ones first.

    Beside it, and in folders as ``Subs``: what begins with the film's name and goes on with
    nothing or with tags; where the folder holds one film, all others too. As for films, links are
    followed and hidden files are passed over. Upper and lower case are alike.

    Parameters
    ----------
    film : str
        A file, or a disc's folder.

    Returns
    -------
    list of Sidecar
        Text and pictures of text, in every language; none for a URL or a picture.
    """
    if is_remote(film) or is_still(film):
        return []
    film = os.path.abspath(film)
    folder, name = os.path.split(film)
    if is_disc(film):
        if name.lower() in DISC_FOLDERS:
            owned = _folder_owners(folder)
        else:  # the files of a disc lie in the film's folder, and are no films of their own
            folder, owned = film, _owners(film, frozenset(), True)
        found = owned.others if not owned.stems else []
        titles = [film_name(film)]
    else:
        owned, stem = _folder_owners(folder), _plain(os.path.splitext(name)[0])
        if stem not in owned.stems:  # a film whose ending is none of a film's
            owned = _owners(folder, owned.stems | {stem}, owned.one_film)
        found = [s for own in (stem, stem.rpartition(" - ")[0]) for s in owned.by_stem.get(own, ())]
        found += owned.others if owned.one_film else []
        titles = [name, os.path.basename(folder)]
    mine = {_first_word(title) for title in titles}
    belonging = (s for s in dict.fromkeys(found) if _may_belong(s, folder, mine))
    return sorted(belonging, key=lambda s: (*likelihood(s.tags), s.path))


def subtitle_state(film: str | os.PathLike[str]) -> list[list[str | int]]:
    """What tells whether the subtitles beside a film have changed; nothing is opened for it.

    What is inside the film is a part of the film's own state.

    Parameters
    ----------
    film : str or path
        A file, a disc's folder or a URL.

    Returns
    -------
    list of list
        Plain values: name, size in bytes and time of change in nanoseconds of each file that
        `read_subtitles` would read, sorted by name; empty for a URL or a picture.
    """
    state: list[list[str | int]] = []
    for sidecar in find_sidecars(os.fsdecode(film)):
        if sidecar.is_considered:
            with contextlib.suppress(OSError):  # it went away since, or is a link to nowhere
                known = os.stat(sidecar.path)
                state.append([sidecar.name, known.st_size, known.st_mtime_ns])
    return sorted(state)


def _may_belong(sidecar: Sidecar, folder: str, first_words: set[str]) -> bool:
    """Whether a file in the folder of one film is not another film's that was left there."""
    inner = os.path.dirname(sidecar.path) != folder
    return inner or sidecar.owned or sidecar.tags.plain or _first_word(sidecar.name) in first_words


def _first_word(name: str) -> str:
    words = re.findall(r"[^\W_]+", _plain(os.path.splitext(name)[0]))
    return next((word for word in words if word not in _ARTICLES), "")


class _Listing(NamedTuple):
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Owners:
    """Whose the files of subtitles in a folder and in its ``Subs`` are."""

    stems: frozenset[str]
    one_film: bool
    by_stem: dict[str, list[Sidecar]] = field(default_factory=lambda: defaultdict(list))
    others: list[Sidecar] = field(default_factory=list)


def _folder_owners(folder: str) -> _Owners:
    inner = _subtitle_folders(folder, _listing(folder).folders)
    innermost = [os.path.join(place, name) for place in inner for name in _listing(place).folders]
    changed = _change_of(folder, *inner, *innermost)
    return _kept_owners(folder, changed) if changed else _owners_by_files(folder)


def _listing(folder: str) -> _Listing:
    changed = _change_of(folder)
    return _kept_listing(folder, changed) if changed else _read_listing(folder)


def _change_of(*folders: str) -> tuple[int, ...]:
    """When folders were changed; nothing where that is so new that another change may follow.

    A run asks for one film of a folder after the other; so what is in it is kept. But two changes
    within a tick of the file system's clock leave one time.
    """
    try:
        changed = tuple(os.stat(folder).st_mtime_ns for folder in folders)
    except OSError:
        return ()
    return changed if max(changed) / 1e9 < time.time() - _FRESH_SECONDS else ()


@functools.lru_cache(4)
def _kept_owners(folder: str, changed: tuple[int, ...]) -> _Owners:
    return _owners_by_files(folder)


@functools.lru_cache(16)
def _kept_listing(folder: str, changed: tuple[int, ...]) -> _Listing:
    return _read_listing(folder)


def _read_listing(folder: str) -> _Listing:
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name[0] != ".":
                    (folders if _is_folder(entry) else files).append(entry.name)
    except OSError:
        return _Listing()
    return _Listing(tuple(sorted(files)), tuple(sorted(folders)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _owners_by_files(folder: str) -> _Owners:
    files = _listing(folder).files
    played = [name for name in files if suffix_of(name) in VIDEO_SUFFIXES | AUDIO_SUFFIXES]
    stems = film_stems(played) | {os.path.splitext(name)[0] for name in played}
    films = films_among(files)
    one_film = bool(films) and same_film(films, os.path.basename(folder))
    return _owners(folder, frozenset(map(_plain, stems)), one_film)


def _owners(folder: str, stems: frozenset[str], one_film: bool) -> _Owners:
    owners = _Owners(stems, one_film)
    here = _listing(folder)
    places = [(folder, here.files)]
    for inner in _subtitle_folders(folder, here.folders):
        below = _listing(inner)
        places.append((inner, below.files))
        for name in below.folders:  # "Subs/<the film's name>/2_English.srt"
            if (stem := _plain(name)) in stems:
                files = _listing(os.path.join(inner, name)).files
                owners.by_stem[stem] += _sidecars(os.path.join(inner, name), files)
    for place, files in places:
        for sidecar in _sidecars(place, files):
            stem, tags = _owner(_plain(os.path.splitext(sidecar.name)[0]), stems)
            if tags:
                owners.by_stem[stem].append(Sidecar(sidecar.path, tags, owned=True))
            else:
                owners.others.append(sidecar)
    return owners


def _owner(name: str, stems: frozenset[str]) -> tuple[str, Tags | None]:
    """The film whose name a file's begins with, the longest of them, and what follows."""
    for end in range(len(name), 0, -1):
        if (end == len(name) or name[end] in _SEPARATORS) and name[:end] in stems:
            tags = tags_of(name[end:])
            # Behind a dot anything may stand; behind a blank it may be another film's name.
            known = tags.plain and not any(map(str.isdigit, name[end:]))
            if known or name[end] == ".":
                return name[:end], tags
    return "", None


def _sidecars(folder: str, files: Iterable[str]) -> list[Sidecar]:
    return [
        Sidecar(os.path.join(folder, name), tags_of(os.path.splitext(name)[0]))
        for name in files
        if suffix_of(name) in TEXT_SUFFIXES or suffix_of(name) in PICTURE_SUFFIXES
    ]


def _subtitle_folders(folder: str, folders: Iterable[str]) -> list[str]:
    return [os.path.join(folder, name) for name in folders if name.lower() in _FOLDERS]


def _plain(name: str) -> str:
    """A name as it is compared: macOS takes accents apart, and no file system minds the case."""
    return unicodedata.normalize("NFC", name).casefold()
