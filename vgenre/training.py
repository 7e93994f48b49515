"""From a data set to a model directory: features, four small trainings, calibration, figures."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .calibration import fit_temperature, fit_thresholds, probabilities_of
from .dataset import Item, decode_frames, film_weights, load_items, split_by_film
from .engines.tensorflow import TensorFlowEngine
from .errors import DataError
from .evaluation import bootstrap, films_of, majority, measure
from .features import ClipFeatures, FeatureCache
from .finetune import FineTuning, finetune, frame_pool
from .labels import SINGLE, LabelSet
from .models.build import body_of, head_of
from .models.card import Architecture, ModelCard
from .models.store import (
    BODY_FILE,
    file_hash,
    find_model,
    load_weights,
    read_card,
    save_model,
    save_weights,
)
from .models.visual import build_body, build_visual_stream, load_imagenet
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
    inputs["frame_mask"] = np.where(kept.any(axis=1, keepdims=True), kept, frames).astype(
        np.float32
    )


def train(
    data: str | os.PathLike[str] | Sequence[Item],
    output: str | os.PathLike[str],
    *,
    labels: LabelSet | None = None,
    mode: str = SINGLE,
    body: Callable[[keras.Model], None],
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
    body : callable
        Puts initial weights into the body it is given.
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

    network, architecture = _prepare_body(items, labels, body, work, options)
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
    for name, part in parts.items():
        if not len(part.clips):
            raise DataError(f"no film of the {name} part could be read")

    model_card = ModelCard(
        name=output.resolve().name, labels=labels, architecture=architecture, mel=options.mel
    )
    head, systems = _train_heads(model_card, clips.features.shape[-1], parts, work, options)
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


def initial_body(source: str | os.PathLike[str]) -> Callable[[keras.Model], None]:
    """What puts initial weights into a body.

    Parameters
    ----------
    source : str or path
        A model, by name or directory; ``"imagenet"`` for the official weights,
        which Keras downloads; a ``.h5`` file for Keras' InceptionV3; or
        ``"toy"`` to leave the body as it is.

    Returns
    -------
    callable

    Raises
    ------
    ModelError
        If there is no such model.
    """
    if source == "toy":
        return lambda network: None
    if source == "imagenet":
        return load_imagenet
    if str(source).endswith(".h5"):
        return lambda network: load_imagenet(network, source)
    directory = find_model(source)
    read_card(directory)
    return lambda network: load_weights(network, directory / BODY_FILE)


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


def _train_heads(
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
            split: _logits(network, part.clips, options.batch_size) for split, part in parts.items()
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


def _logits(network: keras.Model, clips: ClipFeatures, batch_size: int) -> np.ndarray:
    names = [tensor.name for tensor in network.inputs]
    parts = []
    for begin in range(0, len(clips), batch_size):
        inputs = clips.inputs(np.arange(begin, min(begin + batch_size, len(clips))))
        chosen = {name: inputs[name] for name in names}
        fed = chosen if isinstance(network.input, dict) else [chosen[name] for name in names]
        parts.append(keras.ops.convert_to_numpy(network(fed, training=False)["logits"]))
    return np.concatenate(parts)


def _calibrate(logits: np.ndarray, part: Part, labels: LabelSet) -> tuple[float, tuple[float, ...]]:
    """Temperature and thresholds, fitted on the validation films."""
    films = [part.items[owner].film for owner in part.owners]
    first = {part.items[o].film: part.items[o] for o in reversed(part.owners)}
    order = list(dict.fromkeys(films))
    targets = np.stack([labels.target(first[film].labels) for film in order])
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
