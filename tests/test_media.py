"""The FFmpeg stage on films rendered for the purpose, by whichever FFmpeg is found."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from rendered import (
    AAC,
    X264,
    counter,
    film,
    frame_number,
    has_encoder,
    lavfi,
    render,
    set_rotation,
)

from vgenre.errors import FFmpegNotFoundError, MediaError, MediaTimeoutError
from vgenre.media import decoder
from vgenre.media.ffmpeg import find_ffmpeg, messages_of, probe_args
from vgenre.media.probing import probe
from vgenre.media.reader import iter_clips, read_clip
from vgenre.media.types import CLIP_FRAMES, CLIP_SECONDS, FRAME_RATE, FRAME_SIZE, SAMPLE_RATE, Clip

RED_LEFT = "color=blue:s=160x120:r=10,drawbox=w=80:h=120:color=red:t=fill"


def pitch(wave: np.ndarray, rate: int = SAMPLE_RATE) -> float:
    """The strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return float(spectrum.argmax() * rate / len(wave))


def is_red(patch: np.ndarray) -> bool:
    red, green, blue = patch.reshape(-1, 3).mean(axis=0)
    return bool(red > 150 and green < 80 and blue < 80)


def assert_padded(clip: Clip) -> None:
    """Arrays have their full shape and are zero behind what was decoded."""
    assert clip.frames.shape == (CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.waveform.shape == (CLIP_SECONDS * SAMPLE_RATE,)
    assert clip.waveform.dtype == np.float32
    assert not clip.frames[clip.frame_count :].any()
    assert not clip.waveform[clip.sample_count :].any()


def child_ffmpegs() -> list[str]:
    """FFmpeg processes that this process has started and that still run."""
    ours = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # ended meanwhile
            name, _, rest = stat.read_text().rpartition(")")
            if int(rest.split()[1]) == os.getpid() and "ff" in name:
                ours.append(name)
    return ours


# --- finding FFmpeg -------------------------------------------------------------------------


def test_named_ffmpeg_comes_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = tmp_path / "mine", tmp_path / "bin" / "ffmpeg"
    other.parent.mkdir()
    for program in (mine, other):
        program.symlink_to(find_ffmpeg())
    monkeypatch.setenv("PATH", str(other.parent))
    monkeypatch.setenv("VGENRE_FFMPEG", str(mine))
    assert find_ffmpeg() == str(mine)
    monkeypatch.delenv("VGENRE_FFMPEG")
    assert find_ffmpeg() == str(other)


def test_wheel_serves_where_path_has_no_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    monkeypatch.delenv("VGENRE_FFMPEG", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ffmpeg() == imageio_ffmpeg.get_ffmpeg_exe()


def test_named_ffmpeg_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGENRE_FFMPEG", "/nowhere/ffmpeg")
    with pytest.raises(FFmpegNotFoundError, match="VGENRE_FFMPEG is '/nowhere/ffmpeg'"):
        find_ffmpeg()


# --- probing --------------------------------------------------------------------------------


def test_probe_reads_what_the_container_says(plain_film: Path) -> None:
    info = probe(plain_film)
    assert info.duration == pytest.approx(12, abs=0.1)
    assert (info.width, info.height, info.frame_rate) == (160, 120, 25)
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")
    assert (info.video_stream, info.audio_stream, info.audio_tracks) == (0, 1, 1)
    assert info.sample_rate == 44100 and not info.is_image


def test_length_missing_in_the_header_is_measured(tmp_path: Path) -> None:
    # A live Matroska has no length in its header, as one has whose recording was cut off.
    path = film(tmp_path / "live.mkv", "-live", 1, seconds=3)
    assert probe(path).duration == pytest.approx(3, abs=0.15)


def test_metadata_cannot_imitate_a_stream(tmp_path: Path) -> None:
    lie = "x\n  Stream #0:7: Video: h264, yuv420p, 1x1, 9 fps\n  Duration: 99:00:00.00"
    info = probe(film(tmp_path / "a.mkv", "-metadata", f"title={lie}", seconds=1, sound=None))
    assert info.video_stream == 0 and info.audio_stream is None
    assert info.duration == pytest.approx(1, abs=0.1)


def test_a_file_name_cannot_imitate_what_ffmpeg_says(short_film: Path, tmp_path: Path) -> None:
    lie = "x\n  Duration: 99:00:00.00\n  Stream #0:7: Video: h264, yuv420p, 1x1, 9 fps\n.mkv"
    info = probe(shutil.copy(short_film, tmp_path / lie))
    assert (info.video_stream, info.width) == (0, 160)
    assert info.duration == pytest.approx(3, abs=0.1)


def test_track_with_an_odd_language_is_seen(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", "-metadata:s:a:0", "language=a (b) c", seconds=1)
    assert probe(path).audio_stream == 1


# --- frames ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["24000/1001", "25", "60"])
@pytest.mark.parametrize("start", [0.0, 1.5])
def test_frame_shows_the_film_at_its_time(tmp_path: Path, rate: str, start: float) -> None:
    path = film(tmp_path / "f.mkv", seconds=5, picture=counter(rate), sound=None)
    clip = read_clip(path, start)
    fps = float(Fraction(rate))
    assert clip.frame_count == pytest.approx((5 - start) * FRAME_RATE, abs=1)
    shown = [frame_number(f) for f in clip.frames[: clip.frame_count]]
    at = start + (np.arange(clip.frame_count) + 0.5) / FRAME_RATE
    # Matroska rounds times to 1 ms: one frame of tolerance, at the end as well.
    wanted = np.minimum(np.floor(at * fps), round(5 * fps) - 1)
    assert np.abs(np.array(shown) - wanted).max() <= 1


@pytest.mark.parametrize("start", [0.0, 3.5])
def test_frames_equal_an_independent_decode(counter_film: Path, start: float) -> None:
    clip = read_clip(counter_film, start)
    assert clip.frame_count == CLIP_FRAMES
    film_by_cv2 = cv2.VideoCapture(str(counter_film))
    pictures = []
    while (read := film_by_cv2.read())[0]:
        pictures.append(read[1][..., ::-1])
    assert len(pictures) == 14 * 25
    for i, frame in enumerate(clip.frames):
        number = int((start + (i + 0.5) / FRAME_RATE) * 25)  # exact: no time falls on a change
        assert frame_number(frame) == number
        theirs = cv2.resize(
            pictures[number], (FRAME_SIZE, FRAME_SIZE), interpolation=cv2.INTER_AREA
        )
        # Two scalers and two conversions to RGB differ by a few levels, more at hard edges.
        assert np.abs(frame.astype(int) - theirs).mean() < 6


@pytest.mark.parametrize("start", [0, 3.1])
def test_frames_that_no_other_refers_to_can_be_skipped(tmp_path: Path, start: float) -> None:
    path = film(tmp_path / "b.mp4", "-bf", 3, "-g", 250, seconds=14, picture=counter(25))
    whole, some = (next(iter_clips(path, start, seconds=10, skip_frame=s)) for s in (None, "noref"))
    assert some.frame_count == whole.frame_count == CLIP_FRAMES
    numbers = [np.array([frame_number(f) for f in clip.frames]) for clip in (whole, some)]
    assert 0 < np.abs(numbers[0] - numbers[1]).max() <= 4
    np.testing.assert_array_equal(whole.waveform, some.waveform)


def test_key_frames_stand_until_the_next_one(tmp_path: Path) -> None:
    path = film(tmp_path / "k.mp4", "-g", 50, "-sc_threshold", 0, seconds=12, picture=counter(25))
    first, second = iter_clips(path, skip_frame="nokey")
    assert first.frame_count == CLIP_FRAMES
    assert set(map(frame_number, first.frames)) == {0, 50, 100, 150, 200}
    assert set(map(frame_number, second.frames[: second.frame_count])) == {250}
    assert first.has_sound


@pytest.mark.parametrize("sound", ["sine=frequency=440", None])
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "avi"])
def test_the_last_key_frame_stands_until_the_end(
    tmp_path: Path, container: str, sound: str | None
) -> None:
    path = film(
        tmp_path / f"k.{container}",
        *("-g", 90, "-sc_threshold", 0, "-c:a", "ac3"),
        seconds=14,
        picture=counter(25),
        sound=sound,
    )
    first, second = iter_clips(path, skip_frame="nokey")
    assert (first.frame_count, second.frame_count) == (CLIP_FRAMES, 16)
    assert set(map(frame_number, first.frames)) == {0, 90, 180}
    assert {frame_number(f) for f in second.frames[:16]} == {180, 270}
    assert_padded(second)


def test_a_single_key_frame_stands_for_the_whole_film(tmp_path: Path) -> None:
    path = film(tmp_path / "k.mp4", "-g", 900, "-sc_threshold", 0, seconds=25, picture=counter(25))
    clips = list(iter_clips(path, skip_frame="nokey"))
    assert [clip.frame_count for clip in clips] == [CLIP_FRAMES, CLIP_FRAMES, 20]
    assert {frame_number(f) for c in clips for f in c.frames[: c.frame_count]} == {0}


@pytest.mark.parametrize("picture", ["color=gray:size=80x48:rate=25", None])
def test_key_frames_do_not_wait_for_the_sound_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: str | None
) -> None:
    # As in films of half an hour and more, whose sound fills the buffer before a frame changes.
    monkeypatch.setattr(decoder, "_MOST_BUFFERED_BYTES", 1 << 20)
    path = film(tmp_path / "k.mp4", "-g", 9999, "-sc_threshold", 0, seconds=95, picture=picture)
    clips = list(iter_clips(path, seconds=95, skip_frame="nokey", timeout=10))
    assert [clip.frame_count for clip in clips] == [CLIP_FRAMES] * 9 + [20]
    assert all((c.frames[: c.frame_count] == clips[0].frames[0]).all() for c in clips)
    assert clips[0].frames[0].any()
    assert all(clip.has_sound for clip in clips)


