"""The sound as a picture: log-mel spectrograms. Needs the core install."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .errors import needs
from .media.ffmpeg import TIMEOUT
from .media.reader import ahead, sampled_clips
from .media.sampling import Sampling
from .media.types import CLIP_SECONDS, SAMPLE_RATE, Clip, MediaInfo

FILTERS_FILE = Path(__file__).parent / "mel_filters.npz"


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

    Raises
    ------
    TypeError
        If the samples are no floating point numbers.
    ValueError
        If there is more than one channel, or a sample is NaN or infinite.

    See Also
    --------
    librosa.feature.melspectrogram, librosa.power_to_db

    Notes
    -----
    The values are librosa's, as a test checks; labelling does without librosa, which
    takes a second to import. The scale goes back to Stevens, Volkmann and Newman, *A
    Scale for the Measurement of the Psychological Magnitude Pitch*, 1937.

    Examples
    --------
    >>> import numpy as np
    >>> import vgenre
    >>> seconds = np.arange(16000) / 16000
    >>> vgenre.log_mel(np.sin(2 * np.pi * 440 * seconds).astype("float32")).shape
    (96, 50)
    """
    settings = settings or MelSettings()
    waveform = _checked(waveform)
    columns = -(-len(waveform) // settings.hop_length)
    # Column t is centred on its sample, so half a transform of zeros stands before the first.
    behind = columns * settings.hop_length + settings.n_fft - len(waveform)
    padded = np.pad(waveform, (settings.n_fft // 2, behind))
    frames = np.lib.stride_tricks.sliding_window_view(padded, settings.n_fft)
    frames = frames[:: settings.hop_length][:columns]
    spectrum = np.fft.rfft(_window(settings) * frames).astype(np.complex64)
    power = mel_filters(settings) @ (np.abs(spectrum) ** 2).T
    decibels = 10 * np.log10(np.maximum(power, _least_power(settings)))
    decibels -= 10 * np.log10(settings.reference)
    return np.clip(decibels, settings.floor_db, settings.ceiling_db).astype(np.float32)


def _checked(waveform: np.ndarray) -> np.ndarray:
    waveform = np.asarray(waveform)
    if not np.issubdtype(waveform.dtype, np.floating):
        raise TypeError(
            f"the waveform is of {waveform.dtype}; it has to be floating point, full scale 1 "
            "(divide samples of 16 bits by 32768)"
        )
    if waveform.ndim != 1:
        raise ValueError(
            f"the waveform has the shape {waveform.shape}; it has to be mono, (n_samples,)"
        )
    if not np.isfinite(waveform).all():
        raise ValueError("the waveform has samples that are NaN or infinite; see numpy.nan_to_num")
    return waveform


def _least_power(settings: MelSettings) -> float:
    return settings.reference * 10 ** (settings.floor_db / 10)


@functools.lru_cache(8)
def _window(settings: MelSettings) -> np.ndarray:
    """A periodic Hann window in the middle of a transform: float64, shape (n_fft,)."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(settings.win_length) / settings.win_length)
    missing = settings.n_fft - settings.win_length
    return np.pad(hann, (missing // 2, missing - missing // 2))


@functools.lru_cache(8)
def mel_filters(settings: MelSettings) -> np.ndarray:
    """The triangular windows that sum frequencies up to mel bands.

    Those of the default settings ship as data, so that labelling needs no librosa;
    `pipelines/mel_filters.py` makes the file.

    Parameters
    ----------
    settings : MelSettings

    Returns
    -------
    ndarray of float32, shape (n_mels, 1 + n_fft // 2)

    Raises
    ------
    MissingExtra
        If the settings are others and librosa is not installed.
    """
    with np.load(FILTERS_FILE, allow_pickle=False) as shipped:
        if (name := filters_name(settings)) in shipped:
            return shipped[name]
    with needs("train", "a spectrogram of other than the default settings"):
        import librosa
    return librosa.filters.mel(
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        n_mels=settings.n_mels,
        fmin=settings.fmin,
        fmax=settings.fmax,
    )


def filters_name(settings: MelSettings) -> str:
    """What the filters of some settings are called in the file of those that ship."""
    s = settings
    return f"{s.sample_rate} Hz, {s.n_fft}, {s.n_mels} bands, {s.fmin:g} to {s.fmax:g} Hz"


def band_centres(settings: MelSettings) -> np.ndarray:
    """The middle of each mel band in Hz: float64, shape (n_mels,)."""
    filters = mel_filters(settings).astype(np.float64)
    hertz = np.fft.rfftfreq(settings.n_fft, 1 / settings.sample_rate)
    return filters @ hertz / np.maximum(filters.sum(axis=1), 1e-12)


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
