"""How good a plain classifier gets with the number of films: what more data would bring.

    python pipelines/learning_curve.py DATA --work DIR --table docs/learning_curve.md

Of clips, by five folds: a logistic regression on the features of the body that ships, which
saw none of them. Of posters, on the fixed test split: ridge regression on features of the
ImageNet weights, as the body that ships has seen the posters.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import (
    IMDB_GENRES,
    clip_items,
    data_folder,
    folds_of,
    parser_of,
    poster_items,
    write_table,
)
from stages import Recipe, features_of, new_body

from vgenre.labels import MULTI, SIX_GENRES, LabelSet

if TYPE_CHECKING:
    import keras

    from vgenre.data.features import ClipFeatures

SIX, MANY = LabelSet(SIX_GENRES), LabelSet(IMDB_GENRES, MULTI)
SHARES, DRAWS = (1 / 8, 1 / 4, 1 / 2, 1.0), 4


def film_curve(data: Path, work: Path, recipe: Recipe) -> list[dict[str, Any]]:
    """Figures over all folds by the number of films learnt from."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from vgenre.evaluation.films import films_of
    from vgenre.evaluation.measures import measure
    from vgenre.models.build import body_of
    from vgenre.models.store import BODY_FILE, find_model, load_weights
    from vgenre.training.probe import mean_features

    if recipe.from_imagenet:
        file = find_model("six") / BODY_FILE
        network = body_of(recipe.six.architecture)
        load_weights(network, file)
    else:
        network, file = _kept(new_body(data, recipe), work)
    items, folds = clip_items(data), np.array(folds_of(data))
    clips, owners = features_of(items, network, file, work, recipe)
    x = np.concatenate([mean_features(clips), _deviations(clips)], axis=1)
    primary = np.array([SIX_GENRES.index(i.labels[0]) if i.labels else -1 for i in items])
    films = np.array([item.film for item in items])
    seen = clips.frame_mask.any(axis=1)
    measured = np.array([item.is_sure and bool(item.labels) for item in items])

    def figures(share: float, draw: int) -> dict[str, float]:
        said = np.zeros((len(owners), len(SIX)))
        counts = []
        for fold in np.unique(folds):
            known = np.unique(films[(folds != fold) & (primary >= 0)])
            known = np.random.default_rng(draw).permutation(known)[: round(share * len(known))]
            counts.append(len(known))
            rows = np.flatnonzero(seen & np.isin(films, known)[owners] & (primary[owners] >= 0))
            probe = make_pipeline(
                StandardScaler(),
                PCA(min(120, len(rows) - 1, x.shape[1]), random_state=0),
                LogisticRegression(C=0.01, class_weight="balanced", max_iter=3000),
            ).fit(x[rows], primary[owners[rows]])
            test = np.flatnonzero(folds[owners] == fold)
            said[np.ix_(test, probe.classes_)] = probe.predict_proba(x[test])
        rows = np.flatnonzero(measured[owners])
        found = films_of(said[rows], clips.seconds[rows], owners[rows], items, SIX)
        return {"n": np.mean(counts), **measure(found, SIX)}

    return _curve(figures, ("mAP", "any_label"), recipe)


def poster_curve(data: Path, work: Path, recipe: Recipe) -> list[dict[str, Any]]:
    """Figures on the test posters by the number of posters learnt from."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.preprocessing import StandardScaler

    from vgenre.evaluation.films import Films
    from vgenre.evaluation.measures import measure
    from vgenre.training.probe import mean_features

    network, file = _kept(new_body(data, recipe, block="mixed8"), work)
    items = poster_items(data)
    posters, owners = features_of(items, network, file, work, recipe)
    x = StandardScaler().fit_transform(mean_features(posters))
    truth = np.stack([MANY.multi_hot(items[owner].labels) for owner in owners])
    split = np.array([items[owner].split for owner in owners])
    test, training = np.flatnonzero(split == "test"), np.flatnonzero(split == "train")

    def figures(share: float, draw: int) -> dict[str, float]:
        rows = np.random.default_rng(draw).permutation(training)[: round(share * len(training))]
        probe = GridSearchCV(Ridge(), {"alpha": [1e3, 3e3, 1e4, 3e4]}, cv=min(5, len(rows)))
        scores = probe.fit(x[rows], truth[rows]).predict(x[test])
        said = 1 / (1 + np.exp(-scores))  # only their order is looked at
        names, main = [str(row) for row in test], np.zeros(len(test), int)
        return {"n": len(rows), **measure(Films(names, said, truth[test], main), MANY)}

    return _curve(figures, ("macro_AUC", "mAP", "micro_AP"), recipe)


def _kept(network: keras.Model, work: Path) -> tuple[keras.Model, Path]:
    """A body, and its weights in a file that their features are known by."""
    from vgenre.models.store import save_weights

    work.mkdir(parents=True, exist_ok=True)
    file = work / f"{network.name}-as-it-begins.safetensors"
    save_weights(network, file)
    return network, file


def _deviations(clips: ClipFeatures) -> np.ndarray:
    """Of each clip's features over its frames: (n_clips, width), zeros where there are none."""
    found = np.zeros((len(clips), clips.features.shape[-1]), np.float32)
    for row, (features, mask) in enumerate(zip(clips.features, clips.frame_mask, strict=True)):
        if mask.any():
            found[row] = features[mask > 0].std(axis=0, dtype=np.float32)
    return found


def _curve(figures: Any, names: Sequence[str], recipe: Recipe) -> list[dict[str, Any]]:
    """Each share's figures, averaged over several draws of its films."""
    found = []
    shares = SHARES if recipe.from_imagenet else SHARES[-2:]
    for share in shares:
        drawn = [figures(share, draw) for draw in range(DRAWS if share < 1 else 1)]
        found.append({name: float(np.mean([f[name] for f in drawn])) for name in ("n", *names)})
        print({name: round(value, 3) for name, value in found[-1].items()}, file=sys.stderr)
    return found


def table_of(curve: list[dict[str, Any]], what: str, titles: dict[str, str]) -> str:
    """A curve as a table in Markdown, with what the last doubling brought."""
    lines = [f"| {what} | {' | '.join(titles.values())} |", "|---" * (1 + len(titles)) + "|"]
    for point in curve:
        figures = " | ".join(f"{point[name]:.3f}" for name in titles)
        lines.append(f"| {point['n']:,.0f} | {figures} |")
    last = " | ".join(f"{curve[-1][name] - curve[-2][name]:+.3f}" for name in titles)
    return "\n".join([*lines, f"| the last doubling | {last} |", ""])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__, table=True)
    args = parser.parse_args(arguments)
    data, recipe = data_folder(args.data), Recipe.of(args.toy)
    posters = {"macro_AUC": "macro AUC", "mAP": "macro mAP", "micro_AP": "micro AP"}
    films = {"mAP": "mAP", "any_label": "a right genre first"}
    text = "\n".join(
        (
            table_of(film_curve(data, args.work, recipe), "films to learn from", films),
            table_of(poster_curve(data, args.work, recipe), "posters to learn from", posters),
        )
    )
    write_table(text, args.table)


if __name__ == "__main__":
    main()
