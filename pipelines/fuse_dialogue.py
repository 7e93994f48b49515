"""Fuse the dialogue with picture and sound of a model that ships, and measure what it adds.

    python pipelines/fuse_dialogue.py DATA --work DIR --head DIR --model vgenre/weights/six

--head is what ``train_dialogue.py`` left: a head for the model and what heads that did not know
a film say of it. Few films have dialogue and clips; more have dialogue and stills, and what layers
say of these that did not learn from them tells how much the dialogue counts beside the picture.
Films of subtitles and of scripts are told apart. Writes the head and the fusions into the model.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import data_folder, parser_of, still_items, write_table
from stages import Recipe, features_of, initial_weights
from train_dialogue import Film, films_of
from train_six import unsplit

if TYPE_CHECKING:
    from vgenre.data.features import ClipFeatures
    from vgenre.data.items import Item
    from vgenre.models.card import ModelCard
    from vgenre.training.readings import FilmOpinions

FOLDS = 5

HEARD = (
    " What is said in a film is heard by a layer that learnt from the English subtitles and "
    "screenplays of some 1,900 films, whose genres are looked up by title."
)


def seen_stills(
    card: ModelCard, model: Path, data: Path, work: Path, recipe: Recipe
) -> FilmOpinions:
    """Films of stills by what the picture says of them: logits, the mean over a film's stills.

    Where the stills taught the model, layers say it that learnt like its own, without the film.
    """
    from vgenre.engines.choose import choose_engine, load_engine
    from vgenre.labelling.padding import frame_masks, padded
    from vgenre.models.store import VISUAL_FILE
    from vgenre.training.readings import FilmOpinions

    taught = card.outside
    items = still_items(data, labels="six" if taught else "genres")
    clips, owners = features_of(items, work, recipe, initial_weights(data, recipe))
    if taught:
        return held_out(clips, owners, unsplit(items), card)
    first = {item.film: item for item in reversed(items)}
    kept = work / f"stills-{card.files[VISUAL_FILE][:16]}.npz"
    if not kept.exists():
        engine = load_engine(choose_engine("auto", card), model, card)
        said: dict[str, list[np.ndarray]] = {}
        for row, owner in enumerate(owners):
            frame = np.asarray(clips.features[row])[:1].astype(np.float32)
            logits = engine.see(padded(frame)[None], frame_masks([1]))[0]
            said.setdefault(items[owner].film, []).append(logits)
        means = np.stack([np.mean(said[film], axis=0) for film in said])
        np.savez(kept, films=np.array(list(said)), logits=means)
    found = np.load(kept)
    films = [first[film] for film in found["films"].tolist()]
    return FilmOpinions.of_items(films, {"visual": found["logits"]}, card.labels)


def held_out(
    clips: ClipFeatures, owners: np.ndarray, items: Sequence[Item], card: ModelCard
) -> FilmOpinions:
    """Films of stills as layers see them that did not learn from them."""
    from vgenre.training.clip_readings import summaries
    from vgenre.training.readings import MEAN, Readings
    from vgenre.training.streams import learn_streams

    there = {"visual": np.ones(len(owners), bool)}
    stills = Readings(
        {"visual": {MEAN: summaries(clips)[MEAN]}}, there, clips.seconds, owners, list(items),
        card.labels, card.outside,
    )  # fmt: skip
    return learn_streams(stills, np.arange(len(owners))).inner


def measured(
    card: ModelCard,
    spoken: FilmOpinions,
    seen: FilmOpinions,
    both: FilmOpinions,
    kinds: np.ndarray,
) -> dict[str, Any]:
    """Figures of picture, dialogue and both on films that calibrated nothing and set no weight.

    How strongly the layers of stills are held back, all stills have chosen.
    """
    from vgenre.evaluation.films import Films
    from vgenre.evaluation.intervals import paired_bootstrap
    from vgenre.evaluation.measures import measure, rounded
    from vgenre.training.dialogue.fusion import DIALOGUE, fuse_dialogue
    from vgenre.training.fusing import fit_fusion, fused

    mode = card.labels.mode
    fold = np.random.default_rng(0).permutation(len(both.names)) % FOLDS
    p = {system: np.zeros(both.truth.shape) for system in ("visual", DIALOGUE, "fusion")}
    for held in range(FOLDS):
        rows = np.flatnonzero(fold == held)
        names = {both.names[row] for row in rows}
        others = np.flatnonzero([name not in names for name in seen.names])
        visual = {"visual": fit_fusion(seen.take(others), ("visual",), mode)}
        found = fuse_dialogue(visual, spoken, both.take(np.flatnonzero(fold != held)), mode)
        some = both.take(rows)
        for system in p:
            streams = list(some.opinions) if system == "fusion" else [system]
            alone = replace(some, opinions={s: some.opinions[s] for s in streams})
            p[system][rows] = fused(alone, found.fusions, mode)
    told: dict[str, Any] = {}
    for kind in ("all", *np.unique(kinds)):
        rows = np.flatnonzero((kinds == kind) | (kind == "all"))
        films = {
            system: Films(
                [both.names[r] for r in rows], said[rows], both.truth[rows], both.primary[rows]
            )
            for system, said in p.items()
        }
        told[str(kind)] = {
            system: rounded(measure(found.labelled(), card.labels))
            for system, found in films.items()
        }
        for other in ("visual", DIALOGUE):
            told[str(kind)][f"fusion_over_{other}"] = rounded(
                paired_bootstrap(films["fusion"].labelled(), films[other].labelled(), card.labels)
            )
    return told


def with_dialogue(card: ModelCard, head: Path, films: Sequence[Film]) -> FilmOpinions:
    """Films by what heads say of their dialogue that did not learn from them."""
    from vgenre.training.readings import FilmOpinions

    said = np.load(head / "held_out.npz")
    name = head_of(card)
    assert said["ids"].tolist() == [film.id for film in films]
    items = [film.item(name) for film in films]
    return FilmOpinions.of_items(items, {"dialogue": said[name]}, card.labels)


def head_of(card: ModelCard) -> str:
    """Which of the two heads a model has."""
    return "six" if card.outside else "multi"


def table_of(told: dict[str, Any], fused: dict[str, Any]) -> str:
    """Figures by kind of dialogue, in Markdown."""
    names = {"visual": "picture (stills)", "dialogue": "dialogue", "fusion": "**both**"}
    lines = ["| films with | | films | mAP | over picture | over dialogue |", "|---" * 6 + "|"]
    for kind, systems in told.items():
        for system, called in names.items():
            found = systems[system]
            over = ["", ""]
            if system == "fusion":
                over = [_over(systems[f"fusion_over_{other}"]) for other in ("visual", "dialogue")]
            cells = (kind, called, str(found["films"]), f"{found['mAP']:.3f}", *over)
            lines.append(f"| {' | '.join(cells)} |")
    weight, count = fused["weight"], fused["weight_from_films"]
    lines += ["", f"Weight of the dialogue in the product: {weight:g}, from {count} films."]
    return "\n".join(lines) + "\n"


def _over(found: dict[str, Any]) -> str:
    low, high = found["interval_95"]
    return f"{found['difference']:+.3f} ({low:+.3f} to {high:+.3f})"


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__, table=True)
    parser.add_argument("--head", type=Path, required=True, help="what train_dialogue.py left")
    parser.add_argument("--model", type=Path, default=Path("vgenre/weights/six"))
    args = parser.parse_args(arguments)
    data, recipe = data_folder(args.data), Recipe.of(args.toy)

    from vgenre.models.store import DIALOGUE_FILE, file_hash, read_card
    from vgenre.training.dialogue.fusion import fuse_dialogue
    from vgenre.training.fusing import fit_fusion

    args.work.mkdir(parents=True, exist_ok=True)
    card = read_card(args.model)
    films = films_of(data / "dialogue" / "dialogue.jsonl.xz", args.work)
    spoken = with_dialogue(card, args.head, films)
    seen = seen_stills(card, args.model, data, args.work, recipe)
    place = {name: row for row, name in enumerate(seen.names)}
    rows = np.array([i for i, film in enumerate(films) if film.film in place])
    both = spoken.take(rows)
    pictures = seen.opinions["visual"][[place[films[row].film] for row in rows]]
    # What is known of a film from its pictures counts: looked at by hand, not up by a title.
    looked_at = seen.take(np.array([place[films[row].film] for row in rows]))
    both = replace(looked_at, opinions={"visual": pictures, **both.opinions})
    kinds = np.array([films[row].kind for row in rows])
    told = measured(card, spoken, seen, both, kinds)
    # The model may have been fused before: what there is of dialogue is made anew.
    before = {case: f for case, f in card.fusions.items() if "dialogue" not in case}
    seen_by = {"visual": fit_fusion(seen, ("visual",), card.labels.mode)}
    fused = fuse_dialogue(before, spoken, both, card.labels.mode, known_by=seen_by)
    shutil.copyfile(args.head / head_of(card) / DIALOGUE_FILE, args.model / DIALOGUE_FILE)
    replace(
        card,
        description=card.description.replace(HEARD, "") + HEARD,
        architecture=replace(card.architecture, dialogue=True),
        fusions=fused.fusions,
        files={**card.files, DIALOGUE_FILE: file_hash(args.model / DIALOGUE_FILE)},
        metrics={**card.metrics, "dialogue": {**fused.told(), "with_stills": told}},
    ).write(args.model)
    (args.work / f"dialogue-{card.name}.json").write_text(json.dumps(told, indent=2))
    write_table(table_of(told, fused.told()), args.table)


if __name__ == "__main__":
    main()
