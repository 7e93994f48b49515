"""Folders by genre, with links to the films: ``--sort-into``.

Beside the folders lies a hidden one with a small file for each film: the links that were made
for it. So a later run knows its own links from files that someone else put there, and runs on
several machines that sort into one folder do not disturb each other.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..labelling.record import ERROR, FilmResult
from ..media.discs import DISC_FOLDERS, film_name
from ..media.find import LINKS_FOLDER
from ..media.remote import is_remote
from .atomic import write_atomic

UNCERTAIN = "Uncertain"
"""The folder of films that got no label."""

SYMLINK, RELATIVE, HARDLINK, COPY = "symlink", "relative", "hardlink", "copy"
LINKS = (SYMLINK, RELATIVE, HARDLINK, COPY)
"""What can be made; ``relative`` is a symlink that holds where the library is mounted elsewhere."""


@dataclass
class SortOutcome:
    """What became of a film's links.

    Attributes
    ----------
    made, kept, removed : int
        Links; `removed` are those of an earlier run that are no longer true.
    problems : list of str
        What could not be done.
    """

    made: int = 0
    kept: int = 0
    removed: int = 0
    problems: list[str] = field(default_factory=list)


def sort_film(film: FilmResult, folder: Path, link: str = SYMLINK) -> SortOutcome:
    """Put a link to a film into the folder of each of its genres.

    Links of an earlier run to genres that the film no longer has are removed. No other file
    is: where one has the name of the link, the link gets the name of the film's folder before
    its own.

    Parameters
    ----------
    film : FilmResult
        One that could not be read keeps the links that it has.
    folder : Path
    link : {"symlink", "relative", "hardlink", "copy"}
        A DVD or Blu-ray becomes a folder that holds a link to its ``VIDEO_TS`` or ``BDMV``.

    Returns
    -------
    SortOutcome

    Raises
    ------
    ValueError
        If there is no such kind of link.
    """
    if link not in LINKS:
        raise ValueError(f"{link!r} is none of {', '.join(LINKS)}")
    outcome = SortOutcome()
    if film.status == ERROR:
        return outcome
    if is_remote(film.path):
        outcome.problems.append(f"{film.path}: not sorted, as it is not on this machine")
        return outcome
    source = Path(os.path.abspath(film.path))
    try:
        note = _Note(folder, source)
        places = _places(folder, film.labels or [UNCERTAIN], source, link, note, outcome)
        # What someone else put there stays his. Noted before it is made: a run that is stopped
        # in between leaves no link that it does not know.
        own = [p for p in places if p in note.links or not os.path.lexists(folder / p)]
        note.write([*note.links, *(place for place in own if place not in note.links)])
        for place in places:
            try:
                made = place in own and _make(source, folder / place, link)
                outcome.made += made
                outcome.kept += not made
            except OSError as error:
                outcome.problems.append(f"{film.path}: {_not_sorted(place)}: {_said(error)}")
        for place in note.links:
            if place not in places:
                outcome.removed += _remove(folder / place, source)
        note.write(own)
    except OSError as error:
        outcome.problems.append(f"{film.path}: not sorted: {_said(error)}")
    return outcome


def remove_dead_links(folder: Path) -> int:
    """Remove the symlinks of films that are no longer where they were.

    Those stay of which the folder is gone with all above it, as it is where a disk is not
    mounted; and so do hard links and copies, which may be the last that is left of a film.

    Parameters
    ----------
    folder : Path
        The folder that films were sorted into.

    Returns
    -------
    int
        Links removed.
    """
    removed = 0
    for file in sorted((folder / LINKS_FOLDER).glob("*.json")):
        note = _Note.read(file)
        source = Path(os.path.realpath(folder), note.film)
        if not note.film or source.exists() or not source.parent.parent.is_dir():
            continue
        for place in note.links:
            target = folder / place
            inner = target / source.name if source.name.lower() in DISC_FOLDERS else target
            if inner.is_symlink() and not inner.exists():
                inner.unlink()
                _remove_empty(inner.parent, folder)
                removed += 1
        if not any(os.path.lexists(folder / place) for place in note.links):
            file.unlink(missing_ok=True)
    return removed


class _Note:
    """The links of a film, by their paths below the folder, as they were noted."""

    film: str
    links: list[str]

    def __init__(self, folder: Path, source: Path) -> None:
        # The same where both are mounted elsewhere together.
        self.film = os.path.relpath(source, os.path.realpath(folder))
        name = hashlib.sha256(os.fsencode(self.film)).hexdigest()[:32]
        self._file = folder / LINKS_FOLDER / f"{name}.json"
        self.links = self.read(self._file).links

    @classmethod
    def read(cls, file: Path) -> _Note:
        """A note as it is; an empty one where it cannot be read."""
        note = cls.__new__(cls)
        note.film, note.links, note._file = "", [], file
        try:
            noted = json.loads(file.read_bytes())
            note.film, links = str(noted["film"]), list(noted["links"])
        except (OSError, ValueError, KeyError, TypeError):
            return note
        # Whoever may write there shall not make this program remove what lies elsewhere.
        note.links = [place for place in links if isinstance(place, str) and _is_below(place)]
        return note

    def write(self, links: list[str]) -> None:
        """Note links, if they are not those noted already."""
        if links != self.links:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # JSON in ASCII: what is no UTF-8 in a name is escaped.
            write_atomic(self._file, json.dumps({"film": self.film, "links": links}))
            self.links = links


def _is_below(place: str) -> bool:
    parts = Path(place).parts
    return len(parts) == 2 and ".." not in parts and "\0" not in place and parts[0][0] != "/"


def _places(
    folder: Path, genres: list[str], source: Path, link: str, note: _Note, outcome: SortOutcome
) -> list[str]:
    """Where the links go, below the folder: the names that are free, or are these links already."""
    places = []
    for genre in genres:
        name = genre.replace(os.sep, "-")
        if name.strip() in ("", ".", "..", LINKS_FOLDER) or "\0" in name:
            outcome.problems.append(f"{source}: not sorted: no folder can be called {genre!r}")
            continue
        try:
            places.append(_free_place(folder, name, source, link, note.links))
        except OSError as error:
            outcome.problems.append(f"{source}: {_not_sorted(name)}: {_said(error)}")
    return places


def _free_place(folder: Path, genre: str, source: Path, link: str, own: list[str]) -> str:
    (folder / genre).mkdir(parents=True, exist_ok=True)
    name = film_name(str(source))
    parents = source.parents if source.name.lower() not in DISC_FOLDERS else source.parents[1:]
    for parent in parents:
        place = f"{genre}/{name}"
        target = folder / place
        if not os.path.lexists(target) or _is(target, source, link):
            return place
        if place in own and _is_own(target, source):
            return place  # it was made as another kind of link
        if target.is_symlink() and os.path.exists(target) and os.path.samefile(target, source):
            return place  # someone else's, which serves
        name = f"{parent.name or 'root'} - {name}"
    raise FileExistsError(17, "other files have all the names it could get")


def _make(source: Path, target: Path, link: str) -> bool:
    """Make a link unless it is there; whether it was made."""
    if os.path.lexists(target) and _is(target, source, link):
        return False
    # Names may be as long as names can be, so that of the temporary file has nothing of them.
    temporary = target.with_name(f".vgenre-{secrets.token_hex(8)}.part")
    try:
        if source.is_dir():
            temporary.mkdir()
            _link(source, temporary / source.name, link, target / source.name)
            if os.path.lexists(target):
                _delete(target)
        else:
            _link(source, temporary, link, target)
        os.replace(temporary, target)
    except BaseException:
        if os.path.lexists(temporary):
            _delete(temporary)
        raise
    return True


def _link(source: Path, at: Path, link: str, final: Path) -> None:
    """A link to a film or a disc's folder; `final` is where it will lie in the end."""
    copies: dict[str, Callable[..., object]] = {HARDLINK: os.link, COPY: shutil.copy2}
    if link == SYMLINK:
        at.symlink_to(source)
    elif link == RELATIVE:
        # Of real folders: a symlink is followed from where it really lies.
        folder = os.path.realpath(final.parent.parent if source.is_dir() else final.parent)
        folder = os.path.join(folder, final.parent.name) if source.is_dir() else folder
        at.symlink_to(os.path.relpath(os.path.realpath(source.parent), folder) + "/" + source.name)
    elif source.is_dir():
        shutil.copytree(source, at, copy_function=copies[link])
    else:
        copies[link](source, at)


