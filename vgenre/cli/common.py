"""What several commands share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from ..batch.shards import Shard
    from ..media.find import Found
    from ..media.sampling import Sampling

ALL_DONE, NOTHING_DONE, SOME_FAILED = 0, 1, 3

# Options of the commands that look at films as ``vgenre label`` does.
ModelOption = Annotated[str, typer.Option(help="Name of a model that ships, or a model directory.")]
SamplingOption = Annotated[
    str | None, typer.Option(metavar="N|full|keyframes", help="As of vgenre label.")
]
EngineOption = Annotated[
    str, typer.Option(metavar="auto|openvino|tensorflow", help="What runs it.")
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="Films at once, a process each.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def parse_sampling(text: str) -> Sampling:
    """What ``--sampling`` says; a usage error where it says nothing known."""
    from ..media.sampling import Sampling

    try:
        return Sampling.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--sampling") from None


def parse_jobs(text: str | None) -> int | str | None:
    """What ``--jobs`` says, ``"auto"`` or a number; a usage error where it is neither."""
    if text is None or text == "auto":
        return text
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise typer.BadParameter(
        f"{text!r} is neither a number from 1 on nor 'auto'", param_hint="--jobs"
    )


def parse_hwaccel(text: str | None) -> str | None:
    """What ``--hwaccel`` says, None for ``none``; a usage error where that is no name."""
    if text is None or text == "none":
        return None
    if text.isalnum():
        return text
    raise typer.BadParameter(
        f"{text!r} is no method; see ffmpeg -hwaccels, or take auto", param_hint="--hwaccel"
    )


def parse_shard(text: str) -> Shard:
    """What ``--shard`` says; a usage error where that is no share."""
    from ..batch.shards import Shard

    try:
        return Shard.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--shard") from None


def films_in(
    paths: list[str],
    shard: Shard | None = None,
    *,
    exclude: Sequence[str] = (),
    all_media: bool = False,
    leave_out: Sequence[Path] = (),
) -> Found:
    """The films that a command is about.

    Parameters
    ----------
    paths : list of str
        Files and folders.
    shard : Shard, optional
        Take this share alone, which may be empty.
    exclude : sequence of str
        Shell patterns of what is left out.
    all_media : bool
        Take pictures, sound files, trailers and extras of folders too.
    leave_out : sequence of Path
        Folders that are not searched.

    Raises
    ------
    DataError
        If there are no films.
    """
    from ..errors import DataError
    from ..media.find import find_films

    found = find_films(paths, exclude=exclude, all_media=all_media, leave_out=leave_out)
    if not found:
        why = f" ({found.sentence})" if found.sentence else ""
        raise DataError(f"no films found in {', '.join(paths)}{why}")
    return replace(found, films=shard.pick(found, paths)) if shard else found


def counted(count: int, thing: str) -> str:
    """A number of things in words.

    Examples
    --------
    >>> counted(1, "film"), counted(2, "film")
    ('1 film', '2 films')
    """
    return f"{count} {thing}" + "s" * (count != 1)


def result_console(bar: Progress) -> Console:
    """Where results are printed: stdout.

    On a terminal that also shows the progress bar they pass through the bar,
    which makes room for them.
    """
    from rich.console import Console

    stdout = Console(highlight=False)
    return bar.console if stdout.is_terminal and not bar.disable else stdout


def shown(name: str) -> str:
    """A file name as a terminal may show it: nothing in it is a command."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


@contextmanager
def progress_bar(quiet: bool = False) -> Iterator[Progress]:
    """A progress bar on stderr with the time left; plain silence when that is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, highlight=False)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[done]}", markup=False),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=quiet or not console.is_terminal,
    ) as bar:
        yield bar
