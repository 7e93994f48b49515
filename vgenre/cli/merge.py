"""``vgenre merge``: the shares of a run as one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import ALL_DONE, NOTHING_DONE, SOME_FAILED, counted, films_in, shown

if TYPE_CHECKING:
    from ..batch.shards import MergedJournals
    from ..taught.telling import Telling


def merge(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="The films, as labelled.")],
    journal: Annotated[
        list[str],
        typer.Option(metavar="FILE", help="A share's journal, or a pattern. Repeatable."),
    ],
    output: Annotated[
        list[Path], typer.Option(help="File to write: .csv, .json, .jsonl or .html. Repeatable.")
    ],
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="As of vgenre label. Repeatable.")
    ] = None,
    all_media: Annotated[bool, typer.Option("--all-media", help="As of vgenre label.")] = False,
    taxonomy: Annotated[
        Path | None, typer.Option(metavar="DIR", help="As of vgenre label.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Directory of the model that labelled the films, which --taxonomy needs where it "
            "is none that ships."
        ),
    ] = None,
) -> None:
    """Join the journals of vgenre label --shard into the outputs of one run.

    The films are looked for again, so that none is missing without a word. The journals are only
    read; they have to be of the same model and settings.
    Exit status: 0 all films have a label, 1 none has, 3 some failed or are missing.
    """
    from contextlib import ExitStack

    from ..batch.shards import MergedJournals
    from ..labelling.previews import has_previews
    from ..output.writers import open_writer, wants_pictures

    films = films_in(paths, exclude=exclude or [], all_media=all_media)
    found, failed, bare, missing = 0, 0, 0, []
    with ExitStack() as stack:
        joined = stack.enter_context(MergedJournals(journal))
        telling = _telling(taxonomy, model, joined)
        genres = (*joined.labels, *telling.names)
        writers = [stack.enter_context(open_writer(path, genres)) for path in output]
        for film, record in joined.find(films):
            if record is None:
                missing.append(film)
                continue
            found += 1
            failed += record.status == "error"
            bare += not has_previews(record)
            told = telling.tell(record)
            for writer in writers:
                writer.write(told)
    count = len(joined.files)
    typer.echo(
        f"{counted(found, 'film')} joined from {counted(count, 'journal')}, "
        f"{failed} of them failed",
        err=True,
    )
    if len(joined.engines) > 1:
        typer.echo(
            f"the shares were labelled by {' and '.join(sorted(joined.engines))}, whose answers "
            "differ by a few hundredths",
            err=True,
        )
    if bare and any(wants_pictures(path) for path in output):
        typer.echo(
            f"{counted(bare, 'film')} without pictures: their shares were labelled without a "
            "report; run those commands again with --output SHARE.html, which labels nothing "
            "anew, and merge again",
            err=True,
        )
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


def _telling(taxonomy: Path | None, model: str | None, joined: MergedJournals) -> Telling:
    """By a taxonomy, if it is one of the model that labelled the films."""
    from ..errors import DataError
    from ..models.store import available_models, find_model, read_card
    from ..taught.telling import Telling

    if taxonomy is None:
        return Telling()
    # Journals know the model's name alone, not where it lies.
    directory = find_model(model) if model else available_models().get(joined.model or "")
    if directory is None or read_card(directory, files=()).digest() != joined.digest:
        raise DataError(
            f"the model that labelled the films ({joined.model}) is not "
            f"{model or 'among those that ship'}; name its directory with --model"
        )
    return Telling.of(taxonomy, directory)
