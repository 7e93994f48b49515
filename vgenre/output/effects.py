"""What a run changes beside the films as each one is done: NFO files and folders of links.

Each effect may be repeated: a run that was killed between a film's record and its NFO does both
again when it continues.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from ..labelling.record import FilmResult
from .nfo import merge_nfo
from .sorting import sort_film

NFO_MODES = ("fill", "add", "replace", "create")
LINKS = ("symlink", "relative", "hardlink", "copy")


class Effect(Protocol):
    """Something that is done with each finished film."""

    def apply(self, film: FilmResult) -> None:
        """Do it; what cannot be done is kept for the summary."""

    def finish(self) -> None:
        """Do what can be done when all films are finished."""

    def sentences(self) -> list[str]:
        """What was done and what was not, for the summary."""


class NfoFiles:
    """Genres into the NFO files of a media library.

    Parameters
    ----------
    mode : {"fill", "add", "replace", "create"}
    """

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._counts: Counter[str] = Counter()
        self._reasons: dict[tuple[str, str], tuple[int, str]] = {}

    def apply(self, film: FilmResult) -> None:
        """Write a film's NFO."""
        what, path, reason = _write_nfo(film, self._mode)
        self._counts[what] += 1
        if reason:
            count, example = self._reasons.get((what, reason), (0, path))
            self._reasons[what, reason] = count + 1, example

    def finish(self) -> None:
        """Nothing is left to do."""

    def sentences(self) -> list[str]:
        """How many were merged, created, left and refused, and why."""
        counts = ", ".join(
            f"{self._counts[what]} {what}" for what in ("merged", "created", "left", "refused")
        )
        lines = [f"NFO files: {counts}"]
        for (what, reason), (count, example) in sorted(self._reasons.items()):
            lines.append(f"  {count} {what}: {reason}, as {example}")
        return lines


class GenreFolders:
    """A folder a genre, with links to the films.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    link : {"symlink", "relative", "hardlink", "copy"}
    """

    def __init__(self, folder: Path, link: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._link = folder, link
        self._made = self._kept = self._removed = 0
        self._problems: list[str] = []

    def apply(self, film: FilmResult) -> None:
        """Link a film into the folders of its genres."""
        made, kept, removed, problems = _sort_film(film, self._folder, self._link)
        self._made += made
        self._kept += kept
        self._removed += removed
        self._problems += problems

    def finish(self) -> None:
        """Nothing is left to do."""

    def sentences(self) -> list[str]:
        """How many links were made, kept and removed, and what could not be linked."""
        counts = f"{self._made} made, {self._kept} kept, {self._removed} removed"
        lines = [f"links in {self._folder}: {counts}"]
        return lines + [f"  {problem}" for problem in self._problems]


def effects_of(nfo: str | None, sort_into: Path | None, link: str) -> list[Effect]:
    """The effects that options ask for.

    Raises
    ------
    OSError
        If the folder to sort into cannot be made.
    """
    effects: list[Effect] = []
    if nfo:
        effects.append(NfoFiles(nfo))
    if sort_into:
        effects.append(GenreFolders(sort_into, link))
    return effects


def apply_all(effects: Iterable[Effect], film: FilmResult) -> None:
    """Apply each effect to a film."""
    for effect in effects:
        effect.apply(film)


def _write_nfo(film: FilmResult, mode: str) -> tuple[str, str, str]:
    """What became of a film's NFO, its path, and the reason where it is as it was."""
    path = Path(film.path).with_suffix(".nfo")
    old = path.read_bytes() if path.is_file() else None
    if old and mode in ("fill", "create") and b"<genre" in old:
        return "left", str(path), "it has genres"
    notes = merge_nfo(film, create=mode == "create")
    if notes:
        return "refused", str(path), notes[0].removeprefix(f"{path}: ")
    new = path.read_bytes() if path.is_file() else None
    if new == old:
        return "left", film.path, "there is nothing to write"
    return ("merged" if old else "created"), str(path), ""


def _sort_film(film: FilmResult, folder: Path, link: str) -> tuple[int, int, int, list[str]]:
    """Links made, kept and removed, and what could not be done."""
    before = set(folder.glob("*/*"))
    problems = sort_film(film, folder, "symlink" if link == "relative" else link)
    made = len(set(folder.glob("*/*")) - before)
    return made, max(0, len(film.labels or [""]) - made - len(problems)), 0, problems
