"""Training of the heads: the baseline, each stream and their fusion, on cached features."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from ..data.features import INPUTS
from ..labels import SINGLE, LabelSet
from ..models.build import head_of
from ..models.card import ModelCard
from ..models.store import load_weights
from ..models.visual import build_visual_stream
from .batches import ClipBatches
from .fit import fit_to_best, keep_fitted, logits_of, optimizer_of, predict
from .gate import fit_gate
from .losses import masked_crossentropy
from .options import TrainingOptions
from .parts import STREAMS, Part, sure_rows
from .probe import fit_probe, mean_features

log = logging.getLogger(__name__)


def train_heads(
    card: ModelCard,
    parts: dict[str, Part],
    work: Path,
    options: TrainingOptions,
    *,
    audio: Callable[[keras.Model], None] | None = None,
) -> tuple[keras.Model, dict[str, dict[str, np.ndarray]]]:
    """Train the baseline, each stream and the fusion.

    Parameters
    ----------
    card : ModelCard
    parts : dict of str to Part
        ``"train"``, ``"val"`` and ``"test"``; nothing is learnt from the last.
    work : Path
        For checkpoints, logs and what is finished; of this training alone.
    options : TrainingOptions
    audio : callable, optional
        Puts initial weights into the audio stream.

    Returns
    -------
    head : keras.Model
    logits : dict of str to dict of str to ndarray, shape (n_clips, n_labels)
        Of ``mean_pool``, ``lstm`` and ``probe``, whose sum is ``visual``, ``audio`` and
        ``fusion``, for each part.
    """
    width = parts["train"].clips.inputs(np.arange(1), INPUTS)["frame_features"].shape[-1]
    head = head_of(card, width)
    visual, sound = head.get_layer("visual"), head.get_layer("audio")
    if audio:
        audio(sound)
    a = card.architecture
    mean_pool = build_visual_stream(
        len(card.labels),
        features=width,
        units=a.units,
        embedding=a.embedding,
        pooling="mean",
        dropout=a.dropout,
        probe=False,
    )
    systems: dict[str, dict[str, np.ndarray]] = {}
    for name, network, needs in (
        ("mean_pool", mean_pool, "frame_mask"),
        ("visual", visual, "frame_mask"),
        ("audio", sound, "mel_mask"),
        ("fusion", head, None),
    ):
        if name == "fusion":  # the streams are learnt; the gate between them is left
            _set_gate(head, parts, {s: systems[s]["val"] for s in STREAMS}, card.labels)
        else:
            there = {split: part.where(needs) for split, part in parts.items()}
            if len(there["train"].clips):
                _fit(name, network, there, card.labels, work, options)
        linear = _add_probe(visual, parts, card.labels) if name == "visual" and a.probe else None
        systems[name] = {
            split: logits_of(network, part.clips, options.batch_size)
            for split, part in parts.items()
        }
        if linear:
            systems["probe"] = linear
            systems["lstm"] = {split: systems[name][split] - linear[split] for split in parts}
    return head, systems


def _add_probe(
    visual: keras.Model, parts: dict[str, Part], labels: LabelSet
) -> dict[str, np.ndarray]:
    """Fit the probe of the visual stream on the training clips that have a picture.

    Returns
    -------
    dict of str to ndarray, shape (n_clips, n_labels)
        Its logits, for each part.
    """
    means = {split: mean_features(part.clips) for split, part in parts.items()}
    kernel, bias = (np.zeros(w.shape) for w in visual.get_layer("probe").weights)
    train = parts["train"]
    rows = np.flatnonzero(train.clips.frame_mask.any(axis=1))
    if len(rows) > 1:
        targets = train.targets
        if labels.mode == SINGLE:
            targets = np.stack([labels.multi_hot(train.items[o].labels[:1]) for o in train.owners])
        kernel, bias = fit_probe(
            means["train"][rows], targets[rows], train.weights[rows], labels.mode
        )
    # In half precision, as it ships.
    kernel, bias = (value.astype(np.float16).astype(np.float32) for value in (kernel, bias))
    visual.get_layer("probe").set_weights([kernel, bias])
    return {split: mean @ kernel + bias for split, mean in means.items()}


def _set_gate(
    head: keras.Model,
    parts: dict[str, Part],
    logits: dict[str, np.ndarray],
    labels: LabelSet,
) -> None:
    """Weigh the streams as suits the validation films best.

    Not the training films: the streams know those, and the one that has memorised
    them better would get all the weight.
    """
    gate = head.get_layer("gate")
    learnt = {s: getattr(parts["train"].clips, mask).any() for s, mask in STREAMS.items()}
    if not all(learnt.values()):
        gate.weigh(float(learnt["visual"]))  # the other one was never learnt, and is random
        return
    val = parts["val"]
    both = np.logical_and.reduce([getattr(val.clips, m).any(axis=1) for m in STREAMS.values()])
    rows = np.intersect1d(np.flatnonzero(both), sure_rows(val.owners, val.items))
    if not len(rows):
        return  # nothing tells which is better
    weight = fit_gate(
        logits["visual"][rows],
        logits["audio"][rows],
        val.take(rows),
        labels.mode,
    )
    log.info("the gate: picture %.2f, sound %.2f", weight, 1 - weight)
    gate.weigh(weight)


def _fit(
    name: str,
    network: keras.Model,
    parts: dict[str, Part],
    labels: LabelSet,
    work: Path,
    options: TrainingOptions,
) -> None:
    """Train one network to its best epoch on the validation films, or load it if that is done."""
    finished = work / f"{name}.safetensors"
    if finished.exists():
        load_weights(network, finished)
        return
    inputs = {tensor.name: tensor for tensor in network.inputs}
    trainee = keras.Model(inputs, network.output["logits"], name=name)
    trainee.compile(
        optimizer_of("adamw", options.learning_rate),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05)
        if labels.mode == SINGLE
        else masked_crossentropy,
    )
    # Where no validation film has this stream, training can only watch itself.
    watched = (parts["val"] if len(parts["val"].clips) else parts["train"]).sure()
    log.info("training %s on %d clips", name, len(parts["train"].clips))
    fit_to_best(
        trainee,
        ClipBatches(parts["train"], options.batch_size, list(inputs), options.seed),
        ClipBatches(watched, options.batch_size, list(inputs), None),
        watched,
        lambda: predict(trainee, watched.clips, options.batch_size),
        labels.mode,
        work,
        name,
        options,
    )
    keep_fitted(network, finished)
