"""Five folds by film: nobody is labelled by a model that saw them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from vgenre.data.features import ClipFeatures
from vgenre.data.items import Item
from vgenre.labels import LabelSet
from vgenre.models.card import Architecture
from vgenre.sound import MelSettings
from vgenre.training.folds import FoldLogits, cross_validate, fold_split, fold_stages
from vgenre.training.initial import InitialWeights
from vgenre.training.options import TrainingOptions

LABELS = LabelSet(("A", "B"))
MEL = MelSettings()


def films(n: int) -> tuple[list[Item], list[int]]:
    """Films of two clips each, of A and B in turn, in three folds."""
    items = [Item(f"{i}-{j}", ("AB"[i % 2],), f"film {i}") for i in range(n) for j in range(2)]
    return items, [i // 2 % 3 for i in range(2 * n)]


def test_a_film_is_in_the_test_split_of_its_fold_alone() -> None:
    items, folds = films(40)
    for fold in range(3):
        split = fold_split(items, folds, fold)
        by_film = {item.film: item.split for item in split}
        assert all(by_film[item.film] == item.split for item in split)
        assert [item.split == "test" for item in split] == [f == fold for f in folds]
        assert list(by_film.values()).count("val") == 3
    half = fold_split(items, folds, 0, share=0.5)
    whole = fold_split(items, folds, 0)
    used = [{i.film for i in split if i.split == "train"} for split in (half, whole)]
    assert used[0] < used[1] and abs(len(used[0]) - len(used[1]) / 2) <= 1
    assert [i.film for i in half if i.split == "val"] == [i.film for i in whole if i.split == "val"]


def test_plain_films_are_told_apart_and_a_second_run_reads_what_the_first_left(
    tmp_path: Path,
) -> None:
    items, folds = films(36)
    rng = np.random.default_rng(0)
    n = len(items)
    kind = np.array([item.labels[0] == "A" for item in items])
    features = rng.normal(0, 0.3, (n, 40, 8))
    features[:, :, 0] += np.where(kind, 1, -1)[:, None]
    clips = ClipFeatures(
        features.astype(np.float16),
        np.ones((n, 40), np.float32),
        np.full((n, MEL.n_mels, MEL.steps), MEL.floor_db, np.float16),
        np.zeros((n, MEL.steps), np.float32),
        np.full(n, 10, np.float32),
    )
    options = TrainingOptions(Architecture.toy(), epochs=12, batch_size=8, learning_rate=1e-2)
    arguments = (clips, np.arange(n), items, folds, LABELS, tmp_path, options)
    found = cross_validate(*arguments)
    files = set(tmp_path.glob("fold-*.npz"))
    assert len(files) == 3
    calibrated, thresholds = found.calibrated(LABELS)
    assert len(calibrated.names) == 36 and thresholds.shape == (36, 2)
    right = calibrated.probabilities.argmax(axis=1) == calibrated.primary
    assert right.mean() > 0.9
    again = cross_validate(*arguments)
    np.testing.assert_array_equal(again.logits["fusion"], found.logits["fusion"])
    assert set(found.logits) == {"mean_pool", "lstm", "probe", "visual", "audio", "fusion"}
    assert set(tmp_path.glob("fold-*.npz")) == files, "a second run reads what the first left"
    # What anything was changed for is made anew.
    other = (clips.take(np.arange(n)[::-1]), *arguments[1:])
    relabelled = [*items[:-1], replace(items[-1], labels=("A",))]
    changed = [
        fold_stages(*other),
        fold_stages(*arguments[:2], relabelled, *arguments[3:]),
        fold_stages(*arguments[:3], folds[::-1], *arguments[4:]),
        fold_stages(*arguments[:-1], replace(options, dtype="mixed_bfloat16")),
        fold_stages(*arguments, share=0.9),
        fold_stages(*arguments, initial=InitialWeights("another", lambda network: None)),
    ]
    keys = {stage.key for stages in changed for stage in stages.values()}
    assert len(keys) == 6 * 3 and not keys & {file.stem.split("-")[-1] for file in files}


def test_thresholds_of_a_fold_come_from_the_others() -> None:
    items, folds = films(30)
    n = len(items)
    logits = np.zeros((n, 2), np.float32)
    sure = np.where(np.array(folds) == 0, 9.0, 0.5)
    kind = np.array([item.labels[0] == "B" for item in items]).astype(int)
    logits[np.arange(n), kind] = sure
    found = FoldLogits({"fusion": logits}, np.ones(n), np.arange(n), items, np.array(folds))
    first, _ = found.calibrate(LABELS, rows=np.flatnonzero(found.folds != 0))
    every, _ = found.calibrate(LABELS)
    calibrated, _ = found.calibrated(LABELS)
    of_first = {item.film for item, fold in zip(items, folds, strict=True) if fold == 0}
    for name, p in zip(calibrated.names, calibrated.probabilities, strict=True):
        if name in of_first:
            kind_of = int(name.split()[1]) % 2
            wanted = first.probabilities(np.array([9.0 * (kind_of == 0), 9.0 * kind_of]), "single")
            np.testing.assert_allclose(p, wanted)
    assert first.scale != every.scale


def test_films_whose_label_is_unsure_decide_nothing() -> None:
    items, folds = films(30)
    n = len(items)
    rng = np.random.default_rng(0)
    kind = np.array([item.labels[0] == "B" for item in items]).astype(int)
    logits = rng.normal(0, 1, (n, 2))
    logits[np.arange(n), kind] += 2
    wrong = logits[:10, ::-1] * 9
    unsure = [replace(item, film=f"unsure {i}", measured=False) for i, item in enumerate(items)]
    alone = FoldLogits({"fusion": logits}, np.ones(n), np.arange(n), items, np.array(folds))
    both = FoldLogits(
        {"fusion": np.concatenate([logits, wrong])},
        np.ones(n + 10),
        np.arange(n + 10),
        [*items, *unsure[:10]],
        np.array([*folds, *folds[:10]]),
    )
    assert both.calibrate(LABELS) == alone.calibrate(LABELS)
    assert both.films(alone.calibrate(LABELS)[0], LABELS).names == [f"film {i}" for i in range(30)]
    only = FoldLogits({"fusion": wrong}, np.ones(10), np.arange(10), unsure, np.zeros(10))
    assert len(only.calibrate(LABELS)[1]) == 2, "what is unsure is better than nothing"
