"""Frames that have not changed are not computed again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from vgenre.labelling.features import ClipFeatures
from vgenre.media import Clip

pytestmark = pytest.mark.quick

RNG = np.random.default_rng(0)


class Counting:
    """An engine whose features are a frame's corner and mean; it counts what it is shown."""

    name, frames_at_once = "counting", 8

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.shown = 0  # without the black ones that fill a batch up

    def features(self, frames: np.ndarray) -> np.ndarray:
        self.batches.append(len(frames))
        self.shown += int(frames.any(axis=(1, 2, 3)).sum())
        corner, mean = frames[:, 0, 0].astype(np.float32), frames.mean((1, 2), dtype=np.float32)
        return np.concatenate([corner, mean], axis=1)

    def see(self, features: np.ndarray, frame_mask: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def hear(self, mel: np.ndarray, mel_mask: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def listen(self, mel: np.ndarray, mel_mask: np.ndarray) -> tuple[np.ndarray, None]:
        raise NotImplementedError


def clips_of(levels: np.ndarray, start: float = 0.0) -> Iterator[tuple[Clip, float]]:
    """Clips of plain frames, each as bright as it says."""
    for i in range(0, len(levels), 40):
        some = levels[i : i + 40].astype(np.uint8)
        frames = np.repeat(some, 299 * 299 * 3).reshape(-1, 299, 299, 3)
        clip = Clip.of_arrays(frames, start=start + i / 4)
        yield clip, clip.start


def features(levels: np.ndarray, close: float | None) -> tuple[np.ndarray, Counting]:
    engine, found, starts = Counting(), [], []
    for clip, start, some in ClipFeatures(engine, close).of(clips_of(levels)):
        assert clip.start == start and len(some) == clip.frame_count
        found.append(some)
        starts.append(start)
    assert starts == [10.0 * i for i in range(-(-len(levels) // 40))]
    return np.concatenate(found), engine


def test_a_frame_takes_the_feature_of_the_last_one_that_was_computed() -> None:
    levels = np.array([10, 11, 12, 13, 14, 90, 91, 10, 10])
    found, engine = features(levels, 2.0)
    assert found[:, 0].tolist() == [10, 10, 10, 13, 13, 90, 90, 10, 10]
    assert engine.shown == 4


def test_what_is_computed_goes_on_over_the_border_of_clips() -> None:
    found, engine = features(np.full(400, 77), 2.0)
    assert engine.batches == [1]
    assert (found == 77).all() and len(found) == 400


def test_where_nothing_is_close_all_is_computed_in_full_batches() -> None:
    levels = 1 + (np.arange(107) * 40) % 251
    wanted = Counting().features(
        np.concatenate([c.frames[: c.frame_count] for c, _ in clips_of(levels)])
    )
    for close in (2.0, None):
        found, engine = features(levels, close)
        np.testing.assert_array_equal(found, wanted)
        assert engine.shown == 107
        assert all(size % 8 == 0 for size in engine.batches)


def test_exact_computes_whatever_is_not_equal() -> None:
    levels = np.array([10, 10, 11, 12, 12, 12, 10] * 20)
    found, engine = features(levels, None)
    assert found[:, 0].tolist() == levels.tolist()
    assert engine.shown == 1 + np.count_nonzero(np.diff(levels))


def test_clips_that_do_not_follow_each_other_share_nothing() -> None:
    engine, levels = Counting(), np.full(40, 50)
    apart = [*clips_of(levels), *clips_of(levels, start=60.0)]
    assert len(list(ClipFeatures(engine, 2.0).of(apart))) == 2
    assert engine.shown == 2


def test_clips_without_picture_pass_through() -> None:
    silent = [
        (Clip.of_arrays(waveform=np.ones(320_000, np.float32), start=s), s) for s in (0.0, 10.0)
    ]
    found = list(ClipFeatures(Counting(), 2.0).of([*silent, *clips_of(np.full(3, 9), start=20.0)]))
    assert [len(some) for _, _, some in found] == [0, 0, 3]


def test_a_clip_does_not_wait_for_many_others() -> None:
    taken = 0

    def clips() -> Iterator[tuple[Clip, float]]:
        nonlocal taken
        for clip in clips_of(np.full(4000, 5)):
            taken += 1
            yield clip

    next(iter(ClipFeatures(Counting(), 2.0).of(clips())))
    assert taken < 8
