"""Pictures of a labelled film: timeline, contact sheet, explanation."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..colours import genre_colour
from ..errors import MediaError
from ..labelling.record import STREAM_WORDS, ClipResult, FilmResult
from ..media.pictures import drawable, spread
from ..media.probing import probe
from ..media.reader import read_clip
from ..media.types import SAMPLE_RATE, Clip, MediaInfo, clock
from ..sound import MelSettings, log_mel
from .axes import new_axes, pyplot
from .clips import spectrogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..labelling.explain import Explanation

_WORDS = 8
"""Of the dialogue, that are shown."""

_LEAST_LOSS = 1e-3
"""The loss of probability from which on a part is drawn in full colour; less is noise."""


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
    ax = ax or new_axes()
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
    """Draw a frame of each clip of a film, with its time and its likeliest genre.

    Parameters
    ----------
    film : FilmResult
        As `vgenre.Model.label` gives it; its frames are read from its file again.
    columns : int
    most : int
        How many clips are shown at most, evenly spread.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MediaError
        If the film cannot be read any more, or has no picture.
    """
    plt = pyplot()
    info = probe(film.path)
    shown = [(c, s) for c, s in _clips_of(film, info, most) if c.has_picture]
    if not shown:
        raise MediaError(film.path, "there is no picture to show")
    shape = 1 / drawable(info.aspect)
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
        title = f"{clock(found.start)}  {best} {found.probabilities[best]:.0%}"
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
        How many clips are read at most, evenly spread.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MediaError
        If the film cannot be read any more.
    """
    # What is louder than the rest of the film is drawn as louder.
    settings = replace(settings or MelSettings(), level=None)
    figure, rows = pyplot().subplots(
        3, 1, figsize=(11, 6.5), sharex=True, height_ratios=(1, 1.3, 1.5), layout="constrained"
    )
    end = max([film.duration or 0, *(c.start + c.duration for c in film.clips)]) or 1
    info = probe(film.path)
    clips = _clips_of(film, info, most, settings.sample_rate)
    share = end / max(1, len(clips))
    for i, (clip, found) in enumerate(clips):
        if clip.has_picture:
            # Clips are evenly spread, so the time of each frame lies in its share of the axis.
            # Axes of its own, in the middle of that share, keep a frame in its shape.
            place = ((i + 0.03) * share, 0, 0.94 * share, 1)
            box = rows[0].inset_axes(place, transform=rows[0].get_xaxis_transform())
            box.imshow(clip.frames[clip.frame_count // 2], extent=(0, drawable(info.aspect), 0, 1))
            box.axis("off")
        if clip.has_sound:
            spectrogram(
                log_mel(clip.waveform[: clip.sample_count], settings),
                settings,
                start=found.start,
                ax=rows[1],
                colorbar=i == 0,
            )
    timeline(film, ax=rows[2])
    if text := film.decided_text():
        rows[2].set_title(f"What decided: {text}", fontsize=9, loc="left", parse_math=False)
    rows[0].set(yticks=[], ylim=(0, 1))
    # A name may hold bytes that are no text, and dollar signs that begin no formula.
    name = os.path.basename(film.path).encode("utf-8", "backslashreplace").decode()
    rows[0].set_title(name, parse_math=False)
    rows[1].set_xlabel("")
    rows[2].set_xlim(0, end)
    return figure


def explanation(found: Explanation) -> Figure:
    """Draw what spoke for a genre, over the frame and the sound.

    Parameters
    ----------
    found : Explanation
        As `vgenre.Model.explain` gives it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    maps = [
        (found.frame, found.frame_map, f"frame at {clock(found.time)}"),
        (found.mel, found.mel_map, "sound around it"),
    ]
    words = STREAM_WORDS
    alone = ", ".join(f"{words[s]} alone {p:.0%}" for s, p in found.streams.items())
    left = "".join(f", without the {words[s]} {p:.0%}" for s, p in found.without.items())
    said = ", ".join(term for term, _ in found.words[:_WORDS])
    figure, axes = pyplot().subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    figure.suptitle(
        f"{found.label}: the film {found.probability:.0%}{left}\nin these ten seconds {alone}"
        + (f"\nwords that speak for it: {said}" if said else ""),
        fontsize=11,
        parse_math=False,
    )
    for ax, (shown, importance, title) in zip(axes, maps, strict=True):
        ax.set(xticks=[], yticks=[], title=title)
        if shown is None or importance is None:
            ax.text(0.5, 0.5, "none", ha="center", transform=ax.transAxes)
            continue
        if shown.ndim == 3:
            ax.imshow(shown, extent=(0, drawable(found.aspect), 0, 1))
        else:
            seconds = found.clip.sample_count / found.clip.sample_rate
            ax.imshow(shown, origin="lower", aspect="auto", cmap="gray", extent=(0, seconds, 0, 1))
            ax.set(xlabel="time in the clip [s]", ylabel="mel bands, low to high")
            ax.set_xticks(range(0, int(seconds) + 1, 2))
        limit = max(float(np.abs(importance).max()), _LEAST_LOSS)
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
    film: FilmResult, info: MediaInfo, most: int, sample_rate: int = SAMPLE_RATE
) -> list[tuple[Clip, ClipResult]]:
    """Read some clips of a film again, evenly spread."""
    chosen = [film.clips[i] for i in spread(len(film.clips), most)]
    return [
        (read_clip(film.path, found.start, info=info, sample_rate=sample_rate), found)
        for found in chosen
    ]
