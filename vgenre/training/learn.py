"""From features to networks, with figures: the streams by the procedure, or one of the zoo."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..data.features import ClipFeatures
from ..data.items import SPLITS, Item
from ..data.pixels import Clips
from ..evaluation.films import Films
from ..models.audio import build_audio_stream
from ..models.build import visual_of
from ..models.card import Architecture, ModelCard
from ..models.fusion import STILL, Fusion, streams_of
from ..zoo.training import train_network
from .clip_readings import FrameGenres, readings_of_clips, with_frames
from .figures import figures_of, told
from .fusing import fit_fusions
from .initial import InitialWeights, begin_zoo
from .linear import Reduced, fit_linear
from .nested import Measured, measure_fold, measure_nested
from .options import TrainingOptions
from .parts import Part
from .readings import (
    COURSE,
    DEVIATION,
    EAR,
    GENRES,
    MEAN,
    TEXTURE,
    FilmOpinions,
    Readings,
    film_folds,
)
from .recurrent import Lstm, project
from .stack import Reading, fill_linear
from .streams import COMPONENTS, STRENGTHS, Learnt, learn_streams

log = logging.getLogger(__name__)

_AT_ONCE = 64  # clips
OUTER_FOLDS = 5
_WORTH_PROCESSES = 1000  # clips, whose fits take longer than it takes to start processes for them
_FEW_PICTURES = 20  # films of one frame, below which clips teach how a single frame is read


@dataclass(frozen=True)
class Trained:
    """What training leaves behind.

    Attributes
    ----------
    visual : keras.Model
    audio : keras.Model or None
    fusions : dict of str to Fusion
    figures : dict
        For the card: of every system on films that it did not learn from, and what was chosen.
    architecture : Architecture
        What the networks are built by: without an LSTM, where one was tried and left out.
    inner : FilmOpinions or None
        The films that taught, by streams that did not learn from them.
    """

    visual: keras.Model
    audio: keras.Model | None
    fusions: dict[str, Fusion]
    figures: dict[str, Any]
    architecture: Architecture
    inner: FilmOpinions | None = None


def learn(
    card: ModelCard,
    clips: ClipFeatures,
    owners: np.ndarray,
    items: Sequence[Item],
    options: TrainingOptions,
    ear: Callable[[keras.Model], None],
    *,
    genres: FrameGenres | None = None,
    folds: Sequence[int] | None = None,
) -> Trained:
    """Make the streams and their fusion from features.

    Films whose split is ``"test"`` measure, all others teach. Where no film has a split all
    of them teach, and folds by film measure the procedure. Still images are another kind of
    thing than clips: they teach a layer of their own, which reads clips of one frame.

    Parameters
    ----------
    card : ModelCard
        Says what is built.
    clips : ClipFeatures
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    items : sequence of Item
    options : TrainingOptions
    ear : callable
        Puts weights into the ear of the audio stream it is given.
    genres : FrameGenres, optional
        What names genres of single frames, by features as these are.
    folds : sequence of int, length n_items, optional
        The fold of each item, all of a film in the same one; made here unless given.

    Returns
    -------
    Trained
    """
    keras.utils.set_random_seed(options.seed)
    card = replace(card, architecture=replace(card.architecture, course=True))
    audio = build_audio_stream(card.outcomes, card.mel, ear=card.architecture.ear, course=True)
    ear(audio)
    readings = readings_of_clips(clips, owners, items, card.labels, audio, genres)
    still = clips.frame_mask.sum(axis=1) == 1
    still &= ~readings.there["audio"]
    moving = np.flatnonzero(~still | still.all())
    films = readings.take(moving)
    pictures = readings.take(np.flatnonzero(still)).read_as(MEAN)
    moving_clips = clips.take(moving)
    if still.any() and not still.all():
        films = with_frames(films, moving_clips, to_learn_from(pictures))
    lstm = _lstm(card, moving_clips, films, options)
    return learn_readings(
        card, films, pictures, audio, options, genres=genres, folds=folds, lstm=lstm
    )


def learn_readings(
    card: ModelCard,
    films: Readings,
    pictures: Readings,
    audio: keras.Model,
    options: TrainingOptions,
    *,
    genres: FrameGenres | None = None,
    folds: Sequence[int] | None = None,
    lstm: Lstm | None = None,
) -> Trained:
    """Make the streams and their fusion from what they read.

    Parameters
    ----------
    card : ModelCard
    films : Readings
        Clips.
    pictures : Readings
        Still images, by the mean of their one frame.
    audio : keras.Model
        The audio stream, with its ear; its last layer is filled.
    options : TrainingOptions
    genres : FrameGenres, optional
        As for `learn`.
    folds : sequence of int, optional
        As for `learn`.
    lstm : Lstm, optional
        One to try.

    Returns
    -------
    Trained
    """
    learnt, figures = _with_figures(films, options, folds, lstm)
    if not (learnt.recurrent and learnt.recurrent.network):
        card = replace(card, architecture=replace(card.architecture, lstm=0))
    card = replace(card, architecture=replace(card.architecture, genres=len(genres or ())))
    visual = visual_of(card, films.sources["visual"][MEAN].shape[1])
    if genres:
        visual.get_layer("genres").set_weights([genres.kernel, genres.bias])
    fill_visual(visual, learnt)
    fusions = dict(learnt.fusions)
    if _enough(pictures):
        seen, figures["stills"] = _with_figures(pictures, options, folds, None)
        (part,) = seen.layers["visual"]
        visual.get_layer("still").set_weights([part.kernel, part.bias])
        fusions[STILL] = seen.fusions["visual"]
    else:
        visual.get_layer("still").set_weights(_layer_of_means(films, learnt))
    fill_linear(audio.get_layer("logits"), learnt.layers.get("audio", ()), (EAR, COURSE, TEXTURE))
    for stream, what in (("visual", "a picture"), ("audio", "sound")):
        if stream not in learnt.layers:
            log.warning("no film to learn from has %s: the model makes nothing of it", what)
    return Trained(visual, audio, complete(fusions, card), figures, card.architecture, learnt.inner)


def to_learn_from(readings: Readings) -> Readings:
    """Those of a data set that no split keeps for choosing or measuring."""
    return readings.take(np.flatnonzero([s in ("train", None) for s in readings.splits()]))


def _enough(pictures: Readings) -> bool:
    """Whether there are still images enough to teach a layer."""
    taught = {item.film: item.labels[:1] for item in pictures.owned() if item.split != "test"}
    return len(set(taught.values())) > 1 and len(taught) >= _FEW_PICTURES


def _with_figures(
    readings: Readings, options: TrainingOptions, folds: Sequence[int] | None, lstm: Lstm | None
) -> tuple[Learnt, dict[str, Any]]:
    """What the procedure makes of films, and its figures on those that it did not learn from."""
    jobs = -1 if len(readings.owners) >= _WORTH_PROCESSES else 1
    how: dict[str, Any] = {"lstm": lstm, "seed": options.seed, "jobs": jobs}
    tests = np.array([item.split == "test" for item in readings.owned()])
    everything = np.arange(len(readings.owners))
    taught = everything[~tests]
    learnt = learn_streams(readings, taught, **how)
    figures: dict[str, Any] = {"procedure": told(learnt)}
    if tests.any():
        measured = Measured.join([measure_fold(readings, learnt, everything[tests])])
        return learnt, figures | {"test": figures_of(measured, readings, taught)}
    if folds is None:
        outer = film_folds(readings, everything, OUTER_FOLDS, options.seed)
    else:
        outer = np.asarray(folds)[readings.owners]
    if len(np.unique(outer)) > 1:
        measured = measure_nested(readings, outer, **how)
        figures["folds"] = figures_of(measured, readings, everything)
    return learnt, figures


def _lstm(
    card: ModelCard, clips: ClipFeatures, readings: Readings, options: TrainingOptions
) -> Lstm | None:
    parts = card.architecture
    if not parts.lstm or not readings.there["visual"].any():
        return None
    sequences, kernel, bias = project(clips, readings.sources["visual"][MEAN], parts.project)
    return Lstm(
        sequences, clips.frame_mask, kernel, bias, parts.lstm,
        epochs=options.epochs, dropout=parts.dropout, rate=options.learning_rate,
        seed=options.seed,
    )  # fmt: skip


def _layer_of_means(films: Readings, learnt: Learnt) -> tuple[np.ndarray, np.ndarray]:
    """A layer for single frames where no still image taught one: it learns from clips' means."""
    mode = films.labels.mode
    rows = np.flatnonzero(films.there["visual"] & (np.array(films.splits()) != "test"))
    means = films.sources["visual"][MEAN][rows]
    known = [r for r in learnt.chosen.get("visual", ()) if r.source == DEVIATION]
    reading = (*known, Reading(MEAN, COMPONENTS[mode][0], STRENGTHS[mode][0], mode))[0]
    if len(rows) < 2:
        return np.zeros((means.shape[1], films.outcomes)), np.zeros(films.outcomes)
    weights = films.weights(rows)
    return fit_linear(
        Reduced.of(means, weights), films.targets(reading.fit)[rows], weights, reading.fit,
        components=reading.components, strength=reading.strength,
    )  # fmt: skip