def _is(target: Path, source: Path, link: str) -> bool:
    """Whether what is there is the link that would be put there."""
    if target.is_dir() and not target.is_symlink() and source.is_dir():
        inner = target / source.name
        if os.listdir(target) != [source.name]:
            return False
        if link in (SYMLINK, RELATIVE):
            return _is(inner, source, link)
        return _is_same_tree(inner, source)
    if link == COPY:
        return not target.is_symlink() and _is_copy(target, source)
    if link == HARDLINK:
        return not target.is_symlink() and os.path.samefile(target, source)
    if not target.is_symlink() or os.path.isabs(os.readlink(target)) != (link == SYMLINK):
        return False
    return os.path.exists(target) and os.path.samefile(target, source)


def _is_own(target: Path, source: Path) -> bool:
    """Whether what was noted as a film's link still is one, of whatever kind."""
    if target.is_dir() and not target.is_symlink() and source.is_dir():
        inner = target / source.name
        return os.listdir(target) == [source.name] and (
            _is_own(inner, source) if inner.is_symlink() else _is_same_tree(inner, source)
        )
    if target.is_symlink():
        # One that leads nowhere is that of a film that was moved; nothing is lost with it.
        return not os.path.exists(target) or os.path.samefile(target, source)
    # Removed only if the film has all that is in it.
    return os.path.samefile(target, source) or _is_copy(target, source)


def _is_copy(target: Path, source: Path) -> bool:
    there, wanted = target.stat(), source.stat()
    return target.is_file() and (there.st_size, there.st_mtime_ns) == (
        wanted.st_size,
        wanted.st_mtime_ns,
    )


def _is_same_tree(target: Path, source: Path) -> bool:
    """Whether two folders hold the same files."""

    def files(folder: Path) -> dict[str, tuple[int, int]]:
        found = {}
        for path in folder.rglob("*"):
            if path.is_file():
                state = path.stat()
                found[str(path.relative_to(folder))] = state.st_size, state.st_mtime_ns
        return found

    return target.is_dir() and not target.is_symlink() and files(target) == files(source)


def _remove(target: Path, source: Path) -> bool:
    """Remove a film's own link, and its genre's folder if nothing else is in it."""
    if not os.path.lexists(target) or not _is_own(target, source):
        return False
    _delete(target)
    _remove_empty(target.parent, target.parent.parent)
    return True


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder, and those above it below `top`, as far as nothing is in them."""
    while folder != top and not os.listdir(folder):
        folder.rmdir()
        folder = folder.parent


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _not_sorted(place: str) -> str:
    return f"not sorted into {place.partition('/')[0]}"


def _said(error: OSError) -> str:
    return error.strerror or str(error)
