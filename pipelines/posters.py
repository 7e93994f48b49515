"""The poster network of the literature beside `multi`, on the same posters.

    python pipelines/posters.py DATA --work DIR --table docs/posters.md

Trains the four-block network on the training posters, and measures both models on the
test posters, beside saying no genre at all: with 2.3 of 25 genres a poster, that is right
about nine labels in ten.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import (
    IMDB_GENRES,
    data_folder,
    parser_of,
    poster_genres,
    poster_items,
    write_table,
)
from stages import code_here

from vgenre.data.items import Item
from vgenre.labels import MULTI, LabelSet
from vgenre.models.card import Architecture, ZooNetwork
from vgenre.training.options import TrainingOptions

if TYPE_CHECKING:
    from vgenre.labelling.model import Model

OPTIONS = TrainingOptions(
    Architecture(network=ZooNetwork("poster-cnn", (160, 160, 3))),
    batch_size=64,
    epochs=8,
    patience=3,
    optimizer="adam",
)

TOY = replace(
    OPTIONS,
    architecture=Architecture(
        network=ZooNetwork("poster-cnn", (64, 64, 3), {"width": 2, "hidden": 8})
    ),
    epochs=1,
)


def opinions(model: Model, posters: list[Item]) -> np.ndarray:
    """Probabilities of each poster: (n, n_labels)."""
    found = []
    for i, poster in enumerate(posters, 1):
        said = model.label(poster.path).probabilities
        found.append([said[name] for name in model.labels.names])
        print(f"poster {i} of {len(posters)}", file=sys.stderr, end="\r")
    return np.array(found)


def figures_of(probabilities: np.ndarray, truth: np.ndarray, names: tuple[str, ...]) -> dict:
    """mAP, AUC and the share of labels that are right when those from 0.5 on are given."""
    from vgenre.evaluation.films import Films
    from vgenre.evaluation.measures import measure

    primary = np.where(truth.any(axis=1), truth.argmax(axis=1), -1)
    films = Films([str(i) for i in range(len(truth))], probabilities, truth, primary)
    figures = measure(films, LabelSet(names, MULTI))
    return {**figures, "accuracy": float(((probabilities >= 0.5) == (truth > 0)).mean())}


def compare(data: Path, work: Path, options: TrainingOptions) -> dict[str, dict[str, Any]]:
    """Figures of each system, on all genres and on those that both models know."""
    from vgenre.data.stages import Stage, items_key
    from vgenre.labelling.load import load_model
    from vgenre.models.store import CARD_FILE
    from vgenre.training.initial import InitialWeights
    from vgenre.training.run import train

    genres = poster_genres(data)
    items = poster_items(data, genres=genres)
    posters = [item for item in items if item.split == "test"]
    directory = Stage.of(
        work, "poster-cnn", items_key(items), genres, options, code_here("posters.py")
    ).place
    if not (directory / CARD_FILE).exists():
        train(
            items,
            directory,
            labels=LabelSet(genres, MULTI),
            initial=InitialWeights.of("none"),
            cache=work / "features",
            options=options,
            card={"name": "poster-cnn"},
        )
    learnt, multi = load_model(directory), load_model("multi")
    truth = np.stack([learnt.labels.multi_hot(p.labels) for p in posters])
    prevalence = np.mean([learnt.labels.multi_hot(i.labels) for i in items if i.split == "train"])
    print(f"{prevalence:.1%} of all labels are given", file=sys.stderr)
    said = opinions(learnt, posters)
    columns = [genres.index(name) for name in IMDB_GENRES]
    nothing = np.zeros_like(truth)
    return {
        "no genre at all": figures_of(nothing, truth, genres),
        "poster-cnn": figures_of(said, truth, genres),
        "no genre at all, 21": figures_of(nothing[:, columns], truth[:, columns], IMDB_GENRES),
        "poster-cnn, 21": figures_of(said[:, columns], truth[:, columns], IMDB_GENRES),
        "multi, 21": figures_of(opinions(multi, posters), truth[:, columns], multi.labels.names),
    }


def table_of(found: dict[str, dict[str, Any]]) -> str:
    """The table, in Markdown."""
    lines = [
        "| system | genres | accuracy of labels | mAP | macro AUC | micro AP |",
        "|---|---|---|---|---|---|",
    ]
    for name, f in found.items():
        title, _, some = name.partition(", ")
        lines.append(
            f"| {title} | {some or 25} | {f['accuracy']:.1%} | {f['mAP']:.3f} "
            f"| {f['macro_AUC']:.3f} | {f['micro_AP']:.3f} |"
        )
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__, table=True)
    args = parser.parse_args(arguments)
    data = data_folder(args.data)
    args.work.mkdir(parents=True, exist_ok=True)
    found = compare(data, args.work, TOY if args.toy else OPTIONS)
    (args.work / "posters.json").write_text(json.dumps(found, indent=2))
    text = table_of(found)
    write_table(text, args.table)


if __name__ == "__main__":
    main()