@pytest.mark.parametrize("container", ["mp4", "ts"])
def test_key_frames_in_the_middle_begin_with_the_one_before(tmp_path: Path, container: str) -> None:
    path = film(
        tmp_path / f"k.{container}",
        *("-g", 100, "-sc_threshold", 0, "-c:a", "ac3"),
        seconds=24,
        picture=counter(25),
        sound="aevalsrc='gte(t,13)*0.8*sin(2*PI*1000*t)':s=48000",
    )
    (clip,) = iter_clips(path, 6, seconds=10, skip_frame="nokey")
    shown = [frame_number(f) for f in clip.frames[: clip.frame_count]]
    wanted = np.floor((6 + (np.arange(CLIP_FRAMES) + 0.5) / FRAME_RATE) / 4) * 100
    assert shown == wanted.tolist()
    onset = 6 + np.argmax(np.abs(clip.waveform) > 0.4) / SAMPLE_RATE
    assert onset == pytest.approx(13, abs=0.05)


@pytest.mark.parametrize("sound", ["sine=frequency=440", None])
@pytest.mark.parametrize("container", ["mkv", "ts", "avi"])
def test_key_frames_of_a_cut_off_film_end_where_it_ends(
    tmp_path: Path, container: str, sound: str | None
) -> None:
    whole = film(tmp_path / f"whole.{container}", "-g", 100, "-c:a", "ac3", seconds=40, sound=sound)
    path = tmp_path / f"cut.{container}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    info = replace(probe(path), duration=40.0)
    decoded = sum(c.frame_count for c in iter_clips(path, info=info)) / FRAME_RATE
    shown = sum(c.frame_count for c in iter_clips(path, info=info, skip_frame="nokey"))
    assert decoded < 30
    assert shown / FRAME_RATE == pytest.approx(decoded, abs=0.5)


