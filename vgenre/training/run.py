"""From a data set to a model directory: features, streams, fusion, figures."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..batch.ray import Cluster
from ..data.cache import Extraction, FeatureCache, feature_engine
from ..data.features import ClipFeatures
from ..data.frames import film_frames
from ..data.items import Item, split_by_film
from ..data.load import load_items
from ..data.pixels import Clips, collect_pixels
from ..data.stages import Stage, items_key
from ..errors import DataError
from ..evaluation.intervals import FEW_FILMS
from ..labels import SINGLE, LabelSet
from ..media.remote import place_of
from ..media.types import CLIP_FRAMES
from ..models.body import build_body
from ..models.build import body_of
from ..models.card import Architecture, ModelCard
from ..models.dialogue import DialogueHead
from ..models.store import (
    BODY_FILE,
    EMBEDDING_FILE,
    file_hash,
    load_weights,
    save_model,
    save_weights,
)
from .body import finetune, frame_pool
from .clip_readings import has_outside
from .dialogue.own import with_own_dialogue
from .graphs import write_graphs
from .initial import InitialWeights
from .learn import Trained, learn, learn_zoo
from .options import FineTuning, TrainingOptions

log = logging.getLogger(__name__)


def train(
    data: str | os.PathLike[str] | Sequence[Item],
    output: str | os.PathLike[str],
    *,
    labels: LabelSet | None = None,
    mode: str = SINGLE,
    initial: InitialWeights,
    cache: str | os.PathLike[str],
    options: TrainingOptions | None = None,
    card: dict[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    cluster: Cluster | None = None,
    folds: Sequence[int] | None = None,
) -> ModelCard:
    """Train a model.

    What is finished is kept under `output`: a run that was killed continues with the same
    call as the same run. Where a film, an option, the initial weights or the code changed in
    between, it begins anew.

    Parameters
    ----------
    data : path or sequence of Item
        See `vgenre.data.load.load_items`.
    output : path
        The model's directory.
    labels : LabelSet, optional
        Those that occur in the data unless given.
    mode : {"single", "multi"}
        Where `labels` is not given.
    initial : InitialWeights
    cache : path
        Where features are kept.
    options : TrainingOptions, optional
    card : dict, optional
        More fields for the card.
    progress : callable, optional
        Is told how many of how many files have their features.
    cluster : Cluster, optional
        Features are computed by actors on it, which need the films, `output` and
        `cache` where they are here. Not those of networks that take pixels.
    folds : sequence of int, optional
        As for `vgenre.training.learn.learn`.

    Returns
    -------
    ModelCard
        Of the model written to `output`, with its figures on the test films.

    Raises
    ------
    DataError
        If the data set cannot be used.
    """
    options = options or TrainingOptions()
    output = Path(output)
    given = data if isinstance(data, Sequence) and not isinstance(data, str) else load_items(data)
    items = _split(list(given), options)
    labels = labels or _labels_of(items, mode)
    _warn_of_few(items)
    keras.utils.set_random_seed(options.seed)
    stage = Stage.of(
        output / "training", "run", items_key(items), labels, options, initial.identity
    )
    work = stage.place

    tell: dict[str, Any] = {
        "progress": progress,
        "skipped": lambda error: log.warning("left out: %s", error),
    }
    network, architecture = _prepare_body(items, labels, initial.body, work, options, tell)
    architecture = replace(architecture, dialogue=False)  # until dialogue is learnt
    body_hash = file_hash(work / BODY_FILE)
    graph = initial.graph_of(work / BODY_FILE)
    engine, name = feature_engine(network, body_hash, graph)
    clips: Clips
    if architecture.takes_pixels:
        log.info("reading frames of %d files", len(items))
        file = work / "pixels.raw"
        size = str(network.output_shape)
        clips, owners = collect_pixels(items, engine, options.sampling, file, size, **tell)
    else:
        log.info("reading %d files", len(items))
        features = FeatureCache(cache, engine, name, mel=options.mel, sampling=options.sampling)
        if cluster:
            job = Extraction(
                architecture,
                str((work / BODY_FILE).resolve()),
                str(Path(cache).resolve()),
                options.mel,
                options.sampling,
                str(graph.resolve()) if graph else None,
            )
            _compute(job, items, cluster, progress)
        clips, owners = features.collect(items, work / "features", **tell)
    finished = ModelCard(
        output.resolve().name, labels, architecture, options.mel,
        outside=has_outside(items, labels) and architecture.network is None,
    )  # fmt: skip
    if architecture.network:
        trained = learn_zoo(finished, clips, owners, items, work, options, initial)
    else:
        assert isinstance(clips, ClipFeatures)
        genres = initial.genres_of(work / BODY_FILE)
        trained = learn(
            finished, clips, owners, items, options, initial.ear, genres=genres, folds=folds
        )
    finished = replace(
        finished,
        architecture=trained.architecture,
        fusions=trained.fusions,
        data=_describe(owners, items, labels),
        metrics=trained.figures,
        **(card or {}),
    )
    head = None
    if trained.inner:
        finished, head = with_own_dialogue(finished, items, trained.inner, options.seed)
    graphs_from = (items, initial) if options.graphs else None
    written = write_model(output, finished, network, trained, graphs_from, head)
    _leave_logs(output / "training")
    return written


def write_model(
    output: Path,
    card: ModelCard,
    network: keras.Model,
    trained: Trained,
    graphs_from: tuple[Sequence[Item], InitialWeights] | None,
    head: DialogueHead | None = None,
) -> ModelCard:
    """Write the model's directory.

    Parameters
    ----------
    output : Path
    card : ModelCard
    network : keras.Model
        The body.
    trained : Trained
    graphs_from : tuple or None
        What `vgenre.training.graphs.write_graphs` wants; None: the model has no graphs.
    head : DialogueHead, optional
        Where the card's architecture has one.

    Returns
    -------
    ModelCard
        As written.
    """
    output.mkdir(parents=True, exist_ok=True)
    for leftover in output.glob("*.xml"):  # graphs of another model, which was here before
        leftover.unlink()
        leftover.with_suffix(".bin").unlink(missing_ok=True)
    (output / EMBEDDING_FILE).unlink(missing_ok=True)
    if graphs_from:
        write_graphs(output, card, network, trained.visual, trained.audio, *graphs_from)
    return save_model(output, card, network, trained.visual, trained.audio, head)


def _leave_logs(folder: Path) -> None:
    """Remove what only a run that is stopped would need, of this one and of earlier ones."""
    for run in folder.glob("run-*"):
        for leftover in run.iterdir():
            if leftover.is_file():
                leftover.unlink()
            elif leftover.name != "tensorboard":
                shutil.rmtree(leftover)


def _split(items: list[Item], options: TrainingOptions) -> list[Item]:
    """A data set as it says it is split; else 80/10/10 where something learns by epochs.

    The linear layers need no films that choose an epoch, and folds measure them, so that all
    films teach. A body that is fine-tuned would have to be tuned anew for each fold.
    """
    if options.finetuning or options.architecture.network or any(item.split for item in items):
        return split_by_film(items, seed=options.seed)
    return items


def _warn_of_few(items: Sequence[Item]) -> None:
    """Say so before hours of work where the measured films will be too few to tell anything."""
    films = {item.film for item in items}
    tested = {item.film for item in items if item.split == "test"} or films
    if len(tested) < FEW_FILMS:
        log.warning(
            "of %d films %d will measure the model: figures from so few say next to nothing, "
            "whatever they are; a hundred films or more give some that do",
            len(films),
            len(tested),
        )


def _compute(
    job: Extraction,
    items: Sequence[Item],
    cluster: Cluster,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Have a cluster fill the cache; what could not be read is told of when it is collected."""
    films = sorted({place_of(item.path) for item in items})
    for done, _ in enumerate(cluster.run(job, films), 1):
        if progress:
            progress(done, len(films))


