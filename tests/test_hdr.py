"""Films of high dynamic range give the frames that ordinary films give."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from rendered import X264, film, lavfi, render

from vgenre.media.ffmpeg import find_ffmpeg
from vgenre.media.hdr import WHITE_NITS, to_standard_range
from vgenre.media.probing import probe
from vgenre.media.reader import read_clip
from vgenre.media.types import FRAME_RATE, FRAME_SIZE

BARS = "smptehdbars=size=320x180:rate=8"
HDR = {"PQ": "smpte2084", "HLG": "arib-std-b67"}
# FFmpeg's own filters, of which the mapping is a copy: peak and knee as in vgenre.media.hdr.
YARDSTICK = (
    f"zscale=t=linear:npl={WHITE_NITS}:agamma=0,format=gbrpf32le,zscale=p=bt709,"
    f"tonemap=mobius:param=0.3:peak={1000 / WHITE_NITS}:desat=0,zscale=t=bt709:r=full,format=gbrp"
)


def has_zscale() -> bool:
    listed = subprocess.run(
        [find_ffmpeg(), "-hide_banner", "-filters"], capture_output=True, text=True, check=True
    ).stdout
    return " zscale " in listed


needs_zscale = pytest.mark.skipif(not has_zscale(), reason="this FFmpeg has no zscale filter")


def hdr_film(path: Path, transfer: str, source: str = BARS) -> Path:
    """An ordinary picture, whose white is diffuse white, as an HDR film of 10 bits."""
    graph = (
        "format=gbrp,setparams=colorspace=gbr:color_primaries=bt709:color_trc=bt709:range=pc,"
        f"zscale=t=linear:npl={WHITE_NITS},"
        f"format=gbrpf32le,zscale=p=bt2020:t={transfer}:m=bt2020nc:r=limited:npl={WHITE_NITS}"
        ":agamma=0,"
        "format=yuv420p10le"
    )
    colours = ("-color_trc", transfer, "-color_primaries", "bt2020", "-colorspace", "bt2020nc")
    return render(
        path, *lavfi(source), "-vf", graph, "-t", 2, "-c:v", "libx264", "-crf", 1, *colours
    )


@needs_zscale
@pytest.mark.parametrize("name", HDR)
@pytest.mark.parametrize("container", ["mkv", "mp4", "ts"])
def test_a_film_of_high_dynamic_range_is_known(tmp_path: Path, name: str, container: str) -> None:
    info = probe(hdr_film(tmp_path / f"a.{container}", HDR[name]))
    assert (info.transfer, info.primaries, info.is_hdr) == (HDR[name], "bt2020", True)


def test_an_ordinary_film_is_none(tmp_path: Path, plain_film: Path) -> None:
    tagged = film(
        tmp_path / "a.mp4", "-color_trc", "bt709", "-color_primaries", "bt709", "-colorspace",
        "bt709", seconds=1,
    )  # fmt: skip
    assert not probe(plain_film).is_hdr and not probe(tagged).is_hdr


@needs_zscale
@pytest.mark.parametrize("name", HDR)
def test_frames_are_close_to_those_of_the_ordinary_film(tmp_path: Path, name: str) -> None:
    plain = render(tmp_path / "plain.mkv", *lavfi(BARS), "-t", 2, *X264, "-crf", 1)
    ordinary = read_clip(plain).frames[0].astype(float)
    path = hdr_film(tmp_path / "hdr.mkv", HDR[name])
    clip = read_clip(path)
    assert clip.frame_count == 2 * FRAME_RATE
    mapped = clip.frames[0].astype(float)
    argv = [find_ffmpeg(), "-v", "error", "-i", str(path), "-vf",
            f"scale={FRAME_SIZE}:{FRAME_SIZE}:flags=area", "-frames:v", "1", "-pix_fmt", "rgb24",
            "-f", "rawvideo", "-"]  # fmt: skip
    raw = subprocess.run(argv, capture_output=True, check=True).stdout
    unmapped = np.frombuffer(raw, np.uint8).reshape(ordinary.shape).astype(float)
    # White loses a little to make room for highlights; colours keep their hue.
    assert np.abs(mapped - ordinary).mean() < 15
    assert np.abs(unmapped - ordinary).mean() > 2 * np.abs(mapped - ordinary).mean()
    assert np.corrcoef(mapped.ravel(), ordinary.ravel())[0, 1] > 0.99


@needs_zscale
@pytest.mark.parametrize("name", HDR)
def test_the_mapping_is_that_of_ffmpegs_filters(tmp_path: Path, name: str) -> None:
    # Colours of all kinds, up to highlights far above diffuse white.
    codes = np.random.default_rng(0).integers(0, 52_000, (1, 64, 64, 3)).astype("<u2")
    codes[0, :8] = np.linspace(0, 65_535, 8 * 64).astype("<u2").reshape(8, 64, 1)
    (tmp_path / "codes.rgb").write_bytes(codes.tobytes())
    graph = (
        f"format=gbrp16le,setparams=colorspace=gbr:color_primaries=bt2020:color_trc={HDR[name]}"
        f":range=pc,{YARDSTICK}"
    )
    out = render(
        tmp_path / "out.rgb", "-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", "64x64", "-i",
        tmp_path / "codes.rgb", "-vf", graph, "-pix_fmt", "rgb24", "-f", "rawvideo",
    )  # fmt: skip
    theirs = np.fromfile(out, np.uint8).reshape(64, 64, 3).astype(int)
    ours = to_standard_range(codes, HDR[name], "bt2020")[0].astype(int)
    assert np.abs(ours - theirs).mean() < 1
    assert np.percentile(np.abs(ours - theirs), 99) <= 4


def test_black_stays_black_and_light_stays_in_order() -> None:
    grey = np.linspace(0, 65_535, 256).astype(np.uint16)[None, None, :, None].repeat(3, axis=3)
    for transfer in HDR.values():
        mapped = to_standard_range(grey, transfer, "bt2020")[0, 0].astype(int)
        assert mapped[0].tolist() == [0, 0, 0] and mapped[-1].tolist() == [255, 255, 255]
        assert (np.diff(mapped[:, 0]) >= 0).all()
        assert np.abs(np.diff(mapped, axis=1)).max() <= 1, "grey became coloured"
