"""Streams, fusion and calibration on features, and figures of every system."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..evaluation.films import Films, films_of
from ..evaluation.intervals import bootstrap
from ..evaluation.measures import majority, measure, outside
from ..labels import SINGLE, LabelSet
from ..models.calibration import Calibration
from ..models.card import Architecture, ModelCard
from ..zoo.training import train_network
from .calibration import calibrate
from .initial import InitialWeights, begin_zoo
from .options import TrainingOptions
from .parts import Part
from .streams import train_heads

_FEW_FILMS = 10  # an interval from fewer would say nothing


@dataclass(frozen=True)
class Learnt:
    """What training leaves behind.

    Attributes
    ----------
    head : keras.Model
    logits : dict of str to dict of str to ndarray, shape (n_clips, n_labels)
        Of each system, see `vgenre.training.streams.train_heads`, for each part.
    parts : dict of str to Part
    calibration : Calibration
    thresholds : tuple of float
    """

    head: keras.Model
    logits: dict[str, dict[str, np.ndarray]]
    parts: dict[str, Part]
    calibration: Calibration
    thresholds: tuple[float, ...]

    def films(self, system: str, split: str, labels: LabelSet) -> Films:
        """Films as a system sees them, by calibrated probabilities.

        Clips whose label is unsure are left out.
        """
        part = self.parts[split]
        of_clip = [part.items[owner] for owner in part.owners]
        rows = np.flatnonzero([item.measured or not item.labels for item in of_clip])
        return films_of(
            self.calibration.probabilities(self.logits[system][split][rows], labels.mode),
            part.clips.seconds[rows],
            part.owners[rows],
            part.items,
            labels,
        )


def learn(
    parts: dict[str, Part],
    labels: LabelSet,
    architecture: Architecture,
    work: Path,
    options: TrainingOptions,
    *,
    initial: InitialWeights | None = None,
) -> Learnt:
    """Train the heads on features, and calibrate them on the validation films.

    Parameters
    ----------
    parts : dict of str to Part
        ``"train"``, ``"val"`` and ``"test"``; nothing is learnt from the last.
    labels : LabelSet
    architecture : Architecture
    work : Path
        For checkpoints and logs; a run that was killed continues from there.
    options : TrainingOptions
    initial : InitialWeights, optional
        Of the audio stream, or of a network of the zoo.

    Returns
    -------
    Learnt
    """
    card = ModelCard("training", labels, architecture, options.mel)
    if architecture.network:
        begin = functools.partial(begin_zoo, initial) if initial else None
        head, logits = train_network(card, parts, work, options, begin=begin)
    else:
        audio = initial.audio if initial else None
        head, logits = train_heads(card, parts, work, options, audio=audio)
    calibration, thresholds = calibrate(logits["fusion"]["val"], parts["val"], labels)
    return Learnt(head, logits, parts, calibration, thresholds)


def figures_of(learnt: Learnt, labels: LabelSet) -> dict[str, Any]:
    """Figures of every system on validation and test films, beside the majority baseline."""
    figures: dict[str, Any] = {}
    train = learnt.parts["train"]
    train_items = [item for item in train.items if item.split == "train"]
    for split in ("val", "test"):
        everything = {name: learnt.films(name, split, labels) for name in learnt.logits}
        found = {name: films.labelled() for name, films in everything.items()}
        if not found["fusion"].names:
            continue
        figures[split] = {
            name: measure(films, labels, learnt.thresholds) for name, films in found.items()
        }
        baseline = majority(found["fusion"], labels, train_items)
        figures[split]["majority"] = measure(baseline, labels)
        if len(found["fusion"].names) >= _FEW_FILMS:
            figures[split]["fusion"]["interval_95"] = bootstrap(found["fusion"], labels)
        if labels.mode == SINGLE:
            figures[split]["fusion"]["outside"] = outside(
                everything["fusion"], labels, learnt.thresholds
            )
    return json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 4))
