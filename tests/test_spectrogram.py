"""The log-mel spectrogram against librosa called directly."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from vgenre.sound import MelSettings, log_mel

RATE = MelSettings().sample_rate


def tone(hertz: float, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def test_it_is_what_librosa_gives() -> None:
    settings = MelSettings()
    rng = np.random.default_rng(0)
    sound = tone(440) * 0.3 + rng.normal(0, 0.05, 2 * RATE).astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=sound,
        sr=16000,
        n_fft=1024,
        win_length=640,
        hop_length=320,
        n_mels=96,
        fmin=30,
        fmax=7600,
        power=2.0,
    )
    expected = np.clip(librosa.power_to_db(power, ref=1.0, amin=1e-20, top_db=None), -80, 30)
    mel = log_mel(sound, settings)
    assert mel.dtype == np.float32
    np.testing.assert_allclose(mel, expected[:, : mel.shape[1]], atol=1e-3)


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
