"""Which NFO files speak of a film: where Kodi and Jellyfin look for them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ...media.discs import is_disc
from ...media.names import (
    films_among,
    is_season_folder,
    kind_of_folder,
    same_film,
    stem_of_film,
)
from ...media.sequences import is_sequence
from ...media.types import AUDIO_SUFFIXES, IMAGE_SUFFIXES, VIDEO_SUFFIXES
from .titles import episode_of

MOVIE, EPISODE, SHOW = "movie", "episodedetails", "tvshow"


@dataclass
class Places:
    """Where the NFO of a film is.

    Attributes
    ----------
    root : str
        What it describes: `MOVIE`, `EPISODE` or `SHOW`.
    existing : list of Path
        Several where it depends on the library's settings which of them is read.
    new : Path or None
        Where to create one.
    reason : str
        Why there is none, or none can be.
    """

    root: str = MOVIE
    existing: list[Path] = field(default_factory=list)
    new: Path | None = None
    reason: str = "it has no NFO"


def places_of(path: str) -> Places:
    """The NFO files of a film, an episode or a disc.

    Kodi reads ``movie.nfo`` before ``<film>.nfo`` where a source has a folder for each film,
    and else the latter alone; Jellyfin reads the first of the two that is there. So both are
    the film's, if no other film lies beside it. An episode has ``<episode>.nfo``. A DVD has
    ``VIDEO_TS/VIDEO_TS.nfo``, a Blu-ray ``BDMV/index.nfo`` or that of the folder's name.

    Raises
    ------
    OSError
        If the film's folder cannot be listed.
    """
    path = os.path.abspath(path)
    folder, name = os.path.split(path)
    if is_disc(path):
        return _of_disc(path)
    suffix = os.path.splitext(name)[1].lower()
    if suffix in AUDIO_SUFFIXES | IMAGE_SUFFIXES or is_sequence(path):
        return Places(reason="libraries read no NFO of pictures and sound files")
    listing = Listing(folder)
    films = films_among(listing.names)
    extra = name in listing.names and suffix in VIDEO_SUFFIXES and name not in films
    if extra or kind_of_folder(os.path.basename(folder), beside_film=False):
        return Places(reason="it is a trailer, a sample or an extra of a film")
    films = sorted({*films, name})
    stem = os.path.splitext(name)[0]
    places = Places(new=Path(folder, stem + ".nfo"))
    listing.add(places, stem + ".nfo")
    if is_episode(path, listing):
        places.root = EPISODE
        return places
    parts = [film for film in films if stem_of_film(film) == stem_of_film(name)]
    if len(parts) > 1 and stem_of_film(name) != stem:
        if name != parts[0]:
            return Places(reason="the NFO of a film in parts is that of its first part")
        listing.add(places, stem_of_film(name) + ".nfo")
    if same_film(films, os.path.basename(folder)):
        if name == films[0]:
            listing.add(places, "movie.nfo")
            if not places.existing:
                _add_only_one(places, listing)
        elif listing.has("movie.nfo") and not places.existing:
            return Places(reason="its movie.nfo is that of another file of the same film")
    elif listing.has("movie.nfo") and not places.existing:
        places.reason = "a movie.nfo lies beside several films; it is not clear of which it is"
    return places


class Listing:
    """The names in a folder, found whatever their case."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.names = sorted(os.listdir(folder))

    def find(self, name: str) -> Path | None:
        """The file of a name, if need be in other case."""
        if name in self.names:
            return self.folder / name
        alike = [other for other in self.names if other.lower() == name.lower()]
        return self.folder / alike[0] if alike else None

    def has(self, name: str) -> bool:
        """Whether a file of this name is there."""
        return self.find(name) is not None

    def add(self, places: Places, name: str) -> None:
        """Take a file of this name, if it is there, for one of a film's."""
        found = self.find(name)
        if found and found not in places.existing:
            places.existing.append(found)


def is_episode(path: str, listing: Listing | None = None) -> bool:
    """Whether a film is an episode, by its name or by what lies beside it."""
    if episode_of(path):
        return True
    folder = os.path.dirname(os.path.abspath(path))
    listing = listing or Listing(folder)
    in_season = is_season_folder(os.path.basename(folder))
    return listing.has("tvshow.nfo") or (
        in_season and Listing(os.path.dirname(folder)).has("tvshow.nfo")
    )


def show_folder(path: str) -> str:
    """The folder of an episode's show: the one above its season, if it lies in one."""
    folder = os.path.dirname(os.path.abspath(path))
    return os.path.dirname(folder) if is_season_folder(os.path.basename(folder)) else folder


def _of_disc(path: str) -> Places:
    """``VIDEO_TS.nfo`` lies among the disc's files, the others beside its folder."""
    own = os.path.basename(path).lower() in ("video_ts", "bdmv")
    outer = os.path.dirname(path) if own else path
    inside, beside = Listing(path), Listing(outer)
    dvd = any(name.lower().endswith(".vob") for name in inside.names)
    of_folder = os.path.basename(outer) + ".nfo"
    places = Places(new=Path(path, "VIDEO_TS.nfo") if dvd else Path(outer, of_folder))
    inside.add(places, "VIDEO_TS.nfo" if dvd else "index.nfo")
    if not films_among(beside.names) or not own:
        beside.add(places, of_folder)
        beside.add(places, "movie.nfo")
        if not places.existing:
            _add_only_one(places, beside)
    return places


def _add_only_one(places: Places, listing: Listing) -> None:
    """Kodi takes the only NFO in a film's own folder, whatever its name."""
    found = [name for name in listing.names if name.lower().endswith(".nfo")]
    if len(found) == 1:
        try:
            with open(listing.folder / found[0], "rb") as file:
                start = file.read(65536).replace(b"\0", b"")  # of UTF-16
        except OSError:
            return
        if b"<movie" in start:  # no text of a release group
            listing.add(places, found[0])
