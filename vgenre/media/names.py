"""What a file of a media library is by its name, as Kodi, Jellyfin and Plex have it."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable

from .types import AUDIO_SUFFIXES, IMAGE_SUFFIXES, VIDEO_SUFFIXES

ARTWORK = "artwork"
PICTURES = "pictures"
THEME_MUSIC = "theme music"
THEME_VIDEOS = "theme videos"
SOUND_FILES = "sound files"
TRAILERS = "trailers"
SAMPLES = "samples"
EXTRAS = "extras"
PARTIAL = "partial downloads"
DISC_IMAGES = "disc images"
DISC_PARTS = "other parts of discs"
HIDDEN = "hidden files and folders"
SYSTEM = "system folders"
MARKED = "folders marked .nomedia or .ignore"
SORTED = "folders of links by genre"
EXCLUDED = "excluded"
NO_MEDIA = ""  # subtitles, texts and the like: nothing that anyone would miss

_DISC_IMAGE_SUFFIXES = frozenset(".img .iso .mdf .nrg".split())
_PARTIAL_SUFFIXES = frozenset(
    ".!bt .!qb .!ut .bc! .crdownload .download .dtapart .filepart .opdownload .part .partial .tmp "
    ".ytdl".split()
)
_SYSTEM_FOLDERS = frozenset(
    "#recycle|#snapshot|$recycle.bin|@eadir|@recently-snapshot|@recycle|@__thumb|lost+found|"
    "network trash folder|recycler|system volume information|temporary items".split("|")
)

# Folders that hold nothing else, wherever they are ...
_FOLDERS = {
    "backdrops": THEME_VIDEOS,
    "behind the scenes": EXTRAS,
    "deleted scenes": EXTRAS,
    "extrafanart": ARTWORK,
    "extras": EXTRAS,
    "extrathumbs": ARTWORK,
    "featurettes": EXTRAS,
    "sample": SAMPLES,
    "samples": SAMPLES,
    "theme music": THEME_MUSIC,
    "trailers": TRAILERS,
}
# ... and those that may be a shelf of the library, unless a film lies beside them.
_FOLDERS_OF_A_FILM = frozenset({"clips", "interviews", "other", "scenes", "shorts"})

# Ends of names. The words of the second line end titles too ("The-Big-Short.mkv"): they count
# only beside the film whose name they lengthen.
_ENDS = {
    "trailer": TRAILERS, "sample": SAMPLES, "behindthescenes": EXTRAS, "deletedscene": EXTRAS,
    "featurette": EXTRAS,
}  # fmt: skip
_ENDS_BESIDE_A_FILM = frozenset("clip deleted extra interview other scene short".split())
_END = re.compile(
    rf"(?P<film>.*?)(?:^|(?P<gap>[-._ ]))(?P<word>{'|'.join([*_ENDS, *_ENDS_BESIDE_A_FILM])})"
    r"[-._ ]?\d{0,2}"
)
_ARTWORK = (
    "art background backdrop banner cdart characterart clearart clearlogo cover default disc "
    "discart fanart folder keyart landscape logo movie poster show square thumb".split()
)
_ARTWORK_NAME = re.compile(rf"(?:.*[-._ ])?(?:{'|'.join(_ARTWORK)})-?\d*|season[- ]?(?:all|\d+)")
_PART = re.compile(r"[-._ ]+(?:cd|dvd|dis[ck]|part|pt)[-._ ]*(?:\d+|[a-d])$", re.IGNORECASE)
_SEASON = re.compile(
    r"(?:season|series|staffel|saison|temporada|stagione)[ ._-]*\d+|s\d{1,3}|specials"
)


def suffix_of(name: str) -> str:
    """The ending of a name in lower case, with the dot."""
    return os.path.splitext(name)[1].lower()


def is_system_folder(name: str) -> bool:
    """Whether a folder is a NAS's or an operating system's own, or one of what was deleted."""
    return name.lower() in _SYSTEM_FOLDERS or name.lower().startswith(".trash")


def is_season_folder(name: str) -> bool:
    """Whether a folder holds a season of a show."""
    return bool(_SEASON.fullmatch(name.lower()))


def kind_of_folder(name: str, *, beside_film: bool) -> str | None:
    """What a folder holds by its name; None where it is searched for films.

    Parameters
    ----------
    name : str
    beside_film : bool
        Whether it lies in the folder of one film or show.
    """
    words = re.sub(r"[\s._-]+", " ", name).strip().lower()
    if words in _FOLDERS_OF_A_FILM:
        return EXTRAS if beside_film else None
    return _FOLDERS.get(words)


def kind_of_unfinished(name: str, others: Container[str] = ()) -> str | None:
    """`PARTIAL` for a download that is not complete, `DISC_IMAGES` for a disc in one file.

    Parameters
    ----------
    name : str
    others : container of str
        The names of the files beside it: aria2 keeps a file of its own beside a download.
    """
    stem, suffix = os.path.splitext(name)
    if suffix.lower() in _DISC_IMAGE_SUFFIXES:
        return DISC_IMAGES
    partial = suffix.lower() in _PARTIAL_SUFFIXES and (
        suffix_of(stem) in VIDEO_SUFFIXES or suffix.lower() == ".crdownload"
    )
    return PARTIAL if partial or name + ".aria2" in others else None


def kind_of_file(name: str, stems: Container[str] = ()) -> str | None:
    """What a file of a library is by its name; None for a film.

    Parameters
    ----------
    name : str
    stems : container of str
        Of the films beside it, see `film_stems`.

    Examples
    --------
    >>> kind_of_file("Alien-trailer.mp4"), kind_of_file("fanart.jpg"), kind_of_file("Alien.mkv")
    ('trailers', 'artwork', None)
    >>> kind_of_file("The-Big-Short.mkv"), kind_of_file("Alien-short.mkv", {"alien"})
    (None, 'extras')
    """
    stem, suffix = os.path.splitext(name.lower())
    if suffix in IMAGE_SUFFIXES:
        return ARTWORK if _ARTWORK_NAME.fullmatch(stem) or stem in stems else PICTURES
    if suffix in AUDIO_SUFFIXES:
        return THEME_MUSIC if re.fullmatch(r"theme\d*", stem) else SOUND_FILES
    if suffix == ".gif" and _ARTWORK_NAME.fullmatch(stem):
        return ARTWORK
    if re.match(r"sample[-._]", stem):
        return SAMPLES
    if not (end := _END.fullmatch(stem)):
        return None
    word, film = end["word"], end["film"].rstrip("-._ ")
    if film:
        told = film in stems or (word in _ENDS and end["gap"] != " ")
    else:
        told = word in ("trailer", "sample")
    return _ENDS.get(word, EXTRAS) if told else None


def films_among(files: Iterable[str]) -> list[str]:
    """Those names of a folder's files that are films and nothing that belongs to one."""
    every = frozenset(files)
    stems = film_stems(every)
    return [
        name
        for name in sorted(every)
        if name[0] != "."
        and suffix_of(name) in VIDEO_SUFFIXES
        and not kind_of_unfinished(name, every)
        and not kind_of_file(name, stems)
    ]


def film_stems(names: Iterable[str]) -> set[str]:
    """The names of a folder's films, lower case, as other files take them up.

    With its ending gone, and with that gone which tells versions apart (`` - 1080p``).
    """
    stems = {
        os.path.splitext(name.lower())[0] for name in names if suffix_of(name) in VIDEO_SUFFIXES
    }
    return stems | {stem.rpartition(" - ")[0] for stem in stems if " - " in stem}


def stem_of_film(name: str) -> str:
    """A file's name without its ending, and without the number of a part (``-cd1``, ``.part2``).

    Examples
    --------
    >>> stem_of_film("Alien-cd1.avi"), stem_of_film("Alien.mkv")
    ('Alien', 'Alien')
    """
    return _PART.sub("", os.path.splitext(name)[0])


def same_film(names: Iterable[str], folder: str) -> bool:
    """Whether all these films of a folder are one: parts of it, or its versions.

    Versions are named as Jellyfin has them: the folder's name, then what tells them apart.

    Parameters
    ----------
    names : iterable of str
        Names of films, none of them a trailer or an extra.
    folder : str
        The name of their folder.
    """
    stems = {stem_of_film(name).lower() for name in names}
    return len(stems) <= 1 or all(stem.startswith(folder.lower()) for stem in stems)
