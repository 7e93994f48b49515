"""Measure the procedure that makes `six` and `multi`: nested folds by film.

    python pipelines/cross_validate.py DATA --work DIR [--mode multi]

Of `multi` without the posters that teach it frame by frame, as stills do `six`: its card has the
figures of all of it. All choices are made inside the training part of each outer fold, by inner
folds; the outer folds are looked at once. Prints the table of systems with its 95 % intervals and
writes it to DIR/figures-MODE.json, with what was tried. With --share 0.5 only half of the films of
each fold are learnt from: a point of the learning curve.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import IMDB_GENRES, clip_items, data_folder, folds_of, parser_of, still_items
from stages import Recipe, readings_of
from train_multi import film_items
from train_six import unsplit

from vgenre.labels import MULTI, SINGLE, SIX_GENRES, LabelSet

if TYPE_CHECKING:
    from vgenre.evaluation.films import Films
    from vgenre.training.readings import Readings

SYSTEMS = {
    "majority": "the most frequent genre, always",
    "imagenet": "picture: regression on raw ImageNet features",
    "visual": "picture",
    "audio": "sound",
    "before": "both, the sound read as a whole alone",
    "fusion": "**both, fused**",
}


def measured(
    readings: Readings, folds: np.ndarray, *, share: float = 1.0, jobs: int = 1, seed: int = 0
) -> dict[str, Any]:
    """Figures of every system over the outer folds, as the model card holds them.

    Parameters
    ----------
    readings : Readings
        As `stages.readings_of` gives them.
    folds : ndarray of int, shape (n_clips,)
    share : float
        Of the films of each fold's training part that are learnt from.
    jobs : int
        Fits at once.
    seed : int
        Of the inner folds, and of the share.
    """
    from vgenre.evaluation.intervals import paired_bootstrap
    from vgenre.evaluation.measures import rounded
    from vgenre.training.figures import figures_of, told
    from vgenre.training.nested import measure_nested
    from vgenre.training.readings import EAR

    films = np.unique(readings.films)
    some = np.random.default_rng(seed).permutation(films)[: round(share * len(films))]
    how: dict[str, Any] = {
        "learn_from": np.isin(readings.films, some),
        "jobs": jobs,
        "seed": seed,
    }
    ways = {stream: list(found) for stream, found in readings.sources.items()}
    baseline = [way for way in ways["visual"] if way.startswith("imagenet")]
    own = {stream: [w for w in readings.ways(stream) if w not in baseline] for stream in ways}
    procedure = measure_nested(readings, folds, sources=own, **how)
    everything = np.arange(len(folds))
    figures = figures_of(procedure, readings, everything)

    def over(system: str, other: Films) -> Any:
        """What a system is better by than another, on the films that both know."""
        own = procedure.films[system].labelled()
        both = [name for name in own.names if name in other.names]
        rows, others = (np.array([f.names.index(name) for name in both]) for f in (own, other))
        return rounded(paired_bootstrap(own.take(rows), other.take(others), readings.labels))

    # What shipped before, made anew.
    before = measure_nested(readings, folds, sources={**own, "audio": [EAR]}, **how)
    figures["before"] = figures_of(before, readings, everything)["fusion"]
    figures["fusion"]["over_before"] = over("fusion", before.films["fusion"].labelled())
    if baseline:
        plain = measure_nested(readings, folds, sources={"visual": baseline}, **how)
        figures["imagenet"] = figures_of(plain, readings, everything)["visual"]
        for system in ("fusion", "visual"):
            figures[system]["over_imagenet"] = over(system, plain.films["visual"].labelled())
    figures["chosen"] = [told(learnt) for learnt in procedure.learnt]
    if readings.labels.mode == SINGLE:
        figures["mistakes"] = mistakes(procedure.films["fusion"].labelled(), readings.labels)
    return figures


def mistakes(films: Films, labels: LabelSet, most: int = 10) -> list[dict[str, Any]]:
    """The films whose likeliest genre is surest and wrong: what it says, how surely, what it is."""
    rows, best = np.arange(len(films.names)), films.probabilities.argmax(axis=1)
    sure = np.where(films.truth[rows, best] > 0, 0, films.probabilities[rows, best])
    return [
        {
            "film": films.names[row],
            "says": labels.names[best[row]],
            "p": round(float(sure[row]), 3),
            "is": [labels.names[i] for i in np.flatnonzero(films.truth[row] > 0)],
        }
        for row in np.argsort(-sure)[:most]
        if sure[row] > 0
    ]


def table_of(figures: dict[str, Any], mode: str) -> str:
    """The tables of systems, of genres and of the surest mistakes, in Markdown."""
    single = mode == SINGLE
    heads = ("mAP", "a right genre first", "macro F1", "ECE")
    keys = ("mAP", "any_label", "macro_F1", "ECE")
    if not single:
        heads, keys = ("macro AUC", "macro mAP", "micro AP", "ECE"), (
            "macro_AUC", "mAP", "micro_AP", "ECE",
        )  # fmt: skip
    lines = [f"| | films | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for system, called in SYSTEMS.items():
        if system in figures:
            found = figures[system]
            values = " | ".join(f"{found[key]:.3f}" for key in keys)
            lines.append(f"| {called} | {found['films']} | {values} |")
    spread = figures["fusion"].get("interval_95", {})
    if spread:
        ends = [
            f"{low:.3f} to {high:.3f}" if key in spread else ""
            for key in keys
            for low, high in [spread.get(key, (0, 0))]
        ]
        lines.append(f"| 95 %, bootstrap over films | | {' | '.join(ends)} |")
    lines += ["", f"| AP | {' | '.join(figures['fusion']['per_label'])} |"]
    lines.append("|---" * (1 + len(figures["fusion"]["per_label"])) + "|")
    counts = [entry["films"] for entry in figures["fusion"]["per_label"].values()]
    lines.append(f"| films | {' | '.join(map(str, counts))} |")
    for system in list(SYSTEMS)[1:]:
        if system in figures:
            aps = [entry["AP"] for entry in figures[system]["per_label"].values()]
            shown = " | ".join("" if ap is None else f"{ap:.2f}" for ap in aps)
            lines.append(f"| {SYSTEMS[system]} | {shown} |")
    if figures.get("mistakes"):
        lines += ["", "| film | it says | it is |", "|---|---|---|"]
        lines += [
            f"| {m['film']} | {m['says']} {m['p']:.2f} | {', '.join(m['is'])} |"
            for m in figures["mistakes"]
        ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__, table=True)
    parser.add_argument("--mode", choices=(SINGLE, MULTI), default=SINGLE)
    parser.add_argument("--share", type=float, default=1.0, help="of the films, to learn from")
    parser.add_argument(
        "--no-imagenet", action="store_true", help="without the baseline whose features take long"
    )
    parser.add_argument("--jobs", type=int, default=-1, help="fits at once; -1: one a core")
    args = parser.parse_args(arguments)
    data = data_folder(args.data)

    from shared_data import write_table

    args.work.mkdir(parents=True, exist_ok=True)
    single = args.mode == SINGLE
    items = unsplit(clip_items(data) if single else film_items(data))
    labels = LabelSet(SIX_GENRES if single else IMDB_GENRES, args.mode)
    recipe = Recipe.of(args.toy)
    stills = unsplit(still_items(data, labels="six")) if single else []
    readings = readings_of(
        items, labels, data, args.work, recipe, stills=stills, baseline=not args.no_imagenet
    )
    folds = np.array(folds_of(data))[readings.owners]
    figures = measured(readings, folds, share=args.share, jobs=args.jobs)
    name = (
        f"figures-{args.mode}.json" if args.share == 1 else f"figures-{args.mode}-{args.share}.json"
    )
    (args.work / name).write_text(json.dumps(figures, indent=2))
    write_table(table_of(figures, args.mode), args.table)
    print({k: v for k, v in figures["fusion"].items() if k.startswith(("over", "outside"))})


if __name__ == "__main__":
    main()
