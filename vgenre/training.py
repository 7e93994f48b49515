"""From a data set to a model directory: features, four small trainings, calibration, figures."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .calibration import fit_temperature, fit_thresholds, probabilities_of
from .dataset import Item, decode_frames, load_items, split_by_film
from .engines.tensorflow import TensorFlowEngine
from .errors import DataError
from .evaluation import bootstrap, films_of, majority, measure
from .features import FeatureCache
from .finetune import finetune, frame_pool
from .heads import Part, TrainingOptions, train_heads
from .labels import SINGLE, LabelSet
from .models.build import body_of, head_of
from .models.card import Architecture, ModelCard
from .models.store import (
    BODY_FILE,
    HEAD_FILE,
    file_hash,
    find_model,
    load_weights,
    read_card,
    save_model,
    save_weights,
)
from .models.visual import build_body, load_imagenet

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
) -> ModelCard:
    """Train a model.

    What is finished is kept under `output`: a run that was killed continues
    with the same call.

    Parameters
    ----------
    data : path or sequence of Item
        See `vgenre.dataset.load_items`.
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
    extractor = TensorFlowEngine(network)
    features = FeatureCache(
        cache,
        extractor,
        body_hash=f"{file_hash(work / BODY_FILE)} {options.dtype}",
        mel=options.mel,
        sampling=options.sampling,
    )
    clips, owners = features.collect(
        items,
        progress=progress,
        skipped=lambda error: log.warning("left out: %s", error),
    )
    parts = {
        name: Part.make(name, clips, owners, items, labels) for name in ("train", "val", "test")
    }
    model_card = ModelCard(
        name=output.resolve().name, labels=labels, architecture=architecture, mel=options.mel
    )
    head, systems = train_heads(
        model_card, clips.features.shape[-1], parts, work, options, audio=initial.audio
    )
    temperature, thresholds = _calibrate(systems["fusion"]["val"], parts["val"], labels)
    metrics = _figures(systems, parts, labels, temperature)
    finished = ModelCard(
        **{
            "name": model_card.name,
            "labels": labels,
            "architecture": architecture,
            "mel": options.mel,
            "temperature": temperature,
            "thresholds": thresholds,
            "data": _describe(parts, items, labels),
            "metrics": metrics,
            **(card or {}),
        }
    )
    written = save_model(output, finished, network, head)
    for leftover in work.iterdir():
        if leftover.is_file():  # TensorBoard's logs stay
            leftover.unlink()
    return written


@dataclass(frozen=True)
class InitialWeights:
    """What training starts from.

    Parameters
    ----------
    body : callable
        Puts weights into the body it is given.
    audio : callable, optional
        Puts weights into the audio stream it is given, as far as they fit.
    """

    body: Callable[[keras.Model], None]
    audio: Callable[[keras.Model], None] | None = None

    @classmethod
    def of(cls, source: str | os.PathLike[str]) -> InitialWeights:
        """Initial weights by name.

        Parameters
        ----------
        source : str or path
            A model, by name or directory; ``"imagenet"`` for the official
            weights, which Keras downloads; a ``.h5`` file for Keras'
            InceptionV3; or ``"none"`` for random ones.

        Raises
        ------
        ModelError
            If there is no such model.
        """
        if source == "none":
            return cls(lambda network: None)
        if source == "imagenet":
            return cls(load_imagenet)
        if str(source).endswith(".h5"):
            return cls(lambda network: load_imagenet(network, source))
        directory = find_model(source)
        card = read_card(directory)

        def audio(network: keras.Model) -> None:
            width = body_of(card.architecture).output_shape[-1]
            head = head_of(card, width)
            load_weights(head, directory / HEAD_FILE)
            transfer(head.get_layer("audio"), network)

        return cls(lambda network: load_weights(network, directory / BODY_FILE), audio)


def transfer(source: keras.Model, target: keras.Model) -> None:
    """Copy the weights of layers that have the same name and shapes in both."""
    layers = {layer.name: layer for layer in source.layers}
    for layer in target.layers:
        known = layers.get(layer.name)
        if known and [w.shape for w in known.weights] == [w.shape for w in layer.weights]:
            layer.set_weights(known.get_weights())


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
    network = body_of(architecture, options.dtype)
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        if tuning:
            frames, owners = decode_frames(items, work / "frames.raw")
            small = build_body(architecture.body, size=tuning.size, dtype=tuning.dtype)
            initial(small)
            pool = frame_pool(items, labels, frames, owners)
            classifier = finetune(small, [pool], tuning, work / "finetune")
            source = classifier if architecture.softmax_classes else small
            network.set_weights(source.get_weights())
            for leftover in (work / "frames.raw", work / "frames.owners.npy"):
                leftover.unlink()
        elif architecture.softmax_classes:
            raise DataError("softmax features need a body that is fine-tuned (--finetune)")
        else:
            initial(network)
        save_weights(network, file, np.float16)
    # As it ships, in half precision, it gives the features that the heads learn from.
    load_weights(network, file)
    return network, architecture


def _calibrate(logits: np.ndarray, part: Part, labels: LabelSet) -> tuple[float, tuple[float, ...]]:
    """Temperature and thresholds, fitted on the validation films."""
    films, targets = part.films()
    temperature = round(
        fit_temperature(logits, targets, labels.mode, films=films, weights=part.clips.seconds), 4
    )
    found = films_of(
        probabilities_of(logits, temperature, labels.mode),
        part.clips.seconds,
        part.owners,
        part.items,
        labels,
    )
    return temperature, fit_thresholds(found.probabilities, found.truth, labels.mode)


def _figures(
    systems: dict[str, dict[str, np.ndarray]],
    parts: dict[str, Part],
    labels: LabelSet,
    temperature: float,
) -> dict[str, Any]:
    """Figures of every system on validation and test films, beside the majority baseline."""
    figures: dict[str, Any] = {}
    train_items = [item for item in parts["train"].items if item.split == "train"]
    for split in ("val", "test"):
        part = parts[split]
        rows = np.flatnonzero(
            [part.items[o].measured and bool(part.items[o].labels) for o in part.owners]
        )
        if not len(rows):
            continue
        figures[split] = {}
        for name, logits in systems.items():
            films = films_of(
                probabilities_of(logits[split][rows], temperature, labels.mode),
                part.clips.seconds[rows],
                part.owners[rows],
                part.items,
                labels,
            )
            figures[split][name] = measure(films, labels)
        baseline = majority(films, labels, train_items)
        figures[split]["majority"] = measure(baseline, labels)
        figures[split]["fusion"]["interval_95"] = bootstrap(films, labels)
    return json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 4))


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
