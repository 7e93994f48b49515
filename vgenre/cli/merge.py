"""``vgenre merge``: the shares of a run as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import ALL_DONE, NOTHING_DONE, SOME_FAILED, films_in, shown


def merge(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="The films, as labelled.")],
    journal: Annotated[
        list[str],
        typer.Option(metavar="FILE", help="A share's journal, or a pattern. Repeatable."),
    ],
    output: Annotated[
        list[Path], typer.Option(help="File to write: .csv, .json, .jsonl, .html. Repeatable.")
    ],
) -> None:
    """Join the journals of vgenre label --shard into the outputs of one run.

    The films are looked for again, so that none is missing without a word.
    Exit status: 0 all films have a label, 1 none has, 3 some failed or are missing.
    """
    from contextlib import ExitStack

    from ..batch.shards import MergedJournals
    from ..output.writers import open_writer

    films = films_in(paths)
    found, failed, missing = 0, 0, []
    with ExitStack() as stack:
        joined = stack.enter_context(MergedJournals(journal))
        writers = [stack.enter_context(open_writer(path, joined.labels)) for path in output]
        for film, record in joined.find(films):
            if record is None:
                missing.append(film)
                continue
            found += 1
            failed += record.status == "error"
            for writer in writers:
                writer.write(record)
    count = len(joined.files)
    typer.echo(f"{found} films joined from {count} journals, {failed} of them failed", err=True)
    if missing:
        typer.echo(
            f"{len(missing)} are in none of them, as {shown(missing[0])}; is a share not done?",
            err=True,
        )
    for path in output:
        typer.echo(f"written: {shown(str(path))}", err=True)
    if failed or missing:
        raise typer.Exit(NOTHING_DONE if found == failed else SOME_FAILED)
    raise typer.Exit(ALL_DONE)