def _labels_of(items: Sequence[Item], mode: str) -> LabelSet:
    names = sorted({name for item in items for name in item.labels})
    if len(names) < 2:
        raise DataError(f"the data set has {len(names)} label(s); at least 2 are needed")
    return LabelSet(tuple(names), mode)


def _prepare_body(
    items: Sequence[Item],
    labels: LabelSet,
    initial: Callable[[keras.Model], None],
    work: Path,
    options: TrainingOptions,
    tell: dict[str, Any],
) -> tuple[keras.Model, Architecture]:
    """The body with its weights, fine-tuned where that is asked for."""
    architecture, tuning = options.architecture, options.finetuning
    file = work / BODY_FILE
    network = body_of(architecture)
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        if tuning:
            classifier, small = _finetuned(items, labels, initial, work, options, tuning, tell)
            source = classifier if architecture.softmax_classes else small
            network.set_weights(source.get_weights())
        elif architecture.softmax_classes:
            raise DataError("softmax features need a body that is fine-tuned (--finetune)")
        elif not architecture.takes_pixels:
            initial(network)
        save_weights(network, file, np.float16)
        for leftover in (work / "frames.raw", work / "frames.npz"):
            leftover.unlink(missing_ok=True)
    # As it ships, in half precision, it gives the features that the heads learn from.
    load_weights(network, file)
    if architecture.network and not architecture.takes_pixels:
        shape = (CLIP_FRAMES, network.output_shape[-1])
        architecture = replace(architecture, network=replace(architecture.network, shape=shape))
    return network, architecture


def _finetuned(
    items: Sequence[Item],
    labels: LabelSet,
    initial: Callable[[keras.Model], None],
    work: Path,
    options: TrainingOptions,
    tuning: FineTuning,
    tell: dict[str, Any],
) -> tuple[keras.Model, keras.Model]:
    """A frame classifier fine-tuned on the films to learn from, and the body in it."""
    architecture = options.architecture
    learnt_from = [item for item in items if item.split in ("train", None)]
    log.info("reading frames of %d files to fine-tune on", len(learnt_from))
    frames, owners = film_frames(learnt_from, work / "frames.raw", options.sampling, **tell)
    body = build_body(
        architecture.body, blocks=architecture.blocks, size=tuning.size, dtype=tuning.dtype
    )
    initial(body)
    pool = frame_pool(learnt_from, labels, frames, owners)
    return finetune(body, [pool], tuning, work / "finetune"), body


def _describe(owners: np.ndarray, items: Sequence[Item], labels: LabelSet) -> dict[str, Any]:
    """Counts of films and files, for the card; films without a split teach."""
    counts: dict[str, Any] = {}
    parts = [items[owner].split or "train" for owner in owners]
    for split in dict.fromkeys(parts):
        read = {int(owner) for owner, part in zip(owners, parts, strict=True) if part == split}
        films = {items[i].film: items[i] for i in read}
        counts[split] = {
            "films": len(films),
            "files": len(read),
            "clips": parts.count(split),
            "films_per_label": {
                name: sum(name in film.labels for film in films.values()) for name in labels.names
            },
            "films_of_none": sum(not film.labels for film in films.values()),
        }
    return counts
