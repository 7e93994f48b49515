"""``vgenre label``: films in, a table and files out."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import (
    ALL_DONE,
    NOTHING_DONE,
    SOME_FAILED,
    films_in,
    import_tensorflow,
    parse_sampling,
    progress_bar,
    result_console,
    shown,
)

if TYPE_CHECKING:
    from rich.console import Console

    from ..result import FilmResult


def label(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Films and folders.")],
    model: Annotated[
        str, typer.Option(help="Name of a model that ships, or a model directory.")
    ] = "six",
    output: Annotated[
        list[Path] | None,
        typer.Option(help="File to write: .csv, .json or .jsonl. Repeatable."),
    ] = None,
    sampling: Annotated[
        str | None,
        typer.Option(
            metavar="N|full|keyframes",
            help="Clips of 10 s looked at in a film, evenly spaced; all of it; or its key frames. "
            "10 unless given.",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="auto|openvino|tensorflow", help="What runs it.")
    ] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
) -> None:
    """Name the genres of films.

    A table goes to stdout, records with a timeline to the --output files.
    Exit status: 0 all labelled, 1 nothing could be done, 3 some files failed.
    """
    policy = parse_sampling(sampling) if sampling else None
    films = films_in(paths)

    from ..engines import choose_engine
    from ..models.store import find_model, read_card
    from ..writers import open_writer

    card = read_card(find_model(model))
    statuses: list[str] = []
    with ExitStack() as stack:
        writers = [
            stack.enter_context(open_writer(path, card.labels.names)) for path in output or []
        ]
        bar = stack.enter_context(progress_bar(quiet))
        task = bar.add_task("loading the model", total=len(films), done="")

        if choose_engine(engine, card) == "tensorflow":
            import_tensorflow()
        from ..predict import load_model

        loaded = load_model(model, engine=engine)
        console = result_console(bar)
        if not quiet:
            _print_header(console)
        for i, path in enumerate(films):
            name = shown(Path(path).name)
            bar.update(task, description=name[:32], done=f"{i + 1} of {len(films)}", completed=i)
            result = loaded.label(
                path,
                sampling=policy,
                progress=lambda part, i=i: bar.update(task, completed=i + part),  # type: ignore[misc]
            )
            statuses.append(result.status)
            for writer in writers:
                writer.write(result)
            if not quiet:
                _print_film(console, result)
        bar.update(task, completed=len(films))
    _print_summary(statuses, output or [])
    failed = statuses.count("error")
    if failed:
        raise typer.Exit(NOTHING_DONE if failed == len(films) else SOME_FAILED)
    raise typer.Exit(ALL_DONE)


_LENGTH, _GENRES = 8, 34  # columns of the terminal


def _print_header(console: Console) -> None:
    _print_row(console, "Film", "Length", "Genre", "bold")
    console.print("─" * min(console.width, 100), style="dim")


def _print_film(console: Console, film: FilmResult) -> None:
    name = shown(Path(film.path).name)
    if film.error and film.status == "error":
        _print_row(console, name, "", "error", "red")
    else:
        likeliest = sorted(film.probabilities.items(), key=lambda item: -item[1])
        named = ", ".join(f"{genre} {film.probabilities[genre]:.0%}" for genre in film.labels)
        text = named or "uncertain: " + ", ".join(f"{g} {p:.0%}" for g, p in likeliest[:2])
        _print_row(console, name, _clock(film.duration), text, "" if named else "yellow")
    if film.error:
        from rich.padding import Padding
        from rich.text import Text

        console.print(Padding(Text(shown(film.error["message"]), style="red"), (0, 0, 0, 2)))


def _print_row(console: Console, name: str, length: str, genre: str, style: str) -> None:
    from rich.table import Table
    from rich.text import Text

    width = min(console.width, 100)
    row = Table.grid(padding=(0, 1))
    row.add_column(width=width - _LENGTH - _GENRES - 3, no_wrap=True, overflow="ellipsis")
    row.add_column(width=_LENGTH, justify="right")
    row.add_column(width=_GENRES)
    row.add_row(Text(name), Text(length), Text(genre), style=style)
    console.print(row)


def _clock(seconds: float | None) -> str:
    if not seconds:
        return "still" if seconds == 0 else ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _print_summary(statuses: list[str], written: list[Path]) -> None:
    counts = [f"{statuses.count('ok')} labelled"]
    if statuses.count("partial"):
        counts.append(f"{statuses.count('partial')} labelled from a part")
    if statuses.count("error"):
        counts.append(f"{statuses.count('error')} failed")
    typer.echo(", ".join(counts), err=True)
    for path in written:
        typer.echo(f"written: {shown(str(path))}", err=True)
