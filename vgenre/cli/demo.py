"""``vgenre demo``: everything seen on a machine without films."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

_NOTE = (
    "These clips are drawn by FFmpeg and show no film: their genres are guesses, however sure the "
    "model is of them. They show that all works, and what a report looks like. For genres that "
    "mean something, label films of yours: vgenre label FILMS/ --output report.html"
)

# What FFmpeg's own sources draw and play.
_CLIPS = {
    "fractal.mp4": ("mandelbrot=size=640x360:rate=24", "sine=frequency=220:beep_factor=4"),
    "test picture.mp4": ("testsrc2=size=640x360:rate=24", "sine=frequency=440"),
    "cells.mkv": ("life=size=160x90:mold=10:rate=24:ratio=0.2", "anoisesrc=color=brown"),
    "colours, silent.mp4": ("gradients=size=640x360:rate=24:speed=0.05", None),
}

# Written for this clip: two lines a cue, as subtitles have them.
_SAID = {
    "cells.mkv": (
        ("Captain, the ship is losing power,", "and the planet is pulling us in."),
        ("The computer says there is life down there.", "It is not human."),
        ("Open the airlock.", "That is an order from Earth, doctor."),
        ("Their science is a thousand years", "ahead of anything that we know."),
        ("The alien is inside the station,", "and it learns from every one of us."),
        ("If the reactor fails tonight,", "the whole crew will be destroyed."),
        ("We crossed half the galaxy", "for this signal. It is a warning."),
        ("That robot has no heart,", "and yet it saved your life twice."),
        ("Set a course for home,", "as fast as the engines will go."),
        ("They are cloning themselves, sir.", "There are millions of cells now."),
        ("Scientists! You built this machine", "and you cannot switch it off?"),
        ("Then we leave it to the stars.", "Prepare the last shuttle for launch."),
    ),
}


def _subtitles(cues: tuple[tuple[str, str], ...]) -> str:
    """The cues as SubRip, two seconds each."""
    return "".join(
        f"{i + 1}\n00:00:{2 * i:02},000 --> 00:00:{2 * i + 1:02},900\n{first}\n{second}\n\n"
        for i, (first, second) in enumerate(cues)
    )


def demo(
    folder: Annotated[Path, typer.Option("--to", metavar="DIR", help="For clips and report.")] = (
        Path("vgenre-demo")
    ),
) -> None:
    """Render a few short clips, label them and write the report.

    No film is needed, and none is shown, so the genres are guesses, however sure the model is of
    them. It shows that all works, and what the report looks like.
    """
    from ..errors import MediaError
    from ..media.ffmpeg import find_ffmpeg
    from .labelling import Options, label_all

    clips = folder / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    for name, (picture, sound) in _CLIPS.items():
        argv = [find_ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y"]
        argv += ["-f", "lavfi", "-i", picture]
        argv += ["-f", "lavfi", "-i", sound] if sound else []
        argv += ["-t", "24", "-pix_fmt", "yuv420p", f"file:{clips / name}"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MediaError(clips / name, f"FFmpeg could not render it: {done.stderr.strip()}")
        if name in _SAID:
            (clips / name).with_suffix(".en.srt").write_text(
                _subtitles(_SAID[name]), encoding="utf-8"
            )
    report = folder / "report.html"
    status = label_all(
        [str(clips)],
        Options(model="six", outputs=[report], explain=True, restart=True, note=_NOTE),
    )
    typer.echo(f"\n{_NOTE}\n", err=True)
    typer.echo(f"open {report.resolve()} in a browser")
    raise typer.Exit(status)
