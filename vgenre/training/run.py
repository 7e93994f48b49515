"""From a data set to a model directory: features, four small trainings, calibration, figures."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..batch.ray import Cluster
from ..data.cache import Extraction, FeatureCache, feature_engine
from ..data.frames import decode_frames
from ..data.items import SPLITS, Item, split_by_film
from ..data.load import load_items
from ..data.pixels import Clips, collect_pixels
from ..errors import DataError
from ..labels import SINGLE, LabelSet
from ..media.remote import place_of
from ..media.types import CLIP_FRAMES
from ..models.body import build_body
from ..models.build import body_of
from ..models.card import Architecture, ModelCard
from ..models.store import BODY_FILE, file_hash, load_weights, save_model, save_weights
from .body import finetune, frame_pool
from .graphs import write_graphs
from .initial import InitialWeights
from .learn import figures_of, learn
from .options import TrainingOptions
from .parts import Part

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
) -> ModelCard:
    """Train a model.

    What is finished is kept under `output`: a run that was killed continues
    with the same call.

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
    items = split_by_film(
        data if isinstance(data, Sequence) and not isinstance(data, str) else load_items(data),
        seed=options.seed,
    )
    labels = labels or _labels_of(items, mode)
    keras.utils.set_random_seed(options.seed)
    # Results of a run that was killed serve the same run only.
    work = output / "training" / _fingerprint(items, labels, options)

    network, architecture = _prepare_body(items, labels, initial.body, work, options)
    engine, name = feature_engine(network, file_hash(work / BODY_FILE))
    tell: dict[str, Any] = {
        "progress": progress,
        "skipped": lambda error: log.warning("left out: %s", error),
    }
    clips: Clips
    if architecture.takes_pixels:
        file = work / "pixels.raw"
        clips, owners = collect_pixels(items, engine, options.sampling, file, **tell)
    else:
        features = FeatureCache(cache, engine, name, mel=options.mel, sampling=options.sampling)
        if cluster:
            job = Extraction(
                architecture,
                str((work / BODY_FILE).resolve()),
                str(Path(cache).resolve()),
                options.mel,
                options.sampling,
            )
            _compute(job, items, cluster, progress)
        clips, owners = features.collect(items, **tell)
    parts = {name: Part.make(name, clips, owners, items, labels) for name in SPLITS}
    learnt = learn(parts, labels, architecture, work, options, initial=initial)
    finished = ModelCard(
        **{
            "name": output.resolve().name,
            "labels": labels,
            "architecture": architecture,
            "mel": options.mel,
            "calibration": learnt.calibration,
            "thresholds": learnt.thresholds,
            "data": _describe(parts, items, labels),
            "metrics": figures_of(learnt, labels),
            **(card or {}),
        }
    )
    if options.graphs:
        write_graphs(output, finished, network, learnt.head, items, initial)
    written = save_model(output, finished, network, learnt.head)
    for leftover in work.iterdir():
        if leftover.is_file():  # TensorBoard's logs stay
            leftover.unlink()
    return written


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


def _fingerprint(items: Sequence[Item], labels: LabelSet, options: TrainingOptions) -> str:
    described = json.dumps([list(map(asdict, items)), asdict(labels), asdict(options)], default=str)
    return hashlib.sha256(described.encode()).hexdigest()[:12]


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
) -> tuple[keras.Model, Architecture]:
    """The body with its weights, fine-tuned where that is asked for."""
    architecture, tuning = options.architecture, options.finetuning
    file = work / BODY_FILE
    network = body_of(architecture)
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        if tuning:
            frames, owners = decode_frames(items, work / "frames.raw")
            small = build_body(
                architecture.body, block=architecture.block, size=tuning.size, dtype=tuning.dtype
            )
            initial(small)
            pool = frame_pool(items, labels, frames, owners)
            classifier = finetune(small, [pool], tuning, work / "finetune")
            source = classifier if architecture.softmax_classes else small
            network.set_weights(source.get_weights())
            for leftover in (work / "frames.raw", work / "frames.owners.npy"):
                leftover.unlink()
        elif architecture.softmax_classes:
            raise DataError("softmax features need a body that is fine-tuned (--finetune)")
        elif not architecture.takes_pixels:
            initial(network)
        save_weights(network, file, np.float16)
    # As it ships, in half precision, it gives the features that the heads learn from.
    load_weights(network, file)
    if architecture.network and not architecture.takes_pixels:
        shape = (CLIP_FRAMES, network.output_shape[-1])
        architecture = replace(architecture, network=replace(architecture.network, shape=shape))
    return network, architecture


def _describe(parts: dict[str, Part], items: Sequence[Item], labels: LabelSet) -> dict[str, Any]:
    """Counts of films and files, for the card."""
    counts: dict[str, Any] = {}
    for split, part in parts.items():
        read = {int(owner) for owner in part.owners}
        films = {items[i].film: items[i] for i in read}
        counts[split] = {
            "films": len(films),
            "files": len(read),
            "clips": len(part.clips),
            "films_per_label": {
                name: sum(name in film.labels for film in films.values()) for name in labels.names
            },
            "films_of_none": sum(not film.labels for film in films.values()),
        }
    return counts
