"""Cross-validation by film: every film is labelled by a model that never saw it.

With a few hundred films one test split says little. Here each of k folds is the test
split once; what is learnt and calibrated for it comes from the other folds alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from ..data.features import ClipFeatures
from ..data.items import Item, split_by_film
from ..evaluation.films import Films, films_of
from ..labels import LabelSet
from ..models.calibration import Calibration
from ..output.atomic import atomic
from .calibration import fit_confidence, fit_thresholds
from .initial import InitialWeights
from .learn import learn
from .options import TrainingOptions
from .parts import Part

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoldLogits:
    """What the systems say of clips that they never saw.

    Attributes
    ----------
    logits : dict of str to ndarray, shape (n_clips, n_labels)
        Of each system, by the model of the clip's fold.
    folds : ndarray of int, shape (n_clips,)
    seconds : ndarray, shape (n_clips,)
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    items : list of Item
    """

    logits: dict[str, np.ndarray]
    folds: np.ndarray
    seconds: np.ndarray
    owners: np.ndarray
    items: list[Item]

    def films(
        self, rows: np.ndarray, calibration: Calibration, labels: LabelSet, system: str = "fusion"
    ) -> Films:
        """Films of some clips, by probabilities of one calibration."""
        return films_of(
            calibration.probabilities(self.logits[system][rows], labels.mode),
            self.seconds[rows],
            self.owners[rows],
            self.items,
            labels,
        )

    def measurable(self) -> np.ndarray:
        """Clips to measure by: those whose label is sure, or that have none of the set."""
        items = [self.items[owner] for owner in self.owners]
        return np.array([item.measured or not item.labels for item in items])

    def calibrate(
        self, rows: np.ndarray, labels: LabelSet, system: str = "fusion"
    ) -> tuple[Calibration, tuple[float, ...]]:
        """Temperature and thresholds that suit some clips."""
        unscaled = self.films(rows, Calibration.temperature(1, len(labels)), labels, system)
        temperature = fit_confidence(
            self.logits[system][rows],
            unscaled.truth,
            films=[self.items[owner].film for owner in self.owners[rows]],
            weights=self.seconds[rows],
        )
        calibration = Calibration.temperature(round(temperature, 4), len(labels))
        found = self.films(rows, calibration, labels, system)
        return calibration, fit_thresholds(found.probabilities, found.truth, labels.mode)

    def calibrated(self, labels: LabelSet, system: str = "fusion") -> tuple[Films, np.ndarray]:
        """All films, each by a calibration that other folds' films gave.

        Returns
        -------
        films : Films
        thresholds : ndarray, shape (n_films, n_labels)
            The ones that hold for each film.
        """
        parts, thresholds = [], []
        usable = self.measurable()
        for fold in np.unique(self.folds):
            others = np.flatnonzero(usable & (self.folds != fold))
            calibration, found = self.calibrate(others, labels, system)
            parts.append(
                self.films(
                    np.flatnonzero(usable & (self.folds == fold)), calibration, labels, system
                )
            )
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

    A fold that is finished is kept under `work` and is not done again.

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
    for fold in sorted(set(folds)):
        result = work / f"fold-{fold}" / "logits.npz"
        rows = np.flatnonzero(of_clip == fold)
        if not result.exists():
            log.info("fold %s", fold)
            split = fold_split(items, folds, fold, seed=options.seed, share=share)
            parts = {
                name: Part.make(name, clips, owners, split, labels)
                for name in ("train", "val", "test")
            }
            keras.utils.set_random_seed(options.seed)
            learnt = learn(
                parts,
                labels,
                options.architecture,
                result.parent,
                options,
                initial=initial,
            )
            found = {name: said["test"] for name, said in learnt.logits.items()}
            with atomic(result) as file:
                np.savez(file, **found)  # type: ignore[arg-type]
        with np.load(result) as stored:
            for name in stored:
                everywhere = logits.setdefault(
                    name, np.zeros((len(owners), len(labels)), np.float32)
                )
                everywhere[rows] = stored[name]
    return FoldLogits(logits, of_clip, clips.seconds, owners, list(items))


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
