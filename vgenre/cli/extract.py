"""``vgenre extract``: frames, sound and a spectrogram picture on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from .common import (
    NOTHING_DONE,
    SOME_FAILED,
    films_in,
    parse_sampling,
    progress_bar,
    result_console,
    shown,
)


def extract(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Films and folders.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Folder for one folder a film.")],
    sampling: Annotated[
        str, typer.Option(metavar="N|full", help="Clips of 10 s taken from a film, or all.")
    ] = "full",
    size: Annotated[
        str,
        typer.Option(
            metavar="WIDTHxHEIGHT|native",
            help="Size of the frames: squares as the networks see them unless given, "
            "or the film's own size and shape.",
        ),
    ] = "299x299",
) -> None:
    """Write frames, audio.wav and a spectrogram picture of films to disk."""
    policy = parse_sampling(sampling)

    from ..errors import DataError, MediaError
    from ..media.discs import film_name
    from ..output.extract import extract as extract_film
    from ..output.extract import parse_size

    try:
        frame_size = parse_size(size)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--size") from None
    films = films_in(paths)

    failed = 0
    with progress_bar() as bar:
        console = result_console(bar)
        task = bar.add_task("", total=len(films), done="")
        for i, (path, folder) in enumerate(zip(films, _folders(films, to), strict=True)):
            bar.update(
                task,
                description=shown(film_name(path))[:32],
                done=f"{i + 1} of {len(films)}",
                completed=i,
            )
            try:
                written = extract_film(path, folder, sampling=policy, size=frame_size)
                console.print(shown(str(written)), markup=False, soft_wrap=True)
            except (MediaError, DataError) as error:
                failed += 1
                bar.console.print(f"vgenre: {shown(str(error))}", markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(NOTHING_DONE if failed == len(films) else SOME_FAILED)


def _folders(films: Sequence[str], to: Path) -> list[Path]:
    """Name a folder for each film: as the film, with a number where two films share a name."""
    from ..media.discs import film_name, is_disc
    from ..media.remote import is_remote

    taken: set[str] = set()
    folders = []
    for film in films:
        place = urlsplit(film).path if is_remote(film) else film
        name = film_name(place)
        stem = (name if is_disc(place) else os.path.splitext(name)[0]) or "film"
        name, number = stem, 2
        while name.casefold() in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name.casefold())
        folders.append(to / name)
    return folders
