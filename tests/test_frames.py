"""Single frames teach one by one, those of clips and still images of other films."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import items_of, outcomes_of, readings_of, told

from vgenre.data.items import Item
from vgenre.labels import MULTI, SINGLE
from vgenre.training.readings import FRAMES, MEAN, STILLS, UNSURE_STILLS, Frames, Readings
from vgenre.training.stack import Layer, Reading
from vgenre.training.streams import learn_streams

pytestmark = pytest.mark.quick

ONE = {"components": (12,), "strengths": (0.03,)}
OF_A_CLIP = 3


def with_frames(
    readings: Readings, stills: list[Item], *, tells: float = 2.0, seed: int = 0
) -> Readings:
    """Readings of clips by the mean of three frames each, with the frames and with stills."""
    rng = np.random.default_rng(seed)
    clips = np.repeat(np.arange(len(readings.owners)), OF_A_CLIP)
    frames = told(rng, outcomes_of(readings.items)[readings.owners][clips], tells)
    means = frames.reshape(-1, OF_A_CLIP, frames.shape[1]).mean(axis=1)
    pictures = Readings(
        {"visual": {MEAN: told(rng, outcomes_of(stills), tells)}},
        {"visual": np.ones(len(stills), bool)}, np.full(len(stills), 0.25),
        np.arange(len(stills)), stills, readings.labels, readings.outside,
    )  # fmt: skip
    sources = {**readings.sources, "visual": {MEAN: means}}
    return replace(readings, sources=sources, frames=Frames(frames, clips, pictures))


def stills_of(n: int, *, unsure: int = 0) -> list[Item]:
    return [Item(f"s{i}", ("ABC"[i % 3],), f"still {i}", measured=i >= unsure) for i in range(n)]


def test_stills_count_a_share_of_what_the_frames_of_clips_do() -> None:
    readings = with_frames(readings_of(items_of(12)), stills_of(9, unsure=3))
    rows = np.arange(10)
    lesson = readings.lesson("visual", FRAMES, rows, {SINGLE: readings.targets()})
    assert lesson.features.shape[0] == len(lesson.weights) == 10 * OF_A_CLIP + 9
    of_clips, of_stills = lesson.weights[: 10 * OF_A_CLIP], lesson.weights[10 * OF_A_CLIP :]
    assert of_stills.sum() / of_clips.sum() == pytest.approx(STILLS)
    assert lesson.weights.mean() == pytest.approx(1)
    assert of_stills[:3].mean() / of_stills[3:].mean() == pytest.approx(UNSURE_STILLS)
    by_clip = of_clips.reshape(10, OF_A_CLIP)
    np.testing.assert_allclose(by_clip, by_clip[:, :1].repeat(OF_A_CLIP, axis=1))
    np.testing.assert_allclose(
        by_clip[:, 0] / by_clip[0, 0], readings.weights(rows) / readings.weights(rows)[0]
    )
    assert readings.frames
    np.testing.assert_array_equal(lesson.features[:30], readings.frames.features[:30])
    np.testing.assert_array_equal(lesson.targets[SINGLE][30:], np.eye(3)[np.arange(9) % 3])


def test_stills_of_a_film_that_is_held_out_teach_nothing() -> None:
    items = items_of(12)
    stills = [*stills_of(3), Item("x", ("A",), items[11].film), Item("y", ("A",), items[0].film)]
    readings = with_frames(readings_of(items), stills)
    rows = np.arange(22)  # two clips a film: all but the last film's
    lesson = readings.lesson("visual", FRAMES, rows, {SINGLE: readings.targets()})
    assert len(lesson.weights) == 22 * OF_A_CLIP + 4
    everything = readings.lesson("visual", FRAMES, np.arange(24), {SINGLE: readings.targets()})
    assert len(everything.weights) == 24 * OF_A_CLIP + 5


def test_there_are_no_more_stills_than_frames_and_the_clips_teach_without_any() -> None:
    readings = with_frames(readings_of(items_of(6), clips=1), stills_of(90))
    lesson = readings.lesson("visual", FRAMES, np.arange(6), {SINGLE: readings.targets()})
    assert len(lesson.weights) == 2 * 6 * OF_A_CLIP
    alone = with_frames(readings_of(items_of(6), clips=1), [])
    lesson = alone.lesson("visual", FRAMES, np.arange(6), {MULTI: alone.targets(MULTI)})
    assert len(lesson.weights) == 6 * OF_A_CLIP and list(lesson.targets) == [MULTI]


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_what_frames_teach_reads_the_mean_of_a_clip(mode: str) -> None:
    readings = with_frames(readings_of(items_of(36), mode=mode), stills_of(60))
    assert readings.ways("visual") == [MEAN, FRAMES] and readings.ways("audio") == ["features"]
    learnt = learn_streams(readings, np.arange(72), **ONE)
    assert {reading.source for reading in learnt.chosen["visual"]} == {MEAN, FRAMES}
    assert [part.source for part in learnt.layers["visual"]] == [MEAN, MEAN]
    other = with_frames(readings_of(items_of(30), mode=mode, seed=5), [], seed=5)
    said = learnt.logits(other, np.arange(60))["visual"]
    assert (said.argmax(axis=1) == outcomes_of(other.owned())).mean() > 0.8
    assert other.frames
    of_frames = sum(other.frames.features @ p.kernel + p.bias for p in learnt.layers["visual"])
    np.testing.assert_allclose(said, of_frames.reshape(60, OF_A_CLIP, -1).mean(axis=1), atol=1e-4)


def test_stills_help_where_clips_are_few() -> None:
    few = readings_of(items_of(9), clips=1)
    other = with_frames(readings_of(items_of(90), seed=5), [], tells=1.0, seed=5)

    def right(stills: int) -> float:
        readings = with_frames(few, stills_of(stills), tells=1.0)
        learnt = learn_streams(readings, np.arange(9), sources={"visual": [FRAMES]}, **ONE)
        said = learnt.logits(other, np.arange(180))["visual"]
        return float((said.argmax(axis=1) == outcomes_of(other.owned())).mean())

    assert right(300) > right(0)


def test_some_of_the_clips_have_no_frames() -> None:
    assert with_frames(readings_of(items_of(6)), []).take(np.arange(4)).frames is None


def test_a_part_counts_what_it_is_told_to() -> None:
    part = Layer(MEAN, np.ones((2, 3), np.float32), np.ones(3, np.float32)).times(0.5)
    assert part.source == MEAN and (part.kernel == 0.5).all() and (part.bias == 0.5).all()
    assert Reading(MEAN, 3, 0.1) == Reading(MEAN, 3, 0.1, SINGLE)
