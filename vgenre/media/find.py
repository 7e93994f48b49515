"""Which files of a folder are films: those of a media library, or all media of a data set."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import overload

from ..errors import MediaError, UnreadableFilm
from . import names
from .discs import DISC_FOLDERS, is_disc, looks_like_disc, main_title
from .remote import is_remote, is_remote_folder, walk_remote
from .types import MEDIA_SUFFIXES, VIDEO_SUFFIXES

LINKS_FOLDER = ".vgenre-links"
"""The folder by which one that films were sorted into is known, and what it holds noted."""

_Walk = Iterable[tuple[str, list[str], list[str]]]


@dataclass(frozen=True)
class Found(Sequence[str]):
    """The films that were found, and what was passed over.

    A sequence of the films' paths.

    Attributes
    ----------
    films : list of str
        A film that is a DVD or a Blu-ray is the path of its ``VIDEO_TS`` or ``BDMV`` folder.
    left_out : dict of str to int
        How many were left out, by what they are in plain words: ``"trailers"``,
        ``"artwork"``, ... A folder that was not entered counts once.
    problems : list of str
        Folders that could not be read, each with the reason.
    """

    films: list[str]
    left_out: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.films)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return self.films[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.films)

    @property
    def sentence(self) -> str:
        """What was left out, in a line for the terminal; empty where nothing was.

        Examples
        --------
        >>> Found([], {"trailers": 1, "artwork": 12}).sentence
        'left out: artwork (12), trailers (1)'
        """
        if not self.left_out:
            return ""
        parts = [f"{kind} ({n})" for kind, n in sorted(self.left_out.items())]
        said = "left out: " + ", ".join(parts)
        if names.DISC_IMAGES in self.left_out:
            said += "; FFmpeg reads no disc images: copy the films out of them"
        return said


def find_films(
    paths: Iterable[str | os.PathLike[str]],
    *,
    exclude: Iterable[str] = (),
    all_media: bool = False,
    leave_out: Iterable[str | os.PathLike[str]] = (),
) -> Found:
    """The films among files and folders, as a media library has them.

    Folders are searched recursively, linked ones once. Left out by the names that Kodi,
    Jellyfin and Plex give them are pictures, sound files, trailers, samples, extras, folders
    of the system, hidden and unfinished files. A DVD or Blu-ray folder is one film.

    Parameters
    ----------
    paths : iterable of path
        A file, a disc's folder or a URL is taken whatever its name. Of a folder that is
        named here only the content is judged by name.
    exclude : iterable of str
        Shell patterns, upper and lower case alike. One without a slash is compared with
        the name of each file and folder, one with a slash with its path below `paths`.
    all_media : bool
        Take pictures, sound files, trailers, samples and extras too.
    leave_out : iterable of path
        Folders that are not searched.

    Returns
    -------
    Found
        In the order given, folders sorted; each film once.

    Raises
    ------
    DataError
        If a remote folder cannot be listed.
    """
    search = _Search(
        exclude=[pattern.lower().strip("/") for pattern in exclude],
        leave_out={os.path.realpath(path) for path in leave_out},
        all_media=all_media,
    )
    search.run(os.fsdecode(path) for path in paths)
    kinds = (kind for path, kind in search.left_out.items() if path not in search.found)
    return Found(list(search.found), dict(Counter(kinds)), search.problems)


def find_media(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """All media among files and folders: films, sound and pictures, as a data set holds them.

    Parameters
    ----------
    paths : iterable of path
        A file, or a URL, is taken whatever its name; in a folder those with a suffix of
        a film, sound or picture are. Hidden files are passed over, linked folders are
        followed once.

    Returns
    -------
    list of str
        In the order given, folders sorted; each file once.
    """
    search = _Search(plain=True)
    search.run(os.fsdecode(path) for path in paths)
    return list(search.found)


class _Search:
    """One search: what it was told, and what it has found so far."""

    def __init__(
        self,
        exclude: Sequence[str] = (),
        leave_out: Iterable[str] = (),
        all_media: bool = False,
        plain: bool = False,
    ) -> None:
        self.exclude, self.all_media, self.plain = exclude, all_media, plain
        self.not_searched = set(leave_out)
        self.found: dict[str, None] = {}
        self.left_out: dict[str, str] = {}  # kinds by paths
        self.problems: list[str] = []
        self._roots: list[str] = []  # real paths; what is linked to below them is found there
        self._entered: set[str] = set()  # real paths
        self._real: dict[str, str] = {}  # of folders, by their paths
        self._inherited: dict[str, str] = {}  # kinds of folders, for all that is in them

    def run(self, paths: Iterable[str]) -> None:
        paths = list(paths)
        folders = {p for p in paths if not is_remote(p) and os.path.isdir(p)}
        self._roots = [os.path.realpath(path) for path in folders]
        for path in paths:
            if is_remote(path):
                if is_remote_folder(path):
                    self._search(path, walk_remote(path))
                else:
                    self.found[path] = None
            elif path in folders:
                real = os.path.realpath(path)
                if real not in self._entered:
                    self._entered.add(real)
                    self._real[path] = real
                    self._search(path, os.walk(path, onerror=self._failed, followlinks=True))
            else:
                self.found[path] = None

    def _failed(self, error: OSError) -> None:
        self.problems.append(f"{error.filename}: cannot be searched: {error.strerror or error}")

    def _search(self, root: str, walk: _Walk) -> None:
        """Judge what is in each folder, and remove from its subfolders what is not entered."""
        top = None
        for folder, folders, files in walk:
            top = folder if top is None else top
            below = folder[len(top) :].strip("/")
            kind = self._inherited.pop(folder, None)
            if not self.plain:
                marked = folder != top and self._is_marked(folder, files)
                if marked or self._take_disc(folder, folders, files, kind, named=folder == top):
                    folders.clear()
                    continue
            self._take_files(folder, below, sorted(files), kind)
            library = folders and not self.plain
            beside_film = bool(library) and self._holds_one_film(folder, folders, files)
            folders[:] = [
                name
                for name in sorted(folders)
                if self._enters(folder, below, name, kind, beside_film)
            ]

    def _take_files(self, folder: str, below: str, files: list[str], kind: str | None) -> None:
        stems, all_names = names.film_stems(files), frozenset(files)
        for name in files:
            media = names.suffix_of(name) in MEDIA_SUFFIXES
            if name[0] == ".":
                reason: str | None = names.HIDDEN if media else names.NO_MEDIA
            elif self.plain:
                reason = None if media else names.NO_MEDIA
            elif unfinished := names.kind_of_unfinished(name, all_names):
                reason = unfinished
            elif not media:
                reason = names.NO_MEDIA
            elif self._is_excluded(below, name):
                reason = names.EXCLUDED
            else:
                reason = None if self.all_media else kind or names.kind_of_file(name, stems)
            if reason is None:
                self.found[_join(folder, name)] = None
            elif reason != names.NO_MEDIA:
                self.left_out[_join(folder, name)] = reason

    def _take_disc(
        self, folder: str, folders: list[str], files: list[str], kind: str | None, named: bool
    ) -> bool:
        """Whether a folder is a disc; its film is taken, and the rest of it left out."""
        if not looks_like_disc(folder, files):
            return False
        if is_remote(folder):
            # A remote film is copied before it is read, one file at a time.
            parts = [_join(folder, f) for f in files if names.suffix_of(f) in VIDEO_SUFFIXES]
            self.left_out.update(dict.fromkeys(parts, names.DISC_PARTS))
            return bool(parts)
        if not (title := main_title(folder)):
            return False
        if kind and not self.all_media and not named:
            self.left_out[folder] = kind
        else:
            self.found[folder] = None
        for place, inner, others in os.walk(folder):
            inner[:] = [name for name in inner if name.lower() == "stream"]
            for name in others:
                path = os.path.join(place, name)
                if names.suffix_of(name) in VIDEO_SUFFIXES and path not in title:
                    self.left_out[path] = names.DISC_PARTS
        return True

    def _is_marked(self, folder: str, files: list[str]) -> bool:
        """Whether a file in a folder tells libraries to pass it over."""
        # Jellyfin's .ignore means the whole folder only where it holds no patterns.
        empty = ".ignore" in files and not is_remote(folder) and not _has_bytes(folder, ".ignore")
        if ".nomedia" in files or empty:
            self.left_out[folder] = names.MARKED
            return True
        return False

    def _holds_one_film(self, folder: str, folders: list[str], files: list[str]) -> bool:
        lower = {name.lower() for name in (*folders, *files)}
        if "tvshow.nfo" in lower or lower.intersection(DISC_FOLDERS):
            return True
        if any(map(names.is_season_folder, folders)):
            return True
        films = names.films_among(files)
        return bool(films) and names.same_film(films, os.path.basename(folder))

    def _enters(
        self, folder: str, below: str, name: str, kind: str | None, beside_film: bool
    ) -> bool:
        path = _join(folder, name)
        if not self.plain and names.is_system_folder(name):
            self.left_out[path] = names.SYSTEM
        elif name[0] == ".":
            self.left_out[path] = names.HIDDEN
        elif self._is_excluded(below, name):
            self.left_out[path] = names.EXCLUDED
        elif is_remote(folder) or self._is_new(folder, path):
            if not self.plain and not self.all_media:
                kind = kind or names.kind_of_folder(name, beside_film=beside_film)
                if kind:
                    self._inherited[path] = kind
            return True
        return False

    def _is_new(self, folder: str, path: str) -> bool:
        """Whether a folder in another is to be searched, and has not been, wherever links lead."""
        link = os.path.islink(path)
        real = os.path.join(self._real[folder], os.path.basename(path))
        real = os.path.realpath(path) if link else real
        sorted_into = not self.plain and os.path.isdir(os.path.join(path, LINKS_FOLDER))
        if real in self.not_searched or sorted_into:
            self.left_out[path] = names.SORTED
            return False
        if link:
            if any(real == root or real.startswith(root.rstrip("/") + "/") for root in self._roots):
                return False  # it is searched at its own place, or left out there
            self._roots.append(real)
        if real in self._entered:
            return False
        self._entered.add(real)
        self._real[path] = real
        return True

    def _is_excluded(self, below: str, name: str) -> bool:
        relative = f"{below}/{name}".lower().strip("/")
        return any(
            fnmatchcase(relative if "/" in pattern else name.lower(), pattern)
            for pattern in self.exclude
        )


def _join(folder: str, name: str) -> str:
    return f"{folder}{name}" if folder.endswith("/") else f"{folder}/{name}"


def _has_bytes(folder: str, name: str) -> bool:
    try:
        return os.path.getsize(os.path.join(folder, name)) > 0
    except OSError:
        return True


def check_file(path: str) -> None:
    """Raise a MediaError for what is certain to be no readable film: missing, empty, a folder."""
    if not os.path.exists(path):
        raise MediaError(path, "there is no such file")
    if os.path.isdir(path):
        if is_disc(path):
            return
        inner = [name for name in _names_in(path) if name.lower() in DISC_FOLDERS]
        hint = f"; its film is the folder {inner[0]} in it" if inner else ""
        raise MediaError(path, f"this is a folder, not a film{hint}")
    if not os.path.isfile(path):  # one can wait for ever for what a named pipe gives
        raise MediaError(path, "this is no plain file but a pipe, a socket or a device")
    if not os.access(path, os.R_OK):
        raise MediaError(path, "no permission to read it; check its owner and mode")
    if os.path.getsize(path) == 0:
        raise UnreadableFilm(path, "the file is empty; copy or download it again")


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
