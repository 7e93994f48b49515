"""Measure `six` on films it never saw: five folds by film, clips averaged to films.

    python pipelines/cross_validate.py DATA --work DIR

Prints the table of systems with its 95 % intervals and writes it to DIR/figures.json. A killed
run continues. With --share 0.5 only half of the training films of each fold are learnt from: a
point of the learning curve.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import clip_items, data_folder, folds_of, parser_of
from stages import Recipe, features_of, initial_weights

from vgenre.labels import SIX_GENRES, LabelSet

if TYPE_CHECKING:
    from vgenre.training.folds import FoldLogits

LABELS = LabelSet(SIX_GENRES)


def logits_of_all_films(data: Path, work: Path, recipe: Recipe, share: float = 1.0) -> FoldLogits:
    """What models that never saw them say of all clips, by every system."""
    from vgenre.data.stages import Stage
    from vgenre.models.build import body_of
    from vgenre.models.store import load_weights, save_weights
    from vgenre.training.folds import cross_validate

    items, folds = clip_items(data), folds_of(data)
    # The audio stream began with the teacher's descriptions of the training split's sound, of
    # which some is in every fold; it was told no genre of any film.
    initial = initial_weights(data, work, recipe, items)
    network = body_of(recipe.six.architecture)

    def begun() -> Any:
        initial.body(network)
        return network

    # In half precision, as it ships, so that training the model finds these features again.
    file = Stage.of(work, "body-of-six", initial.identity, recipe.six.architecture).keep(
        ".safetensors", begun, lambda path, body: save_weights(body, path, np.float16)
    )
    load_weights(network, file)
    clips, owners = features_of(items, network, file, work, recipe)
    folder = work / f"folds-{share:g}"
    return cross_validate(
        clips, owners, items, folds, LABELS, folder, recipe.six, initial=initial, share=share
    )


def figures_of(found: FoldLogits) -> dict[str, Any]:
    """Figures of every system over all folds, as the model card holds them."""
    from vgenre.evaluation.intervals import paired_bootstrap, sureness
    from vgenre.evaluation.measures import majority, measure, outside, rounded

    figures: dict[str, Any] = {}
    films = {}
    for system in found.logits:
        everything, thresholds = found.calibrated(LABELS, system)
        films[system] = everything.labelled()
        figures[system] = measure(films[system], LABELS) | sureness(films[system], LABELS)
        if system == "fusion":
            figures[system]["outside"] = outside(everything, LABELS, thresholds)
    baseline = majority(films["fusion"], LABELS, found.items)
    figures["majority"] = measure(baseline, LABELS)
    better = max(("visual", "audio"), key=lambda system: figures[system]["mAP"])
    figures["fusion"]["over_" + better] = paired_bootstrap(films["fusion"], films[better], LABELS)
    for system, other in (("lstm", "mean_pool"), ("visual", "lstm"), ("visual", "probe")):
        over = paired_bootstrap(films[system], films[other], LABELS)
        figures[system]["over_" + other] = over
    return rounded(figures)


def print_table(figures: dict[str, Any]) -> None:
    """One line a system."""
    print(f"{'system':10} {'films':>5} {'mAP':>5} {'any':>5} {'top-1':>5} {'F1':>5} {'ECE':>5}  AP")
    for system in ("majority", "mean_pool", "lstm", "probe", "visual", "audio", "fusion"):
        f = figures[system]
        aps = " ".join(f"{name} {e['AP']:.2f}" for name, e in f["per_label"].items())
        print(
            f"{system:10} {f['films']:5} {f['mAP']:5.3f} {f['any_label']:5.3f} {f['top1']:5.3f} "
            f"{f['macro_F1']:5.3f} {f['ECE']:5.3f}  {aps}"
        )
    fusion = figures["fusion"]
    print({k: v for k, v in fusion.items() if k.startswith(("over", "outside"))})
    print("95 %:", fusion.get("interval_95", fusion.get("warning")))


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the films, to learn from")
    args = parser.parse_args(arguments)
    data = data_folder(args.data)
    args.work.mkdir(parents=True, exist_ok=True)
    figures = figures_of(logits_of_all_films(data, args.work, Recipe.of(args.toy), args.share))
    name = "figures.json" if args.share == 1 else f"figures-{args.share:g}.json"
    (args.work / name).write_text(json.dumps(figures, indent=2))
    print_table(figures)


if __name__ == "__main__":
    main()
