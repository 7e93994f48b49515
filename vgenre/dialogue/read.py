"""The best English subtitles of a film, from the files beside it and the tracks in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ..errors import MediaError
from ..media.ffmpeg import TIMEOUT
from ..media.names import suffix_of
from ..media.probing import probe
from ..media.remote import fetched
from ..media.types import MediaInfo, SubtitleTrack
from .cleaning import cleaned
from .language import language_of_text, name_of
from .parsing import MOST_CUES, decoded, parsed, read_bytes
from .sidecars import MOST_FILES, PICTURE_SUFFIXES, Sidecar, find_sidecars
from .tags import Tags, likelihood
from .tracks import (
    MOST_TRACKS,
    is_considered,
    label_of,
    picture_kind,
    read_tracks,
    tags_of_track,
)
from .types import COMMENTARY, ENGLISH, Cue, Subtitles, count_words

# A film says several thousand words. A file with fewer than this may be the forced part of them,
# so that the tracks in the film are looked at too, which takes reading it all.
_ENOUGH_WORDS = 500
_AS_MANY = 0.8  # of the most words; among those that have so many the likeliest by name is taken


def read_subtitles(
    film: str | bytes | os.PathLike[str],
    *,
    info: MediaInfo | None = None,
    timeout: float = TIMEOUT,
) -> Subtitles:
    """Read the English dialogue of a film.

    Looked at are files beside the film, named as Kodi, Jellyfin and Plex have it (``film.srt``,
    ``film.en.sdh.ass``, ``Subs/English.vtt``), and where those have too little, the tracks in it
    that are text. Of all that is English by what it says, that with the most words is taken: the
    whole dialogue and not the forced part of it. Of several of about the same length the
    likeliest by name is taken: whole before for the hearing impaired, files before tracks.

    Parameters
    ----------
    film : str, bytes or os.PathLike
        A URL that fsspec knows is fetched; only what is inside such a film is read.
    info : MediaInfo, optional
        Saves the probing where it has been done.
    timeout : float
        Seconds that FFmpeg may go without giving anything; reading the tracks of a large film may
        take longer, by its size at 20 MB/s.

    Returns
    -------
    Subtitles
        False in a condition where no English ones were found; its `notes` say what was.

    Raises
    ------
    MediaError
        If the film cannot be read.
    MediaTimeoutError
        If FFmpeg does not say in time what is in the film.
    FFmpegNotFoundError
        If there is no FFmpeg program, and the film has to be opened.

    Examples
    --------
    >>> subtitles = vgenre.read_subtitles("film.mkv")  # doctest: +SKIP
    >>> subtitles.source, subtitles.words, subtitles.cues[0].text  # doctest: +SKIP
    ('track 3, eng', 8412, 'Where were you last night?')
    """
    with fetched(os.fsdecode(film)) as path:
        known = replace(info, path=path) if info else probe(path, timeout=timeout)
        return _Reading(path, known, timeout).best()


@dataclass(frozen=True)
class _Found:
    """Subtitles that were read."""

    source: str
    tags: Tags
    cues: list[Cue]
    language: str
    preferred: bool = False

    @property
    def words(self) -> int:
        return count_words("\n".join(cue.text for cue in self.cues))


@dataclass
class _Reading:
    """What is being found out about one film."""

    path: str
    info: MediaInfo
    timeout: float
    found: list[_Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    foreign: set[str] = field(default_factory=set)  # names of languages
    pictures: dict[str, list[str]] = field(default_factory=dict)  # sources by kind
    commentaries: list[str] = field(default_factory=list)

    def best(self) -> Subtitles:
        beside = find_sidecars(self.path)
        self._read_files([sidecar for sidecar in beside if sidecar.is_considered])
        tracks = [track for track in self.info.subtitles if is_considered(track)]
        if tracks and max((found.words for found in self._english()), default=0) < _ENOUGH_WORDS:
            self._read_tracks(tracks)
        self._pass_over(beside)
        taken = self._choose()
        notes = tuple(self._all_notes())
        if not taken:
            return Subtitles(notes=notes)
        return Subtitles(tuple(taken.cues), taken.source, ENGLISH, taken.tags.kind, notes)

    def _english(self) -> Iterator[_Found]:
        return (found for found in self.found if found.language == ENGLISH)

    def _read_files(self, sidecars: list[Sidecar]) -> None:
        for sidecar in sidecars[:MOST_FILES]:
            try:
                data = read_bytes(sidecar.path)
                if data.startswith(_VOBSUB):
                    self._picture("VobSub", sidecar.name)
                else:
                    self._take(sidecar.name, sidecar.tags, sidecar.path, data)
            except MediaError as error:
                self.notes.append(f"{sidecar.name}: {error.reason}")
        if len(sidecars) > MOST_FILES:
            self.notes.append(f"{len(sidecars)} files, of which {MOST_FILES} were read")

    def _read_tracks(self, tracks: list[SubtitleTrack]) -> None:
        tracks = sorted(tracks, key=lambda track: likelihood(tags_of_track(track)))
        try:
            texts = read_tracks(self.info, tracks[:MOST_TRACKS], self.timeout)
        except MediaError as error:
            self.notes.append(error.reason)
            return
        except OSError as error:  # the film vanished, or its disk failed
            self.notes.append(error.strerror or str(error))
            return
        for track, data in texts.items():
            try:
                preferred = "default" in track.flags
                self._take(label_of(track), tags_of_track(track), self.path, data, preferred)
            except MediaError as error:
                self.notes.append(f"{label_of(track)}: {error.reason}")
        if len(tracks) > MOST_TRACKS:
            self.notes.append(f"{len(tracks)} tracks, of which {MOST_TRACKS} were read")

    def _take(
        self, source: str, tags: Tags, path: str, data: bytes, preferred: bool = False
    ) -> None:
        """Parse and clean what was read, and keep it with the language that it is in."""
        raw = parsed(path, decoded(path, data), self.info.frame_rate)
        if len(raw) >= MOST_CUES:
            self.notes.append(f"{source}: only the first {MOST_CUES:,} cues were read")
        cues = cleaned(raw)
        text = "\n".join(cue.text for cue in cues if cue.text)
        heard = text or "\n".join(f"{cue.song}\n{cue.effect}" for cue in cues)
        language = language_of_text(heard, tags.language)
        if language not in ("", ENGLISH):
            self.foreign.add(name_of(language))
            if tags.language:
                self.notes.append(
                    f"{source}: not English as its name says, but {name_of(language)}"
                )
        self.found.append(_Found(source, tags, cues, language, preferred))

    def _choose(self) -> _Found | None:
        english = list(self._english())
        most = max((found.words for found in english), default=0)
        long = [found for found in english if found.words >= _AS_MANY * most]
        # `found` holds files before tracks, each in the order of their names or of the film.
        return min(long, key=lambda f: (*likelihood(f.tags), not f.preferred), default=None)

    def _pass_over(self, beside: Iterable[Sidecar]) -> None:
        """Note what was not read, and why."""
        for sidecar in beside:
            if not sidecar.is_text:
                self._picture(PICTURE_SUFFIXES[suffix_of(sidecar.path)], sidecar.name)
            elif not sidecar.is_considered:
                self._other(sidecar.tags, sidecar.name)
        for track in self.info.subtitles:
            if not track.is_text:
                self._picture(picture_kind(track), f"track {track.stream}")
            elif not is_considered(track):
                self._other(tags_of_track(track), f"track {track.stream}")

    def _picture(self, kind: str, source: str) -> None:
        self.pictures.setdefault(kind, []).append(source)

    def _other(self, tags: Tags, source: str) -> None:
        if tags.language not in ("", ENGLISH):
            self.foreign.add(name_of(tags.language))
        elif tags.kind == COMMENTARY:
            self.commentaries.append(source)

    def _all_notes(self) -> Iterator[str]:
        yield from self.notes
        for kind, sources in self.pictures.items():
            yield f"pictures of text ({kind}) cannot be read: {_listed(sources)}"
        if self.commentaries:
            yield f"comments on the film, left out: {_listed(self.commentaries)}"
        if self.foreign:
            yield f"not English, left out: {_listed(sorted(self.foreign))}"


_VOBSUB = b"\x00\x00\x01\xba"  # how the pictures in VobSub's .sub begin
_MOST_LISTED = 12


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
