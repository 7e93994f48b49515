"""Plots: what is drawn where, and that time is one axis."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from rendered import film, set_rotation
from toys import toy_model

import vgenre
from vgenre import plots
from vgenre.errors import MediaError
from vgenre.evaluation.films import Films
from vgenre.labelling.record import ClipResult, FilmResult, failure
from vgenre.labels import LabelSet
from vgenre.media.reader import read_clip
from vgenre.media.types import clock
from vgenre.sound import MelSettings, log_mel

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
    tone = np.sin(2 * np.pi * 1000 * np.arange(32000) / 32000).astype(np.float32)
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
        ClipResult(start, 10.0, {"Action": p, "Horror": 1 - p})
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


def test_a_clip_shows_itself(plain_film: Path, tmp_path: Path) -> None:
    html = read_clip(plain_film, 10)._repr_html_()
    assert "10 s, 2 s long: 8 frames" in html
    assert "<img" in html and "<audio controls" in html
    silent = read_clip(film(tmp_path / "silent.mp4", seconds=2, sound=None))._repr_html_()
    assert "<img" in silent and "<audio" not in silent


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[vgenre.Model, FilmResult]:
    folder = tmp_path_factory.mktemp("plots")
    toy_model(folder / "toy", ("Action", "Horror"))
    model = vgenre.load_model(folder / "toy")
    return model, model.label(film(folder / "a film.mp4", seconds=45), sampling=4)


def test_a_contact_sheet_has_a_frame_a_clip(labelled: tuple[vgenre.Model, FilmResult]) -> None:
    result = labelled[1]
    figure = plots.contact_sheet(result, columns=3)
    drawn = [ax for ax in figure.axes if ax.images]
    assert len(drawn) == len(result.clips) == 4
    assert drawn[1].get_title(loc="left").startswith(f"{clock(result.clips[1].start)}  ")
    assert len([ax for ax in plots.contact_sheet(result, most=2).axes if ax.images]) == 2
    with pytest.raises(MediaError, match="no picture"):
        plots.contact_sheet(replace(result, clips=[]))


def test_a_film_is_drawn_on_one_time_axis(labelled: tuple[vgenre.Model, FilmResult]) -> None:
    result = labelled[1]
    figure = plots.film(result)
    figure.draw_without_rendering()
    frames, sound, genres = figure.axes[:3]
    assert frames.get_xlim() == sound.get_xlim() == genres.get_xlim() == (0, result.duration)
    assert genres.get_title(loc="left") == f"What decided: {result.decided_text()}"
    assert len(frames.child_axes) == 4
    spans = [image.get_extent()[:2] for image in sound.images]
    assert [s[0] for s in spans] == pytest.approx([c.start for c in result.clips])
    for box, clip in zip(frames.child_axes, result.clips, strict=True):
        (left, _), (right, _) = frames.transData.inverted().transform(box.bbox.corners()[[0, 2]])
        assert left <= clip.start + clip.duration / 2 <= right


@pytest.mark.parametrize("degrees", [0, 90])
@pytest.mark.parametrize("sampling", [1, 4])
def test_frames_are_drawn_in_the_films_shape(
    labelled: tuple[vgenre.Model, FilmResult], tmp_path: Path, sampling: int, degrees: int
) -> None:
    path = film(tmp_path / "a $1^ film.mp4", seconds=40, size="320x180", rate=8, sound=None)
    if degrees:
        set_rotation(path, degrees)
    result = labelled[0].label(path, sampling=sampling)
    aspect = 9 / 16 if degrees else 16 / 9
    figure = plots.film(result)
    figure.draw_without_rendering()
    assert figure.axes[0].get_title() == "a $1^ film.mp4"
    boxes = figure.axes[0].child_axes
    assert len(boxes) == sampling
    for box in boxes:
        picture = box.images[0].get_window_extent()
        assert picture.width / picture.height == pytest.approx(aspect, rel=0.02)
    sheet = plots.contact_sheet(result)
    sheet.draw_without_rendering()
    picture = next(ax.images[0] for ax in sheet.axes if ax.images).get_window_extent()
    assert picture.width / picture.height == pytest.approx(aspect, rel=0.02)


def test_a_film_whose_name_is_no_text_is_drawn(
    labelled: tuple[vgenre.Model, FilmResult], tmp_path: Path
) -> None:
    path = film(tmp_path / os.fsdecode(b"Am\xe9lie.mp4"), seconds=1)
    figure = plots.film(labelled[0].label(path))
    figure.draw_without_rendering()
    assert figure.axes[0].get_title().endswith("lie.mp4")


def test_times_are_written_as_on_the_page() -> None:
    assert [clock(s) for s in (0, 0.4, 0.5, 59.5, 60, 3599.4, 3600, 36_000)] == [
        *("0:00", "0:00", "0:01", "1:00", "1:00", "59:59", "1:00:00", "10:00:00")
    ]


@pytest.mark.parametrize(
    ("absent", "extra", "call"),
    [
        ("matplotlib", "plots", "plots.waveform(clip)"),
        ("matplotlib", "plots", "plots.clip(clip)"),
        ("sklearn", "train", "plots.precision_recall(None, None)"),
    ],
)
def test_a_plot_without_its_library_says_what_to_install(
    absent: str, extra: str, call: str
) -> None:
    program = f"""
