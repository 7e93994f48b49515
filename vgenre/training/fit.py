"""Fitting a network to its best epoch on the validation films."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from ..data.pixels import Clips
from ..errors import DataError
from ..models.store import load_weights, save_weights
from ..output.atomic import write_atomic
from .calibration import film_loss, fit_temperature
from .parts import Part

MONITOR = "val_film_loss"
"""What training watches: see `BestEpoch`."""


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
        For the best weights; a run that continues goes on from what it holds.
    """

    def __init__(self, part: Part, mode: str, ask: Callable[[], np.ndarray], file: Path) -> None:
        super().__init__()
        self._part, self._mode, self._ask, self._file = part, mode, ask, file
        self._films, self._targets = part.films()
        self._record = file.with_suffix(".json")
        self._best = json.loads(self._record.read_text()) if self._record.exists() else np.inf

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measure, and keep the weights if they are the best so far."""
        logits = self._ask()
        targets, mode, seconds = self._targets, self._mode, self._part.clips.seconds
        temperature = fit_temperature(logits, targets, mode, films=self._films, weights=seconds)
        loss = film_loss(logits, targets, mode, temperature, films=self._films, weights=seconds)
        if logs is not None:
            logs[MONITOR] = loss
        if loss < self._best:
            self._best = loss
            save_weights(self.model, self._file)
            write_atomic(self._record, json.dumps(loss))


def load_best(network: keras.Model, file: Path) -> None:
    """Load the weights that `BestEpoch` kept.

    Raises
    ------
    DataError
        If it kept none, as the loss was no number from the first epoch on.
    """
    if not file.exists():
        raise DataError(
            f"{network.name} cannot be trained so: its loss is not a number; try a smaller "
            "learning rate, or full precision"
        )
    load_weights(network, file)


def logits_of(network: keras.Model, clips: Clips, batch_size: int) -> np.ndarray:
    """A stream's or the fusion's logits of clips: float32, shape (n_clips, n_labels)."""
    inputs = {tensor.name: tensor for tensor in network.inputs}
    there = {name: tensor for name, tensor in inputs.items() if name in clips.names}
    return predict(keras.Model(there, network.output["logits"]), clips, batch_size)


def predict(by_name: keras.Model, clips: Clips, batch_size: int) -> np.ndarray:
    parts = []
    for begin in range(0, len(clips), batch_size):
        rows = np.arange(begin, min(begin + batch_size, len(clips)))
        inputs = clips.inputs(rows, by_name.input)
        parts.append(keras.ops.convert_to_numpy(by_name(inputs, training=False)))
    return np.concatenate(parts)
