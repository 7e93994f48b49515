"""Data sets kept as a folder a genre."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ..errors import DataError
from ..media.find import find_media
from ..media.sequences import pattern_of
from ..media.types import IMAGE_SUFFIXES
from .items import Item


def read_genre_folders(root: Path) -> list[Item]:
    """Read a folder that holds a folder for each genre.

    A film that lies in the folders of two genres is one film with two labels: as two films, it
    could be learnt from in one and measured on in the other.

    Raises
    ------
    DataError
        If there are no films.
    """
    found: dict[tuple[str, int], Item] = {}
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        for path in films_in(folder):
            try:
                key = (os.path.basename(path), os.path.getsize(path))
            except OSError:  # a link to nowhere; reading it will say so
                key = (path, 0)
            if key in found:
                known = found[key]
                found[key] = replace(known, labels=(*known.labels, folder.name))
            else:
                film = os.path.relpath(path, root)
                found[key] = Item(path, (folder.name,), film)
    if not found:
        raise DataError(
            f"{root}: no films found; it should hold a folder per genre with films in them"
        )
    return list(found.values())


def films_in(folder: Path) -> list[str]:
    """The films of a genre's folder; a folder of numbered pictures in it is one film.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of str
        Paths; that of extracted frames is a pattern, see `vgenre.media.sequences`.
    """
    by_folder: dict[str, list[str]] = {}
    for path in find_media([folder]):
        by_folder.setdefault(os.path.dirname(path), []).append(path)
    found: list[str] = []
    for place, files in by_folder.items():
        frames = None if place == str(folder) else frames_in(Path(place))
        found += [frames] if frames else files
    return found


def frames_in(folder: Path) -> str | None:
    """The pattern of a folder's pictures, if they are one film's frames."""
    pictures = [str(p) for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES]
    return pattern_of(p for p in pictures if Path(p).name != "spectrogram.png")
