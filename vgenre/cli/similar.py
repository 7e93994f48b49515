"""``vgenre similar``: the films of a folder that are most like one."""

from __future__ import annotations

from typing import Annotated

import typer

from .common import (
    ALL_DONE,
    SOME_FAILED,
    EngineOption,
    JobsOption,
    ModelOption,
    QuietOption,
    SamplingOption,
    counted,
    films_in,
    parse_sampling,
    shown,
)


def similar(
    film: Annotated[str, typer.Argument(metavar="FILM", help="The film.")],
    paths: Annotated[
        list[str], typer.Argument(metavar="FOLDER...", help="Where films like it are looked for.")
    ],
    top: Annotated[int, typer.Option(min=1, help="How many are shown.")] = 10,
    model: ModelOption = "six",
    sampling: SamplingOption = None,
    engine: EngineOption = "auto",
    jobs: JobsOption = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="As of vgenre label. Repeatable.")
    ] = None,
    all_media: Annotated[bool, typer.Option("--all-media", help="As of vgenre label.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Find the films of a folder that are most like one.

    Of each it says how like it is (1: a copy, 0: no more than any film) and which stream says so.
    Films are looked at once: what is known of them from vgenre label, or from before, is taken
    from the journals.
    Exit status: 0 all films were compared, 1 nothing could be done, 3 some could not be read.
    """
    policy = parse_sampling(sampling) if sampling else None

    import numpy as np

    from ..errors import DataError
    from ..labelling.record import STREAM_WORDS
    from ..models.spaces import space_of
    from ..taught.neighbours import nearest
    from .taught import named_films, planned, vectors_of

    _, space = space_of(model)
    asked = named_films([film])
    if len(asked) > 1:
        raise DataError(f"{film}: name one film, this is a folder of {len(asked)}")
    found = films_in(paths, exclude=exclude or [], all_media=all_media)
    run = planned(len(found), model, policy, engine, jobs)
    examples, failed = vectors_of(asked[0], found.films, run, space, quiet, paths)
    one, others = examples[0], examples[1:]
    if not others:
        raise DataError(f"{', '.join(paths)}: there is no other film that could be read")
    vectors = np.stack([other.embedding for other in others])
    typer.echo(f"most like {shown(one.path)}, of {counted(len(others), 'film')}:")
    for neighbour in nearest(space, one.embedding, vectors, top):
        word = STREAM_WORDS.get(neighbour.told_by, neighbour.told_by)
        path = shown(others[neighbour.index].path)
        typer.echo(f"  {max(0.0, neighbour.likeness):.2f}  {word:8}  {path}")
    for line in (found.sentence, *found.problems):
        if line:
            typer.echo(shown(line), err=True)
    raise typer.Exit(SOME_FAILED if failed else ALL_DONE)
