"""Training of the heads: the baseline, each stream and their fusion, on cached features."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from .calibration import film_loss, fit_temperature
from .dataset import Item, film_weights, shared_weights
from .errors import DataError
from .features import INPUTS
from .finetune import FineTuning, masked_crossentropy
from .labels import SINGLE, LabelSet
from .linear_probe import fit_probe, mean_features
from .models.build import head_of
from .models.card import Architecture, ModelCard
from .models.store import load_weights, save_weights
from .models.visual import build_visual_stream
from .pixel_clips import Clips
from .sampling import Sampling
from .spectrogram import MelSettings

log = logging.getLogger(__name__)

STREAMS = {"visual": "frame_mask", "audio": "mel_mask"}
"""The streams, each with the mask that says where there is something for it."""

MONITOR = "val_film_loss"
"""What training watches: see `BestEpoch`."""


@dataclass(frozen=True)
class TrainingOptions:
    """How the heads are trained.

    Parameters
    ----------
    architecture : Architecture
    mel : MelSettings
    sampling : Sampling
        Which clips of each film are learnt from.
    epochs : int
        At most; training stops when validation films get no better.
    patience : int
        Epochs without improvement after which it stops.
    batch_size : int
        Clips.
    learning_rate : float
    finetuning : FineTuning or None
        Whether and how the body is fine-tuned first.
    graphs : bool
        Whether to write graphs for the OpenVINO engine too.
    seed : int
    optimizer : str
        Of a network of the zoo, as what follows: one of
        `vgenre.zoo_training.OPTIMIZERS`.
    top_k : int
        While it learns, a clip counts as right in ``top_k`` where its label is among
        so many.
    dtype : str or None
        Keras dtype policy, ``"mixed_float16"`` or ``"mixed_bfloat16"``.
    devices : int
        Devices of this machine that share each batch.
    """

    architecture: Architecture = field(default_factory=Architecture)
    mel: MelSettings = field(default_factory=MelSettings)
    sampling: Sampling = field(default_factory=lambda: Sampling(4))
    epochs: int = 60
    patience: int = 8
    batch_size: int = 32
    learning_rate: float = 1e-3
    finetuning: FineTuning | None = None
    graphs: bool = True
    seed: int = 0
    optimizer: str = "adamw"
    top_k: int = 5
    dtype: str | None = None
    devices: int = 1


@dataclass(frozen=True)
class Part:
    """The clips of one split, with what to learn from them."""

    clips: Clips
    owners: np.ndarray
    items: list[Item]
    targets: np.ndarray
    weights: np.ndarray

    @classmethod
    def make(
        cls,
        name: str,
        clips: Clips,
        owners: np.ndarray,
        items: Sequence[Item],
        labels: LabelSet,
    ) -> Part:
        """The clips of the items whose split is `name`; DataError where there are none."""
        rows = np.flatnonzero([items[owner].split == name for owner in owners])
        if not len(rows):
            raise DataError(f"no film of the {name} part could be read")
        chosen = clips.take(rows)
        owned = [items[owner] for owner in owners[rows]]
        targets = np.stack([labels.target(item.labels, item.known) for item in owned])
        say = film_weights if labels.mode == SINGLE else shared_weights
        # Within its film a clip has a say by its length; a poster has as large a one as a film.
        films = np.unique([item.film for item in owned], return_inverse=True)[1]
        mean_length = np.bincount(films, chosen.seconds) / np.bincount(films)
        weights = (say(owned) * chosen.seconds / mean_length[films]).astype(np.float32)
        return cls(chosen, owners[rows], list(items), targets, weights / weights.mean())

    def where(self, mask: str | None) -> Part:
        """The clips that have a stream: those whose `mask` is not all 0."""
        if mask is None:
            return self
        return self.take(np.flatnonzero(getattr(self.clips, mask).any(axis=1)))

    def take(self, rows: np.ndarray) -> Part:
        """Some of the clips."""
        return Part(
            self.clips.take(rows),
            self.owners[rows],
            self.items,
            self.targets[rows],
            self.weights[rows],
        )

    def films(self) -> tuple[list[str], np.ndarray]:
        """The film of each clip, and each film's target, in order of their first clips."""
        names = [self.items[owner].film for owner in self.owners]
        first = {name: row for row, name in reversed(list(enumerate(names)))}
        return names, self.targets[[first[name] for name in dict.fromkeys(names)]]


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
            part = self._record.with_suffix(".part")
            part.write_text(json.dumps(loss))
            os.replace(part, self._record)


