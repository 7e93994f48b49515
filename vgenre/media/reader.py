"""Reading clips: one, several in a pass, or those that a sampling policy chooses.

A clip is what the networks see at once: 40 RGB frames (4 a second for 10 s) and
the mono sound under them. One FFmpeg process reads both, whether it is asked for
one clip or for a whole film in sequence.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ..errors import MediaError, MediaTimeoutError
from .decoder import Decoder
from .ffmpeg import TIMEOUT, Reading, decode_args
from .frames import frame_reader
from .probing import failure_class, last_message, probe
from .sampling import Sampling
from .stills import is_still, still_clips
from .types import CLIP_FRAMES, CLIP_SECONDS, FRAME_RATE, FRAME_SIZE, SAMPLE_RATE, Clip, MediaInfo

_Item = TypeVar("_Item")


def read_clip(
    path: str | bytes | os.PathLike[str],
    start: float = 0.0,
    *,
    info: MediaInfo | None = None,
    sample_rate: int = SAMPLE_RATE,
    timeout: float = TIMEOUT,
) -> Clip:
    """Read ten seconds of a film.

    Parameters
    ----------
    path : str, bytes or os.PathLike
    start : float
        Where the clip begins, in seconds from the beginning of the film.
    info : MediaInfo, optional
        Saves the probing where it has been done.
    sample_rate : int
        Of the waveform, in Hz.
    timeout : float
        Seconds that FFmpeg may go without giving anything.

    Returns
    -------
    Clip

    Raises
    ------
    ValueError
        If `start` is negative or not a number, or another number cannot be meant.
    MediaError
        If nothing could be decoded there.

    Examples
    --------
    >>> clip = vgenre.read_clip("film.mkv", start=60)  # doctest: +SKIP
    >>> clip.frames.shape, clip.waveform.shape  # doctest: +SKIP
    ((40, 299, 299, 3), (320000,))
    """
    clips = iter_clips(
        path, start, seconds=CLIP_SECONDS, info=info, sample_rate=sample_rate, timeout=timeout
    )
    clip = next(clips, None)
    clips.close()
    if clip is None:
        raise MediaError(path, f"nothing could be decoded at {start:g} s")
    return clip


def iter_clips(
    path: str | bytes | os.PathLike[str],
    start: float = 0.0,
    *,
    seconds: float | None = None,
    info: MediaInfo | None = None,
    sample_rate: int = SAMPLE_RATE,
    skip_frame: str | None = None,
    hwaccel: str | None = None,
    threads: int | None = None,
    timeout: float = TIMEOUT,
) -> Generator[Clip, None, None]:
    """Read a film clip after clip in one pass.

    Memory does not grow with the length of the film: FFmpeg waits while the
    caller is busy with a clip.

    Parameters
    ----------
    path, start, info, sample_rate, timeout
        As in `read_clip`.
    seconds : float, optional
        How much to read; to the end of the film unless given.
    skip_frame : {"noref", "nokey"}, optional
        Frames that are not decoded: those that no other frame refers to, or all but key
        frames. The frame before stands in for one that is missing.
    hwaccel : str, optional
        A decoder in hardware, as FFmpeg's ``-hwaccel`` names it, or ``"auto"``. What it cannot
        decode, or does not decode to the end, software decodes.
    threads : int, optional
        That decode a stream; as many as FFmpeg thinks best unless given.

    Yields
    ------
    Clip
        Consecutive clips; the last one may be shorter. None where nothing is left.

    Raises
    ------
    ValueError
        If `start` or another number is not one that can be meant.
    MediaError
        If FFmpeg fails before anything was decoded. What was decoded before a
        later failure is given out; compare its length with what was expected.
    MediaTimeoutError
        If FFmpeg gives nothing for `timeout` seconds.
    """
    reading = Reading(
        start, seconds, sample_rate, skip_frame, timeout=timeout, hwaccel=hwaccel, threads=threads
    )
    return _clips(os.fsdecode(path), info, reading)


def _clips(path: str, info: MediaInfo | None, reading: Reading) -> Generator[Clip, None, None]:
    if is_still(path):
        yield from still_clips(path, reading)
        return
    info = info or probe(path, timeout=reading.timeout)
    if reading.hwaccel and info.video_stream is not None:
        yield from _hardware_first(info, reading)
    else:
        yield from _decoded(info, replace(reading, hwaccel=None))


def _hardware_first(info: MediaInfo, reading: Reading) -> Generator[Clip, None, None]:
    """Clips that are whole by hardware; where the first falls short of that, all by software."""
    done, short = 0, False
    with contextlib.suppress(MediaError), closing(_decoded(info, reading)) as clips:
        for clip in clips:
            if short := clip.frame_count < CLIP_FRAMES:
                break
            done += CLIP_SECONDS
            yield clip
    length = info.duration - reading.start if reading.seconds is None else reading.seconds
    if done and not short and length - done <= 1 / FRAME_RATE:
        return
    left = None if reading.seconds is None else reading.seconds - done
    rest = replace(reading, start=reading.start + done, seconds=left, hwaccel=None)
    try:
        yield from _decoded(info, rest)
    except MediaError:
        if not done:
            raise


def _decoded(info: MediaInfo, reading: Reading) -> Generator[Clip, None, None]:
    limit = None if reading.seconds is None else round(reading.seconds * FRAME_RATE)
    rate, clip_start, decoded = reading.sample_rate, reading.start, False
    with Decoder(info.path, reading.timeout) as decoder:
        video = decoder.open_pipe() if info.video_stream is not None else None
        audio = decoder.open_pipe() if info.audio_stream is not None else None
        decoder.run(decode_args(info, reading, video, audio))
        picture = frame_reader(video, info, reading) if video else None
        while limit is None or limit > 0:
            frames = np.zeros((CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
            waveform = np.zeros(CLIP_SECONDS * rate, np.float32)
            # FFmpeg may round up to one frame more than was asked for.
            wanted = CLIP_FRAMES if limit is None else min(CLIP_FRAMES, limit)
            n_frames = picture.read_into(frames[:wanted]) if picture else 0
            n_samples = audio.read_into(waveform) // waveform.itemsize if audio else 0
            rest = max(n_frames / FRAME_RATE, n_samples / rate)
            if not rest or (decoded and rest <= 1 / FRAME_RATE):
                break  # the end, or so little behind full clips that it is rounding
            decoded = True
            # A damaged track can decode to NaN, which would spread through the networks.
            np.nan_to_num(waveform, copy=False, posinf=0.0, neginf=0.0)
            yield Clip(clip_start, frames, n_frames, waveform, n_samples, rate)
            clip_start += CLIP_SECONDS
            limit = None if limit is None else limit - CLIP_FRAMES
        if not decoded and decoder.wait():
            report = decoder.messages
            raise failure_class(report)(
                info.path, f"FFmpeg cannot decode it: {last_message(report)}"
            )


def sampled_clips(
    info: MediaInfo,
    sampling: Sampling,
    *,
    sample_rate: int,
    hwaccel: str | None = None,
    threads: int | None = None,
    timeout: float = TIMEOUT,
) -> Generator[Clip, None, None]:
    """The clips of a film that a sampling policy chooses.

    Parameters
    ----------
    info : MediaInfo
    sampling : Sampling
    sample_rate : int
        Hz.
    hwaccel : str, optional
    threads : int, optional
        As of `iter_clips`.
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
                hwaccel=hwaccel,
                threads=threads,
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
