"""Which clips of a film are looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendered import film as rendered

import vgenre
from vgenre.media.sampling import Sampling, Span
from vgenre.media.types import MediaInfo


def film(duration: float, *, is_image: bool = False) -> MediaInfo:
    return MediaInfo("film", "mov", duration, is_image=is_image, video_stream=0)


def test_clips_lie_in_the_middle_of_their_share() -> None:
    assert Sampling(4).spans(film(400)) == [
        Span(45, 10),
        Span(145, 10),
        Span(245, 10),
        Span(345, 10),
    ]


def test_clips_of_a_long_film_do_not_overlap_and_lie_inside() -> None:
    for duration in (100.1, 123.4, 7200.0):
        spans = Sampling(10).spans(film(duration))
        assert len(spans) == 10
        ends = [span.start + span.seconds for span in spans]
        assert all(a <= b.start for a, b in zip(ends, spans[1:], strict=False))
        assert spans[0].start >= 0 and ends[-1] <= duration


@pytest.mark.parametrize("duration", [0.3, 10, 99.9, 100])
def test_a_film_no_longer_than_its_clips_is_read_whole(duration: float) -> None:
    assert Sampling(10).spans(film(duration)) == [Span(0, duration)]


def test_full_reads_all_in_one_pass() -> None:
    assert Sampling.parse("full").spans(film(7200)) == [Span(0, 7200)]


def test_a_still_image_is_looked_at_once() -> None:
    assert len(Sampling(10).spans(film(0, is_image=True))) == 1


@pytest.mark.parametrize("text", ["full", "keyframes", "1", "25"])
def test_the_command_lines_words_are_understood(text: str) -> None:
    assert str(Sampling.parse(text)) == text


@pytest.mark.parametrize("text", ["", "0", "-3", "2.5", "all"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a number of clips nor 'full' nor 'keyframes'"):
        Sampling.parse(text)


def test_frames_are_skipped_only_where_enough_are_left() -> None:
    dense, sparse = (MediaInfo("f", "mov", 9, video_stream=0, frame_rate=r) for r in (25, 8))
    assert Sampling(10).skip_frame(dense) == Sampling.parse("full").skip_frame(dense) == "noref"
    assert Sampling(10).skip_frame(sparse) is None
    assert Sampling.parse("keyframes").skip_frame(sparse) == "nokey"


@pytest.mark.parametrize("sound", ["sine=frequency=440", None])
def test_a_film_is_whole_by_its_key_frames_unless_it_was_cut_off(
    model: Path, tmp_path: Path, sound: str | None
) -> None:
    whole = rendered(tmp_path / "whole.mkv", "-g", 250, seconds=17, sound=sound)
    loaded = vgenre.load_model(model)
    label = loaded.label(whole, sampling="keyframes")
    assert (label.status, label.decoded_fraction) == ("ok", pytest.approx(1, abs=0.02))
    assert label.streams["visual"] and [c.duration for c in label.clips] == [10, 7]
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    label = loaded.label(cut, sampling="keyframes")
    assert label.status == "partial"
    assert label.decoded_fraction == pytest.approx(
        loaded.label(cut, sampling="full").decoded_fraction, abs=0.04
    )
