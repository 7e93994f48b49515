"""``vgenre doctor``: what is here, what is missing, what to do."""

from __future__ import annotations

import importlib.util
import os
import subprocess

import typer

from .common import ALL_DONE, NOTHING_DONE
from .extras import EXTRAS


def doctor() -> None:
    """Check FFmpeg, the engines, the models, the extras and the GPU."""
    from .. import __version__
    from ..engines.choose import choose_engine, has_gpu
    from ..errors import VgenreError
    from ..labelling.record import stream_words
    from ..media.ffmpeg import find_ffmpeg
    from ..models.store import available_models, read_card

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
    there = importlib.util.find_spec("openvino") is not None
    line(there, "openvino", "runs the models on CPUs" if there else "pip install openvino")
    gpu = "TensorFlow can use it" if has_gpu() else "OpenVINO runs the models on the CPU"
    typer.echo(f"{'ok     ' if has_gpu() else 'none   '} {'NVIDIA GPU':12} {gpu}")
    models = available_models()
    if not models:
        line(False, "models", "none ships with this installation; install the package again")
    for name, directory in models.items():
        try:
            card = read_card(directory)
            by = stream_words(card.architecture.streams)
            told = f"{len(card.labels)} genres by {by}, {choose_engine('auto', card)}"
            line(True, f"model {name}", told)
        except VgenreError as error:
            line(False, f"model {name}", str(error))
    for extra, (purpose, imports) in EXTRAS.items():
        missing = [name for name in imports if importlib.util.find_spec(name) is None]
        told = f"{purpose}: pip install 'vgenre[{extra}]'" if missing else purpose
        typer.echo(f"{'absent ' if missing else 'ok     '} {extra:12} {told}")
    typer.echo(f"ok      {'cache':12} {_cache()}")
    raise typer.Exit(ALL_DONE if healthy else NOTHING_DONE)


def _cache() -> str:
    from ..data.cache import default_cache

    return str(default_cache())
