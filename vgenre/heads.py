"""Training of the heads: the baseline, each stream and their fusion, on cached features."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from .dataset import Item, film_weights
from .features import ClipFeatures
from .finetune import FineTuning
from .labels import SINGLE, LabelSet
from .models.build import head_of
from .models.card import Architecture, ModelCard
from .models.visual import build_visual_stream
from .sampling import Sampling
from .spectrogram import MelSettings

log = logging.getLogger(__name__)


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
    dtype : str or None
        Keras dtype policy in which features are computed.
    finetuning : FineTuning or None
        Whether and how the body is fine-tuned first.
    seed : int
    """

    architecture: Architecture = field(default_factory=Architecture)
    mel: MelSettings = field(default_factory=MelSettings)
    sampling: Sampling = field(default_factory=lambda: Sampling(4))
    epochs: int = 60
    patience: int = 8
    batch_size: int = 32
    learning_rate: float = 1e-3
    dtype: str | None = None
    finetuning: FineTuning | None = None
    seed: int = 0


@dataclass(frozen=True)
class Part:
    """The clips of one split, with what to learn from them."""

    clips: ClipFeatures
    owners: np.ndarray
    items: list[Item]
    targets: np.ndarray
    weights: np.ndarray

    @classmethod
    def make(
        cls,
        name: str,
        clips: ClipFeatures,
        owners: np.ndarray,
        items: Sequence[Item],
        labels: LabelSet,
    ) -> Part:
        """The clips of the items whose split is `name`."""
        rows = np.flatnonzero([items[owner].split == name for owner in owners])
        chosen = ClipFeatures(*(getattr(clips, f)[rows] for f in clips.__dataclass_fields__))
        owned = [items[owner] for owner in owners[rows]]
        targets = np.array([labels.target(item.labels) for item in owned], np.float32)
        weights = film_weights(owned) * chosen.seconds if owned else np.zeros(0)
        if len(weights):
            weights = weights / weights.mean()
        return cls(chosen, owners[rows], list(items), targets, weights.astype(np.float32))


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
        inputs = self.part.clips.inputs(rows)
        if self.seed is not None:
            _augment(inputs, self._rng)
        return (
            {name: inputs[name] for name in self.inputs},
            self.part.targets[rows],
            self.part.weights[rows],
        )


def _augment(inputs: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """SpecAugment (Park et al., 2019) on the mels, other loudness, and dropped frames."""
    mel, mask = inputs["mel"], inputs["mel_mask"]
    for one, heard in zip(mel, mask, strict=True):
        floor = one.min()
        one += rng.uniform(-6, 6)
        for _ in range(2):
            band, width = rng.integers(one.shape[0]), rng.integers(one.shape[0] // 6 + 1)
            one[band : band + width] = floor
            step, length = rng.integers(one.shape[1]), rng.integers(one.shape[1] // 8 + 1)
            one[:, step : step + length] = floor
        if heard.any() and rng.random() < 0.5:
            one[:] = np.roll(one, rng.integers(int(heard.sum())), axis=1)
    frames = inputs["frame_mask"]
    kept = frames * (rng.random(frames.shape) < 0.8)
    some = kept.any(axis=1, keepdims=True)
    inputs["frame_mask"] = np.where(some, kept, frames).astype(np.float32)


def train_heads(
    card: ModelCard, width: int, parts: dict[str, Part], work: Path, options: TrainingOptions
) -> tuple[keras.Model, dict[str, dict[str, np.ndarray]]]:
    """Train the baseline, each stream and the fusion; returns the head and all logits."""
    head = head_of(card, width)
    visual, audio = head.get_layer("visual"), head.get_layer("audio")
    a = card.architecture
    mean_pool = build_visual_stream(
        len(card.labels),
        features=width,
        units=a.units,
        embedding=a.embedding,
        pooling="mean",
        dropout=a.dropout,
    )
    heard = [bool(part.clips.mel_mask.any()) for part in parts.values()]
    systems = {}
    for name, network, useful in (
        ("mean_pool", mean_pool, True),
        ("visual", visual, True),
        ("audio", audio, all(heard)),
        ("fusion", head, True),
    ):
        if name == "fusion":  # the streams are learnt; the gate between them is left
            visual.trainable = audio.trainable = False
        if useful:
            _fit(name, network, parts, card.labels, work, options)
        systems[name] = {
            split: logits_of(network, part.clips, options.batch_size)
            for split, part in parts.items()
        }
    return head, systems


def _fit(
    name: str,
    network: keras.Model,
    parts: dict[str, Part],
    labels: LabelSet,
    work: Path,
    options: TrainingOptions,
) -> None:
    """Train one network to its best epoch on the validation films, or load it if that is done."""
    finished = work / f"{name}.weights.h5"
    if finished.exists():
        network.load_weights(finished)
        return
    inputs = {tensor.name: tensor for tensor in network.inputs}
    trainee = keras.Model(inputs, network.output["logits"], name=name)
    rate = options.learning_rate
    trainee.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-2, global_clipnorm=1.0),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05)
        if labels.mode == SINGLE
        else keras.losses.BinaryCrossentropy(from_logits=True),
    )
    best = work / f"{name}.best.weights.h5"
    batches = {
        split: ClipBatches(part, options.batch_size, list(inputs), seed)
        for split, part, seed in (
            ("train", parts["train"], options.seed),
            ("val", parts["val"], None),
        )
    }
    log.info("training %s on %d clips", name, len(parts["train"].clips))
    trainee.fit(
        batches["train"],
        validation_data=batches["val"],
        epochs=options.epochs,
        verbose=2 if log.isEnabledFor(logging.INFO) else 0,
        callbacks=[
            keras.callbacks.BackupAndRestore(work / f"{name}.backup"),
            keras.callbacks.ModelCheckpoint(
                best, monitor="val_loss", save_best_only=True, save_weights_only=True
            ),
            keras.callbacks.ReduceLROnPlateau(patience=max(1, options.patience // 3), factor=0.5),
            keras.callbacks.EarlyStopping(patience=options.patience),
            keras.callbacks.TensorBoard(work / "tensorboard" / name),
            keras.callbacks.TerminateOnNaN(),
        ],
    )
    trainee.load_weights(best)
    network.save_weights(finished)
    best.unlink()


def logits_of(network: keras.Model, clips: ClipFeatures, batch_size: int) -> np.ndarray:
    names = [tensor.name for tensor in network.inputs]
    parts = []
    for begin in range(0, len(clips), batch_size):
        inputs = clips.inputs(np.arange(begin, min(begin + batch_size, len(clips))))
        chosen = {name: inputs[name] for name in names}
        fed = chosen if isinstance(network.input, dict) else [chosen[name] for name in names]
        parts.append(keras.ops.convert_to_numpy(network(fed, training=False)["logits"]))
    return np.concatenate(parts)
