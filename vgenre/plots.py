"""Pictures of films, for notebooks and for the disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from .colours import genre_colour
from .errors import MediaError
from .media import FRAME_RATE, SAMPLE_RATE, Clip, probe, read_clip
from .pictures import spread
from .result import ClipResult, FilmResult
from .spectrogram import MelSettings, log_mel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .evaluation import Films
    from .explanation import Explanation
    from .labels import LabelSet


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
    ax = ax or _new_axes()
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
    import librosa

    settings = settings or MelSettings()
    ax = ax or _new_axes()
    seconds = mel.shape[1] * settings.hop_length / settings.sample_rate
    image = ax.imshow(
        mel,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=settings.floor_db,
        vmax=settings.ceiling_db,
        extent=(start, start + seconds, -0.5, settings.n_mels - 0.5),
    )
    centres = librosa.mel_frequencies(settings.n_mels + 2, fmin=settings.fmin, fmax=settings.fmax)
    hertz = [f for f in (250, 500, 1000, 2000, 4000, 8000) if f < settings.fmax]
    ax.set_yticks(np.interp(hertz, centres[1:-1], np.arange(settings.n_mels)), map(str, hertz))
    ax.set(xlabel="time in the film [s]", ylabel="frequency [Hz, mel scale]")
    # Beside the axes, not out of them, so that a time axis above stays aligned.
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
    ax = ax or _new_axes()
    length = len(clip.frames) / FRAME_RATE
    chosen = np.arange(columns) * len(clip.frames) // columns
    strip = np.concatenate(list(clip.frames[chosen]), axis=1)
    # Padding is white: it is nothing, where black might be a dark scene.
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
    import matplotlib.pyplot as plt

    settings = settings or MelSettings()
    figure, rows = plt.subplots(
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


def timeline(film: FilmResult, *, genres: int = 4, ax: Axes | None = None) -> Axes:
    """Draw how probable a film's likeliest genres are over its length.

    Parameters
    ----------
    film : FilmResult
    genres : int
        How many are drawn, the likeliest of the whole film first.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = ax or _new_axes()
    likeliest = sorted(film.probabilities, key=lambda name: -film.probabilities[name])[:genres]
    for name in likeliest:
        for i, clip in enumerate(film.clips):
            ax.hlines(
                clip.probabilities[name],
                clip.start,
                clip.start + clip.duration,
                color=genre_colour(name),
                linewidth=3,
                label=f"{name} {film.probabilities[name]:.0%}" if i == 0 else "_nolegend_",
            )
    ax.set(xlabel="time [s]", ylabel="probability", ylim=(-0.02, 1.02))
    ax.set_xlim(0, max([film.duration or 0, *(c.start + c.duration for c in film.clips)]) or 1)
    if film.clips:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    return ax


