"""``vgenre doctor``: what is here, what is missing, what to do."""

from __future__ import annotations

import importlib.util
import os
import subprocess

import typer

from .common import ALL_DONE, NOTHING_DONE


def doctor() -> None:
    """Check FFmpeg, the models, the engines and the GPU."""
    from ..data.cache import default_cache
    from ..engines.choose import choose_engine, has_gpu
    from ..errors import VgenreError
    from ..media.ffmpeg import find_ffmpeg
    from ..models.store import available_models, read_card
    from ..version import __version__

    healthy = True

    def line(good: bool, what: str, found: str) -> None:
        nonlocal healthy
        healthy &= good
        typer.echo(f"{'ok     ' if good else 'MISSING'} {what:12} {found}")

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    line(True, "vgenre", f"{__version__}, {cores} cores")
    try:
        program = find_ffmpeg()
        said = subprocess.run([program, "-version"], capture_output=True, text=True, check=True)
        line(True, "FFmpeg", f"{' '.join(said.stdout.split()[:3])}, {program}")
    except (VgenreError, OSError, subprocess.CalledProcessError) as error:
        line(False, "FFmpeg", str(error))
    for engine, why in (("openvino", "fast on CPUs"), ("tensorflow", "training and GPUs")):
        there = importlib.util.find_spec(engine) is not None
        line(there, engine, why if there else f"pip install {engine} ({why})")
    typer.echo(
        f"{'ok     ' if has_gpu() else 'none   '} {'NVIDIA GPU':12} the driver was looked for"
    )
    models = available_models()
    if not models:
        line(False, "models", "none ships with this installation; install the package again")
    for name, directory in models.items():
        try:
            card = read_card(directory)
            line(True, f"model {name}", f"{len(card.labels)} genres, {choose_engine('auto', card)}")
        except VgenreError as error:
            line(False, f"model {name}", str(error))
    typer.echo(f"ok      {'cache':12} {default_cache()}")
    raise typer.Exit(ALL_DONE if healthy else NOTHING_DONE)
