"""Train `multi`, the model of many genres that ships, on posters and clips together.

    python pipelines/train_multi.py DATA --work DIR --output vgenre/weights/multi [--posters MORE]

Clips teach how films are read, posters how a still image is; each has calibration and thresholds
of its own. It shares its body with `six`. A killed run continues.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared_data import IMDB_GENRES, clip_items, data_folder, folds_of, parser_of, poster_items
from stages import BODY_LICENCE, Recipe, initial_weights, show_progress
from train_six import publish

from vgenre.data.items import Item
from vgenre.labels import MULTI, LabelSet

LABELS = LabelSet(IMDB_GENRES, MULTI)
_LOOKED_FOR = 3  # films of a genre, below which the clips' labels are not taken to know of it

CARD: dict[str, Any] = {
    "description": "21 genres as film databases name them, any number a film. Learnt from film "
    "posters and from the clips that six was learnt from; what it says of posters and of films is "
    "measured apart. Rare genres of films are known from few: take them as suggestions. Not for "
    "deciding who may watch a film: it knows nothing of age ratings.",
    "licence": f"Apache-2.0 and MIT. {BODY_LICENCE}",
    "body_from": "six",
}


def film_items(data: Path) -> list[Item]:
    """The clips; what their labels cannot know is left out of the loss.

    Their films are labelled by hand: genres that hardly occur were not looked for. A sports
    broadcast is called a documentary there, which a database means otherwise.
    """
    clips = clip_items(data, labels="genres")
    films = {item.film: item for item in clips}
    count = Counter(name for item in films.values() for name in item.labels)
    looked_for = tuple(name for name in IMDB_GENRES if count[name] >= _LOOKED_FOR)

    def with_known(item: Item) -> Item:
        broadcast = {"Sport", "Documentary"} <= set(item.labels)
        known = tuple(n for n in looked_for if not (broadcast and n == "Documentary"))
        return replace(item, labels=tuple(n for n in item.labels if n in known), known=known)

    return list(map(with_known, clips))


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__)
    parser.add_argument("--output", type=Path, default=Path("vgenre/weights/multi"))
    parser.add_argument("--posters", type=Path, help="a larger set of posters")
    args = parser.parse_args(arguments)
    data, recipe = data_folder(args.data), Recipe.of(args.toy)

    from vgenre.cli.train import print_figures
    from vgenre.evaluation.assess import assess
    from vgenre.labelling.load import load_model
    from vgenre.training.run import train

    args.work.mkdir(parents=True, exist_ok=True)
    posters = poster_items(data, args.posters)
    # The image network has seen the posters of the train split, so that those of val decide.
    taught = [item for item in posters if item.split != "test"]
    films = [replace(item, split="train") for item in film_items(data)]
    card = train(
        [*films, *taught],
        args.work / args.output.name,
        labels=LABELS,
        initial=initial_weights(data, recipe),
        cache=args.work / "features",
        options=recipe.options,
        card={**CARD, "body_from": None} if args.toy else CARD,  # toys have a body of their own
        progress=show_progress,
        # Folds measure films; posters have films of a test split for that.
        folds=[*folds_of(data), *(0 for _ in taught)],
    )
    publish(args.work / args.output.name, args.output)
    # Posters apart, on a split that decided nothing.
    tests = [item for item in posters if item.split == "test"]
    figures = assess(load_model(args.output), tests).figures()
    replace(card, metrics={**card.metrics, "posters": figures}).write(args.output)
    print_figures(card.metrics.get("folds", {}))
    print({name: value for name, value in figures["fusion"].items() if isinstance(value, float)})


if __name__ == "__main__":
    main()
