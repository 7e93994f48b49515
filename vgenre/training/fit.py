"""Fitting a network, to the end or to its best epoch; a run that was stopped goes on unchanged."""

from __future__ import annotations

import importlib.util
import json
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..data.pixels import Clips
from ..data.stages import put_in_place
from ..errors import DataError
from ..models.store import load_weights, save_weights
from ..output.atomic import write_atomic
from .batches import EpochBatches
from .calibration import film_loss, fit_temperature
from .options import TrainingOptions
from .parts import Part

log = logging.getLogger(__name__)

MONITOR = "val_film_loss"
"""What training watches: see `BestEpoch`."""

_OPTIMIZERS: dict[str, Callable[[float], keras.optimizers.Optimizer]] = {
    "adam": lambda rate: keras.optimizers.Adam(rate, global_clipnorm=1.0),
    "adamw": lambda rate: keras.optimizers.AdamW(rate, weight_decay=1e-2, global_clipnorm=1.0),
    "rmsprop": lambda rate: keras.optimizers.RMSprop(rate),
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
}


def optimizer_of(name: str, rate: float) -> keras.optimizers.Optimizer:
    """An optimiser by its name, see `vgenre.training.names.OPTIMIZERS`.

    Raises
    ------
    DataError
        If there is no such optimiser.
    """
    if name not in _OPTIMIZERS:
        raise DataError(f"there is no optimiser {name!r}; there are {', '.join(_OPTIMIZERS)}")
    return _OPTIMIZERS[name](rate)


def fit(
    network: keras.Model,
    batches: EpochBatches,
    epochs: int,
    folder: Path,
    name: str,
    *,
    watchers: Sequence[keras.callbacks.Callback] = (),
    validation: EpochBatches | None = None,
) -> None:
    """Fit a compiled network; one that was stopped goes on as if it had not been.

    Parameters
    ----------
    network : keras.Model
    batches : EpochBatches
    epochs : int
        At most, if one of the watchers stops it.
    folder : Path
        For checkpoints, which stay in ``NAME.checkpoint`` until the caller has what it wants,
        and for TensorBoard's logs. It has to be of this training alone.
    name : str
        Of the network, for messages and files.
    watchers : sequence of keras.callbacks.Callback
        What watches, keeps, slows or stops the training.
    validation : EpochBatches, optional
    """
    checkpoint = Checkpoint(folder / f"{name}.checkpoint", watchers)
    network.fit(
        batches,
        validation_data=validation,
        epochs=epochs,
        verbose=0,
        shuffle=False,  # the batches have an order of their own, which does not depend on chance
        callbacks=[
            _EpochNumber(batches),
            *watchers,
            _Progress(name),
            *_logs(folder / "tensorboard" / name),
            keras.callbacks.TerminateOnNaN(),
            checkpoint,  # behind those whose state it keeps
        ],
    )


def _logs(folder: Path) -> list[keras.callbacks.Callback]:
    """TensorBoard's, where there is TensorFlow to write them, whatever Keras computes with."""
    there = importlib.util.find_spec("tensorflow")
    return [keras.callbacks.TensorBoard(folder)] if there else []


