"""Training of the zoo's networks: on snippets of clips, from features or from pixels."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import ops

from ..errors import DataError
from ..labels import SINGLE
from ..models.body import dtype_policy
from ..models.build import head_of, network_of
from ..models.card import ModelCard, reads_pixels
from ..models.store import load_weights, save_weights
from ..training.fit import MONITOR, BestEpoch, load_best, logits_of
from ..training.options import TrainingOptions
from ..training.parts import Part
from .snippets import frames_of, training_frames

log = logging.getLogger(__name__)

OPTIMIZERS: dict[str, Callable[[float], keras.optimizers.Optimizer]] = {
    "adam": lambda rate: keras.optimizers.Adam(rate, global_clipnorm=1.0),
    "adamw": lambda rate: keras.optimizers.AdamW(rate, weight_decay=1e-2, global_clipnorm=1.0),
    "rmsprop": lambda rate: keras.optimizers.RMSprop(rate),
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
}
"""The choice of optimisers, each from its learning rate."""


class SnippetBatches(keras.utils.PyDataset):
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
        super().__init__(workers=1)
        self.part, self.shape, self.snippets = part, shape, snippets
        self.batch_size, self.seed, self._epoch = -(-batch_size // devices) * devices, seed, -1
        self._devices = devices
        self._counts = part.clips.frame_mask.sum(axis=1).astype(int)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Put the clips in a new order."""
        self._epoch += 1
        n = len(self.part.clips)
        if self.seed is None:
            self._rng, self._order = np.random.default_rng(0), np.arange(n)
        else:
            self._rng = np.random.default_rng([self.seed, self._epoch])
            self._order = self._rng.permutation(n)
        self._order = np.resize(self._order, -(-n // self._devices) * self._devices)

    def __len__(self) -> int:
        return -(-len(self._order) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        chosen = training_frames(
            self._counts[rows], frames_of(self.shape), self.snippets, self._rng
        )
        inputs = self.part.clips.pick(rows, chosen).reshape(len(rows), *self.shape)
        if self.seed is not None and reads_pixels(self.shape):
            mirrored = self._rng.random(len(rows)) < 0.5
            inputs[mirrored] = np.flip(inputs[mirrored], axis=-2)
        return inputs, self.part.targets[rows], self.part.weights[rows]


def known_crossentropy(targets, probabilities):
    """Binary cross-entropy over the labels that are known, from probabilities."""
    known = ops.cast(targets >= 0, probabilities.dtype)
    loss = ops.binary_crossentropy(ops.maximum(targets, 0.0), probabilities)
    return ops.sum(loss * known, axis=-1) / ops.maximum(ops.sum(known, axis=-1), 1)


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
    head : keras.Model
        The network as a model's head.
    logits : dict of str to dict of str to ndarray, shape (n_clips, n_labels)
        Of ``"fusion"``, the one system there is, for ``"val"`` and ``"test"``.
    """
    network = card.architecture.network
    assert network is not None
    head = head_of(card, int(np.prod(network.shape[-3:])) if reads_pixels(network.shape) else 0)
    finished = work / f"{network.name}.safetensors"
    if not finished.exists():
        seen = {name: part.where("frame_mask") for name, part in parts.items()}
        if not all(len(seen[name].clips) for name in ("train", "val")):
            raise DataError("no film to learn from, or to watch over it, has a picture")
        _fit(card, head, seen, work, options, begin)
        save_weights(head, finished, np.float16)
    load_weights(head, finished)
    measured = {name: parts[name].clips for name in ("val", "test")}
    return head, {"fusion": {name: logits_of(head, clips, 8) for name, clips in measured.items()}}


def _fit(
    card: ModelCard,
    head: keras.Model,
    parts: dict[str, Part],
    work: Path,
    options: TrainingOptions,
    begin: Callable[[keras.Model], None] | None,
) -> None:
    network = card.architecture.network
    assert network is not None
    if options.optimizer not in OPTIMIZERS:
        raise DataError(
            f"there is no optimiser {options.optimizer!r}; there are {', '.join(OPTIMIZERS)}"
        )
    single = card.labels.mode == SINGLE
    with several_devices(options.devices), dtype_policy(options.dtype):
        trainee = network_of(card)
        if begin:
            begin(trainee)
        trainee.compile(
            OPTIMIZERS[options.optimizer](options.learning_rate),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.05)
            if single
            else known_crossentropy,
            weighted_metrics=[
                keras.metrics.CategoricalAccuracy(name="accuracy"),
                keras.metrics.TopKCategoricalAccuracy(
                    min(options.top_k, len(card.labels)), name=f"top_{options.top_k}"
                ),
            ]
            if single
            else [],
        )
    watched = parts["val"]

    def batches(part: Part, seed: int | None) -> SnippetBatches:
        return SnippetBatches(
            part, network.shape, network.snippets, options.batch_size, seed, options.devices
        )

    def ask() -> np.ndarray:
        head.set_weights(trainee.get_weights())
        return logits_of(head, watched.clips, 8)

    best = work / f"{network.name}.best.safetensors"
    log.info("training %s on %d clips", network.name, len(parts["train"].clips))
    trainee.fit(
        batches(parts["train"], options.seed),
        validation_data=batches(watched, None),
        epochs=options.epochs,
        verbose=2 if log.isEnabledFor(logging.INFO) else 0,
        callbacks=[
            BestEpoch(watched, card.labels.mode, ask, best),
            keras.callbacks.BackupAndRestore(
                work / f"{network.name}.backup", double_checkpoint=True
            ),
            keras.callbacks.ReduceLROnPlateau(
                MONITOR, mode="min", patience=max(1, options.patience // 2), factor=0.5
            ),
            keras.callbacks.EarlyStopping(MONITOR, mode="min", patience=options.patience),
            keras.callbacks.TensorBoard(work / "tensorboard" / network.name),
            keras.callbacks.TerminateOnNaN(),
        ],
    )
    load_best(trainee, best)
    head.set_weights(trainee.get_weights())


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