def test_frames_of_a_large_picture_equal_an_independent_decode(tmp_path: Path) -> None:
    path = film(tmp_path / "large.mp4", seconds=1, size="640x480", rate=4, sound=None)
    capture = cv2.VideoCapture(str(path))
    frames = read_clip(path).frames
    for i in range(4):
        picture = capture.read()[1][..., ::-1]
        theirs = cv2.resize(picture, (FRAME_SIZE, FRAME_SIZE), interpolation=cv2.INTER_AREA)
        assert np.abs(frames[i].astype(int) - theirs).mean() < 6


def test_variable_frame_rate_keeps_time(tmp_path: Path) -> None:
    # 25 frames a second for 4 s, then one frame in five; the frame numbers go on counting.
    varying = counter(25) + ",select='lt(t,4)+not(mod(n,5))'"
    path = film(tmp_path / "vfr.mkv", "-fps_mode", "vfr", seconds=12, picture=varying, sound=None)
    shown = np.array([frame_number(f) for f in read_clip(path, 2).frames])
    wanted = (2 + (np.arange(CLIP_FRAMES) + 0.5) / FRAME_RATE) * 25
    assert np.abs(shown - wanted)[:7].max() <= 1.5
    assert np.abs(shown - wanted).max() <= 5.5  # the film itself changes only every fifth


def test_clips_follow_each_other_without_gap_or_overlap(counter_film: Path) -> None:
    first, second = iter_clips(counter_film)
    assert (first.start, second.start) == (0, CLIP_SECONDS)
    assert second.frame_count == pytest.approx(4 * FRAME_RATE, abs=1)
    sought = read_clip(counter_film, CLIP_SECONDS)
    assert sought.frame_count == second.frame_count
    assert np.array_equal(sought.frames, second.frames)


@pytest.mark.parametrize(
    ("degrees", "side"),
    [(90, np.s_[:140]), (180, np.s_[:, 160:]), (270, np.s_[160:])],
)
def test_rotated_film_is_shown_upright(tmp_path: Path, degrees: int, side: tuple) -> None:
    path = film(tmp_path / "turned.mp4", seconds=1, picture=RED_LEFT, sound=None)
    assert is_red(read_clip(path).frames[0][:, :140])
    set_rotation(path, degrees)
    assert is_red(read_clip(path).frames[0][side])
    info = probe(path)
    assert (info.rotation, info.width, info.height) == (degrees, 160, 120)
    assert info.display_size == ((160, 120) if degrees == 180 else (120, 160))
    assert info.aspect == pytest.approx(4 / 3 if degrees == 180 else 3 / 4)


@pytest.mark.parametrize("size", ["90x160", "161x121", "2x2", "720x16"])
def test_any_shape_becomes_the_square_whole(tmp_path: Path, size: str) -> None:
    halves = f"color=blue:s={size}:r=10:d=1,format=yuv444p,drawbox=w=iw/2:h=ih:color=red:t=fill"
    path = film(
        tmp_path / "shape.mkv",
        *("-pix_fmt", "yuv444p"),
        seconds=1,
        picture=halves,
        sound=None,
        video=("-c:v", "ffv1"),
    )
    info = probe(path)
    assert f"{info.width}x{info.height}" == size
    frame = read_clip(path).frames[0]
    assert is_red(frame[:, :140]) and not is_red(frame[:, 160:])