def fit_to_best(
    network: keras.Model,
    batches: EpochBatches,
    validation: EpochBatches,
    watched: Part,
    ask: Callable[[], np.ndarray],
    mode: str,
    folder: Path,
    name: str,
    options: TrainingOptions,
) -> None:
    """Fit a compiled network to its best epoch on validation films, and load that.

    Parameters
    ----------
    network : keras.Model
    batches, validation : EpochBatches
    watched : Part
        Clips of the validation films that choose the epoch.
    ask : callable
        Gives the network's logits of the clips of `watched`.
    mode : {"single", "multi"}
    folder : Path
        Of this training alone, see `fit`.
    name : str
        Of the network, for messages and files.
    options : TrainingOptions

    Raises
    ------
    DataError
        If the loss is no number from the first epoch on.
    """
    best = folder / f"{name}.best.safetensors"
    fit(
        network,
        batches,
        options.epochs,
        folder,
        name,
        validation=validation,
        watchers=[
            BestEpoch(watched, mode, ask, best),
            keras.callbacks.ReduceLROnPlateau(
                MONITOR, mode="min", patience=max(1, options.patience // 2), factor=0.5
            ),
            keras.callbacks.EarlyStopping(MONITOR, mode="min", patience=options.patience),
        ],
    )
    if not best.exists():
        raise DataError(
            f"{name} cannot be trained so: its loss is not a number; try a smaller learning rate, "
            "or full precision"
        )
    load_weights(network, best)


def keep_fitted(network: keras.Model, finished: Path) -> None:
    """Keep a fitted network's weights as they ship, in half precision, and use those.

    What only a run that is stopped would need is removed.
    """
    temporary = finished.with_name(f".{finished.name}.part")
    save_weights(network, temporary, np.float16)
    put_in_place(temporary, finished)
    load_weights(network, finished)
    shutil.rmtree(finished.with_suffix(".checkpoint"), ignore_errors=True)
    finished.with_suffix(".best.safetensors").unlink(missing_ok=True)


class BestEpoch(keras.callbacks.Callback):
    """Logs ``val_film_loss``, how films fare once the temperature is fitted, and keeps the best.

    A network that grows too sure of itself makes the plain loss of its clips rise
    while it still learns to tell genres apart. The temperature is fitted afterwards in
    any case, so what counts then chooses the epoch.

    Parameters
    ----------
    part : Part
        Validation films.
    mode : {"single", "multi"}
    ask : callable
        Gives the network's logits of the part's clips.
    file : Path
        For the best weights.
    """

    def __init__(self, part: Part, mode: str, ask: Callable[[], np.ndarray], file: Path) -> None:
        super().__init__()
        self._part, self._mode, self._ask, self._file = part, mode, ask, file
        self._films, self._targets = part.films()
        self.best = math.inf

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measure, and keep the weights if they are the best so far."""
        logits = self._ask()
        targets, mode, seconds = self._targets, self._mode, self._part.clips.seconds
        temperature = fit_temperature(logits, targets, mode, films=self._films, weights=seconds)
        loss = film_loss(logits, targets, mode, temperature, films=self._films, weights=seconds)
        if logs is not None:
            logs[MONITOR] = loss
        if loss < self.best:
            self.best = loss
            save_weights(self.model, self._file)


class Checkpoint(keras.callbacks.Callback):
    """Keeps after each epoch all that the next ones depend on.

    That is the weights, the optimiser's state, the seeds of dropout and what the watchers have
    seen. `keras.callbacks.BackupAndRestore` keeps the first two alone.

    Parameters
    ----------
    folder : Path
    watchers : sequence of keras.callbacks.Callback
        Their numbers are kept.
    """

    _NUMBERS = ("best", "wait", "cooldown_counter", "best_epoch", "stopped_epoch")

    def __init__(self, folder: Path, watchers: Sequence[keras.callbacks.Callback]) -> None:
        super().__init__()
        self._folder, self._watchers = folder, watchers
        self._record = folder / "state.json"

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Go back to the last epoch that was finished."""
        if not self._record.exists():
            return
        state = json.loads(self._record.read_text())
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        self.model.load_weights(self._folder / state["weights"])
        for variable, value in zip(self._seeds(), state["seeds"], strict=True):
            variable.assign(np.array(value, variable.dtype))
        for watcher, numbers in zip(self._watchers, state["watchers"], strict=True):
            vars(watcher).update(numbers)
        # Keras begins at this epoch.
        self.model._initial_epoch = self.params["epochs"] if state["stopped"] else state["epoch"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the state; until it is whole on disk the one before stays."""
        self._folder.mkdir(parents=True, exist_ok=True)
        weights = self._folder / f"{epoch + 1}.weights.h5"
        self.model.save_weights(weights, overwrite=True)
        state = {
            "epoch": epoch + 1,
            "stopped": bool(self.model.stop_training),
            "weights": weights.name,
            "seeds": [v.numpy().tolist() for v in self._seeds()],
            "watchers": [
                {
                    name: None if value is None else float(value)
                    for name, value in vars(watcher).items()
                    if name in self._NUMBERS
                }
                for watcher in self._watchers
            ],
        }
        with open(weights, "rb") as written:
            os.fsync(written.fileno())
        write_atomic(self._record, json.dumps(state))
        for older in self._folder.glob("*.weights.h5"):
            if older != weights:
                older.unlink()

    def _seeds(self) -> list[keras.Variable]:
        return [v for v in self.model.variables if "seed_generator_state" in v.path]


class _EpochNumber(keras.callbacks.Callback):
    """Tells batches which epoch it is."""

    def __init__(self, batches: EpochBatches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the number."""
        self._batches.epoch = epoch


class _Progress(keras.callbacks.Callback):
    """A line an epoch that says of which network it is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Take the time."""
        self._begun = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the line."""
        figures = ", ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items())
        seconds = time.monotonic() - self._begun
        log.info(
            "%s: epoch %d of %d, %.1f s: %s",
            self._name,
            epoch + 1,
            self.params["epochs"],
            seconds,
            figures,
        )


def logits_of(network: keras.Model, clips: Clips, batch_size: int) -> np.ndarray:
    """A stream's or the fusion's logits of clips: float32, shape (n_clips, n_labels)."""
    inputs = {tensor.name: tensor for tensor in network.inputs}
    there = {name: tensor for name, tensor in inputs.items() if name in clips.names}
    return predict(keras.Model(there, network.output["logits"]), clips, batch_size)


def predict(by_name: keras.Model, clips: Clips, batch_size: int) -> np.ndarray:
    """What a network with inputs by name says of clips, in order: shape (n_clips, ...)."""
    parts = []
    for begin in range(0, len(clips), batch_size):
        rows = np.arange(begin, min(begin + batch_size, len(clips)))
        inputs = clips.inputs(rows, by_name.input)
        parts.append(keras.ops.convert_to_numpy(by_name(inputs, training=False)))
    return np.concatenate(parts)
