"""Train `multi`, the model of many genres that ships, on posters and clips together.

    python pipelines/train_multi.py DATA --work DIR --output vgenre/weights/multi

It shares its body with `six`, whose pipeline has to have run in the same --work folder or runs
its stages now. Every stage leaves its result there; a killed run continues.
"""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from shared_data import IMDB_GENRES, clip_items, data_folder, parser_of, poster_items
from stages import BODY_LICENCE, Recipe, initial_weights, show_progress

from vgenre.data.items import Item
from vgenre.labels import MULTI, LabelSet

LABELS = LabelSet(IMDB_GENRES, MULTI)
_LOOKED_FOR = 3  # films of a genre, below which the clips' labels are not taken to know of it


def items_of(data: Path) -> list[Item]:
    """Posters and clips; what the clips' labels cannot know is left out of the loss.

    Their films are labelled by hand: genres that hardly occur were not looked for. A sports
    broadcast is called a documentary there, which a poster's genre means otherwise.
    """
    clips = clip_items(data, labels="genres")
    films = {item.film: item for item in clips}
    count = Counter(name for item in films.values() for name in item.labels)
    looked_for = tuple(name for name in IMDB_GENRES if count[name] >= _LOOKED_FOR)

    def with_known(item: Item) -> Item:
        broadcast = {"Sport", "Documentary"} <= set(item.labels)
        known = tuple(n for n in looked_for if not (broadcast and n == "Documentary"))
        return replace(item, labels=tuple(n for n in item.labels if n in known), known=known)

    return [*poster_items(data), *map(with_known, clips)]


CARD = {
    "description": "21 genres as film databases name them, any number a film. Learnt from some "
    "5,400 film posters of 1980 to 2015 and from the clips that six was learnt from. What it says "
    "of posters is measured well, what it says of moving pictures on few films: take its genres of "
    "a film as suggestions. Not for deciding who may watch a film: it knows nothing of age "
    "ratings.",
    "licence": f"Apache-2.0. {BODY_LICENCE}",
    "body_from": "six",
}


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__)
    parser.add_argument("--output", type=Path, default=Path("vgenre/weights/multi"))
    args = parser.parse_args(arguments)
    data, recipe = data_folder(args.data), Recipe.of(args.toy)

    from vgenre.cli.train import print_figures
    from vgenre.evaluation.assess import assess
    from vgenre.labelling.load import load_model
    from vgenre.training.run import train

    args.work.mkdir(parents=True, exist_ok=True)
    card = train(
        items_of(data),
        args.work / args.output.name,
        labels=LABELS,
        initial=initial_weights(data, args.work, recipe, clip_items(data)),
        cache=args.work / "features",
        options=recipe.multi,
        card={**CARD, "body_from": None} if args.toy else CARD,  # toys have a body of their own
        progress=show_progress,
    )
    args.output.mkdir(parents=True, exist_ok=True)
    for name in ("card.json", *card.files):
        if (args.work / args.output.name / name).exists():  # the body is that of `six`
            shutil.copyfile(args.work / args.output.name / name, args.output / name)
    # Posters apart: clips are few, and of other films than posters usually are.
    posters = [item for item in poster_items(data) if item.split == "test"]
    figures = assess(load_model(args.output), posters).figures()
    replace(card, metrics={**card.metrics, "posters": figures}).write(args.output)
    print_figures(card.metrics.get("test", {}))
    print({name: value for name, value in figures["fusion"].items() if isinstance(value, float)})


if __name__ == "__main__":
    main()
