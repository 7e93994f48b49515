"""Cross-validation by film: every film is labelled by a model that never saw it.

With a few hundred films one test split says little. Here each of k folds is the test
split once; what is learnt and calibrated for it comes from the other folds alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..data.features import ClipFeatures
from ..data.items import Item, split_by_film
from ..data.stages import Stage
from ..evaluation.films import Films
from ..labels import LabelSet
from .answers import Answers
from .initial import InitialWeights
from .learn import learn
from .options import TrainingOptions
from .parts import Part

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoldLogits(Answers):
    """What the systems say of clips that they never saw.

    Attributes
    ----------
    folds : ndarray of int, shape (n_clips,)
        A clip's logits are by the model of its fold.
    """

    folds: np.ndarray

    def calibrated(self, labels: LabelSet, system: str = "fusion") -> tuple[Films, np.ndarray]:
        """All films, each by a calibration that other folds' films gave.

        Returns
        -------
        films : Films
        thresholds : ndarray, shape (n_films, n_labels)
            The ones that hold for each film.
        """
        parts, thresholds = [], []
        for fold in np.unique(self.folds):
            own, others = np.flatnonzero(self.folds == fold), np.flatnonzero(self.folds != fold)
            calibration, found = self.calibrate(labels, system, rows=others)
            parts.append(self.films(calibration, labels, system, rows=own))
            thresholds.append(np.tile(found, (len(parts[-1].names), 1)))
        return Films.join(parts), np.concatenate(thresholds)


def cross_validate(
    clips: ClipFeatures,
    owners: np.ndarray,
    items: Sequence[Item],
    folds: Sequence[int],
    labels: LabelSet,
    work: Path,
    options: TrainingOptions,
    *,
    initial: InitialWeights | None = None,
    share: float = 1.0,
) -> FoldLogits:
    """Train on all folds but one, label that one, in turn.

    A fold that is finished is kept under `work` and is not done again, unless anything that
    it was made from has changed.

    Parameters
    ----------
    clips : ClipFeatures
        Of a body that was trained on none of the films.
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    items : sequence of Item
        Their `split` does not matter.
    folds : sequence of int, length n_items
        Of each item; all files of a film in the same one.
    labels : LabelSet
        In ``single`` mode.
    work : Path
        For checkpoints and results.
    options : TrainingOptions
    initial : InitialWeights, optional
    share : float
        Of the training films of each fold that are learnt from, for a learning curve.

    Returns
    -------
    FoldLogits
    """
    logits: dict[str, np.ndarray] = {}
    of_clip = np.asarray(folds)[owners]
    stages = fold_stages(
        clips, owners, items, folds, labels, work, options, initial=initial, share=share
    )
    for fold, stage in stages.items():

        def answer(fold: int = fold, place: Path = stage.place) -> dict[str, np.ndarray]:
            log.info("fold %s", fold)
            split = fold_split(items, folds, fold, seed=options.seed, share=share)
            parts = {
                name: Part.make(name, clips, owners, split, labels)
                for name in ("train", "val", "test")
            }
            learnt = learn(parts, labels, options.architecture, place, options, initial=initial)
            return learnt.answers["test"].logits

        with np.load(stage.keep(".npz", answer, _save)) as stored:
            rows = np.flatnonzero(of_clip == fold)
            for name in stored:
                everywhere = logits.setdefault(
                    name, np.zeros((len(owners), len(labels)), np.float32)
                )
                everywhere[rows] = stored[name]
    return FoldLogits(logits, clips.seconds, owners, list(items), of_clip)


def fold_stages(
    clips: ClipFeatures,
    owners: np.ndarray,
    items: Sequence[Item],
    folds: Sequence[int],
    labels: LabelSet,
    work: Path,
    options: TrainingOptions,
    *,
    initial: InitialWeights | None = None,
    share: float = 1.0,
) -> dict[int, Stage]:
    """Where the answers on each fold are kept; parameters as for `cross_validate`."""
    made_from = (
        clips.key(),
        owners,
        list(items),
        list(folds),
        labels,
        options,
        initial.identity if initial else None,
        share,
    )
    return {fold: Stage.of(work, f"fold-{fold}", fold, *made_from) for fold in sorted(set(folds))}


def _save(file: Path, found: dict[str, np.ndarray]) -> None:
    np.savez(file, **found)  # type: ignore[arg-type]


def fold_split(
    items: Sequence[Item], folds: Sequence[int], fold: int, *, seed: int = 0, share: float = 1.0
) -> list[Item]:
    """A data set with one fold as its test split; of the others every tenth film validates.

    With a `share` below 1 the rest of the training films belongs to no split.
    """
    others = [replace(i, split=None) for i, f in zip(items, folds, strict=True) if f != fold]
    split = {i.film: i.split for i in split_by_film(others, seed=seed)}
    learnt_from = sorted(film for film, part in split.items() if part != "val")
    np.random.default_rng(seed).shuffle(learnt_from)
    used = dict.fromkeys(learnt_from[: round(share * len(learnt_from))], "train")
    used |= {film: "val" for film, part in split.items() if part == "val"}
    return [
        replace(i, split="test" if f == fold else used.get(i.film))
        for i, f in zip(items, folds, strict=True)
    ]
