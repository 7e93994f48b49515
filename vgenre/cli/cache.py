"""``vgenre cache``: the features that training keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import counted


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all of it.")] = False,
    limit: Annotated[
        float | None, typer.Option(metavar="GB", help="Remove the least recently used beyond this.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Another one than the default.")
    ] = None,
) -> None:
    """Show how much the cache of features holds, and make room."""
    from ..data.cache import default_cache, entries, shrink

    folder = directory or default_cache()
    if clear or limit is not None:
        removed = shrink(folder, 0 if clear else int((limit or 0) * 1e9))
        typer.echo(f"removed {removed} entries", err=True)
    found = entries(folder)
    size = sum(stat.st_size for _, stat in found)
    typer.echo(f"{folder}: {counted(len(found), 'film')}, {size / 1e9:.2f} GB")
