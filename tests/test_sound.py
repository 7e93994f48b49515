"""The log-mel spectrogram against the network's own front end, librosa and a plain sum."""

from __future__ import annotations

from dataclasses import replace

import librosa
import numpy as np
import pytest
from origin import data_folder, origin

from vgenre.media import read_clip
from vgenre.media.types import Clip
from vgenre.sound import MelSettings, band_centres, log_mel, mel_filters, sound_input

pytestmark = pytest.mark.quick

RATE = MelSettings().sample_rate
AS_LOUD = MelSettings(level=None)
NEPERS = np.log(10) / 10  # from dB to the natural logarithm


def tone(hertz: float, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def rustling(seconds: float = 2.0) -> np.ndarray:
    """A sound of all frequencies that is the same with every version of numpy."""
    noise = np.random.RandomState(0).uniform(-0.1, 0.1, round(seconds * RATE))
    return tone(440, seconds) / 4 + noise.astype(np.float32)


def by_librosa(sound: np.ndarray, settings: MelSettings) -> np.ndarray:
    """The yardstick: librosa's transform, and the bands added up one by one."""
    spectrum = librosa.stft(
        sound[1:] - settings.pre_emphasis * sound[:-1],
        n_fft=settings.n_fft,
        win_length=settings.win_length,
        hop_length=settings.hop_length,
        window=np.hanning(settings.win_length),
        pad_mode="reflect",
    )
    power = np.abs(spectrum) ** 2
    bins = 1127 * np.log(1 + librosa.fft_frequencies(sr=RATE, n_fft=settings.n_fft) / 700)
    low, high = (1127 * np.log(1 + f / 700) for f in (settings.fmin, settings.fmax))
    width = (high - low) / (settings.n_mels + 1)
    mel = np.zeros((settings.n_mels, power.shape[1]))
    for band in range(settings.n_mels):
        away = np.abs(bins - (low + (band + 1) * width)) / width
        mel[band] = np.maximum(0, 1 - away) @ power
    return 10 * np.log10(mel + 10 ** (settings.floor_db / 10))


@pytest.mark.parametrize(
    "settings",
    [
        AS_LOUD,
        MelSettings(n_fft=2048, win_length=2048, n_mels=64, fmin=50, fmax=16000, level=None),
        MelSettings(hop_length=512, pre_emphasis=0, floor_db=-80, level=None),
    ],
)
def test_it_is_what_librosa_gives(settings: MelSettings) -> None:
    sound = rustling()
    sound[: RATE // 4] = 0
    mel, expected = log_mel(sound, settings), by_librosa(sound, settings)
    assert mel.dtype == np.float32
    np.testing.assert_allclose(mel, expected[:, : mel.shape[1]], atol=1e-3)


def test_it_is_what_the_network_was_taught_with() -> None:
    # Computed once by the front end of the network's origin, from the same sound.
    expected = [
        [-6.2596, -9.4926, -8.2096, -8.1428, -7.9342],
        [-4.3682, -3.7499, -6.1229, -5.9627, -5.7096],
        [-1.8139, -2.1379, -2.0658, -2.2257, -3.0708],
        [0.5050, 1.3494, 0.6911, -0.0693, -0.7386],
        [1.1002, 1.4505, 2.6271, 2.3914, 2.3202],
        [4.4922, 3.9202, 3.9007, 3.6485, 3.9588],
    ]
    found = log_mel(rustling(), AS_LOUD)[::25, [0, 1, 50, 120, 199]] * NEPERS
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.slow
def test_it_is_what_the_network_was_taught_with_of_real_sound() -> None:
    reference = origin()
    heard = 0
    for path in sorted((data_folder() / "clips").glob("*.mp4"))[::20]:
        clip = read_clip(path)
        if clip.has_sound:
            heard += 1
            sound = clip.waveform[: clip.sample_count]
            found = log_mel(sound, AS_LOUD) * NEPERS
            expected = 5 * reference.mel(sound) - 4.5
            np.testing.assert_allclose(found, expected, atol=1e-3, err_msg=str(path))
    assert heard > 15


def test_the_bands_are_triangles_of_one_height_on_the_mel_scale() -> None:
    filters, centres = mel_filters(AS_LOUD), band_centres(AS_LOUD)
    assert filters.shape == (128, 513) and filters.dtype == np.float32
    hertz = np.fft.rfftfreq(1024, 1 / RATE)
    assert (filters[:, hertz >= 15000] == 0).all()
    # Between the middle of the first band and that of the last the bands add up to 1 everywhere.
    inside = (hertz > centres[0]) & (hertz < centres[-1])
    np.testing.assert_allclose(filters.sum(axis=0)[inside], 1, atol=1e-6)
    np.testing.assert_allclose(
        np.diff(librosa.hz_to_mel(centres, htk=True)), librosa.hz_to_mel(15000, htk=True) / 129
    )


@pytest.mark.parametrize("samples", [0, 1, 2, 319, 320, 321, RATE])
def test_each_begun_hop_has_a_column(samples: int) -> None:
    mel = log_mel(np.zeros(samples, np.float32))
    assert mel.shape == (128, -(-samples // 320))
    assert MelSettings().columns(samples) == mel.shape[1]
    assert np.isfinite(log_mel(rustling()[:samples])).all()


def test_silence_is_at_the_floor() -> None:
    np.testing.assert_allclose(log_mel(np.zeros(RATE, np.float32)), -50, atol=1e-4)
    assert log_mel(rustling()).min() >= -50.001


@pytest.mark.parametrize("hertz", [200, 1000, 5000, 12000])
def test_a_tone_is_loudest_in_its_own_band(hertz: float) -> None:
    loudest = log_mel(tone(hertz)).mean(axis=1).argmax()
    assert abs(loudest - np.abs(band_centres(MelSettings()) - hertz).argmin()) <= 1


@pytest.mark.parametrize("gain", [0.1, 3.0])
def test_a_louder_sound_looks_the_same(gain: float) -> None:
    sound = rustling()
    louder = np.float32(gain) * sound
    np.testing.assert_allclose(log_mel(louder), log_mel(sound), atol=1e-3)
    difference = log_mel(louder, AS_LOUD) - log_mel(sound, AS_LOUD)
    loud = log_mel(sound, AS_LOUD) > 0
    np.testing.assert_allclose(difference[loud], 20 * np.log10(gain), atol=0.1)


def test_a_sound_is_brought_to_the_level_of_the_settings() -> None:
    sound = rustling()
    quieter = log_mel(sound, replace(AS_LOUD, level=-30.0))
    by_hand = sound * 10 ** (-30 / 20) / np.sqrt(np.mean(sound.astype(np.float64) ** 2))
    np.testing.assert_allclose(quieter, log_mel(by_hand, AS_LOUD), atol=1e-3)


def test_near_silence_is_not_made_a_noise() -> None:
    hiss = rustling() * np.float32(5e-4)
    raised = log_mel(hiss)
    np.testing.assert_allclose(raised, log_mel(hiss * np.float32(10**1.5), AS_LOUD), atol=1e-3)
    nothing = hiss * np.float32(0.1)
    np.testing.assert_array_equal(log_mel(nothing), log_mel(nothing, AS_LOUD))


def test_the_level_of_a_clip_is_that_of_its_sound_without_the_padding() -> None:
    settings, sound = MelSettings(), rustling(2)
    heard = sound_input(Clip.of_arrays(waveform=sound), settings)
    assert heard.mel.shape == (128, 1000)
    np.testing.assert_array_equal(heard.mel[:, :200], log_mel(sound))
    assert (heard.mel[:, 200:] == settings.floor_db).all()
    assert heard.mask[:200].all() and not heard.mask[200:].any()
    nothing = sound_input(Clip.of_arrays(waveform=0 * sound), settings)
    assert not nothing.mask.any() and (nothing.mel == settings.floor_db).all()


def test_other_settings_give_another_shape() -> None:
    settings = MelSettings(n_mels=40, hop_length=160)
    assert log_mel(tone(440), settings).shape == (40, 400)
    assert settings.steps == 2000


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
    assert log_mel([0.0] * 640).shape == (128, 2)  # type: ignore[arg-type]
