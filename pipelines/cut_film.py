"""A film to measure speed on: shots of differing length, as a film has them.

Stills, pans, zooms, somebody small who moves before what does not, and much motion, all with
grain: 1080p, 24 frames a second, H.264 with B-frames and AAC.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from vgenre.media.ffmpeg import find_ffmpeg

RATE = 24
_SHOTS = (
    ("pan", 3.0), ("still", 5.0), ("motion", 2.0), ("figure", 8.0),
    ("zoom", 4.0), ("still", 6.0), ("motion", 2.5), ("figure", 9.5),
)  # fmt: skip
_PLACES = (
    (-0.745, 0.105, 0.02), (0.275, 0.008, 0.03), (-1.25, 0.02, 0.1), (-0.16, 1.035, 0.05),
    (-0.55, 0.62, 0.2), (0.36, 0.35, 0.15), (-1.77, 0.0, 0.08),
)  # fmt: skip


def shot(kind: str, seconds: float, place: tuple[float, float, float]) -> str:
    """A shot as a chain of FFmpeg's filters, without its grain."""
    x, y, scale = place
    frames = round(seconds * RATE)
    picture = (
        f"mandelbrot=size=1280x720:rate={RATE}:start_x={x}:start_y={y}:start_scale={scale}"
        ",trim=end_frame=1,eq=saturation=0.7"
    )
    held = f"{picture},scale=2304:1296,loop={frames - 1}:1,setpts=N/{RATE}/TB"
    still = f"{held},crop=1920:1080"
    moving = f"testsrc2=size=960x540:rate={RATE}:duration={seconds}"
    return {
        "still": still,
        "pan": f"{held},crop=1920:1080:x='(iw-ow)*n/{frames}':y=100",
        "zoom": f"{picture},scale=3840:2160,zoompan=z='1+0.3*on/{frames}':d={frames}:"
        f"x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':s=1920x1080:fps={RATE}",
        "figure": f"{moving},scale=240:400[moving];{still}[still];"
        f"[still][moving]overlay=x='700+60*sin(t)':y=500:shortest=1",
        "motion": f"{moving},scale=1920:1080",
    }[kind]


def render(path: Path, seconds: float) -> Path:
    """Render a film of shots.

    Parameters
    ----------
    path : Path
    seconds : float
        It ends in the middle of a shot where they do not add up to this.

    Returns
    -------
    Path
    """
    chains, labels, length = [], "", 0.0
    while length < seconds:
        i = len(chains)
        kind, lasts = _SHOTS[i % len(_SHOTS)]
        chain = shot(kind, lasts, _PLACES[i % len(_PLACES)])
        for name in ("moving", "still"):
            chain = chain.replace(f"[{name}]", f"[{name}{i}]")
        chains.append(f"{chain},setsar=1,format=yuv420p[shot{i}]")
        labels += f"[shot{i}]"
        length += lasts
    graph = ";".join(chains) + f";{labels}concat=n={len(chains)},noise=alls=6:allf=t[film]"
    subprocess.run(
        [
            find_ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y",
            "-f", "lavfi", "-i", "anoisesrc=amplitude=0.2:color=pink",
            "-filter_complex", graph, "-map", "[film]", "-map", "0:a", "-t", str(seconds),
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-c:a", "aac",
            "file:" + str(path),
        ],
        check=True,
    )  # fmt: skip
    return path
