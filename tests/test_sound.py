"""The log-mel spectrogram against librosa called directly."""

from __future__ import annotations

import os
from pathlib import Path

import librosa
import numpy as np
import pytest

from vgenre.media import read_clip
from vgenre.sound import FILTERS_FILE, MelSettings, band_centres, filters_name, log_mel

pytestmark = pytest.mark.quick

RATE = MelSettings().sample_rate


def tone(hertz: float, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def by_librosa(sound: np.ndarray, settings: MelSettings) -> np.ndarray:
    """The yardstick: librosa, called as anyone would."""
    power = librosa.feature.melspectrogram(
        y=sound,
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        win_length=settings.win_length,
        hop_length=settings.hop_length,
        n_mels=settings.n_mels,
        fmin=settings.fmin,
        fmax=settings.fmax,
        power=2.0,
    )
    decibels = librosa.power_to_db(power, ref=settings.reference, amin=1e-20, top_db=None)
    return np.clip(decibels, settings.floor_db, settings.ceiling_db)


@pytest.mark.parametrize(
    "settings",
    [
        MelSettings(),
        MelSettings(n_fft=2048, win_length=2048, hop_length=512, n_mels=64, fmax=8000.0),
        MelSettings(reference=1e-3),
    ],
)
def test_it_is_what_librosa_gives(settings: MelSettings) -> None:
    rng = np.random.default_rng(0)
    sound = tone(440) * 0.3 + rng.normal(0, 0.05, 2 * RATE).astype(np.float32)
    sound[: RATE // 4] = 0
    mel, expected = log_mel(sound, settings), by_librosa(sound, settings)
    assert mel.dtype == np.float32
    np.testing.assert_allclose(mel, expected[:, : mel.shape[1]], atol=1e-3)


@pytest.mark.slow
def test_it_is_what_librosa_gives_of_real_sound() -> None:
    if not (data := os.environ.get("VGENRE_DATA")):
        pytest.skip("VGENRE_DATA does not name the data folder")
    heard = 0
    for path in sorted(Path(data, "clips").glob("*.mp4"))[::10]:
        clip = read_clip(path)
        sound = clip.waveform[: clip.sample_count]
        if clip.has_sound:
            heard += 1
            mel = log_mel(sound)
            expected = by_librosa(sound, MelSettings())[:, : mel.shape[1]]
            np.testing.assert_allclose(mel, expected, atol=1e-3, err_msg=str(path))
    assert heard > 20


def test_the_filters_that_ship_are_those_of_librosa() -> None:
    s = MelSettings()
    with np.load(FILTERS_FILE) as shipped:
        found = shipped[filters_name(s)]
    wanted = librosa.filters.mel(
        sr=s.sample_rate, n_fft=s.n_fft, n_mels=s.n_mels, fmin=s.fmin, fmax=s.fmax
    )
    np.testing.assert_array_equal(found, wanted)
    centres = librosa.mel_frequencies(s.n_mels + 2, fmin=s.fmin, fmax=s.fmax)[1:-1]
    np.testing.assert_allclose(band_centres(s), centres, rtol=0.03)


@pytest.mark.parametrize("samples", [0, 1, 319, 320, 321, 16000])
def test_each_begun_hop_has_a_column(samples: int) -> None:
    mel = log_mel(np.zeros(samples, np.float32))
    assert mel.shape == (96, -(-samples // 320))
    assert MelSettings().columns(samples) == mel.shape[1]


def test_silence_is_at_the_floor() -> None:
    assert (log_mel(np.zeros(RATE, np.float32)) == MelSettings().floor_db).all()


@pytest.mark.parametrize("hertz", [200, 1000, 5000])
def test_a_tone_is_loudest_in_its_own_band(hertz: float) -> None:
    settings = MelSettings()
    centres = librosa.mel_frequencies(98, fmin=settings.fmin, fmax=settings.fmax)[1:-1]
    loudest = log_mel(tone(hertz)).mean(axis=1).argmax()
    assert abs(loudest - np.abs(centres - hertz).argmin()) <= 1


def test_other_settings_give_another_shape() -> None:
    settings = MelSettings(n_mels=40, hop_length=160)
    assert log_mel(tone(440), settings).shape == (40, 200)
    assert settings.steps == 1000


@pytest.mark.parametrize(
    ("waveform", "error", "message"),
    [
        (np.zeros((2, 16000), np.float32), ValueError, r"\(2, 16000\).* mono"),
        (np.float32(0), ValueError, "mono"),
        (np.zeros(16000, np.int16), TypeError, "int16.*divide samples"),
        (np.zeros(16000, complex), TypeError, "complex128"),
        (np.array(["a"]), TypeError, "<U1"),
        (np.array([0.0, np.nan], np.float32), ValueError, "NaN"),
        (np.array([0.0, -np.inf], np.float32), ValueError, "infinite"),
    ],
)
def test_a_waveform_that_is_none_is_refused(
    waveform: np.ndarray, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        log_mel(waveform)


def test_samples_of_any_float_are_taken() -> None:
    np.testing.assert_allclose(
        log_mel(tone(440).astype(np.float64)), log_mel(tone(440)), rtol=0, atol=1e-3
    )
    assert log_mel([0.0] * 640).shape == (96, 2)  # type: ignore[arg-type]