def fill_visual(visual: keras.Model, learnt: Learnt) -> None:
    """Put what was learnt of clips into the visual stream.

    Parameters
    ----------
    visual : keras.Model
        As `vgenre.models.visual.build_visual_stream` gives it.
    learnt : Learnt
    """
    fill_linear(visual.get_layer("linear"), learnt.layers.get("visual", ()), (DEVIATION, GENRES))
    recurrent = learnt.recurrent
    if recurrent and recurrent.network:
        lstm = recurrent.lstm
        width = visual.get_layer("project").units
        missing = width - lstm.kernel.shape[1]  # few films have few principal components
        visual.get_layer("project").set_weights(
            [np.pad(lstm.kernel, ((0, 0), (0, missing))), np.pad(lstm.bias, (0, missing))]
        )
        first, *others = recurrent.weights
        visual.get_layer("lstm").set_weights([np.pad(first, ((0, missing), (0, 0))), *others[:2]])
        visual.get_layer("recurrent").set_weights(others[2:])


def complete(fusions: dict[str, Fusion], card: ModelCard) -> dict[str, Fusion]:
    """The fusions of a card: a stream that no film to learn from had says nothing in them."""
    silent = (0.0,) * card.outcomes
    no_label = Fusion({}, silent, (1.0,) * len(card.labels))
    found = {case: fusion for case, fusion in fusions.items() if case == STILL}
    for case in card.architecture.cases:
        streams = streams_of(case)
        known = [c for c in fusions if c != STILL and set(streams_of(c)) <= set(streams)]
        most = max(known, key=lambda c: len(streams_of(c)), default="")
        fusion = fusions.get(most, no_label)
        found[case] = replace(fusion, weights={s: fusion.weights.get(s, silent) for s in streams})
    return found


