"""Films rendered by FFmpeg for the tests: small, short, with known content."""

from __future__ import annotations

import functools
import struct
import subprocess
from pathlib import Path

import numpy as np

from vgenre.media.ffmpeg import find_ffmpeg

SIZE = "160x120"
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac")
BITS = 10  # of the frame number that `COUNTER` paints


def lavfi(source: str) -> tuple[str, ...]:
    """Arguments that make a lavfi source an input."""
    return "-f", "lavfi", "-i", source


def render(path: str | Path, *args: str | int | float) -> Path:
    """Run FFmpeg with these arguments and `path` as the output.

    Examples
    --------
    >>> render("red.mp4", *lavfi("color=red:s=160x120:d=2"), *X264)
    """
    argv = [find_ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y"]
    argv += [*map(str, args), "file:" + str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}\n{done.stderr}"
    return Path(path)


def film(
    path: str | Path,
    *args: str | int | float,
    seconds: float = 12,
    rate: str | float = 25,
    size: str = SIZE,
    picture: str | None = None,
    sound: str | None = "sine=frequency=440",
    video: tuple[str, ...] = X264,
) -> Path:
    """Render a film: a moving test picture with a tone under it.

    Parameters
    ----------
    path : path
        The suffix chooses the container.
    *args
        Further output options of FFmpeg.
    seconds, rate, size
        Length, frames a second and ``"WIDTHxHEIGHT"``.
    picture : str, optional
        A lavfi source instead of ``testsrc2``.
    sound : str or None
        A lavfi source; None for a film without sound.
    video : tuple of str
        FFmpeg's options for the video codec.
    """
    inputs = lavfi(picture or f"testsrc2=size={size}:rate={rate}")
    inputs += lavfi(sound) if sound else ()
    return render(path, *inputs, "-t", seconds, *video, *args)


def counter(rate: str | float = 25) -> str:
    """A lavfi source whose frames carry their own number: bit k is white or black column k."""
    bit = f"bitand(floor(N/pow(2,floor(X*{BITS}/W))),1)"
    return f"color=black:size=80x48:rate={rate},geq=lum='16+219*{bit}':cb=128:cr=128"


def frame_number(frame: np.ndarray) -> int:
    """The number that `counter` painted on a frame, whatever its size."""
    height, width = frame.shape[:2]
    centres = (np.arange(BITS) + 0.5) * width / BITS
    row = frame[height // 4 : 3 * height // 4].mean(axis=(0, 2))
    return sum(1 << k for k, x in enumerate(centres) if row[int(x)] > 127)


def set_rotation(path: Path, degrees: int) -> None:
    """Write a display matrix into an MP4: shown turned clockwise by 90, 180 or 270 degrees."""
    a, b = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    matrix = [a << 16, b << 16, 0, -b << 16, a << 16, 0, 0, 0, 1 << 30]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the first track's header, version 0
    assert data[at : at + 4] == struct.pack(">i", 1 << 16), "no plain matrix there"
    data[at : at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)


@functools.lru_cache
def encoders() -> str:
    """FFmpeg's list of its encoders."""
    return subprocess.run(
        [find_ffmpeg(), "-hide_banner", "-encoders"], capture_output=True, text=True, check=True
    ).stdout


def has_encoder(name: str) -> bool:
    """Whether the FFmpeg that runs the tests can encode this."""
    return f" {name} " in encoders()
