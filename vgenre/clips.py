"""Clips as the networks take them: frames, mels and masks in arrays of fixed shape."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .errors import MediaError, MediaTimeoutError
from .media import CLIP_FRAMES, TIMEOUT, Clip, MediaInfo, iter_clips
from .sampling import Sampling
from .spectrogram import MelSettings, log_mel


@dataclass(frozen=True)
class SoundInput:
    """A clip's sound for the audio network.

    Attributes
    ----------
    mel : ndarray of float32, shape (n_mels, steps)
        dB; what was not decoded is at the floor.
    mask : ndarray of float32, shape (steps,)
        1 where there is sound; all 0 without sound or in digital silence.
    """

    mel: np.ndarray
    mask: np.ndarray


def sound_input(clip: Clip, settings: MelSettings) -> SoundInput:
    """Log-mel spectrogram of a clip, padded to the length of a whole clip, with its mask."""
    mel = np.full((settings.n_mels, settings.steps), settings.floor_db, np.float32)
    mask = np.zeros(settings.steps, np.float32)
    if clip.has_sound:
        columns = settings.columns(clip.sample_count)
        mel[:, :columns] = log_mel(clip.waveform[: clip.sample_count], settings)[:, :columns]
        mask[:columns] = 1
    return SoundInput(mel, mask)


_Item = TypeVar("_Item")


def ahead(items: Generator[_Item, None, None]) -> Iterator[_Item]:
    """The same items, each computed by a thread while the caller still works on the one before."""
    end = object()
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = thread.submit(next, items, end)
        try:
            while (item := coming.result()) is not end:
                coming = thread.submit(next, items, end)
                yield item  # type: ignore[misc]
        finally:
            thread.submit(items.close)


def heard_clips(
    info: MediaInfo, sampling: Sampling, mel: MelSettings, *, timeout: float = TIMEOUT
) -> Iterator[tuple[Clip, Future[SoundInput]]]:
    """The clips that `sampled_clips` gives, each with its sound for the audio network.

    The next clip is decoded while the caller works on this one, and so is this one's
    sound: its frames need not wait for it.
    """
    with ThreadPoolExecutor(1, "sound") as thread:
        for clip in ahead(
            sampled_clips(info, sampling, sample_rate=mel.sample_rate, timeout=timeout)
        ):
            yield clip, thread.submit(sound_input, clip, mel)


def frame_mask(clip: Clip) -> np.ndarray:
    """1 for each decoded frame of a clip, 0 for padding: float32, shape (40,)."""
    return (np.arange(CLIP_FRAMES) < clip.frame_count).astype(np.float32)


def sampled_clips(
    info: MediaInfo, sampling: Sampling, *, sample_rate: int, timeout: float = TIMEOUT
) -> Generator[Clip, None, None]:
    """The clips of a film that a sampling policy chooses.

    Parameters
    ----------
    info : MediaInfo
    sampling : Sampling
    sample_rate : int
        Hz.
    timeout : float
        Seconds that FFmpeg may go without giving anything.

    Yields
    ------
    Clip
        One at a time; fewer than were asked for where the film ends early or
        is damaged.

    Raises
    ------
    MediaError
        If nothing at all could be decoded, and FFmpeg said why.
    """
    found, problem = False, None
    for span in sampling.spans(info):
        try:
            for clip in iter_clips(
                info.path,
                span.start,
                seconds=span.seconds or None,
                info=info,
                sample_rate=sample_rate,
                skip_frame=sampling.skip_frame(info),
                timeout=timeout,
            ):
                found = True
                yield clip
        except MediaError as error:
            problem = error
            if isinstance(error, MediaTimeoutError):
                break  # each further clip would wait as long
    if problem and not found:
        raise problem
