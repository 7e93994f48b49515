"""The feature cache: computed once, and anew when anything it depends on has changed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from rendered import film

from vgenre.data.arrays import GrowingArray, Rows
from vgenre.data.cache import FeatureCache, entries, shrink
from vgenre.data.items import Item
from vgenre.data.pixels import collect_pixels
from vgenre.errors import MediaError
from vgenre.media.sampling import Sampling
from vgenre.sound import MelSettings


class MeanColour:
    """An extractor that counts how many frames it was asked about."""

    def __init__(self) -> None:
        self.frames = 0

    def features(self, frames: np.ndarray) -> np.ndarray:
        self.frames += len(frames)
        return frames.mean(axis=(1, 2)).astype(np.float32)


@pytest.fixture
def extractor() -> MeanColour:
    return MeanColour()


def cache(folder: Path, extractor: MeanColour, **changes: object) -> FeatureCache:
    settings: dict = {"body": "x", "mel": MelSettings(), "sampling": Sampling(2)} | changes
    return FeatureCache(folder, extractor, **settings)


def test_features_are_computed_once(
    tmp_path: Path, plain_film: Path, extractor: MeanColour
) -> None:
    first = cache(tmp_path, extractor).get(str(plain_film))
    second = cache(tmp_path, extractor).get(str(plain_film))
    assert extractor.frames == 48  # 12 s
    assert first.features.shape == (2, 40, 3) and first.mel.shape == (2, 128, 1000)
    assert first.frame_mask.sum(axis=1).tolist() == [40, 8]
    assert first.seconds.tolist() == [10, 2]
    assert not first.features[1, 8:].any()
    for name in first.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize(
    "changes",
    [
        {"body": "y"},
        {"mel": MelSettings(n_mels=64)},
        {"sampling": Sampling(1)},
    ],
)
def test_other_settings_are_computed_anew(
    tmp_path: Path, plain_film: Path, extractor: MeanColour, changes: dict
) -> None:
    cache(tmp_path, extractor).get(str(plain_film))
    before = extractor.frames
    cache(tmp_path, extractor, **changes).get(str(plain_film))
    assert extractor.frames > before


def test_a_changed_file_is_computed_anew(tmp_path: Path, extractor: MeanColour) -> None:
    path = film(tmp_path / "film.mp4", seconds=2)
    features = cache(tmp_path / "cache", extractor)
    features.get(str(path))
    os.utime(path, (1, 1))
    features.get(str(path))
    assert extractor.frames == 16


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and then nothing", b"\x00" * 100])
def test_a_damaged_entry_is_mended(
    tmp_path: Path, short_film: Path, extractor: MeanColour, damage: bytes
) -> None:
    features = cache(tmp_path, extractor)
    whole = features.get(str(short_film))
    features.entry(str(short_film)).write_bytes(damage)
    mended = features.get(str(short_film))
    np.testing.assert_array_equal(whole.features, mended.features)
    assert extractor.frames == 24
    features.get(str(short_film))
    assert extractor.frames == 24


def test_a_file_that_cannot_be_read_is_reported_and_left_out(
    tmp_path: Path, short_film: Path, extractor: MeanColour
) -> None:
    items = [Item(str(tmp_path / "none.mp4"), ("A",), "1"), Item(str(short_film), ("A",), "2")]
    features = cache(tmp_path, extractor)
    skipped: list[MediaError] = []
    seen: list[tuple[int, int]] = []
    clips, owners = features.collect(
        items,
        tmp_path / "work",
        progress=lambda done, of: seen.append((done, of)),
        skipped=skipped.append,
    )
    assert len(clips) == 1 and owners.tolist() == [1]
    assert [error.path for error in skipped] == [items[0].path]
    assert seen == [(1, 2), (2, 2)]
    with pytest.raises(MediaError, match=r"none\.mp4"):
        features.collect(items, tmp_path / "work")


def test_a_cache_keeps_to_its_limit_and_drops_what_was_not_used_for_longest(
    tmp_path: Path, plain_film: Path, short_film: Path, extractor: MeanColour
) -> None:
    made = cache(tmp_path, extractor)
    for path in (plain_film, short_film):
        made.get(str(path))
    old, new = (made.entry(str(path)) for path in (plain_film, short_film))
    os.utime(new, (1, 1))
    os.utime(old, (2, 2))
    made.get(str(short_film))  # used, so the other one is now the older
    assert [path for path, _ in entries(tmp_path)] == [old, new]
    assert shrink(tmp_path, new.stat().st_size) == 1
    assert [path for path, _ in entries(tmp_path)] == [new]


def test_a_full_cache_keeps_what_this_very_run_needs_and_drops_the_rest(
    tmp_path: Path,
    plain_film: Path,
    short_film: Path,
    extractor: MeanColour,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = tmp_path / "cache"
    cache(folder, extractor).get(str(plain_film))
    full = cache(folder, extractor, limit=0)
    full.collect([Item(str(short_film), ("A",), "f")], tmp_path / "work")
    assert [path for path, _ in entries(folder)] == [full.entry(str(short_film))]
    assert "more than its limit" in caplog.text


def test_another_way_to_read_films_is_computed_anew(
    tmp_path: Path, short_film: Path, extractor: MeanColour, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cache(tmp_path, extractor).entry(str(short_film))
    monkeypatch.setattr("vgenre.data.cache.code_version", lambda *rooms: "changed")
    assert cache(tmp_path, extractor).entry(str(short_film)) != before


def test_a_data_set_is_read_from_disk_and_not_held_twice(
    tmp_path: Path, plain_film: Path, short_film: Path, extractor: MeanColour
) -> None:
    features = cache(tmp_path / "cache", extractor)
    items = [Item(str(path), ("A",), str(path)) for path in (plain_film, short_film)]
    clips, owners = features.collect(items, tmp_path / "work")
    assert isinstance(clips.features, np.memmap) and isinstance(clips.mel, np.memmap)
    apart = [features.get(item.path) for item in items]
    assert owners.tolist() == [0, 0, 1]
    for name in ("features", "frame_mask", "mel", "mel_mask", "seconds"):
        joined = np.concatenate([getattr(part, name) for part in apart])
        np.testing.assert_array_equal(np.asarray(getattr(clips, name)), joined)
    some = clips.take(np.array([2, 0])).take(np.array([1, 0]))
    assert isinstance(some.mel, Rows) and isinstance(some.mel.source, np.memmap), "no copy"
    for name, values in some.inputs(np.array([1])).items():
        np.testing.assert_array_equal(values, clips.inputs(np.array([2]))[name])
    frames = np.array([[0, 5]])
    np.testing.assert_array_equal(
        some.pick(np.array([1]), frames), clips.pick(np.array([2]), frames)
    )
    assert some.key() == clips.take(np.array([0, 2])).key() != clips.key()
    again, _ = features.collect(items[:1], tmp_path / "work")
    assert len(again) == 2 and len(clips) == 3, "what is open already stays as it was"
    np.testing.assert_array_equal(np.asarray(clips.features[2]), apart[1].features[0])


def test_a_film_that_fails_half_way_leaves_no_pixels(tmp_path: Path, short_film: Path) -> None:
    class FailsOnce:
        """Its second clip cannot be read."""

        asked = 0

        def features(self, frames: np.ndarray) -> np.ndarray:
            self.asked += 1
            if self.asked == 2:
                raise MediaError("b.mp4", "went away")
            return frames[:, 0, 0].astype(np.float32)

    long = film(tmp_path / "long.mp4", seconds=25)
    items = [Item(str(path), ("A",), str(path)) for path in (long, short_film)]
    skipped: list[MediaError] = []
    file = tmp_path / "pixels.raw"
    clips, owners = collect_pixels(
        items, FailsOnce(), Sampling(2), file, "body", skipped=skipped.append
    )
    assert owners.tolist() == [1] and len(skipped) == 1
    expected = clips.pick(np.array([0]), np.arange(12)[None])
    alone, _ = collect_pixels(items[1:], FailsOnce(), Sampling(2), tmp_path / "alone.raw", "body")
    np.testing.assert_array_equal(alone.pick(np.array([0]), np.arange(12)[None]), expected)
    assert file.stat().st_size == 12 * 3


def test_pixels_are_taken_anew_when_anything_they_are_made_from_changed(
    tmp_path: Path, extractor: MeanColour
) -> None:
    path = film(tmp_path / "film.mp4", seconds=3)
    items = [Item(str(path), ("A",), "f")]
    file = tmp_path / "pixels.raw"

    def asked(name: str = "body", sampling: Sampling = Sampling(2)) -> int:  # noqa: B008
        before = extractor.frames
        collect_pixels(items, extractor, sampling, file, name)
        return extractor.frames - before

    assert asked() == 12
    assert asked() == 0
    assert asked("another") == 12
    assert asked() == 12
    assert asked(sampling=Sampling(1)) == 12
    os.utime(path, (1, 1))
    assert asked() == 12
    (tmp_path / "pixels.npz").write_bytes(b"PK and then nothing")
    assert asked() == 12


def test_a_growing_array_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), GrowingArray(tmp_path / "a.npy") as array:
        array.append(np.ones((2, 3), np.float16))
        raise ValueError("stop")
    assert not list(tmp_path.iterdir())
    with GrowingArray(tmp_path / "a.npy") as array:
        for i in range(11):  # the number of rows gets another digit
            array.append(np.full((1, 3), i, np.float16))
    found = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert found[:, 0].tolist() == list(range(11))
