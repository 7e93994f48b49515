"""The graphs of a trained model for the OpenVINO engine."""

from __future__ import annotations

import importlib.util
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from ..data.items import Item
from ..errors import MediaError
from ..media.reader import read_clip
from ..models.card import ModelCard
from ..models.store import (
    BODY_FILE,
    BODY_GRAPH,
    HEAD_GRAPH,
    file_hash,
    model_file,
    read_card,
    save_weights,
)
from .initial import InitialWeights

log = logging.getLogger(__name__)


def write_graphs(
    output: Path,
    card: ModelCard,
    network: keras.Model,
    head: keras.Model,
    items: Sequence[Item],
    initial: InitialWeights,
) -> None:
    """The networks as graphs for the OpenVINO engine."""
    from ..engines.export import body_graph, head_graph, quantise, write_graph

    output.mkdir(parents=True, exist_ok=True)
    try:
        graph = head_graph(head)
    except Exception as error:  # whatever a converter raises at a layer that it does not know
        log.warning("no graph for OpenVINO, so the model runs on TensorFlow alone: %s", error)
        return
    write_graph(graph, output / HEAD_GRAPH)
    if card.body_from is not None:
        return
    if card.architecture.takes_pixels:
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
