"""How close a frame may be to one that was computed to take its feature: frames against mAP.

    python pipelines/unchanged_frames.py DATA --work DIR [--plot FILE]

In each outer fold the streams learn from whole clips of the other folds, and label its films with
fewer and fewer frames computed. The threshold of a fold is chosen by the other folds: the largest
that loses no more than half a point of mAP there. Prints a table; ``vgenre.labelling.unchanged``
holds what was chosen.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import clip_items, data_folder, folds_of, parser_of, write_table
from stages import Recipe, initial_weights, read_clips
from train_six import unsplit

from vgenre.data.items import Item
from vgenre.labels import SIX_GENRES, LabelSet

if TYPE_CHECKING:
    from vgenre.data.features import ClipFeatures
    from vgenre.evaluation.films import Films

CLOSE = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0)
_MOST_LOST = 0.005


def small_of(
    items: Sequence[Item], owners: np.ndarray, recipe: Recipe, file: Path
) -> list[np.ndarray]:
    """The small pictures of each clip, in the order of their features."""
    from vgenre.labelling.unchanged import SMALL, small_pictures
    from vgenre.media.probing import probe
    from vgenre.media.reader import sampled_clips

    if not file.exists():
        found = np.zeros((len(owners), 40, SMALL, SMALL, 3), np.uint8)
        row = 0
        for i in dict.fromkeys(owners.tolist()):
            info = probe(items[i].path)
            for clip in sampled_clips(
                info, recipe.options.sampling, sample_rate=recipe.options.mel.sample_rate
            ):
                found[row, : clip.frame_count] = small_pictures(clip.frames[: clip.frame_count])
                row += 1
        assert row == len(owners)
        np.save(file, found)
    return list(np.load(file, mmap_mode="r"))


def reduced(
    clips: ClipFeatures, small: Sequence[np.ndarray], close: float
) -> tuple[ClipFeatures, np.ndarray]:
    """Clips whose frames take the features of others; how many are computed of each clip."""
    from vgenre.labelling.unchanged import stand_ins

    features, computed = np.array(clips.features), np.zeros(len(clips), int)
    counts = np.asarray(clips.frame_mask).sum(axis=1).astype(int)
    for row, count in enumerate(counts):
        source = stand_ins(np.asarray(small[row])[:count], close)
        features[row, :count] = features[row, source]
        computed[row] = len(np.unique(source))
    return replace(clips, features=features), computed


def chosen(by_fold: Sequence[Sequence[Films]], labels: LabelSet) -> tuple[list[int], Films]:
    """The threshold of each fold by the other ones, and the films under it."""
    from vgenre.evaluation.films import Films
    from vgenre.evaluation.measures import measure

    picks, films = [], []
    for fold in range(len(by_fold)):
        others = [
            measure(Films.join([f[t] for i, f in enumerate(by_fold) if i != fold]), labels)["mAP"]
            for t in range(len(CLOSE))
        ]
        pick = max(t for t in range(len(CLOSE)) if others[t] >= others[0] - _MOST_LOST)
        picks.append(pick)
        films.append(by_fold[fold][pick])
    return picks, Films.join(films)


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__, table=True)
    parser.add_argument("--plot", type=Path, help="where to draw the curve")
    args = parser.parse_args(arguments)
    data, recipe = data_folder(args.data), Recipe.of(args.toy)

    from vgenre.evaluation.films import Films
    from vgenre.evaluation.measures import measure
    from vgenre.training.clip_readings import summaries
    from vgenre.training.nested import measure_fold
    from vgenre.training.streams import learn_streams

    args.work.mkdir(parents=True, exist_ok=True)
    items, labels = unsplit(clip_items(data)), LabelSet(SIX_GENRES)
    initial = initial_weights(data, recipe)
    whole, clips = read_clips(items, labels, args.work, recipe, initial)
    owners = whole.owners
    small = small_of(items, owners, recipe, args.work / "small.npy")
    frames = np.asarray(clips.frame_mask).sum()
    genres = initial.frame_genres()
    folds = np.array(folds_of(data))[owners]
    learnt = {f: learn_streams(whole, np.flatnonzero(folds != f), jobs=-1) for f in set(folds)}
    by_fold: list[list[Films]] = [[] for _ in learnt]
    saved = []
    for close in CLOSE:
        fewer, computed = reduced(clips, small, close)
        sources = {**whole.sources, "visual": summaries(fewer, genres)}
        readings = replace(whole, sources=sources)
        saved.append(1 - computed.sum() / frames)
        for i, fold in enumerate(learnt):
            measured = measure_fold(readings, learnt[fold], np.flatnonzero(folds == fold))
            by_fold[i].append(measured.films["fusion"].labelled())
    curve = [
        measure(Films.join([fold[t] for fold in by_fold]), labels)["mAP"] for t in range(len(CLOSE))
    ]
    picks, films = chosen(by_fold, labels)
    write_table(table_of(saved, curve, picks, measure(films, labels)["mAP"]), args.table)
    if args.plot:
        draw(args.plot, saved, curve)


def table_of(
    saved: Sequence[float], curve: Sequence[float], picks: Sequence[int], held: float
) -> str:
    """The curve in Markdown, and what the folds chose for one another."""
    lines = ["| levels of 255 | frames not computed | mAP |", "|---|---|---|"]
    lines += [
        f"| {close:g} | {part:.0%} | {value:.3f} |"
        for close, part, value in zip(CLOSE, saved, curve, strict=True)
    ]
    chose = ", ".join(f"{CLOSE[pick]:g}" for pick in picks)
    lines += ["", f"Chosen for each fold by the others: {chose}; mAP then {held:.3f}."]
    return "\n".join(lines) + "\n"


def draw(file: Path, saved: Sequence[float], curve: Sequence[float]) -> None:
    """The curve as a picture."""
    from matplotlib.figure import Figure

    figure = Figure((6, 3.6), layout="constrained")
    axes: Any = figure.subplots()
    axes.plot(100 * np.asarray(saved), curve, marker="o", color="#2b6cb0")
    for close, part, value in zip(CLOSE, saved, curve, strict=True):
        axes.annotate(f"{close:g}", (100 * part, value), (0, 6), textcoords="offset points")
    axes.set_xlabel("frames not computed (%)")
    axes.set_ylabel("mAP, nested folds")
    axes.grid(alpha=0.3)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    main()
