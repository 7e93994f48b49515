"""The sound as a picture: log-mel spectrograms. Needs the core install."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from .media.ffmpeg import TIMEOUT
from .media.reader import ahead, sampled_clips
from .media.sampling import Sampling
from .media.types import CLIP_SECONDS, SAMPLE_RATE, SILENCE, Clip, MediaInfo

# So small a product that BLAS takes one thread for it. Its threads would wait, and burn a core,
# for those of the networks.
_BANDS_AT_ONCE, _COLUMNS_AT_ONCE = 8, 250

_MOST_GAIN = 30.0  # dB: what is all but silent stays quiet


@dataclass(frozen=True)
class MelSettings:
    """How a waveform becomes a log-mel spectrogram; travels in the model card.

    The default is what the ear was trained on, see `vgenre.models.audio`.

    Parameters
    ----------
    sample_rate : int
        Hz.
    n_fft, win_length, hop_length : int
        Length of the Fourier transform, of the Hann window and of a step, in samples.
    n_mels : int
        Mel bands (the scale and the triangles of Kaldi).
    fmin, fmax : float
        Hz.
    pre_emphasis : float
        How much of each sample is taken off the next one, so that high sounds count as
        much as low ones; 0 for none.
    floor_db : float
        Power that is added everywhere, in dB: what digital silence has.
    level : float or None
        Level that the sound of a clip is brought to first, as its root mean square, in dB
        below full scale: a trailer is some 10 dB louder than the film it is for. None leaves
        sounds as loud as they are.
    """

    sample_rate: int = SAMPLE_RATE
    n_fft: int = 1024
    win_length: int = 800
    hop_length: int = 320
    n_mels: int = 128
    fmin: float = 0.0
    fmax: float = 15_000.0
    pre_emphasis: float = 0.97
    floor_db: float = -50.0
    level: float | None = -20.0

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
        dB, nowhere below `floor_db`. Column ``t`` is centred on sample
        ``t * hop_length``.

    Raises
    ------
    TypeError
        If the samples are no floating point numbers.
    ValueError
        If there is more than one channel, or a sample is NaN or infinite.

    See Also
    --------
    vgenre.models.audio.build_ear : The network that reads it.

    Notes
    -----
    The steps are those of Schmid, Koutini and Widmer, *Efficient Large-Scale Audio Tagging
    via Transformer-to-CNN Knowledge Distillation*, 2023, save the level. The mel scale goes
    back to Stevens, Volkmann and Newman, *A Scale for the Measurement of the Psychological
    Magnitude Pitch*, 1937.

    Examples
    --------
    >>> import numpy as np
    >>> import vgenre
    >>> seconds = np.arange(32000) / 32000
    >>> vgenre.log_mel(np.sin(2 * np.pi * 440 * seconds).astype("float32")).shape
    (128, 100)
    """
    settings = settings or MelSettings()
    waveform = _levelled(_checked(waveform), settings)
    columns = -(-len(waveform) // settings.hop_length)
    if len(waveform) < 2:  # nothing to take off, nothing to reflect
        return np.full((settings.n_mels, columns), settings.floor_db, np.float32)
    emphasised = waveform[1:] - settings.pre_emphasis * waveform[:-1]
    ahead = settings.n_fft // 2
    padded = np.pad(emphasised, (ahead, settings.n_fft - ahead), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, settings.n_fft)
    frames = frames[:: settings.hop_length][:columns]
    power = _mel_power(_power(_window(settings) * frames), settings)
    decibels = 10 * np.log10(power + 10 ** (settings.floor_db / 10))
    return decibels.astype(np.float32)


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


def _levelled(waveform: np.ndarray, settings: MelSettings) -> np.ndarray:
    """A sound as loud as `level` says; silence, and what is near it, is not made a noise."""
    if settings.level is None or not np.abs(waveform).max(initial=0) >= SILENCE:
        return waveform
    loudness = 10 * np.log10(np.mean(np.square(waveform, dtype=np.float64)))
    gain = min(settings.level - loudness, _MOST_GAIN)
    return waveform * waveform.dtype.type(10 ** (gain / 20))


def _power(frames: np.ndarray) -> np.ndarray:
    """Power of the frequencies of each row: float32 (n, n_fft) to (n, 1 + n_fft // 2).

    OpenCV's transform takes a tenth of NumPy's time. It packs a row as the real part of the
    first frequency, real and imaginary parts in turn, and the real part of the last one.
    """
    columns = frames.shape[1]
    packed = np.square(cv2.dft(np.asarray(frames, np.float32), flags=cv2.DFT_ROWS))
    power = np.empty((len(frames), 1 + columns // 2), np.float32)
    power[:, 0] = packed[:, 0]
    whole = (columns - 1) // 2
    pairs = packed[:, 1 : 1 + 2 * whole]
    np.add(pairs[:, ::2], pairs[:, 1::2], out=power[:, 1 : 1 + whole])
    if columns % 2 == 0:
        power[:, -1] = packed[:, -1]
    return power


def _mel_power(power: np.ndarray, settings: MelSettings) -> np.ndarray:
    """Power of mel bands: (n, 1 + n_fft // 2) to (n_mels, n)."""
    found = np.empty((settings.n_mels, len(power)), np.float32)
    for bands, bins, filters in _filter_blocks(settings):
        for begin in range(0, len(power), _COLUMNS_AT_ONCE):
            times = slice(begin, begin + _COLUMNS_AT_ONCE)
            found[bands, times] = filters @ power[times, bins].T
    return found


@functools.lru_cache(8)
def _filter_blocks(settings: MelSettings) -> list[tuple[slice, slice, np.ndarray]]:
    """The filters of some bands at a time, and the bins where they are not 0."""
    filters, blocks = mel_filters(settings), []
    for begin in range(0, settings.n_mels, _BANDS_AT_ONCE):
        bands = slice(begin, begin + _BANDS_AT_ONCE)
        used = np.flatnonzero(filters[bands].any(axis=0))
        bins = slice(used[0], used[-1] + 1) if len(used) else slice(0, 0)
        blocks.append((bands, bins, np.ascontiguousarray(filters[bands, bins])))
    return blocks


@functools.lru_cache(8)
def _window(settings: MelSettings) -> np.ndarray:
    """A symmetric Hann window in the middle of a transform: float32, shape (n_fft,)."""
    missing = settings.n_fft - settings.win_length
    padding = (missing // 2, missing - missing // 2)
    return np.pad(np.hanning(settings.win_length), padding).astype(np.float32)


@functools.lru_cache(8)
def mel_filters(settings: MelSettings) -> np.ndarray:
    """The triangular windows that sum frequencies up to mel bands, as Kaldi has them.

    Each is as high as the others, and straight on the mel scale.

    Parameters
    ----------
    settings : MelSettings

    Returns
    -------
    ndarray of float32, shape (n_mels, 1 + n_fft // 2)
    """
    edges = _edges(settings)[:, None]
    width = edges[1] - edges[0]
    bins = _mel(np.fft.rfftfreq(settings.n_fft, 1 / settings.sample_rate))
    rising, falling = (bins - edges[:-2]) / width, (edges[2:] - bins) / width
    return np.maximum(np.minimum(rising, falling), 0).astype(np.float32)


def band_centres(settings: MelSettings) -> np.ndarray:
    """The middle of each mel band in Hz: float64, shape (n_mels,)."""
    return 700 * np.expm1(_edges(settings)[1:-1] / 1127)


def _mel(hertz: np.ndarray) -> np.ndarray:
    return 1127 * np.log1p(hertz / 700)


def _edges(settings: MelSettings) -> np.ndarray:
    """Where the bands begin and end, on the mel scale: each ends where the next but one begins."""
    low, high = _mel(np.array([settings.fmin, settings.fmax]))
    return np.linspace(low, high, settings.n_mels + 2)


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
    info: MediaInfo,
    sampling: Sampling,
    mel: MelSettings,
    *,
    hwaccel: str | None = None,
    threads: int | None = None,
    timeout: float = TIMEOUT,
) -> Iterator[tuple[Clip, Future[SoundInput]]]:
    """The clips that `sampled_clips` gives, each with its sound for the audio network.

    The next clip is decoded while the caller works on this one, and so is this one's
    sound: its frames need not wait for it.
    """
    with ThreadPoolExecutor(1, "sound") as thread:
        clips = sampled_clips(
            info,
            sampling,
            sample_rate=mel.sample_rate,
            hwaccel=hwaccel,
            threads=threads,
            timeout=timeout,
        )
        for clip in ahead(clips):
            yield clip, thread.submit(sound_input, clip, mel)
