"""What more data would bring: the procedure on an eighth, a quarter, a half and all of the films.

    python pipelines/learning_curve.py DATA --work DIR --table docs/learning_curve.md

Clips are measured by the nested folds of ``cross_validate.py``, posters on the test posters.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import (
    IMDB_GENRES,
    clip_items,
    data_folder,
    folds_of,
    parser_of,
    poster_items,
    still_items,
    write_table,
)
from stages import Recipe, features_of, initial_weights, readings_of
from train_six import unsplit

from vgenre.labels import MULTI, SIX_GENRES, LabelSet

if TYPE_CHECKING:
    from vgenre.training.readings import Readings

SIX, MANY = LabelSet(SIX_GENRES), LabelSet(IMDB_GENRES, MULTI)
SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
FILM_FIGURES = {"mAP": "mAP", "any_label": "a right genre first", "macro_F1": "macro F1"}
POSTER_FIGURES = {"macro_AUC": "macro AUC", "mAP": "macro mAP", "micro_AP": "micro AP"}


def film_curve(readings: Readings, folds: np.ndarray, shares: Sequence[float]) -> str:
    """The table of the films of clips, each share of them drawn once.

    Parameters
    ----------
    readings : Readings
    folds : ndarray of int, shape (n_clips,)
    shares : sequence of float
    """
    from vgenre.evaluation.measures import measure
    from vgenre.training.nested import measure_nested

    films = np.random.default_rng(0).permutation(np.unique(readings.films))

    def figures(share: float) -> dict[str, Any]:
        some = films[: round(share * len(films))]
        found = measure_nested(readings, folds, learn_from=np.isin(readings.films, some), jobs=-1)
        taught = len(some) * (1 - 1 / len(np.unique(folds)))
        return {"n": taught, **measure(found.films["fusion"].labelled(), readings.labels)}

    return _table(shares, figures, "films to learn from", FILM_FIGURES)


def poster_curve(readings: Readings, shares: Sequence[float]) -> str:
    """The table of posters: a share of those to learn from, measured on the test posters."""
    from vgenre.evaluation.measures import measure
    from vgenre.training.nested import measure_fold
    from vgenre.training.streams import learn_streams

    splits = np.array(readings.splits())
    taught = np.random.default_rng(0).permutation(np.flatnonzero(splits == "train"))

    def figures(share: float) -> dict[str, Any]:
        rows = np.sort(taught[: round(share * len(taught))])
        found = measure_fold(
            readings, learn_streams(readings, rows), np.flatnonzero(splits == "test")
        )
        return {"n": len(rows), **measure(found.films["visual"].labelled(), readings.labels)}

    return _table(shares, figures, "posters to learn from", POSTER_FIGURES)


def _table(
    shares: Sequence[float],
    figures: Callable[[float], dict[str, Any]],
    what: str,
    titles: dict[str, str],
) -> str:
    """A curve as a table in Markdown, with what the last doubling brought."""
    curve = []
    for share in shares:
        curve.append(figures(share))
        print(what, {name: round(curve[-1][name], 3) for name in ("n", *titles)}, file=sys.stderr)
    lines = [f"| {what} | {' | '.join(titles.values())} |", "|---" * (1 + len(titles)) + "|"]
    for point in curve:
        shown = " | ".join(f"{point[name]:.3f}" for name in titles)
        lines.append(f"| {point['n']:,.0f} | {shown} |")
    last = " | ".join(f"{curve[-1][name] - curve[-2][name]:+.3f}" for name in titles)
    return "\n".join([*lines, f"| the last doubling | {last} |", ""])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__, table=True)
    parser.add_argument("--posters", type=Path, help="a larger set of posters")
    args = parser.parse_args(arguments)
    data, recipe = data_folder(args.data), Recipe.of(args.toy)

    from vgenre.training.clip_readings import summaries
    from vgenre.training.readings import MEAN, Readings

    shares = (0.8, 1.0) if args.toy else SHARES  # toys have few films
    stills = unsplit(still_items(data, labels="six"))
    films = readings_of(
        unsplit(clip_items(data)), SIX, data, args.work, recipe, stills=stills, baseline=False
    )
    folds = np.array(folds_of(data))[films.owners]
    items = poster_items(data, args.posters)
    clips, owners = features_of(items, args.work, recipe, initial_weights(data, recipe))
    posters = Readings(
        {"visual": {MEAN: summaries(clips)[MEAN]}},
        {"visual": np.ones(len(owners), bool)},
        clips.seconds, owners, items, MANY, outside=False,
    )  # fmt: skip
    text = film_curve(films, folds, shares) + "\n" + poster_curve(posters, shares)
    write_table(text, args.table)


if __name__ == "__main__":
    main()
