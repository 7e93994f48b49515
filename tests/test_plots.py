"""Plots: what is drawn where, and that time is one axis."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from vgenre import plots
from vgenre.errors import MediaError
from vgenre.media import read_clip
from vgenre.result import ClipResult, FilmResult, failure
from vgenre.spectrogram import MelSettings, log_mel

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def no_figures_left() -> None:
    plt.close("all")


def test_frames_waveform_and_spectrogram_share_their_time_axis(plain_film: Path) -> None:
    figure = plots.clip(read_clip(plain_film, 10))
    figure.draw_without_rendering()
    rows = figure.axes[:3]
    assert all(ax.get_xlim() == (10, 20) for ax in rows)
    sides = np.array([[ax.get_position().x0, ax.get_position().x1] for ax in rows])
    np.testing.assert_allclose(sides, sides[:1].repeat(3, axis=0), atol=1e-6)
    assert "[s]" in rows[2].get_xlabel() and "[Hz" in rows[2].get_ylabel()


def test_frames_behind_the_end_are_white(plain_film: Path) -> None:
    ax = plots.frames(read_clip(plain_film, 10), columns=10)  # 2 s of 10
    picture = ax.images[0].get_array()
    assert (picture[:, 2 * 299 :] == 255).all()
    assert (picture[:, : 2 * 299] != 255).any()


def test_a_tone_is_drawn_at_its_frequency() -> None:
    settings = MelSettings()
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    ax = plots.spectrogram(log_mel(tone, settings), settings)
    ticks = dict(zip((t.get_text() for t in ax.get_yticklabels()), ax.get_yticks(), strict=True))
    loudest = np.asarray(ax.images[0].get_array()).mean(axis=1).argmax()
    assert abs(ticks["1000"] - loudest) <= 1


def test_the_waveform_is_drawn_over_the_films_time(plain_film: Path) -> None:
    line = plots.waveform(read_clip(plain_film, 5)).lines[0]
    assert line.get_xdata()[0] == 5
    assert line.get_xdata()[-1] == pytest.approx(12, abs=0.1)


def result(name: str = "<b>.mkv") -> FilmResult:
    clips = [
        ClipResult(start, 10.0, {"Action": p, "Horror": 1 - p}, {"visual": 1.0, "audio": 0.0})
        for start, p in ((0.0, 0.9), (50.0, 0.3))
    ]
    known = failure(MediaError(name, "only <half> of it"), name, "six")
    probabilities = {"Action": 0.6, "Horror": 0.4}
    return replace(
        known, clips=clips, probabilities=probabilities, labels=["Action"], duration=80.0
    )


def test_a_timeline_shows_each_clip_where_it_is_in_the_film() -> None:
    ax = plots.timeline(result())
    assert ax.get_xlim() == (0, 80)
    segments = [line.get_segments()[0] for line in ax.collections]
    assert [s[:, 0].tolist() for s in segments] == [[0, 10], [50, 60]] * 2
    assert [s[0, 1] for s in segments] == pytest.approx([0.9, 0.3, 0.1, 0.7])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["Action 60%", "Horror 40%"]
    colours = {tuple(line.get_color()[0]) for line in ax.collections}
    assert len(colours) == 2


def test_a_result_shows_itself_in_jupyter_and_text_stays_text() -> None:
    html = result()._repr_html_()
    assert "&lt;b&gt;.mkv" in html and "only &lt;half&gt; of it" in html
    assert html.index("Action") < html.index("Horror")
    assert "60%" in html
