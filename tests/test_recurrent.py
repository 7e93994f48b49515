"""An LSTM adds what the order of a clip's frames says; `test_streams` has when it is taken."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from vgenre.data.features import ClipFeatures
from vgenre.data.items import Item
from vgenre.labelling.padding import frame_masks
from vgenre.labels import LabelSet
from vgenre.models.visual import build_visual_stream
from vgenre.training.clip_readings import summaries
from vgenre.training.learn import fill_visual
from vgenre.training.readings import DEVIATION, MEAN, Readings
from vgenre.training.recurrent import Lstm, project
from vgenre.training.streams import Learnt, Recurrent, learn_streams

LABELS = LabelSet(("A", "B"))
WIDTH, UNITS = 4, 4
N_FILMS = 64


def clips_of(kind: str) -> ClipFeatures:
    """A clip of each of 64 films, A and B in turns, told by the order of the frames or by all."""
    rng = np.random.default_rng(0)
    sign = np.where(np.arange(N_FILMS) % 2, 1.0, -1.0)
    counts = np.where(np.arange(N_FILMS) % 8 < 2, 20, 40)
    frames = 0.1 * rng.normal(size=(N_FILMS, 40, WIDTH)) + rng.normal(size=(N_FILMS, 1, WIDTH))
    later = np.arange(40) >= counts[:, None] / 2
    told = np.where(later, 2.0, -2.0) if kind == "order" else np.full((N_FILMS, 40), 2.0)
    frames[..., 0] += sign[:, None] * told
    frames[np.arange(40) >= counts[:, None]] = 0
    return ClipFeatures(
        frames.astype(np.float16),
        frame_masks(counts),
        np.zeros((N_FILMS, 4, 8), np.float16),
        np.zeros((N_FILMS, 8), np.float32),
        np.full(N_FILMS, 10, np.float32),
    )


def readings_of(clips: ClipFeatures) -> Readings:
    items = [Item(f"{i}", ("AB"[i % 2],), f"{i}") for i in range(N_FILMS)]
    there = {"visual": np.ones(N_FILMS, bool)}
    owners = np.arange(N_FILMS)
    return Readings(
        {"visual": summaries(clips)}, there, clips.seconds, owners, items, LABELS, False
    )


@dataclass(frozen=True)
class Taught:
    """What was learnt of clips of the first half of the films."""

    clips: ClipFeatures
    readings: Readings
    learnt: Learnt


@pytest.fixture(scope="module")
def taught() -> Taught:
    clips = clips_of("order")
    readings, rows = readings_of(clips), np.arange(N_FILMS // 2)
    sequences, kernel, bias = project(clips, readings.sources["visual"][MEAN], 8)
    lstm = Lstm(sequences, clips.frame_mask, kernel, bias, UNITS, epochs=30, dropout=0.0, rate=3e-2)
    linear = learn_streams(readings, rows, components=(8,), strengths=(0.01,))
    said = linear.logits(readings, rows)["visual"][rows]
    network, weights = lstm.fit(readings, rows, said)
    return Taught(
        clips, readings, replace(linear, recurrent=Recurrent(lstm, (1, 0), network, weights))
    )


def test_it_sees_an_order_of_which_the_mean_says_nothing(taught: Taught) -> None:
    held = np.arange(N_FILMS // 2, N_FILMS)
    alone, both = (
        learnt.logits(taught.readings, held)["visual"][held].argmax(axis=1) == held % 2
        for learnt in (replace(taught.learnt, recurrent=None), taught.learnt)
    )
    assert alone.mean() < 0.7
    assert both.mean() > 0.75


def test_the_network_says_what_linear_layer_and_lstm_said(taught: Taught) -> None:
    # Wider than what it projects to, as few films have few components.
    visual = build_visual_stream(2, features=WIDTH, lstm=UNITS, project=6, dropout=0.0)
    fill_visual(visual, taught.learnt)
    inputs = [taught.clips.features.astype(np.float32), taught.clips.frame_mask]
    found = visual(inputs, training=False)["logits"]
    rows = np.arange(N_FILMS)
    expected = taught.learnt.logits(taught.readings, rows)["visual"]
    np.testing.assert_allclose(found, expected, atol=0.02)  # the sequences are half precision


def test_the_projection_gives_each_component_its_share() -> None:
    clips = clips_of("all")
    means = summaries(clips)[MEAN]
    sequences, kernel, bias = project(clips, means, 3)
    assert sequences.shape == (N_FILMS, 40, 3) and sequences.dtype == np.float16
    np.testing.assert_allclose((means @ kernel + bias).std(axis=0), 1, rtol=0.01)
    np.testing.assert_allclose((means @ kernel + bias).mean(axis=0), 0, atol=0.01)
    frames = clips.features.astype(np.float32) @ kernel + bias
    np.testing.assert_allclose(sequences, frames, atol=0.02)
    assert project(clips, means, 9)[1].shape == (WIDTH, WIDTH), "there are no more components"


def test_clips_are_read_by_their_mean_and_by_how_much_they_change() -> None:
    clips = clips_of("order")
    ways = summaries(clips)
    frames = clips.features[0, :20].astype(np.float32)
    np.testing.assert_allclose(ways[MEAN][0], frames.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(ways[DEVIATION][0, WIDTH:], frames.std(axis=0), atol=1e-5)
    np.testing.assert_array_equal(ways[DEVIATION][:, :WIDTH], ways[MEAN])
