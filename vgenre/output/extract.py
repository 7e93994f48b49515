"""A film on disk as the networks see it: frames, sound and a spectrogram picture."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import soundfile

from ..errors import DataError, MediaError
from ..media.probing import probe
from ..media.reader import sampled_clips
from ..media.sampling import Sampling
from ..media.types import FRAME_RATE
from ..sound import MelSettings, log_mel

_PICTURE_SECONDS = 600  # a spectrogram picture shows at most this much


def extract(
    path: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    sampling: Sampling | None = None,
    mel: MelSettings | None = None,
) -> Path:
    """Write a film's frames, sound and spectrogram to disk.

    Makes ``frame_<number>.jpg`` (RGB, 299 x 299; the number counts quarter
    seconds from the beginning of the film), ``audio.wav`` (mono, 16-bit) and
    ``spectrogram.png``. Sound and picture of a stream that is missing are not
    made.

    Parameters
    ----------
    path : str or path
        The film.
    directory : path
        Where to; made where it does not exist.
    sampling : Sampling, optional
        All of the film unless given.
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
    """
    settings = mel or MelSettings()
    info = probe(path)
    directory = Path(directory)
    shown: list[np.ndarray] = []
    sound: soundfile.SoundFile | None = None
    decoded = False
    try:
        directory.mkdir(parents=True, exist_ok=True)
        clips = sampled_clips(info, sampling or Sampling(None), sample_rate=settings.sample_rate)
        for clip in clips:
            decoded = True
            first = round(clip.start * FRAME_RATE)
            for i, frame in enumerate(clip.frames[: clip.frame_count], first):
                _write_picture(directory / f"frame_{i:06d}.jpg", frame)
            if not clip.sample_count:
                continue
            sound = sound or soundfile.SoundFile(
                directory / "audio.wav", "w", settings.sample_rate, channels=1, subtype="PCM_16"
            )
            samples = clip.waveform[: clip.sample_count]
            sound.write(samples)
            if len(shown) * 10 < _PICTURE_SECONDS:
                shown.append(log_mel(samples, settings))
    except (OSError, soundfile.LibsndfileError) as error:
        raise DataError(f"{directory}: cannot be written: {error}") from None
    finally:
        if sound:
            sound.close()
    if not decoded:
        raise MediaError(path, "nothing could be decoded")
    if shown:
        _write_spectrogram(directory / "spectrogram.png", np.concatenate(shown, axis=1), settings)
    return directory


def _write_picture(path: Path, frame: np.ndarray) -> None:
    # imencode and write, as imwrite neither raises nor takes every file name.
    path.write_bytes(
        cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    )


def _write_spectrogram(path: Path, mel: np.ndarray, settings: MelSettings) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from ..plots.clips import spectrogram

    figure = Figure(figsize=(min(60.0, 4 + mel.shape[1] / 100), 4), layout="constrained")
    FigureCanvasAgg(figure)
    spectrogram(mel, settings, ax=figure.add_subplot())
    figure.savefig(path, dpi=100)
