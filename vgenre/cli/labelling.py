"""What ``vgenre label`` does: the run, its table, its summary."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..batch.executors import FILM_TIMEOUT
from ..batch.interrupts import ended_by_signals
from ..batch.journal import Journal
from ..batch.keeping import open_journal
from ..batch.plan import plan_run
from ..batch.ray import Cluster
from ..batch.run import Batch
from ..batch.shards import Shard
from ..labelling.record import STREAM_WORDS, FilmResult, spoken_lines, stream_words
from ..media.discs import film_name
from ..media.sampling import Sampling
from ..output.effects import Effect, apply_all, effects_of
from ..output.writers import Outputs, wants_pictures
from ..taught.telling import Telling
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
    jobs: int | str | None = None
    cluster: Cluster | None = None
    shard: Shard | None = None
    restart: bool = False
    exclude: list[str] = field(default_factory=list)
    all_media: bool = False
    taxonomy: Path | None = None
    nfo: str | None = None
    sort_into: Path | None = None
    link: str = "symlink"
    explain: bool = False
    dialogue: bool = True
    exact: bool = False
    hwaccel: str | None = None
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
        jobs=options.jobs or 1,
        isolated=len(films) > 1,  # one film needs no worker that may die without harm
        cluster=options.cluster,
        pictures=any(wants_pictures(path) for path in options.outputs),
        explain=options.explain,
        dialogue=options.dialogue,
        exact=options.exact,
        hwaccel=options.hwaccel,
        films=len(films),
        film_timeout=options.film_timeout,
    )
    telling = Telling.of(options.taxonomy, options.model)
    tally = Tally(len(films))
    with ExitStack() as stack:
        # The lock comes first: a second start touches nothing that the first one writes.
        journal = stack.enter_context(
            open_journal(run, paths, options.outputs, shard=options.shard, restart=options.restart)
        )
        outputs = Outputs(
            options.outputs,
            (*run.card.labels.names, *telling.names),
            note=options.note,
            space=run.space() if run.task.pictures else None,
            unfinished=journal.unfinished,
        )
        effects = effects_of(options.nfo, options.sort_into, options.link)
        batch = Batch(films, journal, run)
        bar = stack.enter_context(BatchProgress(tally, options.quiet))
        finished_films = batch.run(bar.within, lambda film: apply_all(effects, telling.tell(film)))
        try:
            for finished in finished_films:
                if not options.quiet:
                    if not tally.done:
                        _print_header(bar.results)
                    _print_film(bar.results, telling.tell(finished.result), options.verbose)
                bar.finished(finished)
                if outputs.are_due:
                    _write_early(outputs, telling.tell_all(batch.records()), journal)
        except KeyboardInterrupt:
            finished_films.close()  # ends the workers
            bar.stop()
            if tally.done:
                _write_early(outputs, telling.tell_all(batch.records()), journal)
            _print_stopped(tally, outputs.early if tally.done else [], effects)
            raise
        bar.stop()
        outputs.write(telling.tell_all(batch.records()), final=True)
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


def _write_early(outputs: Outputs, films: Iterable[FilmResult], journal: Journal) -> None:
    journal.leave_unfinished(outputs.early)
    outputs.write(films, final=False)


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
        named = ", ".join(f"{genre} {film.probability(genre) or 0:.0%}" for genre in film.labels)
        if film.outside and film.outside > likeliest[0][1]:
            likeliest.insert(0, ("none of them", film.outside))
        text = named or "uncertain: " + ", ".join(f"{g} {p:.0%}" for g, p in likeliest[:2])
        _print_row(console, name, _clock(film.duration), text, "" if named else "yellow")
        if verbose:
            streams = stream_words(stream for stream, there in film.streams.items() if there)
            clips = counted(len(film.clips), "clip")
            _print_line(console, f"{clips}, {streams}, {film.engine}, {film.seconds:.1f} s")
            if text := film.dialogue_text():
                _print_line(console, f"dialogue: {text}")
        if film.explanation:
            for line in _because(film, film.explanation):
                _print_line(console, line)
    if film.error:
        from rich.padding import Padding
        from rich.text import Text

        console.print(Padding(Text(shown(film.error["message"]), style="red"), (0, 0, 0, 2)))


def _because(film: FilmResult, explanation: dict[str, Any]) -> list[str]:
    """What spoke for a film's genre: where, and what is left of it without a stream."""
    label = explanation["label"]
    alone = ", ".join(
        f"{STREAM_WORDS.get(stream, stream)} alone {p:.0%}"
        for stream, p in explanation["streams"].items()
    )
    at = _clock(explanation["time"]) if explanation["time"] else "the start"
    decided = film.decided_text(label)
    lines = [decided, f"{label} above all at {at} ({alone})", *spoken_lines(explanation)]
    return [line for line in lines if line]


def _print_line(console: Console, line: str) -> None:
    """Print a line below a film's row, and indent what of it has to go to further lines."""
    from rich.text import Text

    width = min(console.width, 100)
    lines = textwrap.wrap(
        shown(line), width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
    )
    for part in lines:
        console.print(Text(part, style="dim"))


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
