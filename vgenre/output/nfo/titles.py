"""Titles, years and episodes out of file names, cleaned much as Kodi does it for its library."""

from __future__ import annotations

import os
import re

from ...media.discs import film_name
from ...media.names import films_among, is_season_folder, same_film, stem_of_film

_GAP = r"[ _,.()\[\]-]"
_YEAR = re.compile(rf"(?P<title>.*[^ _,.()\[\]-]){_GAP}+(?P<year>19\d\d|20\d\d)(?:{_GAP}|$)")

# What follows a title in the names of releases; the words are those of Kodi's default settings.
_RELEASE = re.compile(
    rf"{_GAP}(?:10bit|480[pi]|576[pi]|720[pi]|1080[pi]|2160p|3d|aac|ac3|aka|atmos|bd5|"
    r"bdrip|blu-?ray|brrip|cam|cd[1-9]|custom|dc|ddp?[257][. ][01]|divx5?|dsr|dsrip|dts|dts-?hd|"
    r"dv|dvd|dvd[59]|dvdivx|dvdrip|dvdscr|dvdscreener|extended|fragment|fs|h\.?26[45]|hevc|"
    r"hddvd|hdr|hdr10|hdrip|hdtv|hdtvrip|internal|limited|multisubs|nfofix|ntsc|ogg|ogm|pal|"
    r"pdtv|proper|r[35]|remastered|remux|repack|rerip|retail|screener|svcd|telecine|"
    r"telesync|truehd|tvrip|uhd|unrated|vcd|video_ts|web-?dl|webrip|ws|x26[45]|"
    rf"xvid|xxx)(?:{_GAP}|$).*",
    re.IGNORECASE,
)
_EPISODE = re.compile(
    r"(?P<show>.*?)(?:^|[ _.\[-]+)(?:s(?P<season>\d{1,4})[ ._x-]*e(?P<episode>\d{1,4})"
    r"|(?P<season2>\d{1,2})x(?P<episode2>\d{2,3}))(?![0-9])"
    r"(?:[-_. ]*(?:e|x|s\d+e|\d{1,2}x)\d{1,4}(?!\d))*(?P<title>.*)",
    re.IGNORECASE,
)


def episode_of(path: str) -> tuple[str, int, int, str] | None:
    """What an episode's file name says: the show, season, number and title; None for a film.

    Examples
    --------
    >>> episode_of("My.Show.S01E02.The.End.1080p.mkv"), episode_of("2x4 (1985).mkv")
    (('My Show', 1, 2, 'The End'), None)
    """
    match = _EPISODE.fullmatch(stem_of_film(os.path.basename(path)))
    if not match:
        return None
    season, number = match["season"] or match["season2"], match["episode"] or match["episode2"]
    return _clean(match["show"]), int(season), int(number), _clean(match["title"])


def title_and_year(path: str) -> tuple[str, int | None]:
    """A film's title and year: of its file's name, or that of its own folder.

    Parameters
    ----------
    path : str
        A film, whose folder is looked into; a disc, or a show's folder.

    Returns
    -------
    tuple of str, int or None
    """
    folder, name = os.path.split(os.path.abspath(path))
    if os.path.isdir(path):  # a disc, or a show
        return _split(film_name(path))
    title, year = _split(stem_of_film(name))
    above = os.path.basename(folder)
    if year is None and not is_season_folder(above):
        try:
            alone = same_film(films_among(os.listdir(folder)), above)
        except OSError:
            alone = False
        of_folder = _split(above)
        if alone and of_folder[1]:
            return of_folder
    return title, year


def _split(name: str) -> tuple[str, int | None]:
    """Title and year of a name.

    Examples
    --------
    >>> _split("Blade.Runner.2049.2017.1080p.BluRay.x264-GRP"), _split("2012"), _split("Up [2009]")
    (('Blade Runner 2049', 2017), ('2012', None), ('Up', 2009))
    """
    if match := _YEAR.match(name):  # what is not the title comes behind the year
        return _spaced(match["title"]) or readable(name), int(match["year"])
    return _clean(name) or readable(name), None


def _clean(text: str) -> str:
    """A title without what names of releases add: codecs, sizes, groups."""
    return _spaced(_RELEASE.sub("", text))


def _spaced(text: str) -> str:
    text = re.sub(r"\[[^]]*\]|\{[^}]*\}", "", readable(text)).strip(" _-.([")
    # Dots and underscores stand for spaces only where there are none.
    if " " not in text:
        text = re.sub(r"[._]+", " ", text)
    return re.sub(r"\s+", " ", text).strip()


def readable(name: str) -> str:
    """A file name as XML may hold it."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(c for c in text if c.isprintable())
