"""Frames of high dynamic range (HDR), mapped to the range of ordinary films.

An HDR film says how much light a pixel gives, up to far above white paper. Taken for an
ordinary film it is grey and flat, unlike anything that the networks have learnt from.

The mapping is that of FFmpeg's filters ``zscale`` and ``tonemap=mobius``. It is done here
because many builds of FFmpeg have no ``zscale``: so a film gets the same frames, and the same
genres, on every machine. It comes after scaling, which makes it cheap.
"""

from __future__ import annotations

import functools

import numpy as np

WHITE_NITS = 203.0  # light of diffuse white: ITU-R BT.2408
_PEAK_NITS = 1000.0  # light that becomes full white; HLG's nominal peak, and where most PQ ends
_KNEE = 0.3  # up to this share of diffuse white light stays as it is
_DISPLAY_GAMMA = 2.4  # what ordinary films are made for: ITU-R BT.1886
_HLG_SYSTEM_GAMMA = 1.2  # at the nominal peak: ITU-R BT.2100

_LUMINANCE_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
_709_FROM_2020 = np.array(
    [
        [1.660491, -0.587641, -0.072850],
        [-0.124550, 1.132900, -0.008349],
        [-0.018151, -0.100579, 1.118730],
    ],
    np.float32,
)
"""Linear light in BT.709's primary colours from that in BT.2020's: ITU-R BT.2087."""


def to_standard_range(frames: np.ndarray, transfer: str, primaries: str) -> np.ndarray:
    """Map HDR frames to standard range.

    Parameters
    ----------
    frames : ndarray of uint16, shape (n, height, width, 3)
        RGB as the film codes it, full scale 65535.
    transfer : {"smpte2084", "arib-std-b67"}
        The film's transfer curve: PQ or HLG.
    primaries : str
        FFmpeg's name of its primary colours. All but ``"bt709"`` are taken for BT.2020,
        which HDR films have that say nothing.

    Returns
    -------
    ndarray of uint8, shape (n, height, width, 3)
        RGB in BT.709's colours, for a display of gamma 2.4.
    """
    mapped = np.empty(frames.shape, np.uint8)
    for frame, target in zip(frames, mapped, strict=True):  # one by one, to save memory
        light = _light_of_code(transfer)[frame]
        if transfer == "arib-std-b67":
            luminance = light @ _LUMINANCE_2020
            light *= (_PEAK_NITS / WHITE_NITS) * luminance[..., None] ** (_HLG_SYSTEM_GAMMA - 1)
        if primaries != "bt709":
            light = np.maximum(light @ _709_FROM_2020.T, 0)
        brightest = light.max(axis=2, keepdims=True)
        light *= _rolled_off(brightest) / np.maximum(brightest, 1e-6)
        target[:] = np.rint(255 * np.clip(light, 0, 1) ** (1 / _DISPLAY_GAMMA))
    return mapped


def _rolled_off(light: np.ndarray) -> np.ndarray:
    """Light that bends above the knee, so that the peak becomes 1 (a Möbius transform)."""
    peak = _PEAK_NITS / WHITE_NITS
    a = -(_KNEE**2) * (peak - 1) / (_KNEE**2 - 2 * _KNEE + peak)
    b = (_KNEE**2 - 2 * _KNEE * peak + peak) / (peak - 1)
    scale = (b**2 + 2 * b * _KNEE + _KNEE**2) / (b - a)
    return np.where(light <= _KNEE, light, scale * (light + a) / (light + b))


@functools.cache
def _light_of_code(transfer: str) -> np.ndarray:
    """The light that each of the 65,536 codes stands for, as float32.

    For PQ it is what the display gives, diffuse white being 1; for HLG what the camera saw,
    full scale being 1.
    """
    code = np.linspace(0, 1, 1 << 16)
    if transfer == "smpte2084":
        root = code ** (1 / 78.84375)
        nits = 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (
            1 / 0.1593017578125
        )
        return (nits / WHITE_NITS).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return scene.astype(np.float32)