class ClipBatches(keras.utils.PyDataset):
    """Batches of clips, augmented where they are trained on.

    Parameters
    ----------
    part : Part
    batch_size : int
    inputs : sequence of str
        The network's inputs.
    seed : int or None
        None: in order and as they are, for validation.
    """

    def __init__(
        self, part: Part, batch_size: int, inputs: Sequence[str], seed: int | None
    ) -> None:
        super().__init__(workers=1)
        self.part, self.batch_size, self.inputs, self.seed = part, batch_size, inputs, seed
        self._epoch = -1
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Put the clips in a new order."""
        self._epoch += 1
        n = len(self.part.clips)
        if self.seed is None:
            self._order = np.arange(n)
        else:
            self._rng = np.random.default_rng([self.seed, self._epoch])
            self._order = self._rng.permutation(n)

    def __len__(self) -> int:
        return -(-len(self._order) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs = self.part.clips.inputs(rows, self.inputs)
        if self.seed is not None:
            augment(inputs, self._rng)
        return (
            inputs,
            self.part.targets[rows],
            self.part.weights[rows],
        )


def augment(inputs: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Change a batch of inputs in place, as far as they are there.

    SpecAugment (Park et al., 2019), another loudness and another beginning for
    the mels; some frames are left out.
    """
    if "mel" in inputs:
        for mel, heard in zip(inputs["mel"], inputs["mel_mask"], strict=True):
            _augment_sound(mel, int(heard.sum()), rng)
    if "frame_mask" in inputs:
        frames = inputs["frame_mask"]
        kept = frames * (rng.random(frames.shape) < 0.8)
        some = kept.any(axis=1, keepdims=True)
        inputs["frame_mask"] = np.where(some, kept, frames).astype(np.float32)


def _augment_sound(mel: np.ndarray, steps: int, rng: np.random.Generator) -> None:
    bands, floor = mel.shape[0], mel.min()
    mel += rng.uniform(-6, 6)
    if steps and rng.random() < 0.5:
        mel[:, :steps] = np.roll(mel[:, :steps], rng.integers(steps), axis=1)
    for _ in range(2):
        band, width = rng.integers(bands), rng.integers(bands // 6 + 1)
        mel[band : band + width] = floor
        step, length = rng.integers(mel.shape[1]), rng.integers(mel.shape[1] // 8 + 1)
        mel[:, step : step + length] = floor


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
        For checkpoints and logs.
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
    if not both.any():
        return  # nothing tells which is better
    rows = np.flatnonzero(both)
    weight = fit_gate(
        logits["visual"][rows],
        logits["audio"][rows],
        val.take(rows),
        labels.mode,
    )
    log.info("the gate: picture %.2f, sound %.2f", weight, 1 - weight)
    gate.weigh(weight)


def fit_gate(visual: np.ndarray, audio: np.ndarray, part: Part, mode: str) -> float:
    """The weight of the picture by which films fare best once the temperature is fitted.

    A few films do not silence a stream: a prior, Beta(2, 2), has the say of one film.

    Parameters
    ----------
    visual, audio : ndarray, shape (n_clips, n_labels)
        Logits of each stream alone.
    part : Part
        The clips.
    mode : {"single", "multi"}

    Returns
    -------
    float
        Between 0 and 1.
    """
    names, targets = part.films()
    seconds = part.clips.seconds

    def loss(weight: float) -> float:
        logits = weight * visual + (1 - weight) * audio
        temperature = fit_temperature(logits, targets, mode, films=names, weights=seconds)
        found = film_loss(logits, targets, mode, temperature, films=names, weights=seconds)
        return found - np.log(4 * weight * (1 - weight)) / len(targets)

    return float(min(np.linspace(0.025, 0.975, 39), key=loss))


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
    rate = options.learning_rate
    trainee.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-2, global_clipnorm=1.0),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05)
        if labels.mode == SINGLE
        else masked_crossentropy,
    )
    best = work / f"{name}.best.safetensors"
    # Where no validation film has this stream, training can only watch itself.
    watched = parts["val"] if len(parts["val"].clips) else parts["train"]
    log.info("training %s on %d clips", name, len(parts["train"].clips))
    trainee.fit(
        ClipBatches(parts["train"], options.batch_size, list(inputs), options.seed),
        validation_data=ClipBatches(watched, options.batch_size, list(inputs), None),
        epochs=options.epochs,
        verbose=2 if log.isEnabledFor(logging.INFO) else 0,
        callbacks=[
            BestEpoch(
                watched,
                labels.mode,
                lambda: _predict(trainee, watched.clips, options.batch_size),
                best,
            ),
            # Two checkpoints: a run may be killed while it writes one.
            keras.callbacks.BackupAndRestore(work / f"{name}.backup", double_checkpoint=True),
            keras.callbacks.ReduceLROnPlateau(
                MONITOR, mode="min", patience=max(1, options.patience // 2), factor=0.5
            ),
            keras.callbacks.EarlyStopping(MONITOR, mode="min", patience=options.patience),
            keras.callbacks.TensorBoard(work / "tensorboard" / name),
            keras.callbacks.TerminateOnNaN(),
        ],
    )
    load_best(trainee, best)
    # As it ships, in half precision, it gives the logits that are calibrated and measured.
    save_weights(network, finished, np.float16)
    load_weights(network, finished)


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
    return _predict(keras.Model(there, network.output["logits"]), clips, batch_size)


def _predict(by_name: keras.Model, clips: Clips, batch_size: int) -> np.ndarray:
    parts = []
    for begin in range(0, len(clips), batch_size):
        rows = np.arange(begin, min(begin + batch_size, len(clips)))
        inputs = clips.inputs(rows, by_name.input)
        parts.append(keras.ops.convert_to_numpy(by_name(inputs, training=False)))
    return np.concatenate(parts)
