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
from .nfo import CREATED, LEFT, MERGED, REFUSED, NfoOutcome, ShowNfos, write_nfo
from .sorting import remove_dead_links, sort_film


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
        self._shows = ShowNfos(mode)
        self._counts: Counter[str] = Counter()
        self._reasons: dict[tuple[str, str], tuple[int, str]] = {}

    def apply(self, film: FilmResult) -> None:
        """Write a film's NFO; that of a show waits for its other episodes."""
        self._count(write_nfo(film, self._mode))
        self._shows.add(film)

    def finish(self) -> None:
        """Write the NFO files of shows."""
        for outcome in self._shows.write():
            self._count(outcome)

    def _count(self, outcome: NfoOutcome) -> None:
        self._counts[outcome.what] += 1
        if outcome.reason:
            key = outcome.what, outcome.reason
            count, example = self._reasons.get(key, (0, outcome.path))
            self._reasons[key] = count + 1, example

    def sentences(self) -> list[str]:
        """How many were merged, created, left and refused, and why."""
        counts = ", ".join(
            f"{self._counts[what]} {what}" for what in (MERGED, CREATED, LEFT, REFUSED)
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
        self._made = self._kept = 0
        # First, so that a film that was moved gets its plain name again.
        self._removed = remove_dead_links(folder)
        self._problems: list[str] = []

    def apply(self, film: FilmResult) -> None:
        """Link a film into the folders of its genres."""
        outcome = sort_film(film, self._folder, self._link)
        self._made += outcome.made
        self._kept += outcome.kept
        self._removed += outcome.removed
        self._problems += outcome.problems

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
