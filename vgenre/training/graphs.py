"""The graphs of a trained model for the OpenVINO engine."""

from __future__ import annotations

import importlib.util
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..data.items import Item
from ..errors import MediaError
from ..media.probing import probe
from ..media.reader import read_clip, sampled_clips
from ..media.remote import fetched
from ..media.sampling import Sampling
from ..media.types import SAMPLE_RATE
from ..models.card import ModelCard
from ..models.store import (
    AUDIO_GRAPH,
    BODY_FILE,
    BODY_GRAPH,
    VISUAL_GRAPH,
    save_weights,
)
from .initial import InitialWeights

log = logging.getLogger(__name__)

_PLACES = 5  # of a film that frames are taken from


def write_graphs(
    output: Path,
    card: ModelCard,
    network: keras.Model,
    visual: keras.Model,
    audio: keras.Model | None,
    items: Sequence[Item],
    initial: InitialWeights,
) -> None:
    """Write the networks as graphs for the OpenVINO engine.

    Nothing is raised for what cannot be converted: the model then runs on TensorFlow.

    Parameters
    ----------
    output : Path
        The model's directory. Graphs of another model in it are removed.
    card : ModelCard
    network, visual, audio : keras.Model
        The body and the streams.
    items : sequence of Item
        The data set, whose training films give the ranges of an 8-bit body.
    initial : InitialWeights
    """
    from ..engines.export import body_graph, stream_graph, write_graph

    try:
        graphs = [stream_graph(stream) for stream in (visual, audio) if stream is not None]
    except Exception as error:  # whatever a converter raises at a layer that it does not know
        log.warning("no graph for OpenVINO, so the model runs on TensorFlow alone: %s", error)
        return
    for file, graph in zip((VISUAL_GRAPH, AUDIO_GRAPH), graphs, strict=False):
        write_graph(graph, output / file)
    if card.body_from is not None:
        return
    if card.architecture.takes_pixels:
        write_graph(body_graph(network), output / BODY_GRAPH)
        return
    save_weights(network, output / BODY_FILE, np.float16)
    if source := initial.graph_of(output / BODY_FILE):  # the body as it was; so is its graph
        for suffix in (".xml", ".bin"):
            shutil.copyfile(source.with_suffix(suffix), (output / BODY_GRAPH).with_suffix(suffix))
        return
    write_body_graph(network, output / BODY_GRAPH, items)


def write_body_graph(network: keras.Model, file: Path, items: Sequence[Item]) -> None:
    """Write the graph of a body in 8-bit integers, where it can be quantised.

    Parameters
    ----------
    network : keras.Model
    file : Path
    items : sequence of Item
        As for `write_graphs`.
    """
    from ..engines.export import body_graph, write_graph

    graph = body_graph(network)
    if importlib.util.find_spec("nncf"):
        graph = _quantised(graph, items)
    else:
        log.warning(
            "the image network is not quantised and will run at half the speed; "
            "for that, pip install 'vgenre[quantise]' and run again"
        )
    write_graph(graph, file)


def _quantised(graph: Any, items: Sequence[Item]) -> Any:
    """The graph in 8-bit integers, or as it is where that cannot be had."""
    from ..engines.export import quantise

    frames = some_frames(items)
    if frames is None:
        log.warning(
            "the image network is not quantised and will run at half the speed: no film to learn "
            "from has a picture that could be read"
        )
        return graph
    log.info("quantising the image network by %d frames", len(frames))
    try:
        return quantise(graph, frames)
    except Exception as error:  # whatever a converter raises; the training must not be lost for it
        log.warning("the image network could not be quantised: %s", error)
        return graph


def some_frames(items: Sequence[Item], wanted: int = 300) -> np.ndarray | None:
    """Frames from all over the training films, for the ranges of a quantised network.

    Parameters
    ----------
    items : sequence of Item
        A data set; URLs are fetched.
    wanted : int
        How many frames are enough.

    Returns
    -------
    ndarray of uint8, shape (n, 299, 299, 3), or None
        None if no film to learn from has a picture that can be read.
    """
    films = list({item.film: item for item in items if item.split in ("train", None)}.values())
    rng = np.random.default_rng(0)
    of_each = max(1, wanted // max(1, len(films)))
    frames: list[np.ndarray] = []
    for i in rng.permutation(len(films)):
        if len(frames) >= wanted:
            break
        try:
            with fetched(films[i].path) as file:
                frames += _spread_frames(file, of_each, rng)
        except MediaError:  # it was told of when the features were computed
            continue
    return np.stack(frames[:wanted]) if frames else None


def _spread_frames(file: str, wanted: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Frames from all over a film; a single one is from anywhere in it."""
    info = probe(file)
    if wanted == 1 and not info.is_image:
        clip = read_clip(file, rng.uniform(0, max(0.0, info.duration - 1)), info=info)
        return [clip.frames[rng.integers(clip.frame_count)]] if clip.frame_count else []
    clips = sampled_clips(info, Sampling(min(wanted, _PLACES)), sample_rate=SAMPLE_RATE)
    pictures = [clip.frames[: clip.frame_count] for clip in clips if clip.frame_count]
    of_each = -(-wanted // max(1, len(pictures)))
    found = [frames[:: max(1, len(frames) // of_each)][:of_each] for frames in pictures]
    return [frame for frames in found for frame in frames][:wanted]