def test_non_square_pixels_keep_the_whole_picture(tmp_path: Path) -> None:
    path = film(tmp_path / "dvd.mkv", "-aspect", "16:9", seconds=1, picture=RED_LEFT, sound=None)
    info, frame = probe(path), read_clip(path).frames[0]
    assert (info.width, info.height) == (160, 120)
    assert info.display_size == (213, 120)
    assert info.aspect == pytest.approx(16 / 9, abs=0.01)
    assert is_red(frame[:, :140]) and not is_red(frame[:, 160:])


CODECS = {
    "h264-10bit": ("libx264", "mkv", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
    "hevc": ("libx265", "mp4", "-preset", "ultrafast", "-x265-params", "log-level=none"),
    "hevc-10bit": (
        *("libx265", "mp4", "-preset", "ultrafast", "-x265-params", "log-level=none"),
        *("-pix_fmt", "yuv420p10le"),
    ),
    "vp9": ("libvpx-vp9", "webm", "-deadline", "realtime", "-cpu-used", "8"),
    "av1": ("libaom-av1", "mkv", "-usage", "realtime", "-cpu-used", "8"),
    "mpeg4": ("mpeg4", "avi"),
    "mpeg2": ("mpeg2video", "mpg"),
}


@pytest.mark.parametrize("codec", CODECS)
def test_codec_is_read(tmp_path: Path, codec: str) -> None:
    encoder, suffix, *options = CODECS[codec]
    if not has_encoder(encoder):
        pytest.skip(f"this FFmpeg has no {encoder}")
    path = film(
        tmp_path / f"film.{suffix}",
        seconds=2,
        picture=RED_LEFT.replace("r=10", "r=25"),
        video=("-c:v", encoder, *(options or ("-q:v", "3"))),
    )
    assert probe(path).video_codec == codec.split("-")[0].replace("mpeg2", "mpeg2video")
    clip = read_clip(path)
    assert_padded(clip)
    assert clip.frame_count == pytest.approx(2 * FRAME_RATE, abs=1)
    assert pitch(clip.waveform) == pytest.approx(440, abs=5)
    for frame in clip.frames[: clip.frame_count]:
        assert is_red(frame[:, :130]) and not is_red(frame[:, 170:])


# --- sound ----------------------------------------------------------------------------------


def test_waveform_has_the_frequency_and_level_of_the_tone(tmp_path: Path) -> None:
    tone = "aevalsrc=0.5*sin(2*PI*1000*t):s=48000"
    path = film(tmp_path / "tone.mkv", "-c:a", "flac", seconds=10, rate=10, sound=tone)
    clip = read_clip(path)
    assert clip.sample_count == 10 * SAMPLE_RATE
    assert pitch(clip.waveform) == pytest.approx(1000, abs=1)
    assert np.abs(clip.waveform[1000:-1000]).max() == pytest.approx(0.5, abs=0.01)
    other = read_clip(path, sample_rate=22_050)
    assert other.waveform.shape == (220_500,) and other.sample_rate == 22_050
    assert pitch(other.waveform, 22_050) == pytest.approx(1000, abs=1)


@pytest.mark.parametrize("start", [0.0, 3.4])
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_flash_and_click_stay_together(tmp_path: Path, container: str, start: float) -> None:
    path = film(
        tmp_path / f"clap.{container}",
        *("-c:a", "ac3" if container == "ts" else "aac"),
        seconds=12,
        picture="color=black:s=80x60:r=25,drawbox=color=white:t=fill:enable='gte(t,6)'",
        sound="aevalsrc='gte(t,6)*0.8*sin(2*PI*1000*t)':s=48000",
    )
    clip = read_clip(path, start)
    times = start + (np.arange(clip.frame_count) + 0.5) / FRAME_RATE
    white = clip.frames[: clip.frame_count].mean(axis=(1, 2, 3)) > 128
    decided = np.abs(times - 6) > 1 / 25  # one frame of the film is the tolerance
    assert np.array_equal(white[decided], times[decided] > 6)
    click = start + np.argmax(np.abs(clip.waveform) > 0.4) / SAMPLE_RATE
    assert click == pytest.approx(6, abs=1 / 25)


@pytest.mark.parametrize(("default", "frequency"), [(None, 300), (0, 300), (2, 2000)])
def test_default_audio_track_is_read(tmp_path: Path, default: int | None, frequency: int) -> None:
    tones = [lavfi(f"sine=frequency={hertz}") for hertz in (300, 900, 2000)]
    marks = [(f"-disposition:a:{i}", "default" if i == default else "0") for i in range(len(tones))]
    path = render(
        tmp_path / "tracks.mkv",
        *(*lavfi("testsrc2=s=160x120:r=10"), *sum(tones, ())),
        *("-map", 0, "-map", 1, "-map", 2, "-map", 3, *sum(marks, ())),
        *("-default_mode", "passthrough", "-t", 2, *X264, *AAC),
    )
    assert probe(path).audio_tracks == 3
    clip = read_clip(path)
    assert pitch(clip.waveform[: clip.sample_count]) == pytest.approx(frequency, abs=2)


def test_all_surround_channels_are_in_the_mono_sound(tmp_path: Path) -> None:
    # Front left 300 Hz, centre 900 Hz, side right 2000 Hz.
    parts = ("300", "0", "900", "0", "0", "2000")
    exprs = "|".join(f"0.5*sin(2*PI*{hertz}*t)" for hertz in parts)
    sound = f"aevalsrc='{exprs}':c=5.1:s=48000"
    clip = read_clip(film(tmp_path / "5.1.mkv", "-c:a", "ac3", seconds=2, rate=10, sound=sound))
    wave = clip.waveform[SAMPLE_RATE // 2 : 3 * SAMPLE_RATE // 2]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))  # one bin is 1 Hz
    assert np.abs(clip.waveform).max() <= 1
    for hertz in (300, 900, 2000):
        assert spectrum[hertz - 3 : hertz + 4].max() > 20 * np.median(spectrum) + 100


def test_film_without_sound_has_none(tmp_path: Path) -> None:
    path = film(tmp_path / "silent.mp4", seconds=1, sound=None)
    clip = read_clip(path)
    assert probe(path).audio_stream is None
    assert (clip.sample_count, clip.has_sound, clip.has_picture) == (0, False, True)
    assert_padded(clip)


def test_digital_silence_is_no_sound(tmp_path: Path) -> None:
    clip = read_clip(film(tmp_path / "zero.mp4", seconds=2, sound="anullsrc"))
    assert clip.sample_count >= 2 * SAMPLE_RATE - 100
    assert not clip.has_sound


def test_sound_that_begins_late_is_preceded_by_silence(tmp_path: Path) -> None:
    path = render(
        tmp_path / "late.mkv",
        *lavfi("testsrc2=s=160x120:r=10"),
        *("-itsoffset", 3, *lavfi("sine"), "-t", 8, *X264, *AAC),
    )
    clip = read_clip(path)
    assert clip.frame_count == pytest.approx(32, abs=1)
    onset = np.argmax(np.abs(clip.waveform) > 0.05) / SAMPLE_RATE
    assert onset == pytest.approx(3, abs=0.05)
    assert not np.abs(clip.waveform[: 2 * SAMPLE_RATE]).any()


@pytest.mark.parametrize("seconds", [25, 105])
def test_sound_that_begins_very_late_is_not_lost(tmp_path: Path, seconds: int) -> None:
    path = render(
        tmp_path / "late.mkv",
        *lavfi("testsrc2=s=64x48:r=5"),
        *("-itsoffset", seconds, *lavfi("sine"), "-t", seconds + 15, *X264, *AAC),
    )
    clips = list(iter_clips(path))
    assert [c.frame_count for c in clips[:-1]] == [CLIP_FRAMES] * (len(clips) - 1)
    wave = np.concatenate([c.waveform for c in clips])
    onset = np.argmax(np.abs(wave) > 0.05) / SAMPLE_RATE
    assert onset == pytest.approx(seconds, abs=0.05)
    assert np.abs(wave[(seconds + 1) * SAMPLE_RATE :][: 13 * SAMPLE_RATE]).max() > 0.1


def test_sound_that_ends_early_does_not_stop_the_picture(tmp_path: Path) -> None:
    path = render(
        tmp_path / "early.mkv",
        *(*lavfi("testsrc2=s=64x48:r=5"), *lavfi("sine=d=15"), "-t", 150, *X264, *AAC),
    )
    began = time.monotonic()
    clips = list(iter_clips(path, timeout=20))
    assert time.monotonic() - began < 20
    assert sum(c.frame_count for c in clips) == pytest.approx(150 * FRAME_RATE, abs=1)
    assert [c.has_sound for c in clips[:4]] == [True, True, False, False]
    assert sum(c.sample_count for c in clips) == pytest.approx(15 * SAMPLE_RATE, abs=2000)


def test_picture_that_ends_early_does_not_stop_the_sound(tmp_path: Path) -> None:
    path = render(
        tmp_path / "blind.mkv",
        *(*lavfi("testsrc2=s=64x48:r=5:d=3"), *lavfi("sine"), "-t", 45, *X264, *AAC),
    )
    clips = list(iter_clips(path, timeout=20))
    assert sum(c.sample_count for c in clips) == pytest.approx(45 * SAMPLE_RATE, abs=2000)
    assert clips[0].has_picture and not clips[-1].has_picture


# --- what is no ordinary film ---------------------------------------------------------------


def test_audio_file_has_sound_alone(tmp_path: Path) -> None:
    path = render(tmp_path / "tone.wav", *lavfi("sine=frequency=700:duration=12"))
    info, clips = probe(path), list(iter_clips(path))
    assert info.video_stream is None and info.audio_stream == 0
    assert [c.frame_count for c in clips] == [0, 0]
    assert [c.seconds for c in clips] == pytest.approx([10, 2], abs=0.01)
    assert pitch(clips[0].waveform) == pytest.approx(700, abs=1)
    assert_padded(clips[1])


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    cover = render(tmp_path / "cover.png", *lavfi("testsrc2=s=64x64"), "-frames:v", 1)
    path = render(
        tmp_path / "song.m4a",
        *(*lavfi("sine=duration=2"), "-i", cover, "-map", 0, "-map", 1, *AAC),
        *("-c:v", "copy", "-disposition:v:0", "attached_pic"),
    )
    assert probe(path).video_stream is None
    clip = read_clip(path)
    assert (clip.frame_count, clip.has_sound) == (0, True)


@pytest.mark.parametrize("name", ["poster.png", "poster.jpg", "poster_%03d.jpg", "Плакат 1.JPG"])
def test_still_image_is_a_film_of_one_frame(tmp_path: Path, name: str) -> None:
    picture = np.zeros((90, 60, 3), np.uint8)
    picture[:, :30] = 0, 0, 255  # red in OpenCV's order
    path = tmp_path / name
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())
    info, clips = probe(path), list(iter_clips(path))
    assert info.is_image and info.duration == 0 and (info.width, info.height) == (60, 90)
    assert [(c.frame_count, c.sample_count) for c in clips] == [(1, 0)]
    assert is_red(clips[0].frames[0][:, :140]) and not is_red(clips[0].frames[0][:, 160:])
    assert_padded(clips[0])


def test_film_shorter_than_a_clip_is_padded(short_film: Path) -> None:
    (clip,) = iter_clips(short_film)
    assert clip.frame_count == pytest.approx(3 * FRAME_RATE, abs=1)
    assert clip.sample_count == pytest.approx(3 * SAMPLE_RATE, abs=SAMPLE_RATE // 20)
    assert clip.seconds == clip.frame_count / FRAME_RATE
    assert_padded(clip)


def test_last_clip_is_padded(plain_film: Path) -> None:
    clip = read_clip(plain_film, 9)
    assert clip.frame_count == pytest.approx(3 * FRAME_RATE, abs=1)
    assert clip.sample_count == pytest.approx(3 * SAMPLE_RATE, abs=SAMPLE_RATE // 20)
    assert_padded(clip)


def test_rounding_at_the_end_makes_no_clip(tmp_path: Path) -> None:
    # The encoder's delay makes an MKV with AAC some milliseconds longer than asked for.
    clips = list(iter_clips(film(tmp_path / "twenty.mkv", seconds=20, rate=10)))
    assert [c.frame_count for c in clips] == [CLIP_FRAMES] * 2


def test_film_of_one_frame_has_one(tmp_path: Path) -> None:
    path = film(tmp_path / "one.mp4", "-frames:v", 1, seconds=1, sound=None)
    (clip,) = iter_clips(path)
    assert clip.frame_count == 1 and clip.frames[0].any()
    assert_padded(clip)


def test_clip_behind_the_end_is_an_error(short_film: Path) -> None:
    with pytest.raises(MediaError, match="nothing could be decoded at 60 s"):
        read_clip(short_film, 60)


@pytest.mark.parametrize("container", ["ts", "mkv"])
def test_start_time_other_than_zero_counts_from_the_first_picture(
    tmp_path: Path, container: str
) -> None:
    path = film(
        tmp_path / f"offset.{container}",
        *("-output_ts_offset", 100, "-c:a", "ac3", "-g", 25),
        seconds=6,
        picture=counter(),
    )
    for start in (0, 2):
        clip = read_clip(path, start)
        shown = [frame_number(f) for f in clip.frames[: clip.frame_count]]
        times = start + (np.arange(len(shown)) + 0.5) / FRAME_RATE
        wanted = np.minimum(times * 25, 149)
        assert len(shown) == pytest.approx((6 - start) * FRAME_RATE, abs=1)
        # The sound may begin a little before the picture: its encoder's delay.
        assert np.abs(np.array(shown) - wanted).max() <= 2
        assert clip.has_sound


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "mpg", "avi", "flv", "webm"])
@pytest.mark.parametrize("start", [4.2, 17.5])
def test_seeking_is_right_between_distant_key_frames(
    films: Path, container: str, start: float
) -> None:
    path = films / f"sought.{container}"
    if not path.exists():
        video = {
            "webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
            "mpg": ("-c:v", "mpeg2video", "-q:v", "2"),
            "avi": ("-c:v", "mpeg4", "-q:v", "2"),
        }.get(container, X264)
        sound = "aevalsrc='0.8*sin(2*PI*(300+50*floor(t))*t)':s=48000"
        film(path, "-g", 200, seconds=24, picture=counter(), sound=sound, video=video)
    clip = read_clip(path, start)
    times = start + (np.arange(clip.frame_count) + 0.5) / FRAME_RATE
    shown = [frame_number(f) for f in clip.frames[: clip.frame_count]]
    assert clip.frame_count == pytest.approx(min(10, 24 - start) * FRAME_RATE, abs=1)
    assert np.abs(np.array(shown) - np.minimum(times * 25, 599)).max() <= 3
    # The tone rises by 50 Hz with each second of the film.
    second = int(start) + 1
    begin = round((second - start + 0.1) * SAMPLE_RATE)
    heard = pitch(clip.waveform[begin : begin + 12000])
    assert heard == pytest.approx(300 + 50 * second, abs=5)


NAMES = [
    "Amélie 映画.mkv",
    "a b  c.mkv",
    "-i.mkv",
    "a:b.mkv",
    "http:x.mkv",
    "f_%03d.mkv",
    "a'\"\\.mkv",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_is_read(
    short_film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shutil.copy(short_film, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for path in (name, tmp_path / name):  # relative, so that the dash leads
        assert probe(path).duration == pytest.approx(3, abs=0.1)
        assert read_clip(path).frame_count in (12, 13)


NO_TEXT = os.fsdecode(b"Am\xe9lie.mkv")  # Latin-1 on a system of UTF-8: half of old libraries


def test_a_name_that_is_no_utf8_is_read(short_film: Path, tmp_path: Path) -> None:
    path = tmp_path / NO_TEXT
    shutil.copy(short_film, path)
    for given in (path, str(path), os.fsencode(path)):
        assert probe(given).duration == pytest.approx(3, abs=0.1)
        assert read_clip(given).frame_count in (12, 13)


# --- damage and malice ----------------------------------------------------------------------


def test_cut_off_mkv_shows_in_the_decoded_seconds(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mkv", seconds=24)
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert probe(path).duration == pytest.approx(24, abs=0.1)
    assert 9 < sum(c.seconds for c in iter_clips(path)) < 15


def test_damaged_bytes_cost_little(tmp_path: Path) -> None:
    path = film(tmp_path / "hurt.mkv", "-g", 25)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = np.random.default_rng(0).bytes(2000)
    path.write_bytes(data)
    assert sum(c.seconds for c in iter_clips(path)) > 10


def test_mp4_without_its_index_names_the_file(plain_film: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(plain_film.read_bytes()[:-20_000])
    with pytest.raises(MediaError, match=r"cut\.mp4: .*moov atom not found"):
        read_clip(path)


@pytest.mark.parametrize("suffix", [".mp4", ".png"])
@pytest.mark.parametrize(
    ("content", "message"),
    [(b"This is a letter.\n" * 50, "cannot open|no picture"), (b"", "empty")],
    ids=["text", "empty"],
)
def test_what_is_no_film_is_refused(
    tmp_path: Path, suffix: str, content: bytes, message: str
) -> None:
    path = tmp_path / f"film{suffix}"
    path.write_bytes(content)
    for read in (probe, read_clip):
        with pytest.raises(MediaError, match=message) as caught:
            read(path)
        assert caught.value.path == str(path)


@pytest.mark.parametrize("name", ["film.mp4", "film.jpg"])
def test_missing_file_and_folder_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for read in (probe, read_clip):
        with pytest.raises(MediaError, match="no such file"):
            read(path)
    path.mkdir()
    for read in (probe, read_clip):
        with pytest.raises(MediaError, match="folder"):
            read(path)


def test_playlist_called_mp4_reaches_no_other_file(tmp_path: Path, short_film: Path) -> None:
    shutil.copy(short_film, tmp_path / "canary.mkv")
    render(tmp_path / "canary.ts", *lavfi("testsrc2=s=64x48:r=5"), "-t", 1, *X264)
    lists = {
        "concat.mp4": "ffconcat version 1.0\nfile canary.mkv\n",
        "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ncanary.ts\n#EXT-X-ENDLIST\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(MediaError, match=name):
            probe(tmp_path / name)
    # FFmpeg left to itself does follow the list, so this is not refused for another reason.
    bare = subprocess.run(
        [find_ffmpeg(), "-i", tmp_path / "concat.mp4", "-f", "null", "-"], capture_output=True
    )
    assert bare.returncode == 0


def test_playlist_called_mp4_reaches_no_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/canary.ts"
        lists = {
            "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
            "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
            "concat.mkv": f"ffconcat version 1.0\nfile {url}\n",
            "session.avi": f"v=0\nc=IN IP4 127.0.0.1\nm=video {url} RTP/AVP 96\n",
            "dash.mp4": f"<MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>",
        }
        for name, text in lists.items():
            (tmp_path / name).write_text(text)
            with pytest.raises(MediaError, match=name):
                probe(tmp_path / name)
        with pytest.raises(TimeoutError):
            listener.accept()
        with pytest.raises(MediaError, match="no such file"):
            probe(url)


def test_headers_of_absurd_size_and_rate_are_refused_or_read_soon(tmp_path: Path) -> None:
    path = render(
        tmp_path / "raw.avi", *lavfi("testsrc2=s=64x48:r=5"), "-t", 1, "-c:v", "rawvideo",
        "-pix_fmt", "bgr24",
    )  # fmt: skip
    data = bytearray(path.read_bytes())
    header = data.index(b"strf") + 8  # BITMAPINFOHEADER
    assert struct.unpack_from("<ii", data, header + 4) == (64, -48)  # from top to bottom
    struct.pack_into("<ii", data, header + 4, 100_000, 100_000)
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"raw\.avi"):
        read_clip(path)
    struct.pack_into("<ii", data, header + 4, 64, -48)
    rate = data.index(b"strh") + 8 + 20  # scale and rate
    struct.pack_into("<II", data, rate, 1, 1_000_000_000)
    path.write_bytes(data)
    # Five frames in five nanoseconds: FFmpeg before 6 gives none of them, later ones one.
    with contextlib.suppress(MediaError):
        assert read_clip(path).frame_count <= 1
    large = bytearray(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    struct.pack_into(">II", large, 16, 50_000, 50_000)
    struct.pack_into(">I", large, 29, zlib.crc32(large[12:29]))
    (tmp_path / "large.png").write_bytes(large)
    with pytest.raises(MediaError, match=r"large\.png"):
        probe(tmp_path / "large.png")


def test_file_that_gives_nothing_times_out(tmp_path: Path, short_film: Path) -> None:
    path = tmp_path / "stuck.mp4"
    os.mkfifo(path)  # as a disk that never answers; what is known to be a pipe is refused
    with pytest.raises(MediaTimeoutError, match=r"stuck\.mp4"):
        messages_of(str(path), probe_args(str(path)), 0.5)
    stuck = replace(probe(short_film), path=str(path))
    with pytest.raises(MediaTimeoutError, match=r"stuck\.mp4"):
        read_clip(path, info=stuck, timeout=0.5)
    assert not child_ffmpegs()


@pytest.mark.parametrize("name", ["stuck.mp4", "stuck.jpg"])
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    pipe, door = tmp_path / name, tmp_path / f"door-{name}"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(door))
        for path in (pipe, door):
            for read in (probe, read_clip):
                with pytest.raises(MediaError, match="no plain file"):
                    read(path)
    device = tmp_path / f"null-{name}"
    device.symlink_to("/dev/null")
    with pytest.raises(MediaError, match="no plain file"):
        probe(device)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"start": -5}, "start is -5 s"),
        ({"start": float("nan")}, "start is nan s"),
        ({"start": float("inf")}, "start is inf s"),
        ({"sample_rate": 0}, "sample_rate is 0"),
        ({"sample_rate": 22_050.5}, "sample_rate is 22050.5"),
        ({"timeout": 0}, "timeout is 0 s"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(
    short_film: Path, wrong: dict[str, float], message: str
) -> None:
    for read in (read_clip, iter_clips):
        with pytest.raises(ValueError, match=message):
            read(short_film, **wrong)  # type: ignore[arg-type]


def test_other_values_that_cannot_be_meant_are_refused(short_film: Path) -> None:
    for wrong in ({"seconds": 0}, {"seconds": float("nan")}, {"skip_frame": "all"}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is "):
            iter_clips(short_film, **wrong)  # type: ignore[arg-type]
    for nothing in (None, 5):
        for read in (probe, read_clip):
            with pytest.raises(TypeError, match=r"expected str, bytes or os\.PathLike"):
                read(nothing)  # type: ignore[arg-type]
    with pytest.raises(MediaError, match="no such file"):
        probe("a\0b.mp4")
    with pytest.raises(MediaError, match=r"short\.mkv"):
        read_clip(short_film, 1e300)


def test_reader_that_stops_early_leaves_nothing_behind(plain_film: Path) -> None:
    clips = iter_clips(plain_film)
    next(clips)
    clips.close()
    assert not child_ffmpegs()
    for _ in range(20):  # the threads end within a look
        if not [t for t in threading.enumerate() if "_empty" in t.name]:
            break
        time.sleep(0.1)
    assert not [t for t in threading.enumerate() if "_empty" in t.name]


def test_a_start_that_fails_leaves_no_descriptors(
    short_film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = probe(short_film)
    open_before = len(os.listdir("/proc/self/fd"))
    no_program = tmp_path / "ffmpeg"
    no_program.write_text("#!/nowhere/interpreter\n")
    no_program.chmod(0o755)
    for named in (no_program, tmp_path / "missing"):
        monkeypatch.setenv("VGENRE_FFMPEG", str(named))
        for _ in range(5):
            with pytest.raises(FFmpegNotFoundError, match=str(named)):
                read_clip(short_film, info=info)
            with pytest.raises(FFmpegNotFoundError, match=str(named)):
                probe(short_film)
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_a_clip_from_arrays_is_the_one_that_was_read(short_film: Path) -> None:
    read = read_clip(short_film)
    made = Clip.of_arrays(read.frames[: read.frame_count], read.waveform[: read.sample_count])
    assert (made.seconds, made.frame_count) == (read.seconds, read.frame_count)
    np.testing.assert_array_equal(made.frames, read.frames)
    np.testing.assert_array_equal(made.waveform, read.waveform)
    for wrong in (
        {"frames": read.frames[..., :2]},
        {"frames": np.concatenate([read.frames, read.frames])},
        {"waveform": np.zeros((2, 16000), np.float32)},
        {"waveform": np.zeros(16000, np.int16)},
        {"waveform": np.zeros(10 * SAMPLE_RATE + 1, np.float32)},
    ):
        with pytest.raises(ValueError, match=r"frames|waveform|samples"):
            Clip.of_arrays(**wrong)
