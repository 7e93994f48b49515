"""What ``vgenre label`` does: the run, its table, its summary."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..batch.executors import FILM_TIMEOUT
from ..batch.interrupts import ended_by_signals
from ..batch.journal import Journal
from ..batch.keeping import open_journal
from ..batch.ray import Cluster
from ..batch.run import Batch, plan_run
from ..batch.shards import Shard
from ..labelling.record import FilmResult
from ..media.discs import film_name
from ..media.sampling import Sampling
from ..output.effects import Effect, apply_all, effects_of
from ..output.writers import Outputs, wants_pictures
from .common import ALL_DONE, NOTHING_DONE, SOME_FAILED, counted, films_in, shown
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
    exclude: list[str] = field(default_factory=list)
    all_media: bool = False
    nfo: str | None = None
    sort_into: Path | None = None
    link: str = "symlink"
    explain: bool = False
    note: str = ""  # what a report says above its films
    film_timeout: float = FILM_TIMEOUT
    quiet: bool = False
    verbose: bool = False


def label_all(paths: list[str], options: Options) -> int:
    """Label films, write the outputs, and print a table and a summary.

    Parameters
    ----------
    paths : list of str
        Films and folders.
    options : Options

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    VgenreError
        If nothing can be done.
    KeyboardInterrupt
        If the run was stopped; what is done by then is written.
    """
    with ended_by_signals():
        return _label_all(paths, options)


def _label_all(paths: list[str], options: Options) -> int:
    films = films_in(
        paths,
        options.shard,
        exclude=options.exclude,
        all_media=options.all_media,
        leave_out=[options.sort_into] if options.sort_into else [],
    )
    run = plan_run(
        options.model,
        engine=options.engine,
        sampling=options.sampling,
        jobs=max(1, min(options.jobs or 1, len(films))),
        isolated=len(films) > 1,  # one film needs no worker that may die without harm
        cluster=options.cluster,
        pictures=any(wants_pictures(path) for path in options.outputs),
        explain=options.explain,
        film_timeout=options.film_timeout,
    )
    tally = Tally(len(films))
    with ExitStack() as stack:
        # The lock comes first: a second start touches nothing that the first one writes.
        journal = stack.enter_context(
            open_journal(run, paths, options.outputs, shard=options.shard, restart=options.restart)
        )
        outputs = Outputs(
            options.outputs,
            run.card.labels.names,
            note=options.note,
            unfinished=journal.unfinished,
        )
        effects = effects_of(options.nfo, options.sort_into, options.link)
        batch = Batch(films, journal, run)
        bar = stack.enter_context(BatchProgress(tally, options.quiet))
        finished_films = batch.run(bar.within, lambda film: apply_all(effects, film))
        try:
            for finished in finished_films:
                if not options.quiet:
                    if not tally.done:
                        _print_header(bar.results)
                    _print_film(bar.results, finished.result, options.verbose)
                bar.finished(finished)
                if outputs.are_due:
                    _write_early(outputs, batch, journal)
        except KeyboardInterrupt:
            finished_films.close()  # ends the workers
            bar.stop()
            if tally.done:
                _write_early(outputs, batch, journal)
            _print_stopped(tally, outputs.early if tally.done else [], effects)
            raise
        bar.stop()
        outputs.write(batch.records(), final=True)
        journal.leave_unfinished([])
        for effect in effects:
            effect.finish()
        _print_summary(tally, effects, options.outputs)
        for line in (films.sentence, *films.problems, _place_of_journal(journal, options)):
            if line:
                typer.echo(shown(line), err=True)
    if tally.failed:
        return NOTHING_DONE if tally.failed == len(films) else SOME_FAILED
    return ALL_DONE


def _write_early(outputs: Outputs, batch: Batch, journal: Journal) -> None:
    journal.leave_unfinished(outputs.early)
    outputs.write(batch.records(), final=False)


def _place_of_journal(journal: Journal, options: Options) -> str:
    """Where the records are kept, if it is not beside an output; only those who look know that."""
    if options.outputs:
        return ""
    if not journal.path.exists():
        return "no journal is kept, as the cache folder cannot be written; name an --output for one"
    return f"journal: {journal.path}; the same command passes over these films, --restart does not"


_LENGTH, _GENRES = 8, 34  # columns of the terminal


def _print_header(console: Console) -> None:
    _print_row(console, "Film", "Length", "Genre", "bold")
    console.print("─" * min(console.width, 100), style="dim")


def _print_film(console: Console, film: FilmResult, verbose: bool) -> None:
    name = shown(film_name(film.path))
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
            clips = counted(len(film.clips), "clip")
            told = f"  {clips}, {streams}, {film.engine}, {film.seconds:.1f} s"
            console.print(told, style="dim")
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


def _print_summary(tally: Tally, effects: list[Effect], written: list[Path]) -> None:
    typer.echo(tally.sentence(), err=True)
    for cause, (count, example) in tally.causes.items():
        typer.echo(f"  {count} {cause}, as {shown(example)}", err=True)
    _print_done(effects, written)


def _print_stopped(tally: Tally, written: list[Path], effects: list[Effect]) -> None:
    typer.echo(f"stopped: {tally.sentence()}", err=True)
    _print_done(effects, written)
    typer.echo("what is done is in the journal; the same command continues", err=True)


def _print_done(effects: list[Effect], written: list[Path]) -> None:
    for effect in effects:
        for line in effect.sentences():
            typer.echo(shown(line), err=True)
    for path in written:
        typer.echo(f"written: {shown(str(path))}", err=True)
