"""Train `six`, the model that ships, from the data folder.

    python pipelines/train_six.py DATA --work DIR --output vgenre/weights/six

All films teach; the figures in its card are those of the nested folds of the same procedure. The
body is that of ``tune_body.py``. A killed run continues.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared_data import (
    clip_items,
    data_folder,
    folds_of,
    parser_of,
    still_folds_of,
    still_items,
)
from stages import BODY_LICENCE, Recipe, initial_weights, show_progress

from vgenre.data.items import Item
from vgenre.labels import SIX_GENRES, LabelSet

LABELS = LabelSet(SIX_GENRES)

CARD: dict[str, Any] = {
    "description": "The six genres of the method, one a film, or none of them. Learnt from "
    "trailers, scenes, title sequences and openings of films and series and from sports "
    "broadcasts, 1 to 64 s long, labelled by looking at each and knowing the film, and from stills "
    "of some 1,400 more films. Romance and "
    "horror are scarce in them, sports films nearly absent (sports are mostly broadcasts); many "
    "action clips are South Indian teasers with title cards, and many others title sequences of "
    "older series. Whole films were not among them. Not for deciding who may watch a film: it "
    "knows nothing of age ratings.",
    "licence": f"Apache-2.0 and MIT. {BODY_LICENCE}",
}


def unsplit(items: Sequence[Item]) -> list[Item]:
    """A data set all of whose films teach."""
    return [replace(item, split=None) for item in items]


def publish(made: Path, output: Path) -> None:
    """Copy a model's directory to where it ships, its runs left behind."""
    output.mkdir(parents=True, exist_ok=True)
    for file in made.iterdir():
        if file.is_file():
            shutil.copyfile(file, output / file.name)


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__)
    parser.add_argument("--output", type=Path, default=Path("vgenre/weights/six"))
    args = parser.parse_args(arguments)
    data, recipe = data_folder(args.data), Recipe.of(args.toy)

    from vgenre.cli.train import print_figures
    from vgenre.training.run import train

    args.work.mkdir(parents=True, exist_ok=True)
    stills = unsplit(still_items(data, labels="six"))
    card = train(
        [*unsplit(clip_items(data)), *stills],
        args.work / args.output.name,
        labels=LABELS,
        initial=initial_weights(data, recipe),
        cache=args.work / "features",
        options=recipe.options,
        card=CARD,
        progress=show_progress,
        folds=[*folds_of(data), *still_folds_of(data, stills)],
    )
    publish(args.work / args.output.name, args.output)
    print_figures(card.metrics.get("folds", {}))


if __name__ == "__main__":
    main()
