"""Which files of a folder are films."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..errors import MediaError, UnreadableFilm
from .remote import find_remote, is_remote
from .types import MEDIA_SUFFIXES


def find_media(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Media files among files and folders, folders searched recursively.

    Parameters
    ----------
    paths : iterable of path
        A file, or a URL, is taken whatever its name; in a folder those with a suffix of
        a film, sound or picture are. Hidden files are passed over.

    Returns
    -------
    list of str
        In the order given, folders sorted; each file once.
    """
    found: dict[str, None] = {}
    for path in (os.fspath(p) for p in paths):
        if is_remote(path):
            found.update(dict.fromkeys(find_remote(path, MEDIA_SUFFIXES)))
            continue
        if not os.path.isdir(path):
            found[path] = None
            continue
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            for name in sorted(files):
                if os.path.splitext(name)[1].lower() in MEDIA_SUFFIXES and name[0] != ".":
                    found[os.path.join(folder, name)] = None
    return list(found)


def check_file(path: str) -> None:
    if not os.path.exists(path):
        raise MediaError(path, "there is no such file")
    if os.path.isdir(path):
        raise MediaError(path, "this is a folder, not a film")
    if not os.access(path, os.R_OK):
        raise MediaError(path, "no permission to read it; check its owner and mode")
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        raise UnreadableFilm(path, "the file is empty; copy or download it again")
