"""A film on disk: its frames, its sound and a spectrogram picture. Needs ``[plots]``."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import DataError, MediaError, MediaTimeoutError, needs
from ..media.ffmpeg import Reading
from ..media.frames import iter_frames
from ..media.probing import probe
from ..media.reader import sampled_clips
from ..media.remote import fetched
from ..media.sampling import Sampling
from ..media.types import CLIP_SECONDS, FRAME_RATE, FRAME_SIZE, MediaInfo
from ..sound import MelSettings, log_mel

NATIVE = "native"
_PICTURE_SECONDS = 600  # a spectrogram picture shows at most this much
_JPEG_QUALITY = 95
_MOST_PIXELS_A_SIDE = 65_500  # what JPEG can hold


def parse_size(text: str) -> tuple[int, int] | None:
    """Read the size of frames: ``WIDTHxHEIGHT``, or ``native`` for None.

    Parameters
    ----------
    text : str

    Returns
    -------
    (int, int) or None

    Raises
    ------
    ValueError
        If it is neither, or larger than a JPEG can be.

    Examples
    --------
    >>> parse_size("640x360"), parse_size("native")
    ((640, 360), None)
    """
    if text == NATIVE:
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if not found:
        raise ValueError(f"size {text!r} is neither WIDTHxHEIGHT, as 640x360, nor {NATIVE!r}")
    width, height = int(found[1]), int(found[2])
    if max(width, height) > _MOST_PIXELS_A_SIDE:
        raise ValueError(f"size {text!r} is more than a JPEG can hold")
    return width, height


def extract(
    path: str | bytes | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    sampling: Sampling | None = None,
    size: tuple[int, int] | None = (FRAME_SIZE, FRAME_SIZE),
    mel: MelSettings | None = None,
) -> Path:
    """Write a film's frames, sound and spectrogram to disk.

    Makes ``frame_<number>.jpg`` (RGB; the number counts quarter seconds from the
    beginning of the film), ``audio.wav`` (mono, 16-bit) and ``spectrogram.png``.
    Files of a stream that is missing are not made.

    Parameters
    ----------
    path : str, bytes or path
        The film; a URL that fsspec knows is fetched first.
    directory : path
        The folder to write to; made where it does not exist.
    sampling : Sampling, optional
        All of the film unless given.
    size : (int, int) or None
        Width and height of the frames; None for the film's own size, upright and in
        square pixels. Unless given, frames are the squares that the networks see.
    mel : MelSettings, optional

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    MediaError
        If the film cannot be read.
    DataError
        If the folder cannot be written.
    MissingExtra
        If matplotlib or soundfile is not installed.
    """
    with needs("plots", "vgenre extract"):
        import matplotlib  # noqa: F401
        import soundfile
    path, directory = os.fsdecode(path), Path(directory)
    policy, settings = sampling or Sampling(None), mel or MelSettings()
    with fetched(path) as local:
        info = probe(local)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            frames, why_no_frames = _write_frames(
                info, policy, size or info.display_size, directory
            )
            samples, why_no_sound = _write_sound(info, policy, settings, directory)
        except (OSError, soundfile.LibsndfileError) as error:
            raise DataError(f"{directory}: cannot be written: {error}") from None
        if not frames and not samples:
            raise why_no_frames or why_no_sound or MediaError(local, "nothing could be decoded")
    return directory


def _write_frames(
    info: MediaInfo, sampling: Sampling, size: tuple[int, int], directory: Path
) -> tuple[int, MediaError | None]:
    """Write what can be decoded; returns how many frames, and why there are not more."""
    if info.video_stream is None:
        return 0, None
    written, trouble = 0, None
    if min(size) < 1:
        raise MediaError(info.path, "it does not say how large its picture is; give a size")
    if max(size) > _MOST_PIXELS_A_SIDE:
        raise MediaError(info.path, f"frames of {size[0]}x{size[1]} are more than a JPEG can hold")
    for span in sampling.spans(info):
        reading = Reading(
            span.start, span.seconds or None, skip_frame=sampling.skip_frame(info), size=size
        )
        try:
            for number, frame in enumerate(
                iter_frames(info, reading), round(span.start * FRAME_RATE)
            ):
                _write_picture(directory / f"frame_{number:06d}.jpg", frame)
                written += 1
        except MediaError as error:
            trouble = error
            if isinstance(error, MediaTimeoutError):
                break  # each further span would wait as long
    return written, trouble


def _write_picture(path: Path, frame: np.ndarray) -> None:
    import cv2

    # imencode and write, as imwrite neither raises nor takes every file name.
    done, jpeg = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise DataError(f"{path}: OpenCV cannot write this picture")
    path.write_bytes(jpeg.tobytes())


def _write_sound(
    info: MediaInfo, sampling: Sampling, settings: MelSettings, directory: Path
) -> tuple[int, MediaError | None]:
    """Write the sound and its spectrogram; returns how many samples, and why there are none."""
    import soundfile

    if info.audio_stream is None:
        return 0, None
    shown: list[np.ndarray] = []
    written, file, trouble = 0, None, None
    as_loud = replace(settings, level=None)  # the picture shows how loud which part is
    alone = replace(info, video_stream=None)
    try:
        for clip in sampled_clips(alone, sampling, sample_rate=settings.sample_rate):
            file = file or soundfile.SoundFile(
                directory / "audio.wav", "w", settings.sample_rate, channels=1, subtype="PCM_16"
            )
            samples = clip.waveform[: clip.sample_count]
            file.write(samples)
            written += len(samples)
            if len(shown) * CLIP_SECONDS < _PICTURE_SECONDS:
                shown.append(log_mel(samples, as_loud))
    except MediaError as error:
        trouble = error
    finally:
        if file:
            file.close()
    if shown:
        _write_spectrogram(directory / "spectrogram.png", np.concatenate(shown, axis=1), settings)
    return written, trouble


def _write_spectrogram(path: Path, mel: np.ndarray, settings: MelSettings) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from ..plots.clips import spectrogram

    figure = Figure(figsize=(min(60.0, 4 + mel.shape[1] / 100), 4), layout="constrained")
    FigureCanvasAgg(figure)
    spectrogram(mel, settings, ax=figure.add_subplot())
    figure.savefig(path, dpi=100)
