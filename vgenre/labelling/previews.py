"""Small pictures of a film's clips for reports, made with its labels or later without networks."""

from __future__ import annotations

import os
from dataclasses import replace

from ..media.pictures import clip_pictures, spread
from ..media.probing import probe
from ..media.reader import iter_clips
from ..media.remote import fetched
from ..media.sampling import Sampling
from ..media.types import CLIP_SECONDS, Clip
from ..models.card import ModelCard
from ..sound import SoundInput, sound_input
from .record import ClipResult, FilmResult

PICTURES = 6
"""How many clips of a film have pictures, where they are asked for."""


def preview(clip: Clip, sound: SoundInput, aspect: float) -> dict[str, str]:
    """A clip's middle frame and its mel spectrogram, as far as there is picture and sound.

    Parameters
    ----------
    clip : Clip
    sound : SoundInput
        Of the clip.
    aspect : float
        Width of the film's picture, of its height.

    Returns
    -------
    dict of str to str
        As `vgenre.media.pictures.clip_pictures` gives it.
    """
    frame = clip.frames[clip.frame_count // 2] if clip.has_picture else None
    return clip_pictures(frame, aspect, sound.mel if clip.has_sound else None)


def with_fewer_previews(clips: list[ClipResult], wanted: int = PICTURES) -> list[ClipResult]:
    """The clips, of which at most `wanted`, evenly spread, still have pictures."""
    some = [i for i, clip in enumerate(clips) if clip.pictures]
    kept = {some[i] for i in spread(len(some), wanted)}
    return [c if i in kept else replace(c, pictures={}) for i, c in enumerate(clips)]


def has_previews(film: FilmResult) -> bool:
    """Whether a record needs no pictures any more: it has some, or no clips that could have."""
    return not film.clips or any(clip.pictures for clip in film.clips)


def add_previews(
    film: FilmResult, card: ModelCard, sampling: Sampling | int | str | None = None
) -> FilmResult:
    """Give pictures to a film that was labelled without.

    The moments that the pictures show are decoded once more. No network runs.

    Parameters
    ----------
    film : FilmResult
    card : ModelCard
        Of the model that labelled it; the spectrograms are made by its settings.
    sampling : Sampling, int or str, optional
        By which the film was labelled.

    Returns
    -------
    FilmResult
        The same record with pictures.

    Raises
    ------
    MediaError
        If the film cannot be read any more.
    """
    policy = Sampling.of(sampling)
    clips = list(film.clips)
    with fetched(os.fspath(film.path)) as path:
        info = probe(path)
        for i in spread(len(clips), PICTURES):
            reader = iter_clips(
                path,
                clips[i].start,
                # Key frames stand for more seconds than a clip has; its beginning stands for it.
                seconds=min(clips[i].duration, CLIP_SECONDS),
                info=info,
                sample_rate=card.mel.sample_rate,
                skip_frame=policy.skip_frame(info),
            )
            clip = next(reader, None)
            reader.close()
            if clip is not None:
                pictures = preview(clip, sound_input(clip, card.mel), info.aspect)
                clips[i] = replace(clips[i], pictures=pictures)
    return replace(film, clips=clips)
