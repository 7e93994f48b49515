"""DVD and Blu-ray folders: one film each, read from the files of its main title."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable

_DVD_TITLE = re.compile(r"vts_(\d\d)_[1-9]\.vob", re.IGNORECASE)  # _0 is a menu
_DISC_NUMBER = re.compile(r"(disc|disk|dvd|cd|bd|part)[ ._-]*\d+", re.IGNORECASE)
DISC_FOLDERS = ("video_ts", "bdmv")


def looks_like_disc(folder: str, files: Iterable[str]) -> bool:
    """Whether a folder may be a disc, by its name and the names in it; reads nothing.

    Parameters
    ----------
    folder : str
    files : iterable of str
        The names of the files in it.
    """
    if os.path.basename(os.path.abspath(folder)).lower() in DISC_FOLDERS:
        return True
    return any(name.lower() in ("video_ts.ifo", "index.bdmv") for name in files)


def main_title(folder: str) -> list[str]:
    """The files of a disc's main title, in the order in which they play.

    On a DVD it is the title set that holds the most bytes, cut into files of 1 GB, without
    its menu; on a Blu-ray the largest stream.

    Parameters
    ----------
    folder : str
        ``VIDEO_TS`` or ``BDMV``, or a folder that the files of one were copied into.

    Returns
    -------
    list of str
        Paths; empty where the folder is no disc.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    if not looks_like_disc(folder, names):
        return []
    title_sets: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if match := _DVD_TITLE.fullmatch(name):
            title_sets[match[1]].append(os.path.join(folder, name))
    if title_sets:
        return max(title_sets.values(), key=lambda files: sum(map(_size, files)))
    streams = [
        os.path.join(folder, inner, name)
        for inner in names
        if inner.lower() == "stream" and os.path.isdir(os.path.join(folder, inner))
        for name in sorted(os.listdir(os.path.join(folder, inner)))
        if name.lower().endswith(".m2ts")
    ]
    return [max(streams, key=_size)] if streams else []


def is_disc(path: str) -> bool:
    """Whether a path is the folder of a DVD or a Blu-ray."""
    return bool(main_title(path))


def film_name(path: str) -> str:
    """The name that a film goes by: of a disc that of the folder it lies in.

    Examples
    --------
    >>> film_name("FILMS/Alien (1979).mkv"), film_name("FILMS/Alien (1979)/VIDEO_TS")
    ('Alien (1979).mkv', 'Alien (1979)')
    """
    folder, name = os.path.split(path.rstrip("/"))
    if name.lower() not in DISC_FOLDERS or not os.path.basename(os.path.abspath(folder)):
        return name
    folder = os.path.abspath(folder)
    name, above = os.path.basename(folder), os.path.basename(os.path.dirname(folder))
    return f"{above} - {name}" if above and _DISC_NUMBER.fullmatch(name) else name


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:  # a link to nowhere
        return 0
