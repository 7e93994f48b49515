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
from typing import Any

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
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stages import OPTIONS, features_of

from vgenre.data.features import ClipFeatures
from vgenre.evaluation.films import Films, films_of
from vgenre.evaluation.measures import measure
from vgenre.labels import MULTI, SIX_GENRES, LabelSet
from vgenre.models.body import build_body, load_imagenet
from vgenre.models.build import body_of
from vgenre.models.store import BODY_FILE, find_model, load_weights
from vgenre.training.probe import mean_features

SIX, MANY = LabelSet(SIX_GENRES), LabelSet(IMDB_GENRES, MULTI)
SHARES, DRAWS = (1 / 8, 1 / 4, 1 / 2, 1.0), 4


def film_curve(data: Path, work: Path) -> list[dict[str, Any]]:
    """Figures over all folds by the number of films learnt from."""
    file = find_model("six") / BODY_FILE
    network = body_of(OPTIONS.architecture)
    load_weights(network, file)
    items, folds = clip_items(data), np.array(folds_of(data))
    clips, owners = features_of(items, network, file, work)
    x = np.concatenate([mean_features(clips), _deviations(clips)], axis=1)
    primary = np.array([SIX_GENRES.index(i.labels[0]) if i.labels else -1 for i in items])
    films = np.array([item.film for item in items])
    seen = clips.frame_mask.any(axis=1)
    measured = np.array([item.measured and bool(item.labels) for item in items])

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
                PCA(min(120, len(rows) - 1), random_state=0),
                LogisticRegression(C=0.01, class_weight="balanced", max_iter=3000),
            ).fit(x[rows], primary[owners[rows]])
            test = np.flatnonzero(folds[owners] == fold)
            said[np.ix_(test, probe.classes_)] = probe.predict_proba(x[test])
        rows = np.flatnonzero(measured[owners])
        found = films_of(said[rows], clips.seconds[rows], owners[rows], items, SIX)
        return {"n": np.mean(counts), **measure(found, SIX)}

    return _curve(figures, ("mAP", "any_label"))


def poster_curve(data: Path, work: Path) -> list[dict[str, Any]]:
    """Figures on the test posters by the number of posters learnt from."""
    file = data / "weights" / "inception_v3_notop.h5"
    network = build_body(block="mixed8")
    load_imagenet(network, file)
    items = poster_items(data)
    posters, owners = features_of(items, network, file, work)
    x = StandardScaler().fit_transform(mean_features(posters))
    truth = np.stack([MANY.multi_hot(items[owner].labels) for owner in owners])
    split = np.array([items[owner].split for owner in owners])
    test, training = np.flatnonzero(split == "test"), np.flatnonzero(split == "train")

    def figures(share: float, draw: int) -> dict[str, float]:
        rows = np.random.default_rng(draw).permutation(training)[: round(share * len(training))]
        probe = GridSearchCV(Ridge(), {"alpha": [1e3, 3e3, 1e4, 3e4]}, cv=5)
        scores = probe.fit(x[rows], truth[rows]).predict(x[test])
        said = 1 / (1 + np.exp(-scores))  # only their order is looked at
        names, main = [str(row) for row in test], np.zeros(len(test), int)
        return {"n": len(rows), **measure(Films(names, said, truth[test], main), MANY)}

    return _curve(figures, ("macro_AUC", "mAP", "micro_AP"))


def _deviations(clips: ClipFeatures) -> np.ndarray:
    """Of each clip's features over its frames: (n_clips, width), zeros where there are none."""
    found = np.zeros((len(clips), clips.features.shape[-1]), np.float32)
    for row, (features, mask) in enumerate(zip(clips.features, clips.frame_mask, strict=True)):
        if mask.any():
            found[row] = features[mask > 0].std(axis=0, dtype=np.float32)
    return found


def _curve(figures: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """Each share's figures, averaged over several draws of its films."""
    found = []
    for share in SHARES:
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


def main() -> None:
    parser = parser_of(__doc__, table=True)
    args = parser.parse_args()
    data = data_folder(args.data)
    posters = {"macro_AUC": "macro AUC", "mAP": "macro mAP", "micro_AP": "micro AP"}
    films = {"mAP": "mAP", "any_label": "a right genre first"}
    text = "\n".join(
        (
            table_of(film_curve(data, args.work), "films to learn from", films),
            table_of(poster_curve(data, args.work), "posters to learn from", posters),
        )
    )
    write_table(text, args.table)


if __name__ == "__main__":
    main()
