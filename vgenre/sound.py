"""The sound as a picture: log-mel spectrograms. Needs the core install."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np

from .media.ffmpeg import TIMEOUT
from .media.reader import ahead, sampled_clips
from .media.sampling import Sampling
from .media.types import CLIP_SECONDS, SAMPLE_RATE, Clip, MediaInfo


@dataclass(frozen=True)
class MelSettings:
    """How a waveform becomes a log-mel spectrogram; travels in the model card.

    Parameters
    ----------
    sample_rate : int
        Hz.
    n_fft, win_length, hop_length : int
        Length of the Fourier transform, of the Hann window and of a step, in samples.
    n_mels : int
        Mel bands (Slaney's scale and normalisation, as librosa has them).
    fmin, fmax : float
        Hz.
    reference : float
        Power that counts as 0 dB.
    floor_db, ceiling_db : float
        Range in dB; the networks see it as -1 to 1.
    """

    sample_rate: int = SAMPLE_RATE
    n_fft: int = 1024
    win_length: int = 640
    hop_length: int = 320
    n_mels: int = 96
    fmin: float = 30.0
    fmax: float = 7600.0
    reference: float = 1.0
    floor_db: float = -80.0
    ceiling_db: float = 30.0

    @property
    def steps(self) -> int:
        """Columns of a clip's spectrogram."""
        return CLIP_SECONDS * self.sample_rate // self.hop_length

    def columns(self, samples: int) -> int:
        """Columns that the first `samples` samples of a clip fill."""
        return min(self.steps, -(-samples // self.hop_length))

    def to_dict(self) -> dict:
        """As a dict, for a model card."""
        return asdict(self)


def log_mel(waveform: np.ndarray, settings: MelSettings | None = None) -> np.ndarray:
    """Log-mel spectrogram of a waveform.

    Parameters
    ----------
    waveform : ndarray of float32, shape (n_samples,)
        Mono, full scale 1, at ``settings.sample_rate``.
    settings : MelSettings, optional

    Returns
    -------
    ndarray of float32, shape (n_mels, ceil(n_samples / hop_length))
        dB, clipped to [floor_db, ceiling_db]. Column ``t`` is centred on
        sample ``t * hop_length``.

    See Also
    --------
    librosa.feature.melspectrogram, librosa.power_to_db

    Notes
    -----
    The scale goes back to Stevens, Volkmann and Newman, *A Scale for the
    Measurement of the Psychological Magnitude Pitch*, 1937.

    Examples
    --------
    >>> import numpy as np
    >>> import vgenre
    >>> seconds = np.arange(16000) / 16000
    >>> vgenre.log_mel(np.sin(2 * np.pi * 440 * seconds).astype("float32")).shape
    (96, 50)
    """
    import librosa  # heavy: numba and scipy

    settings = settings or MelSettings()
    columns = -(-len(waveform) // settings.hop_length)
    if columns == 0:
        return np.zeros((settings.n_mels, 0), np.float32)
    # Zeros behind the end, as librosa itself puts there; it warns of fewer than one transform.
    waveform = np.pad(waveform, (0, max(0, settings.n_fft - len(waveform))))
    power = librosa.feature.melspectrogram(
        y=waveform,
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        win_length=settings.win_length,
        hop_length=settings.hop_length,
        n_mels=settings.n_mels,
        fmin=settings.fmin,
        fmax=settings.fmax,
        center=True,
    )[:, :columns]
    amin = settings.reference * 10 ** (settings.floor_db / 10)
    decibels = librosa.power_to_db(power, ref=settings.reference, amin=amin, top_db=None)
    return np.clip(decibels, settings.floor_db, settings.ceiling_db).astype(np.float32)


@functools.cache
def preload() -> None:
    """Load librosa in a thread.

    It takes a second at its first use, in which models and first frames can be read.
    """
    silence = np.zeros(MelSettings().n_fft, np.float32)
    threading.Thread(target=log_mel, args=(silence,), daemon=True).start()


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