def learn_zoo(
    card: ModelCard,
    clips: Clips,
    owners: np.ndarray,
    items: Sequence[Item],
    work: Path,
    options: TrainingOptions,
    initial: InitialWeights | None = None,
) -> Trained:
    """Train a network of the zoo to its best epoch on the validation films; as for `learn`.

    Parameters
    ----------
    card, clips, owners, items, options
        As for `learn`; each item has a split.
    work : Path
        For checkpoints and logs, of this training alone; a run that was killed continues from
        there.
    initial : InitialWeights, optional
    """
    keras.utils.set_random_seed(options.seed)
    parts = {name: Part.make(name, clips, owners, items, card.labels) for name in SPLITS}
    begin = functools.partial(begin_zoo, initial) if initial else None
    network, logits = train_network(card, parts, work, options, begin=begin)
    opinions, readings = {}, {}
    for split in ("val", "test"):
        part = parts[split]
        readings[split] = Readings(
            {}, {"visual": np.ones(len(part.clips), bool)}, part.clips.seconds, part.owners,
            list(items), card.labels, card.outside,
        )  # fmt: skip
        opinions[split] = FilmOpinions.of(readings[split], {"visual": logits["visual"][split]})
    mode = card.labels.mode
    watched = opinions["val"]
    if not watched.sure.any():  # what is unsure is better than nothing
        watched = FilmOpinions(
            watched.names, watched.opinions, watched.truth, watched.primary, ~watched.sure
        )
    fusions = complete(fit_fusions(watched, (("visual",),), mode), card)
    sure = opinions["test"].take(np.flatnonzero(opinions["test"].sure))
    p = fusions["visual"].probabilities(sure.opinions, mode)
    films = Films(sure.names, p, sure.truth, sure.primary)
    thresholds = np.tile(fusions["visual"].thresholds, (len(films.names), 1))
    measured = Measured({"fusion": films}, {"fusion": thresholds}, [])
    taught = np.flatnonzero([items[owner].split == "train" for owner in owners])
    whole = Readings({}, {}, clips.seconds, owners, list(items), card.labels, card.outside)
    figures = {"test": figures_of(measured, whole, taught)} if len(films.names) else {}
    return Trained(network, None, fusions, figures, card.architecture)
