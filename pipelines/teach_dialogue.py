"""Fit the dialogue's part of the space in which films are compared, and measure it.

    python pipelines/teach_dialogue.py DATA --work DIR [--models vgenre/weights]

Comes after ``teach_genres.py``: with --models the space of `six` is
given a map for the dialogue, which the films of ``dialogue/`` teach. As there, genres are taught
from a few films and looked for among those of another fold, which neither the vocabulary nor the
map has seen; nor has the map seen the genre. Writes the tables.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import dialogue_file, parser_of, write_table
from teach_genres import (
    WEIGHTS,
    Films,
    missed_by,
    similar_figures,
    tables_of,
    taught_figures,
)
from train_dialogue import films_of

if TYPE_CHECKING:
    from vgenre.training.dialogue.lessons import Lessons
    from vgenre.training.dialogue.space import Space

MOST_TERMS = 20_000
"""Of the vocabulary: those that films' vectors are made of most."""

SYSTEMS = {
    "chance": "chance",
    "dialogue neighbour": "nearest neighbour",
    "taught": "**taught**",
}
_ENOUGH = 8  # films of a genre in a fold, for it to be measured there


def spoken(lessons: Lessons, rows: np.ndarray) -> tuple[Space, np.ndarray]:
    """The vocabulary of some films, and all films in it.

    Parameters
    ----------
    lessons : Lessons
    rows : ndarray of int
        The films that choose the terms.

    Returns
    -------
    space : Space
    readings : ndarray of float32, shape (n_films, n_terms)
        NaN for a film of which too little is said.
    """
    from vgenre.models.embedding import LEAST_WORDS
    from vgenre.training.dialogue.space import Space, Weighing

    space = Space.of(lessons.corpus, rows, Weighing(), lessons.least_films)
    space = space.strongest(space.vectors(lessons.corpus.counts[rows]), MOST_TERMS)
    readings = space.vectors(lessons.corpus.counts).toarray()
    readings[lessons.corpus.words < LEAST_WORDS] = np.nan
    return space, readings


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__, table=True)
    parser.add_argument("--models", type=Path, help="the models whose space is given the dialogue")
    args = parser.parse_args(arguments)
    file = dialogue_file(args.data)

    from vgenre.models.spaces import add_space, need_space, read_space
    from vgenre.models.store import CARD_FILE, read_card
    from vgenre.training.dialogue.lessons import Lessons
    from vgenre.training.embedding import with_dialogue

    args.work.mkdir(parents=True, exist_ok=True)
    films = films_of(file, args.work)
    genres = [film.genres["multi"] for film in films]
    folds = np.array([film.fold for film in films])
    lessons = Lessons.of([f.texts for f in films], [f.item("multi") for f in films], folds)
    how: dict[str, Any] = {"known": (), "fewest": 1} if args.toy else {"fewest": _ENOUGH}
    entries: list[dict[str, Any]] = []
    alike: list[tuple[int, dict[str, float]]] = []
    for fold in map(int, np.unique(folds)):
        readings = spoken(lessons, np.flatnonzero(folds != fold))[1]
        known = np.flatnonzero(~np.isnan(readings).any(axis=1))
        some = Films({"dialogue": readings[known]}, [genres[i] for i in known], folds[known])
        entries += taught_figures(some, folds=[fold], **how)
        alike.append((int((folds[known] == fold).sum()), similar_figures(some, folds=[fold])))
    told = [found for _, found in alike if found]
    counts = [count for count, found in alike if found]
    similar = {way: float(np.average([f[way] for f in told], weights=counts)) for way in told[0]}
    (args.work / "taught_dialogue.json").write_text(
        json.dumps({"taught": entries, "similar": similar})
    )
    write_table(
        tables_of(entries, similar, missed_by(entries), systems=SYSTEMS, by="what is said"),
        args.table,
    )
    if args.models:
        everything = np.arange(len(films))
        terms, readings = spoken(lessons, everything)
        six = args.models / "six"
        card = read_card(six)
        space = need_space(read_space(six, card), card)
        space = with_dialogue(
            space,
            terms.vocabulary(lessons.corpus),
            readings,
            genres,
            WEIGHTS["dialogue"],
        )
        add_space(six, space)
        if (args.models / "multi" / CARD_FILE).is_file():
            add_space(args.models / "multi", None)


if __name__ == "__main__":
    main()
