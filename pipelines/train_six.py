"""Train `six`, the model that ships, from ImageNet weights and the data folder.

    python pipelines/train_six.py DATA --work DIR --output vgenre/weights/six

Every stage leaves its result under --work and is not repeated; a killed run continues.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cross_validate import LABELS, figures_of, logits_of_all_films, print_table
from shared_data import clip_items, data_folder, parser_of
from stages import BODY_LICENCE, Recipe, initial_weights, show_progress


def train_heads(data: Path, work: Path, output: Path, recipe: Recipe) -> None:
    """Train the streams and their fusion on the clips, and write the model.

    Its figures, its calibration and its thresholds are those of five folds: the
    validation films alone are too few for any of them.
    """
    from vgenre.cli.train import print_figures
    from vgenre.training.run import train

    items = clip_items(data)
    folds = logits_of_all_films(data, work, recipe)
    figures = figures_of(folds)
    calibration, thresholds = folds.calibrate(LABELS)
    card = train(
        items,
        work / output.name,
        labels=LABELS,
        initial=initial_weights(data, work, recipe, items),
        cache=work / "features",
        options=recipe.six,
        card={**CARD, "calibration": calibration, "thresholds": thresholds},
        progress=show_progress,
    )
    card = replace(card, metrics={**card.metrics, "five_folds": figures})
    card.write(work / output.name)
    output.mkdir(parents=True, exist_ok=True)
    for name in ("card.json", *card.files):
        shutil.copyfile(work / output.name / name, output / name)
    print_table(figures)
    print_figures(card.metrics.get("test", {}))


CARD = {
    "description": "The six genres of the method, one a film. Learnt from trailers and scenes of "
    "films and series and from sports broadcasts, 1 to 64 s long, labelled by looking at each and "
    "knowing the film. Romance is scarce in them, and so are sports films (sports are mostly "
    "broadcasts); many action clips are South Indian teasers with title cards. Whole films were "
    "not among them. Not for deciding who may watch a film: it knows nothing of age ratings.",
    "licence": f"Apache-2.0. {BODY_LICENCE}",
}


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__)
    parser.add_argument("--output", type=Path, default=Path("vgenre/weights/six"))
    args = parser.parse_args(arguments)
    data = data_folder(args.data)
    args.work.mkdir(parents=True, exist_ok=True)
    train_heads(data, args.work, args.output, Recipe.of(args.toy))


if __name__ == "__main__":
    main()
