"""Folders by genre, with links to the films: ``--sort-into``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..labelling.record import ERROR, FilmResult
from ..media.remote import is_remote

UNCERTAIN = "Uncertain"
"""The folder of films that got no label."""


def sort_film(film: FilmResult, folder: Path, link: str = "symlink") -> list[str]:
    """Put a link to a film into the folder of each of its genres.

    Run again it finds its links and leaves them. Another film's file of the same
    name is left too; this one then gets the name of its folder before its own.

    Parameters
    ----------
    film : FilmResult
        One that could not be read is passed over.
    folder : Path
    link : {"symlink", "hardlink", "copy"}

    Returns
    -------
    list of str
        What could not be done.
    """
    if film.status == ERROR:
        return []
    if is_remote(film.path):
        return [f"{film.path}: not sorted, as it is not on this machine"]
    source = Path(os.path.abspath(film.path))
    notes = []
    for genre in film.labels or [UNCERTAIN]:
        try:
            _place(source, folder / genre.replace(os.sep, "-"), link)
        except OSError as error:
            notes.append(f"{film.path}: not sorted into {genre}: {error.strerror or error}")
    return notes


def _place(source: Path, folder: Path, link: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / source.name
    for parent in source.parents:
        if not os.path.lexists(target):
            break
        if _is(target, source, link):
            return
        target = folder / f"{parent.name or 'root'} - {target.name}"
    else:
        raise FileExistsError(17, "other files have all the names it could get")
    temporary = folder / f".{os.getpid()}.part"
    temporary.unlink(missing_ok=True)
    if link == "symlink":
        temporary.symlink_to(source)
    elif link == "hardlink":
        os.link(source, temporary)
    else:
        shutil.copy2(source, temporary)
    os.replace(temporary, target)


def _is(target: Path, source: Path, link: str) -> bool:
    """Whether a file that is there is the one that would be put there."""
    if link == "copy":
        there, wanted = target.stat(), source.stat()
        same_time = there.st_mtime_ns == wanted.st_mtime_ns
        return not target.is_symlink() and same_time and there.st_size == wanted.st_size
    return target.is_symlink() == (link == "symlink") and os.path.exists(target) and (
        os.path.samefile(target, source)
    )  # fmt: skip
