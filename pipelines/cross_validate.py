"""Measure `six` on films it never saw: five folds by film, clips averaged to films.

    python pipelines/cross_validate.py DATA --work DIR

Prints the table of systems with its 95 % intervals and writes it to DIR/figures.json. A killed
run continues. With --share 0.5 only half of the training films of each fold are learnt from: a
point of the learning curve.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from shared_data import clip_items, data_folder, folds_of, parser_of
from stages import OPTIONS, features_of, load_body, pretrain_audio

from vgenre.evaluation.intervals import bootstrap, paired_bootstrap
from vgenre.evaluation.measures import majority, measure, outside
from vgenre.labels import SIX_GENRES, LabelSet
from vgenre.models.build import body_of
from vgenre.models.store import BODY_FILE, load_weights, save_weights
from vgenre.training.folds import FoldLogits, cross_validate
from vgenre.training.initial import InitialWeights

LABELS = LabelSet(SIX_GENRES)


def logits_of_all_films(data: Path, work: Path, share: float = 1.0) -> FoldLogits:
    """What models that never saw them say of all clips, by every system."""
    items, folds = clip_items(data), folds_of(data)
    # In half precision, as it ships, so that training the model finds these features again.
    network, file = body_of(OPTIONS.architecture), work / BODY_FILE
    load_body(data, work)(network)
    save_weights(network, file, np.float16)
    load_weights(network, file)
    clips, owners = features_of(items, network, file, work)

    # The audio stream began with the teacher's descriptions of the training split's sound, of
    # which some is in every fold; it was told no genre of any film.
    audio = pretrain_audio(data, work, items)
    return cross_validate(
        clips,
        owners,
        items,
        folds,
        LABELS,
        work / f"folds-{share:g}",
        OPTIONS,
        initial=InitialWeights(load_body(data, work), audio),
        share=share,
    )


def figures_of(found: FoldLogits) -> dict[str, Any]:
    """Figures of every system over all folds, as the model card holds them."""
    figures: dict[str, Any] = {}
    films = {}
    for system in found.logits:
        everything, thresholds = found.calibrated(LABELS, system)
        films[system] = everything.labelled()
        figures[system] = measure(films[system], LABELS)
        figures[system]["interval_95"] = bootstrap(films[system], LABELS)
        if system == "fusion":
            figures[system]["outside"] = outside(everything, LABELS, thresholds)
    baseline = majority(films["fusion"], LABELS, found.items)
    figures["majority"] = measure(baseline, LABELS)
    better = max(("visual", "audio"), key=lambda system: figures[system]["mAP"])
    figures["fusion"]["over_" + better] = paired_bootstrap(films["fusion"], films[better], LABELS)
    for system, other in (("lstm", "mean_pool"), ("visual", "lstm"), ("visual", "probe")):
        over = paired_bootstrap(films[system], films[other], LABELS)
        figures[system]["over_" + other] = over
    return json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 4))


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
    print("95 %:", fusion["interval_95"])


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the films, to learn from")
    args = parser.parse_args()
    data = data_folder(args.data)
    args.work.mkdir(parents=True, exist_ok=True)
    figures = figures_of(logits_of_all_films(data, args.work, args.share))
    name = "figures.json" if args.share == 1 else f"figures-{args.share:g}.json"
    (args.work / name).write_text(json.dumps(figures, indent=2))
    print_table(figures)


if __name__ == "__main__":
    main()