import sys
import numpy as np
sys.modules[{absent!r}] = None  # as where it is not installed
import vgenre
from vgenre import plots
from vgenre.media.types import Clip
clip = Clip(0.0, np.zeros((40, 299, 299, 3), "u1"), 40, np.zeros(320_000, "f4"), 320_000)
try:
    {call}
except vgenre.errors.MissingExtra as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"pip install 'vgenre[{extra}]'" in done.stdout, done.stderr


def test_a_spectrogram_is_drawn_without_librosa() -> None:
    program = """
import sys
for name in ("librosa", "sklearn", "scipy", "tensorflow"):
    sys.modules[name] = None
import numpy as np
from vgenre import log_mel, plots
print([t.get_text() for t in plots.spectrogram(log_mel(np.zeros(32_000))).get_yticklabels()])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "'1000'" in done.stdout, done.stderr


def test_an_explanation_is_drawn_over_frame_and_sound(
    labelled: tuple[vgenre.Model, FilmResult],
) -> None:
    model, result = labelled
    figure = plots.explanation(model.explain(result, "Horror"))
    left = result.without["audio"]["Horror"]
    assert figure.get_suptitle().startswith(
        f"Horror: the film {result.probabilities['Horror']:.0%}"
    )
    assert f"without the sound {left:.0%}" in figure.get_suptitle()
    assert [len(ax.images) for ax in figure.axes[:2]] == [2, 2]


def test_three_streams_fit_on_the_figures(labelled: tuple[vgenre.Model, FilmResult]) -> None:
    model, result = labelled
    name = "Science Fiction"
    spoken = replace(
        result,
        probabilities={name: 0.88, "Horror": 0.12},
        without={s: {name: 0.44, "Horror": 0.56} for s in ("visual", "audio", "dialogue")},
        clips=[replace(c, probabilities={name: 0.9, "Horror": 0.1}) for c in result.clips],
    )
    words = [("a $harbour$", 0.9), *((f"word {i}", 0.5) for i in range(11))]
    without = dict.fromkeys(spoken.without, 0.44)
    found = replace(model.explain(result), label=name, without=without, words=words)
    drawn = plots.film(spoken), plots.explanation(found)
    for figure in drawn:
        figure.draw_without_rendering()
    title = drawn[0].axes[2].title if drawn[0].axes[2].get_title() else drawn[0].axes[2]._left_title
    assert "without the dialogue 44%" in title.get_text()
    assert "without the dialogue 44%" in drawn[1].get_suptitle()
    assert drawn[1].get_suptitle().endswith("words that speak for it: a $harbour$, word 0, word 1, "
                                            "word 2, word 3, word 4, word 5, word 6")  # fmt: skip
    for figure, text in zip(drawn, (title, drawn[1]._suptitle), strict=True):
        assert text.get_window_extent().x0 >= 0
        assert text.get_window_extent().x1 <= figure.bbox.x1


def test_what_matters_to_nothing_is_not_drawn_as_if_it_did(
    labelled: tuple[vgenre.Model, FilmResult],
) -> None:
    found = labelled[0].explain(labelled[1])
    noise = np.random.default_rng(0).normal(0, 1e-12, (8, 8)).astype(np.float32)
    over = plots.explanation(replace(found, frame_map=noise)).axes[0].images[1]
    assert over.norm.vmax >= 1e-3


def test_confusion_and_calibration_show_the_counts() -> None:
    labels = LabelSet(("Action", "Horror"))
    truth = np.array([[1, 0], [1, 0], [0, 1]])
    films = Films(
        ["a", "b", "c"], np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]]), truth, truth.argmax(1)
    )
    cells = [text.get_text() for text in plots.confusion(films, labels).texts]
    assert cells == ["1", "1", "0", "1"]
    ax = plots.calibration(films, labels)
    points = ax.lines[1].get_xydata()
    np.testing.assert_allclose(points, [[0.8, 0], [0.9, 1]])
    assert len(plots.precision_recall(films, labels).lines) == 2
