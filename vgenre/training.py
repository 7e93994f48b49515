"""From a data set to a model directory: features, four small trainings, calibration, figures."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .calibration import Calibration, fit_confidence, fit_platt, fit_thresholds
from .cluster import Cluster, Extraction
from .dataset import SPLITS, Item, decode_frames, load_items, split_by_film
from .engines import has_gpu
from .errors import DataError, MediaError
from .evaluation import Films, bootstrap, films_of, majority, measure, outside
from .features import FeatureCache, FeatureExtractor
from .finetune import finetune, frame_pool
from .heads import Part, TrainingOptions, train_heads
from .labels import MULTI, SINGLE, LabelSet
from .media import CLIP_FRAMES, read_clip
from .models.build import body_of, head_of
from .models.card import Architecture, ModelCard
from .models.snippets import reads_pixels
from .models.store import (
    BODY_FILE,
    BODY_GRAPH,
    HEAD_FILE,
    HEAD_GRAPH,
    file_hash,
    find_model,
    load_weights,
    model_file,
    read_card,
    save_model,
    save_weights,
)
from .models.visual import build_body, freeze_normalisation, load_imagenet
from .pixel_clips import Clips, collect_pixels
from .remote import place_of
from .zoo_training import train_network

log = logging.getLogger(__name__)

_FEW_FILMS = 10  # an interval from fewer would say nothing


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
    if _takes_pixels(architecture):
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
            "metrics": _figures(learnt, labels),
            **(card or {}),
        }
    )
    if options.graphs:
        _write_graphs(output, finished, network, learnt.head, items, initial)
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


@dataclass(frozen=True)
class Learnt:
    """What training leaves behind.

    Attributes
    ----------
    head : keras.Model
    logits : dict of str to dict of str to ndarray, shape (n_clips, n_labels)
        Of each system, see `vgenre.heads.train_heads`, for each part.
    parts : dict of str to Part
    calibration : Calibration
    thresholds : tuple of float
    """

    head: keras.Model
    logits: dict[str, dict[str, np.ndarray]]
    parts: dict[str, Part]
    calibration: Calibration
    thresholds: tuple[float, ...]

    def films(self, system: str, split: str, labels: LabelSet) -> Films:
        """Films as a system sees them, by calibrated probabilities.

        Clips whose label is unsure are left out.
        """
        part = self.parts[split]
        of_clip = [part.items[owner] for owner in part.owners]
        rows = np.flatnonzero([item.measured or not item.labels for item in of_clip])
        return films_of(
            self.calibration.probabilities(self.logits[system][split][rows], labels.mode),
            part.clips.seconds[rows],
            part.owners[rows],
            part.items,
            labels,
        )


def learn(
    parts: dict[str, Part],
    labels: LabelSet,
    architecture: Architecture,
    work: Path,
    options: TrainingOptions,
    *,
    initial: InitialWeights | None = None,
) -> Learnt:
    """Train the heads on features, and calibrate them on the validation films.

    Parameters
    ----------
    parts : dict of str to Part
        ``"train"``, ``"val"`` and ``"test"``; nothing is learnt from the last.
    labels : LabelSet
    architecture : Architecture
    work : Path
        For checkpoints and logs; a run that was killed continues from there.
    options : TrainingOptions
    initial : InitialWeights, optional
        Of the audio stream, or of a network of the zoo.

    Returns
    -------
    Learnt
    """
    card = ModelCard("training", labels, architecture, options.mel)
    if architecture.network:
        begin = functools.partial(_begin_zoo, initial) if initial else None
        head, logits = train_network(card, parts, work, options, begin=begin)
    else:
        audio = initial.audio if initial else None
        head, logits = train_heads(card, parts, work, options, audio=audio)
    calibration, thresholds = _calibrate(logits["fusion"]["val"], parts["val"], labels)
    return Learnt(head, logits, parts, calibration, thresholds)


def feature_engine(network: keras.Model, body_hash: str) -> tuple[FeatureExtractor, str]:
    """What computes features of a body fastest here, and the name they are kept under.

    Returns
    -------
    engine : FeatureExtractor
        TensorFlow where it has a GPU, else OpenVINO.
    name : str
        Of the weights and the engine: features of two precisions are not mixed.
    """
    if has_gpu():
        from .engines.tensorflow import TensorFlowEngine

        engine: FeatureExtractor = TensorFlowEngine(network)
        return engine, f"{body_hash} tensorflow"
    from .engines.export import body_graph
    from .engines.openvino import OpenVINOEngine

    return OpenVINOEngine(body_graph(network)), f"{body_hash} openvino"


@dataclass(frozen=True)
class InitialWeights:
    """What training starts from.

    Parameters
    ----------
    body : callable
        Puts weights into the body it is given.
    audio : callable, optional
        Puts weights into the audio stream it is given, as far as they fit.
    directory : path, optional
        Of the model that they are from, whose graphs can be used again.
    architecture : Architecture
        Its `body` and `block` say what body the weights are for.
    """

    body: Callable[[keras.Model], None]
    audio: Callable[[keras.Model], None] | None = None
    directory: Path | None = None
    architecture: Architecture = field(default_factory=Architecture)

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

        body = model_file(directory, card, BODY_FILE)
        return cls(lambda network: load_weights(network, body), audio, directory, card.architecture)


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
        elif not _takes_pixels(architecture):
            initial(network)
        save_weights(network, file, np.float16)
    # As it ships, in half precision, it gives the features that the heads learn from.
    load_weights(network, file)
    if architecture.network and not _takes_pixels(architecture):
        shape = (CLIP_FRAMES, network.output_shape[-1])
        architecture = replace(architecture, network=replace(architecture.network, shape=shape))
    return network, architecture


def _takes_pixels(architecture: Architecture) -> bool:
    return bool(architecture.network and reads_pixels(architecture.network.shape))


def _begin_zoo(initial: InitialWeights, network: keras.Model) -> None:
    """Put the weights of a body into the InceptionV3 that a network of the zoo is built over."""
    for layer in network.layers:
        inner = getattr(layer, "layer", layer)
        if not isinstance(inner, keras.Model):
            continue
        if inner.name != "inception_v3":
            _begin_zoo(initial, inner)
            continue
        body = body_of(initial.architecture)
        initial.body(body)
        values, own = body.get_weights(), inner.get_weights()
        # A body may end a block earlier; what comes behind it stays as it is.
        if [v.shape for v in values] == [v.shape for v in own[: len(values)]]:
            inner.set_weights(values + own[len(values) :])
            freeze_normalisation(inner)


def _calibrate(
    logits: np.ndarray, part: Part, labels: LabelSet
) -> tuple[Calibration, tuple[float, ...]]:
    """Calibration and thresholds, fitted on the validation films."""
    films, targets = part.films()
    seconds = part.clips.seconds
    if labels.mode == MULTI:
        calibration = fit_platt(logits, targets, films=films, weights=seconds)
    else:
        truth = films_of(logits, seconds, part.owners, part.items, labels).truth
        fitted = fit_confidence(logits, truth, films=films, weights=seconds)
        calibration = Calibration.temperature(round(fitted, 4), len(labels))
    found = films_of(
        calibration.probabilities(logits, labels.mode), seconds, part.owners, part.items, labels
    )
    return calibration, fit_thresholds(found.probabilities, found.truth, labels.mode)


def _figures(learnt: Learnt, labels: LabelSet) -> dict[str, Any]:
    """Figures of every system on validation and test films, beside the majority baseline."""
    figures: dict[str, Any] = {}
    train = learnt.parts["train"]
    train_items = [item for item in train.items if item.split == "train"]
    for split in ("val", "test"):
        everything = {name: learnt.films(name, split, labels) for name in learnt.logits}
        found = {name: films.labelled() for name, films in everything.items()}
        if not found["fusion"].names:
            continue
        figures[split] = {
            name: measure(films, labels, learnt.thresholds) for name, films in found.items()
        }
        baseline = majority(found["fusion"], labels, train_items)
        figures[split]["majority"] = measure(baseline, labels)
        if len(found["fusion"].names) >= _FEW_FILMS:
            figures[split]["fusion"]["interval_95"] = bootstrap(found["fusion"], labels)
        if labels.mode == SINGLE:
            figures[split]["fusion"]["outside"] = outside(
                everything["fusion"], labels, learnt.thresholds
            )
    return json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 4))


def _write_graphs(
    output: Path,
    card: ModelCard,
    network: keras.Model,
    head: keras.Model,
    items: Sequence[Item],
    initial: InitialWeights,
) -> None:
    """The networks as graphs for the OpenVINO engine."""
    from .engines.export import body_graph, head_graph, quantise, write_graph

    output.mkdir(parents=True, exist_ok=True)
    try:
        graph = head_graph(head)
    except Exception as error:  # whatever a converter raises at a layer that it does not know
        log.warning("no graph for OpenVINO, so the model runs on TensorFlow alone: %s", error)
        return
    write_graph(graph, output / HEAD_GRAPH)
    if card.body_from is not None:
        return
    if _takes_pixels(card.architecture):
        write_graph(body_graph(network), output / BODY_GRAPH)
        return
    known = initial.directory
    save_weights(network, output / BODY_FILE, np.float16)
    if known and file_hash(output / BODY_FILE) == read_card(known).files.get(BODY_FILE):
        source = model_file(known, read_card(known), BODY_GRAPH)
        if source.exists():  # the body as it was; so is its graph
            for suffix in (".xml", ".bin"):
                shutil.copyfile(
                    source.with_suffix(suffix), (output / BODY_GRAPH).with_suffix(suffix)
                )
            return
    graph = body_graph(network)
    if importlib.util.find_spec("nncf"):
        log.info("quantising the image network")
        graph = quantise(graph, _some_frames(items))
    else:
        log.warning(
            "the image network is not quantised and will run at half the speed; "
            "for that, pip install 'vgenre[quantise]' and run again"
        )
    write_graph(graph, output / BODY_GRAPH)


def _some_frames(items: Sequence[Item], wanted: int = 300) -> np.ndarray:
    """Frames from all over the training films, for the ranges of a quantised network."""
    films = [item for item in {i.film: i for i in items}.values() if item.split == "train"]
    rng = np.random.default_rng(0)
    frames: list[np.ndarray] = []
    for i in rng.permutation(len(films))[:wanted]:
        try:
            clip = read_clip(films[i].path)
        except MediaError:
            continue
        each = max(1, wanted // len(films))
        frames += list(clip.frames[: clip.frame_count][:: max(1, clip.frame_count // each)][:each])
    return np.stack(frames)


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