def contact_sheet(film: FilmResult, *, columns: int = 5, most: int = 20) -> Figure:
    """Draw a frame of each clip of a film, with its time and what it was taken for.

    Parameters
    ----------
    film : FilmResult
        As `vgenre.Model.label` gives it; its frames are read from its file again.
    columns : int
    most : int
        Of more clips as many are shown, evenly spread.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MediaError
        If the film cannot be read any more, or has no picture.
    """
    import matplotlib.pyplot as plt

    shown = [(c, s) for c, s in _clips_of(film, most) if c.has_picture]
    if not shown:
        raise MediaError(film.path, "there is no picture to show")
    info = probe(film.path)
    shape = (info.height or 9) / (info.width or 16)
    rows = -(-len(shown) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(2.2 * columns, rows * (2.2 * shape + 0.5)),
        squeeze=False,
        layout="constrained",
    )
    for ax in axes.flat:
        ax.axis("off")
    for ax, (clip, found) in zip(axes.flat, shown, strict=False):
        ax.imshow(clip.frames[clip.frame_count // 2], extent=(0, 1, 0, shape))
        best = max(found.probabilities, key=lambda name: found.probabilities[name])
        title = f"{_clock(found.start)}  {best} {found.probabilities[best]:.0%}"
        ax.set_title(title, fontsize=8, loc="left")
        ax.add_patch(plt.Rectangle((0, 0), 1, shape, fill=False, lw=4, ec=genre_colour(best)))
    return figure


def film(film: FilmResult, settings: MelSettings | None = None, *, most: int = 12) -> Figure:
    """Draw a film's frames, its sound and its genres on one time axis.

    Parameters
    ----------
    film : FilmResult
        As `vgenre.Model.label` gives it; its clips are read from its file again.
    settings : MelSettings, optional
    most : int
        Of more clips as many are read, evenly spread.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MediaError
        If the film cannot be read any more.
    """
    import matplotlib.pyplot as plt

    settings = settings or MelSettings()
    figure, rows = plt.subplots(
        3, 1, figsize=(11, 6.5), sharex=True, height_ratios=(1, 1.3, 1.5), layout="constrained"
    )
    end = max([film.duration or 0, *(c.start + c.duration for c in film.clips)]) or 1
    clips = _clips_of(film, most, settings.sample_rate)
    step = end / max(1, len(clips))
    for i, (clip, found) in enumerate(clips):
        if clip.has_picture:
            frame = clip.frames[clip.frame_count // 2]
            # Clips are evenly spread, so that each frame's time is in its share of the axis.
            left, right = (i + 0.03) * step, (i + 0.97) * step
            rows[0].imshow(frame, aspect="auto", extent=(left, right, 0, 1))
        if clip.has_sound:
            spectrogram(
                log_mel(clip.waveform[: clip.sample_count], settings),
                settings,
                start=found.start,
                ax=rows[1],
                colorbar=i == 0,
            )
    timeline(film, ax=rows[2])
    rows[0].set(yticks=[], ylim=(0, 1), title=f"{os.path.basename(film.path)}")
    rows[1].set_xlabel("")
    rows[2].set_xlim(0, end)
    return figure


def precision_recall(films: Films, labels: LabelSet, *, ax: Axes | None = None) -> Axes:
    """Draw precision over recall for each label that some film has.

    Parameters
    ----------
    films : Films
        Probabilities and the truth, see `vgenre.evaluation.Films`.
    labels : LabelSet
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    ax = ax or _new_axes((5, 4))
    for i, name in enumerate(labels.names):
        known = films.truth[:, i] >= 0
        truth, p = films.truth[known, i], films.probabilities[known, i]
        if truth.any():
            precision, recall, _ = precision_recall_curve(truth, p)
            ap = average_precision_score(truth, p)
            ax.plot(
                recall,
                precision,
                ("-", "--", ":")[i // 7 % 3],
                drawstyle="steps-pre",
                color=genre_colour(name),
                label=f"{name} {ap:.2f}",
            )
    ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
    ax.legend(fontsize=7, loc="lower left", ncols=2 if len(labels) > 8 else 1, title="AP")
    return ax


def calibration(films: Films, labels: LabelSet, *, bins: int = 10, ax: Axes | None = None) -> Axes:
    """Draw how often a model is right when it is so sure, with the number of cases.

    Parameters
    ----------
    films : Films
    labels : LabelSet
    bins : int
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    from .evaluation import calibration_error, reliability

    sure, right = reliability(films, labels)
    which = np.minimum((sure * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    some = count > 0
    x = np.bincount(which, sure, bins)[some] / count[some]
    y = np.bincount(which, right, bins)[some] / count[some]
    ax = ax or _new_axes((5, 4))
    ax.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="calibrated")
    error = calibration_error(sure, right, bins=bins)
    ax.plot(x, y, "o-", color="#0072B2", label=f"ECE {error:.3f}")
    for i, n in enumerate(count[some]):
        ax.annotate(str(n), (x[i], y[i]), xytext=(4, -10), textcoords="offset points", fontsize=7)
    ax.set(xlabel="probability given", ylabel="share right", xlim=(0, 1), ylim=(0, 1.02))
    ax.legend(fontsize=8)
    return ax


def confusion(films: Films, labels: LabelSet, *, ax: Axes | None = None) -> Axes:
    """Draw films by their main label and the likeliest one.

    Parameters
    ----------
    films : Films
    labels : LabelSet
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    n = len(labels)
    counts = np.zeros((n, n), int)
    np.add.at(counts, (films.primary, films.probabilities.argmax(axis=1)), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = ax or _new_axes((5, 4))
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(counts):
        colour = "white" if share[i, j] > 0.6 else "black"
        ax.text(j, i, count, ha="center", va="center", color=colour)
    ax.set_xticks(range(n), labels.names, rotation=30, ha="right")
    ax.set_yticks(range(n), labels.names)
    ax.set(xlabel="labelled", ylabel="is (main genre)")
    return ax


def explanation(found: Explanation) -> Figure:
    """Draw what spoke for a genre: frame and sound, dimmed where they do not matter.

    Parameters
    ----------
    found : Explanation
        As `vgenre.Model.explain` gives it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    maps = [
        (found.frame, found.frame_map, f"frame at {_clock(found.time)}"),
        (found.mel, found.mel_map, "sound around it"),
    ]
    words = {"visual": "picture", "audio": "sound"}
    alone = ", ".join(f"{words[s]} alone {p:.0%}" for s, p in found.streams.items())
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    figure.suptitle(f"what speaks for {found.label}: {alone}", fontsize=11)
    for ax, (shown, importance, title) in zip(axes, maps, strict=True):
        ax.set(xticks=[], yticks=[], title=title)
        if shown is None or importance is None:
            ax.text(0.5, 0.5, "none", ha="center", transform=ax.transAxes)
            continue
        if shown.ndim == 3:
            ax.imshow(shown, extent=(0, found.aspect, 0, 1))
        else:
            seconds = found.clip.sample_count / found.clip.sample_rate
            ax.imshow(shown, origin="lower", aspect="auto", cmap="gray", extent=(0, seconds, 0, 1))
            ax.set(xlabel="time in the clip [s]", ylabel="mel bands, low to high")
            ax.set_xticks(range(0, int(seconds) + 1, 2))
        limit = float(np.abs(importance).max()) or 1.0
        over = ax.imshow(
            importance[:: 1 if shown.ndim == 3 else -1],
            cmap="PuOr_r",
            alpha=0.55,
            vmin=-limit,
            vmax=limit,
            interpolation="bilinear",
            aspect=ax.get_aspect(),
            extent=ax.images[0].get_extent(),
        )
        figure.colorbar(over, ax=ax, label="probability lost where hidden", shrink=0.9)
    return figure


def _clips_of(
    film: FilmResult, most: int, sample_rate: int = SAMPLE_RATE
) -> list[tuple[Clip, ClipResult]]:
    """Some clips of a film, read again."""
    info = probe(film.path)
    chosen = [film.clips[i] for i in spread(len(film.clips), most)]
    return [
        (read_clip(film.path, found.start, info=info, sample_rate=sample_rate), found)
        for found in chosen
    ]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _new_axes(size: tuple[float, float] = (10, 3)) -> Axes:
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]
