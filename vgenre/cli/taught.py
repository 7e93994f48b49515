"""What ``vgenre teach`` and ``vgenre similar`` share: films in, embeddings out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer

from ..batch.interrupts import ended_by_signals
from ..batch.keeping import journal_about
from ..batch.keys import film_key
from ..batch.plan import LabellingRun, plan_run
from ..batch.run import Finished
from ..errors import DataError
from ..media.find import find_films
from ..media.remote import is_remote, place_of
from ..models.embedding import EmbeddingSpace
from ..taught.films import NAMED, embedded, embedding_journal
from ..taught.genre import Example, Genre, teach
from ..taught.index import Index, index_beside
from ..taught.taxonomy import TAXONOMY_CARD, Taxonomy
from .common import shown
from .progress import BatchProgress, Tally

if TYPE_CHECKING:
    from ..media.sampling import Sampling


def named_films(paths: Sequence[str]) -> list[str]:
    """The films that arguments name, each once; DataError where one names none."""
    found: dict[str, str] = {}
    for path in paths:
        films = list(find_films([path]))
        if not films:
            raise DataError(f"{path}: no film is there")
        for film in films:
            found.setdefault(film if is_remote(film) else os.path.realpath(film), film)
    return list(found.values())


def planned(
    count: int, model: str, policy: Sampling | None, engine: str, jobs: int | None
) -> LabellingRun:
    """How some films are looked at; as ``vgenre label`` does, whose records are taken."""
    return plan_run(
        model,
        engine=engine,
        sampling=policy,
        jobs=max(1, min(jobs or 1, count)),
        isolated=count > 1,
    )


def embed_films(
    films: list[str],
    run: LabellingRun,
    space: EmbeddingSpace,
    quiet: bool,
    about: Sequence[str] = NAMED,
) -> tuple[list[Example], int]:
    """The embeddings of films, and how many could not be read, which is said of each."""
    tally = Tally(len(films))
    problems: list[str] = []
    with (
        ended_by_signals(),
        embedding_journal(run, about, films) as journal,
        BatchProgress(tally, quiet) as bar,
    ):

        def finished(done: Finished) -> None:
            bar.finished(done)
            if done.result.embedding is None:
                error = done.result.error
                problems.append(error["message"] if error else f"{done.result.path}: no embedding")

        examples = list(
            embedded(films, journal, run, space, progress=bar.within, finished=finished)
        )
    for problem in problems:
        typer.echo(shown(problem), err=True)
    return examples, len(problems)


def read_taxonomy(into: Path, space: EmbeddingSpace, *, new: bool = False) -> Taxonomy:
    """The taxonomy of a directory; an empty one where there is none, if that may be."""
    if not new or (into / TAXONOMY_CARD).exists():
        return Taxonomy.read(into, space)
    if any(into.iterdir()):
        raise DataError(f"{into}: this folder holds other things; name a new one with --into")
    return Taxonomy(space)


def taught_with(
    taxonomy: Taxonomy,
    name: str,
    examples: Sequence[Example],
    of_it: Sequence[str],
    not_of_it: Sequence[str],
) -> Genre:
    """A genre taught from the films it was taught from before and further ones.

    A film that is named now is of it, or not, as it is named now.
    """
    by_path = {example.path: example for example in examples}
    known = taxonomy.genre(name)
    now = {place_of(path) for path in (*of_it, *not_of_it)}
    kinds = []
    for paths, earlier in ((of_it, known and known.films), (not_of_it, known and known.others)):
        kept = [example for example in earlier or () if place_of(example.path) not in now]
        new = [by_path[path] for path in paths if path in by_path]
        kinds.append([*kept, *(Example(os.path.abspath(e.path), e.embedding) for e in new)])
    return teach(known.name if known else name, kinds[0], taxonomy.space, kinds[1])


def forget_films(
    taxonomy: Taxonomy, name: str, films: Sequence[str], others: Sequence[str]
) -> tuple[Taxonomy, str]:
    """A taxonomy without some of a genre's films, or without the genre; and what was done."""
    known = taxonomy.genre(name)
    if known is None:
        names = ", ".join(taxonomy.names) or "none"
        raise DataError(f"{name}: there is no such genre in the taxonomy; there are {names}")
    named = {place_of(path) for path in (*films, *others)}
    if not named:
        return taxonomy.without(name), "forgotten"
    kept = [
        [example for example in kind if place_of(example.path) not in named]
        for kind in (known.films, known.others)
    ]
    gone = len(known.films) + len(known.others) - len(kept[0]) - len(kept[1])
    if gone < len(named):
        there = ", ".join(os.path.basename(e.path) for e in (*known.films, *known.others))
        raise DataError(f"{name}: it was not taught from all of these films; it was from {there}")
    genre = teach(known.name, kept[0], taxonomy.space, kept[1])
    return taxonomy.put(genre), f"{gone} forgotten"


def vectors_of(
    one: str,
    films: Sequence[str],
    run: LabellingRun,
    space: EmbeddingSpace,
    quiet: bool,
    about: Sequence[str],
) -> tuple[list[Example], int]:
    """The embedding of a film, those of others behind it, and how many of these failed.

    What the index beside the journal knows costs nothing; the journal is opened for the rest.

    Raises
    ------
    DataError
        If the one cannot be read.
    """
    place = place_of(one)
    others = [film for film in films if place_of(film) != place]
    keys = {film: film_key(film, run.key, subtitles=run.task.dialogue) for film in (one, *others)}
    index = Index(index_beside(journal_about(run, about)), space)
    known = [film for film in keys if keys[film] in index]
    vectors = dict(zip(known, index.vectors([keys[film] for film in known]), strict=True))
    unknown = [film for film in keys if film not in vectors]
    failed = 0
    if unknown:
        made, failed = embed_films(unknown, run, space, quiet, about)
        vectors |= {example.path: example.embedding for example in made}
        if len(vectors) > len(known):
            index.write([keys[film] for film in vectors], np.stack(list(vectors.values())))
    if one not in vectors:
        raise DataError(f"{one}: it could not be read, so that no film is like it")
    order = [one, *(film for film in others if film in vectors)]
    return [Example(film, vectors[film]) for film in order], failed
