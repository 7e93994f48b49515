"""Streams, fusion and calibration on features, and figures of every system."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from ..evaluation.intervals import sureness
from ..evaluation.measures import majority, measure, outside, rounded
from ..labels import SINGLE, LabelSet
from ..models.calibration import Calibration
from ..models.card import Architecture, ModelCard
from ..zoo.training import train_network
from .answers import Answers
from .initial import InitialWeights, begin_zoo
from .options import TrainingOptions
from .parts import Part
from .streams import train_heads


@dataclass(frozen=True)
class Learnt:
    """What training leaves behind.

    Attributes
    ----------
    head : keras.Model
    answers : dict of str to Answers
        Of each system, see `vgenre.training.streams.train_heads`, for each part.
    parts : dict of str to Part
    calibration : Calibration
    thresholds : tuple of float
    """

    head: keras.Model
    answers: dict[str, Answers]
    parts: dict[str, Part]
    calibration: Calibration
    thresholds: tuple[float, ...]


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
        For checkpoints and logs, of this training alone; a run that was killed continues from
        there.
    options : TrainingOptions
    initial : InitialWeights, optional
        Of the audio stream, or of a network of the zoo.

    Returns
    -------
    Learnt
    """
    # The same networks to begin with, whatever was made, or found made, before.
    keras.utils.set_random_seed(options.seed)
    card = ModelCard("training", labels, architecture, options.mel)
    if architecture.network:
        begin = functools.partial(begin_zoo, initial) if initial else None
        head, logits = train_network(card, parts, work, options, begin=begin)
    else:
        audio = initial.audio if initial else None
        head, logits = train_heads(card, parts, work, options, audio=audio)
    answers = {
        split: Answers(
            {system: said[split] for system, said in logits.items() if split in said},
            part.clips.seconds,
            part.owners,
            part.items,
        )
        for split, part in parts.items()
    }
    calibration, thresholds = answers["val"].calibrate(labels)
    return Learnt(head, answers, parts, calibration, thresholds)


def figures_of(learnt: Learnt, labels: LabelSet) -> dict[str, Any]:
    """Figures of every system on validation and test films, beside the majority baseline.

    Where there are few films there is a ``warning`` beside the figures, and no interval.
    """
    figures: dict[str, Any] = {}
    train = learnt.parts["train"]
    train_items = [item for item in train.items if item.split == "train"]
    for split in ("val", "test"):
        answers = learnt.answers[split]
        everything = {
            name: answers.films(learnt.calibration, labels, name) for name in answers.logits
        }
        found = {name: films.labelled() for name, films in everything.items()}
        if not found["fusion"].names:
            continue
        figures[split] = {
            name: measure(films, labels, learnt.thresholds) for name, films in found.items()
        }
        baseline = majority(found["fusion"], labels, train_items)
        figures[split]["majority"] = measure(baseline, labels)
        figures[split]["fusion"] |= sureness(found["fusion"], labels)
        if labels.mode == SINGLE:
            figures[split]["fusion"]["outside"] = outside(
                everything["fusion"], labels, learnt.thresholds
            )
    return rounded(figures)
