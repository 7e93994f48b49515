"""Tracks of text inside a film, read by FFmpeg in one pass through it."""

from __future__ import annotations

import numpy as np

from ..errors import MediaError
from ..media.decoder import Decoder, Pipe
from ..media.ffmpeg import TIMEOUT, subtitle_args
from ..media.probing import last_message
from ..media.remote import state_of
from ..media.types import MediaInfo, SubtitleTrack
from .language import language_of_code
from .parsing import MOST_BYTES
from .tags import Tags, tags_of
from .types import COMMENTARY, ENGLISH, FORCED, HEARING_IMPAIRED

MOST_TRACKS = 8
"""So many are read of a film; no film has more in one language."""

_PICTURES = {
    "dvb_subtitle": "DVB",
    "dvb_teletext": "teletext",
    "dvd_subtitle": "VobSub",
    "hdmv_pgs_subtitle": "PGS",
    "xsub": "XSUB",
}
_SLOWEST = 20e6  # bytes a second; a disk that gives less counts as stuck
_CHUNK = 1 << 16


def label_of(track: SubtitleTrack) -> str:
    """What a track is called in records.

    Examples
    --------
    >>> label_of(SubtitleTrack(3, "subrip", "eng"))
    'track 3, eng'
    """
    return f"track {track.stream}" + (f", {track.language}" if track.language else "")


def picture_kind(track: SubtitleTrack) -> str:
    """What a track that is no text is known as."""
    return _PICTURES.get(track.codec, track.codec)


def tags_of_track(track: SubtitleTrack) -> Tags:
    """What a container says of a track; its flags count for more than the title."""
    title = tags_of(track.title)
    kind = title.kind
    if "comment" in track.flags:
        kind = COMMENTARY
    elif track.flags & {"forced", "lyrics"}:
        kind = FORCED
    elif track.flags & {"hearing impaired", "captions"}:
        kind = HEARING_IMPAIRED
    language = language_of_code(track.language) if track.language else title.language
    # A code that is not in the table is still one of a language, and not of English.
    return Tags(language or track.language, kind, True)


def is_considered(track: SubtitleTrack) -> bool:
    """Whether a track is read: by the container it is text, and English or in no language."""
    tags = tags_of_track(track)
    return track.is_text and tags.language in ("", ENGLISH) and tags.kind != COMMENTARY


def read_tracks(
    info: MediaInfo, tracks: list[SubtitleTrack], timeout: float = TIMEOUT
) -> dict[SubtitleTrack, bytes]:
    """What FFmpeg writes of tracks of text: ASS, UTF-8.

    Most containers have no list of where a track's cues are, so that FFmpeg reads the film from
    beginning to end, as fast as its disk gives it.

    Parameters
    ----------
    info : MediaInfo
    tracks : list of SubtitleTrack
    timeout : float
        Seconds that FFmpeg may go without giving anything, to which come those that reading the
        film takes at 20 MB/s.

    Returns
    -------
    dict of SubtitleTrack to bytes
        At most `MOST_BYTES` each; what came before it failed where the film is damaged, nothing
        of a track that cannot be decoded.

    Raises
    ------
    MediaError
        If nothing came, and FFmpeg said why.
    MediaTimeoutError
        If it took too long.
    """
    limit = timeout + state_of(info.path)[0] / _SLOWEST
    texts, problem = _decoded(info.path, tracks, limit)
    if problem and len(tracks) > 1 and not any(texts.values()):
        # One whose header is damaged keeps FFmpeg from giving any of the others.
        texts = {}
        for track in tracks:
            alone, problem = _decoded(info.path, [track], limit)
            texts |= alone
    if problem and not any(texts.values()):
        raise MediaError(info.path, f"FFmpeg cannot read its subtitles: {problem}")
    return texts


def _decoded(
    path: str, tracks: list[SubtitleTrack], limit: float
) -> tuple[dict[SubtitleTrack, bytes], str]:
    """What came of each track, and what FFmpeg said where it failed."""
    with Decoder(path, limit) as decoder:
        pipes = {track: decoder.open_pipe() for track in tracks}
        decoder.run(subtitle_args(path, {track.stream: pipes[track] for track in tracks}))
        texts = {track: _all_of(pipe) for track, pipe in pipes.items()}
        failed = not any(texts.values()) and decoder.wait()
        return texts, last_message(decoder.messages) if failed else ""


def _all_of(pipe: Pipe) -> bytes:
    parts, size = [], 0
    while size < MOST_BYTES:
        chunk = np.empty(_CHUNK, np.uint8)
        count = pipe.read_into(chunk)
        parts.append(chunk[:count].tobytes())
        size += count
        if count < _CHUNK:
            break
    return b"".join(parts)
