"""What several commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from ..batch.shards import Shard
    from ..media.sampling import Sampling

ALL_DONE, NOTHING_DONE, SOME_FAILED = 0, 1, 3


def parse_sampling(text: str) -> Sampling:
    """``--sampling``, or a usage error."""
    from ..media.sampling import Sampling

    try:
        return Sampling.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--sampling") from None


def parse_shard(text: str) -> Shard:
    """``--shard``, or a usage error."""
    from ..batch.shards import Shard

    try:
        return Shard.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--shard") from None


def films_in(paths: list[str], shard: Shard | None = None) -> list[str]:
    """The media files that a command is about, or a message that there are none.

    A share of them may be empty.
    """
    from ..errors import DataError
    from ..media.find import find_media

    films = shard.films(paths) if shard else find_media(paths)
    if not films and not (shard and find_media(paths)):
        raise DataError(f"no films found in {', '.join(paths)}")
    return films


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
