"""What ``vgenre label`` does: the batch, its table, its summary."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..batch.executors import FILM_TIMEOUT, Executor, InProcess, Task
from ..batch.journal import Journal
from ..batch.processes import Workers
from ..batch.ray import Cluster, RayWorkers
from ..batch.run import Batch, engine_for, settings_of, threads_for
from ..batch.shards import Shard
from ..labelling.record import FilmResult
from ..media.sampling import Sampling
from ..models.store import find_model, read_card
from ..output.nfo import merge_nfo
from ..output.sorting import sort_film
from ..output.writers import open_writer, wants_pictures
from .common import ALL_DONE, NOTHING_DONE, SOME_FAILED, films_in, shown
from .progress import BatchProgress, Tally

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Options:
    """The options of ``vgenre label``."""

    model: str
    outputs: list[Path]
    sampling: Sampling | None = None
    engine: str = "auto"
    jobs: int | None = None
    cluster: Cluster | None = None
    shard: Shard | None = None
    restart: bool = False
    nfo: str | None = None
    sort_into: Path | None = None
    link: str = "symlink"
    explain: bool = False
    film_timeout: float = FILM_TIMEOUT
    quiet: bool = False
    verbose: bool = False


def label_all(paths: list[str], options: Options) -> int:
    """Label films; returns the exit status."""
    films = films_in(paths, options.shard)
    card = read_card(find_model(options.model), files=())
    jobs = options.jobs or 1
    task = Task(
        options.model,
        engine_for(options.engine, card, options.cluster),
        str(options.sampling or Sampling()),
        threads_for(jobs) if jobs > 1 and not options.cluster else None,
        pictures=any(wants_pictures(path) for path in options.outputs),
        explain=options.explain,
        film_timeout=options.film_timeout,
    )
    tally = Tally(len(films))
    with ExitStack() as stack:
        # What is to be written is tried before any work.
        writers = [
            stack.enter_context(open_writer(path, card.labels.names)) for path in options.outputs
        ]
        if options.sort_into:
            options.sort_into.mkdir(parents=True, exist_ok=True)
        journal = stack.enter_context(_journal(options))
        batch = Batch(films, journal, settings_of(task, card))
        bar = stack.enter_context(BatchProgress(tally, options.quiet))
        if not options.quiet:
            _print_header(bar.results)
        try:
            for finished in batch.run(_executor(task, options, len(films)), bar.within):
                bar.finished(finished)
                if not options.quiet:
                    _print_film(bar.results, finished.result, options.verbose)
        except KeyboardInterrupt:
            bar.stop()
            _print_stopped(tally, options.outputs)
            raise
        bar.stop()
        for film in batch.records():
            for writer in writers:
                writer.write(film)
            if options.nfo:
                tally.notes += merge_nfo(film, create=options.nfo == "create")
            if options.sort_into:
                tally.notes += sort_film(film, options.sort_into, options.link)
    _print_summary(tally, options.outputs)
    if tally.failed:
        return NOTHING_DONE if tally.failed == len(films) else SOME_FAILED
    return ALL_DONE


def _journal(options: Options) -> Journal:
    """Beside the first output; where there is none a run leaves nothing behind."""
    if not options.outputs:
        return Journal.passing()
    first = options.outputs[0]
    return Journal(first.with_name(first.name + ".journal"), restart=options.restart)


def _executor(task: Task, options: Options, films: int) -> Executor:
    """Many films get a worker even for one job, as it may die without harm; one needs none."""
    if options.cluster:
        return RayWorkers(task, options.cluster)
    if films > 1:
        return Workers(task, min(options.jobs or 1, films))
    return InProcess(task.load(), **task.how)


_LENGTH, _GENRES = 8, 34  # columns of the terminal


def _print_header(console: Console) -> None:
    _print_row(console, "Film", "Length", "Genre", "bold")
    console.print("─" * min(console.width, 100), style="dim")


def _print_film(console: Console, film: FilmResult, verbose: bool) -> None:
    name = shown(Path(film.path).name)
    if film.error and film.status == "error":
        _print_row(console, name, "", "error", "red")
    else:
        likeliest = sorted(film.probabilities.items(), key=lambda item: -item[1])
        named = ", ".join(f"{genre} {film.probabilities[genre]:.0%}" for genre in film.labels)
        text = named or "uncertain: " + ", ".join(f"{g} {p:.0%}" for g, p in likeliest[:2])
        _print_row(console, name, _clock(film.duration), text, "" if named else "yellow")
        if verbose:
            streams = " and ".join(
                word
                for word, stream in (("picture", "visual"), ("sound", "audio"))
                if film.streams[stream]
            )
            console.print(
                f"  {len(film.clips)} clips, {streams}, {film.seconds:.1f} s", style="dim"
            )
        if film.explanation:
            console.print(_because(film.explanation), style="dim")
    if film.error:
        from rich.padding import Padding
        from rich.text import Text

        console.print(Padding(Text(shown(film.error["message"]), style="red"), (0, 0, 0, 2)))


def _because(explanation: dict[str, Any]) -> str:
    """What spoke for a film's genre, in a line."""
    words = {"visual": "picture", "audio": "sound"}
    alone = ", ".join(f"{words[s]} alone {p:.0%}" for s, p in explanation["streams"].items())
    at = _clock(explanation["time"]) if explanation["time"] else "the start"
    return f"  {explanation['label']} above all at {at} ({alone})"


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


def _print_summary(tally: Tally, written: list[Path]) -> None:
    typer.echo(tally.sentence(), err=True)
    for cause, (count, example) in tally.causes.items():
        typer.echo(f"  {count} {cause}, as {shown(example)}", err=True)
    for note in tally.notes:
        typer.echo(f"  {shown(note)}", err=True)
    for path in written:
        typer.echo(f"written: {shown(str(path))}", err=True)


def _print_stopped(tally: Tally, outputs: list[Path]) -> None:
    typer.echo(f"stopped: {tally.sentence()}", err=True)
    if outputs:
        typer.echo("what is done is in the journal; the same command continues", err=True)
