"""Pictures of a clip: waveform, spectrogram, frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..media.types import FRAME_RATE, Clip
from ..sound import MelSettings, band_centres, log_mel
from .axes import new_axes, pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CEILING = 30.0  # dB: what the loudest bands of a film have


def waveform(clip: Clip, *, ax: Axes | None = None) -> Axes:
    """Draw a clip's waveform over the film's time.

    Parameters
    ----------
    clip : Clip
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = ax or new_axes()
    samples = clip.waveform[: clip.sample_count]
    ax.plot(clip.start + np.arange(len(samples)) / clip.sample_rate, samples, lw=0.5, c="#0072b2")
    ax.set(xlabel="time in the film [s]", ylabel="amplitude [full scale]", ylim=(-1, 1))
    return ax


def spectrogram(
    mel: np.ndarray,
    settings: MelSettings | None = None,
    *,
    start: float = 0.0,
    ax: Axes | None = None,
    colorbar: bool = True,
) -> Axes:
    """Draw a log-mel spectrogram.

    Parameters
    ----------
    mel : ndarray, shape (n_mels, steps)
        dB, as `vgenre.log_mel` gives it.
    settings : MelSettings, optional
    start : float
        Where it begins in the film, in seconds.
    ax : matplotlib.axes.Axes, optional
    colorbar : bool

    Returns
    -------
    matplotlib.axes.Axes
    """
    settings = settings or MelSettings()
    ax = ax or new_axes()
    seconds = mel.shape[1] * settings.hop_length / settings.sample_rate
    image = ax.imshow(
        mel,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=settings.floor_db,
        vmax=_CEILING,
        extent=(start, start + seconds, -0.5, settings.n_mels - 0.5),
    )
    hertz = [f for f in (250, 500, 1000, 2000, 4000, 8000, 16_000) if f < settings.fmax]
    ax.set_yticks(
        np.interp(hertz, band_centres(settings), np.arange(settings.n_mels)), map(str, hertz)
    )
    ax.set(xlabel="time in the film [s]", ylabel="frequency [Hz, mel scale]")
    # The bar stands beside the axes and takes no room from them: time axes stay aligned.
    if colorbar:
        ax.figure.colorbar(image, cax=ax.inset_axes((1.01, 0, 0.012, 1)), label="power [dB]")
    return ax


def frames(clip: Clip, *, columns: int = 10, ax: Axes | None = None) -> Axes:
    """Draw some of a clip's frames side by side, each where it is in time.

    Parameters
    ----------
    clip : Clip
    columns : int
        How many are shown.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = ax or new_axes()
    length = len(clip.frames) / FRAME_RATE
    chosen = np.arange(columns) * len(clip.frames) // columns
    strip = np.concatenate(list(clip.frames[chosen]), axis=1)
    # Padding is white, as black might be a dark scene.
    strip[:, np.repeat(chosen >= clip.frame_count, clip.frames.shape[2])] = 255
    ax.imshow(strip, aspect="auto", extent=(clip.start, clip.start + length, 0, 1))
    for left in range(1, columns):
        ax.axvline(clip.start + left * length / columns, color="white", lw=1.5)
    ax.set(xlabel="time in the film [s]", yticks=[])
    return ax


def clip(clip: Clip, settings: MelSettings | None = None) -> Figure:
    """Draw frames, waveform and log-mel spectrogram of a clip on one time axis.

    Parameters
    ----------
    clip : Clip
    settings : MelSettings, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    settings = settings or MelSettings()
    figure, rows = pyplot().subplots(
        3, 1, figsize=(11, 6.5), sharex=True, height_ratios=(1.2, 1, 2), layout="constrained"
    )
    frames(clip, ax=rows[0])
    waveform(clip, ax=rows[1])
    mel = log_mel(clip.waveform[: clip.sample_count], settings)
    if mel.shape[1]:
        spectrogram(mel, settings, start=clip.start, ax=rows[2])
    rows[0].set_xlabel("")
    rows[1].set_xlabel("")
    rows[0].set_xlim(clip.start, clip.start + len(clip.frames) / FRAME_RATE)
    return figure
