"""Training of the zoo's networks: on snippets of clips, from features or from pixels."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..errors import DataError
from ..labels import SINGLE
from ..models.body import dtype_policy
from ..models.build import network_of, visual_of
from ..models.card import ModelCard, reads_pixels
from ..models.store import load_weights
from ..training.batches import ShuffledBatches
from ..training.fit import fit_to_best, keep_fitted, logits_of, optimizer_of
from ..training.losses import masked_crossentropy_of_probabilities
from ..training.options import TrainingOptions
from ..training.parts import Part
from .snippets import frames_of, training_frames

log = logging.getLogger(__name__)


class SnippetBatches(ShuffledBatches):
    """Batches of snippets, other ones each epoch.

    Parameters
    ----------
    part : Part
    shape : tuple of int
        The network's input.
    snippets : {"uniform", "dense"}
    batch_size : int
    seed : int or None
        None: always the same ones, in order and not mirrored.
    devices : int
        Every batch can be divided by so many; a few clips come twice for that.
    """

    def __init__(
        self,
        part: Part,
        shape: tuple[int, ...],
        snippets: str,
        batch_size: int,
        seed: int | None,
        devices: int = 1,
    ) -> None:
        super().__init__(len(part.clips), batch_size, seed, devices)
        self.part, self.shape, self.snippets = part, shape, snippets
        self._counts = part.clips.frame_mask.sum(axis=1).astype(int)

    def batch(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Any, ...]:
        """Snippets, targets and weights of some clips."""
        chosen = training_frames(self._counts[rows], frames_of(self.shape), self.snippets, rng)
        inputs = self.part.clips.pick(rows, chosen).reshape(len(rows), *self.shape)
        if self.learning and reads_pixels(self.shape):
            mirrored = rng.random(len(rows)) < 0.5
            inputs[mirrored] = np.flip(inputs[mirrored], axis=-2)
        return inputs, self.part.targets[rows], self.part.weights[rows]


def train_network(
    card: ModelCard,
    parts: dict[str, Part],
    work: Path,
    options: TrainingOptions,
    *,
    begin: Callable[[keras.Model], None] | None = None,
) -> tuple[keras.Model, dict[str, dict[str, np.ndarray]]]:
    """Train a network of the zoo to its best epoch on the validation films.

    A run that was killed continues from its last epoch in `work`.

    Parameters
    ----------
    card : ModelCard
        Its architecture names the network.
    parts : dict of str to Part
        ``"train"``, ``"val"`` and ``"test"``; nothing is learnt from the last.
    work : Path
        For checkpoints and logs.
    options : TrainingOptions
    begin : callable, optional
        Puts initial weights into the network it is given, as far as they fit.

    Raises
    ------
    DataError
        If no film to learn from has a picture, there is no such optimiser, or the loss is
        not a number from the first epoch on.

    Returns
    -------
    visual : keras.Model
        The network as a model's visual stream.
    logits : dict of str to dict of str to ndarray, shape (n_clips, n_outcomes)
        Of ``"visual"``, the one stream there is, for ``"val"`` and ``"test"``.
    """
    network = card.architecture.network
    assert network is not None
    visual = visual_of(card, 0)  # its shape in the card says how wide the features are
    finished = work / f"{network.name}.safetensors"
    if not finished.exists():
        seen = {name: part.where("frame_mask") for name, part in parts.items()}
        if not all(len(seen[name].clips) for name in ("train", "val")):
            raise DataError("no film to learn from, or to watch over it, has a picture")
        _fit(card, visual, seen, work, options, begin)
        keep_fitted(visual, finished)
    else:
        load_weights(visual, finished)
    measured = {name: parts[name].clips for name in ("val", "test")}
    return visual, {
        "visual": {name: logits_of(visual, clips, 8) for name, clips in measured.items()}
    }


def _fit(
    card: ModelCard,
    visual: keras.Model,
    parts: dict[str, Part],
    work: Path,
    options: TrainingOptions,
    begin: Callable[[keras.Model], None] | None,
) -> None:
    network = card.architecture.network
    assert network is not None
    single = card.labels.mode == SINGLE
    with several_devices(options.devices), dtype_policy(options.dtype):
        trainee = network_of(card)
        if begin:
            begin(trainee)
        trainee.compile(
            optimizer_of(options.optimizer, options.learning_rate),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.05)
            if single
            else masked_crossentropy_of_probabilities,
            weighted_metrics=[
                keras.metrics.CategoricalAccuracy(name="accuracy"),
                keras.metrics.TopKCategoricalAccuracy(
                    min(options.top_k, len(card.labels)), name=f"top_{options.top_k}"
                ),
            ]
            if single
            else [],
        )
    watched = parts["val"].sure()

    def batches(part: Part, seed: int | None) -> SnippetBatches:
        return SnippetBatches(
            part, network.shape, network.snippets, options.batch_size, seed, options.devices
        )

    def ask() -> np.ndarray:
        visual.set_weights(trainee.get_weights())
        return logits_of(visual, watched.clips, 8)

    log.info("training %s on %d clips", network.name, len(parts["train"].clips))
    fit_to_best(
        trainee,
        batches(parts["train"], options.seed),
        batches(watched, None),
        watched,
        ask,
        card.labels.mode,
        work,
        network.name,
        options,
    )
    visual.set_weights(trainee.get_weights())


def several_devices(devices: int) -> contextlib.AbstractContextManager:
    """Makes a network that is built under it learn on several devices, a share of a batch each.

    Parameters
    ----------
    devices : int
        GPUs, where the machine has any, else what TensorFlow calls logical CPUs.

    Raises
    ------
    DataError
        If there are not so many.
    """
    if devices == 1:
        return contextlib.nullcontext()
    import tensorflow as tf

    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    there = tf.config.list_logical_devices(kind)
    if len(there) < devices:
        raise DataError(f"{devices} devices were asked for, and there are {len(there)} ({kind})")
    return tf.distribute.MirroredStrategy([d.name for d in there[:devices]]).scope()
