"""``vgenre teach``: a genre of the user's own from a few films."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    parse_sampling,
    shown,
)

if TYPE_CHECKING:
    from ..models.embedding import EmbeddingSpace
    from ..taught.genre import Genre


def teach(
    name: Annotated[str, typer.Argument(metavar="GENRE", help="What it is called.")],
    films: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILM...]", help="Films of it, three at least, or folders."),
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="FILM", help="A film that is not of it. Repeatable."),
    ] = None,
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="The taxonomy that it goes into.")
    ] = Path("taxonomy"),
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Forget these films of it; without any, the genre."),
    ] = False,
    model: ModelOption = "six",
    sampling: SamplingOption = None,
    engine: EngineOption = "auto",
    jobs: JobsOption = None,
    quiet: QuietOption = False,
) -> None:
    """Teach a genre of your own from a few films, in seconds once they were looked at.

    Films are looked at once: what is known of them from vgenre label, or from before, is taken
    from the journals. The same command adds films to a genre that is there. vgenre label
    --taxonomy DIR tells its films from then on.
    Exit status: 0 taught, 1 nothing could be done, 3 taught without films that could not be read.
    """
    policy = parse_sampling(sampling) if sampling else None

    from ..errors import DataError
    from ..models.spaces import space_of
    from ..taught.genre import MOST
    from ..taught.taxonomy import check_name, locked
    from .taught import (
        embed_films,
        forget_films,
        named_films,
        planned,
        read_taxonomy,
        taught_with,
    )

    name = check_name(name)
    card, space = space_of(model)
    if forget:
        with locked(into, make=False):
            taxonomy, said = forget_films(
                read_taxonomy(into, space), name, films or [], others or []
            )
            taxonomy.write(into, card.name)
        typer.echo(f"{name}: {said}", err=True)
        if known := taxonomy.genre(name):
            _print_taught(known, space, into)
        return
    if not films and not others:
        raise DataError(f"{name}: name films of it, or --forget it")
    of_it, not_of_it = named_films(films or []), named_films(others or [])
    if max(len(of_it), len(not_of_it)) > MOST:
        raise DataError(f"{name}: {len(of_it)} films; a genre is taught from {MOST} at most")
    named = [*of_it, *not_of_it]
    run = planned(len(named), model, policy, engine, jobs)
    examples, failed = embed_films(named, run, space, quiet)
    with locked(into):
        taxonomy = read_taxonomy(into, space, new=True)
        genre = taught_with(taxonomy, name, examples, of_it, not_of_it)
        taxonomy = taxonomy.put(genre)
        taxonomy.check_names(card)
        taxonomy.write(into, card.name)
    _print_taught(genre, space, into)
    if failed:
        typer.echo(f"without {counted(failed, 'film')} that could not be read", err=True)
    raise typer.Exit(SOME_FAILED if failed else ALL_DONE)


def _print_taught(genre: Genre, space: EmbeddingSpace, into: Path) -> None:
    from ..labelling.record import stream_words
    from ..taught.genre import PRIOR

    against = f", against {len(genre.others)}" if genre.others else ""
    typer.echo(f"{genre.name}: taught from {counted(len(genre.films), 'film')}{against}")
    expected = genre.expected(space)
    if expected is not None:
        typer.echo(
            f"  expect about {expected:.0%} of its first ten to be right, where one film in "
            f"{1 / PRIOR:.0f} is of it"
        )
    telling = [
        stream for stream, weight in zip(space.maps, genre.weights, strict=True) if weight > 0
    ]
    if genre.separation <= _NO_SEPARATION:
        typer.echo("  its films have little in common that the model sees: none will be sure")
    typer.echo(f"  told by {stream_words(telling)}; {genre.separation:.1f} deviations apart")
    typer.echo(f"written: {shown(str(into))}; vgenre label FILMS/ --taxonomy {shown(str(into))}")


_NO_SEPARATION = 0.7
