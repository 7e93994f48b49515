"""The fast engine on CPUs: OpenVINO, the body in 8-bit integers; no TensorFlow is needed."""

from __future__ import annotations

import functools
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino.properties as props

from ..errors import ModelError
from ..media.types import CLIP_FRAMES, FRAME_SIZE
from ..models.card import ModelCard
from ..models.store import AUDIO_GRAPH, BODY_GRAPH, VISUAL_GRAPH, model_file
from .base import Engine

FRAMES_AT_ONCE = 8
_MOST_SINGLE_FRAMES = 4  # more than these are padded to a batch of FRAMES_AT_ONCE, which is faster

_ANY = -1  # a dimension of any size


class OpenVINOEngine(Engine):
    """Runs a model on OpenVINO. Several threads may call it; they take turns.

    Parameters
    ----------
    body : openvino.Model
        From frames, uint8, to features.
    visual : openvino.Model, optional
        From features to logits; not where only features are wanted.
    audio : openvino.Model, optional
        From mels to logits; not where sound plays no part.
    threads : int, optional
        That OpenVINO may use; all cores unless given.
    precision : str, optional
        In which the body's floating-point operations run, as OpenVINO's
        ``INFERENCE_PRECISION_HINT`` names it. Unless given OpenVINO takes the fastest of the
        CPU's, which is bf16 on some.
    wait : bool
        Whether to return only when the graphs are compiled. A graph that was converted shares
        the memory of the network it is from, which may go away until then.
    """

    name = "openvino"

    def __init__(
        self,
        body: ov.Model,
        visual: ov.Model | None = None,
        audio: ov.Model | None = None,
        *,
        threads: int | None = None,
        precision: str | None = None,
        wait: bool = True,
    ) -> None:
        self._core = ov.Core()
        self._settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            self._settings["INFERENCE_NUM_THREADS"] = threads
            # Or the processes that share the cores would all be bound to the first ones.
            self._settings["ENABLE_CPU_PINNING"] = False
        # A compiled model has one set of buffers. One set a thread would gain nothing: a single
        # run takes all cores as it is.
        self._body_lock = threading.Lock()
        self._graph = body
        # One thread is as fast frame by frame: nothing is padded, and no second body compiled.
        self.frames_at_once = 1 if threads == 1 else FRAMES_AT_ONCE
        self._precision = {"INFERENCE_PRECISION_HINT": precision} if precision else {}
        self._width = int(body.output(0).get_partial_shape()[1].get_length())
        # In threads: half a second in which the caller decodes the first clip.
        compiling = ThreadPoolExecutor(3, "compile")
        self._body_coming = compiling.submit(self._compiled, self.frames_at_once)
        # Small, and what they say is printed: half precision gains nothing.
        exact = self._settings | {"INFERENCE_PRECISION_HINT": "f32"}
        self._streams = {
            name: _Stream(compiling.submit(self._core.compile_model, graph, "CPU", exact))
            for name, graph in (("visual", visual), ("audio", audio))
            if graph is not None
        }
        compiling.shutdown(wait=wait)

    def _compiled(self, batch: int) -> ov.CompiledModel:
        """The body for batches of one size: each new shape would be planned anew."""
        self._graph.reshape({0: [batch, *self._graph.input(0).get_partial_shape()[1:]]})
        return self._core.compile_model(self._graph, "CPU", self._settings | self._precision)

    @functools.cached_property
    def _body(self) -> ov.CompiledModel:
        return _compiled_graph(self._body_coming)

    @functools.cached_property
    def _single(self) -> ov.CompiledModel:
        """The body for one frame: still images, and what is left of a short clip."""
        body = self._body  # its graph is reshaped only when that is compiled
        return body if self.frames_at_once == 1 else self._compiled(1)

    @classmethod
    def load(
        cls, directory: Path, card: ModelCard, *, threads: int | None = None
    ) -> OpenVINOEngine:
        """Read a model's graphs, as `vgenre.engines.export` writes them.

        Raises
        ------
        ModelError
            If OpenVINO cannot read them, or they do not fit the card or each other. If it
            cannot compile them, the first call says so.
        """
        names = (BODY_GRAPH, VISUAL_GRAPH, AUDIO_GRAPH)
        graphs = [
            read_graph(model_file(directory, card, name))
            for name in names[: 1 + len(card.architecture.networks)]
        ]
        body, visual, *audio = graphs
        _check_body(model_file(directory, card, BODY_GRAPH), body)
        width = body.output(0).get_partial_shape()[1].get_length()
        inputs = {"frame_features": (_ANY, CLIP_FRAMES, width), "frame_mask": (_ANY, CLIP_FRAMES)}
        _check_stream(directory / VISUAL_GRAPH, card, visual, inputs)
        for graph in audio:
            steps = card.mel.steps
            inputs = {"mel": (_ANY, card.mel.n_mels, steps), "mel_mask": (_ANY, steps)}
            _check_stream(directory / AUDIO_GRAPH, card, graph, inputs)
        return cls(*graphs, threads=threads, wait=False)

    def features(self, frames: np.ndarray) -> np.ndarray:
        """As `Engine` has it."""
        found = np.empty((len(frames), self._width), np.float32)
        at_once = self.frames_at_once
        for begin in range(0, len(frames), at_once):
            batch = frames[begin : begin + at_once]
            rows = found[begin : begin + at_once]
            count = len(batch)
            if count <= _MOST_SINGLE_FRAMES:
                for i in range(count):
                    with self._body_lock:
                        rows[i] = self._single(batch[i : i + 1], share_inputs=True)[0][0]
                continue
            if missing := at_once - count:
                batch = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0)))
            with self._body_lock:  # until they are copied, the features lie in the one buffer
                rows[:] = self._body(batch, share_inputs=True, share_outputs=True)[0][:count]
        return found

    def see(self, features: np.ndarray, frame_mask: np.ndarray) -> np.ndarray:
        """As `Engine` has it."""
        said = self._streams["visual"].says(frame_features=features, frame_mask=frame_mask)
        return said["logits"]

    def listen(self, mel: np.ndarray, mel_mask: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """As `Engine` has it."""
        said = self._streams["audio"].says(mel=mel, mel_mask=mel_mask)
        return said["logits"], said.get("embedding")


def read_graph(path: Path) -> ov.Model:
    """Read a graph, as `vgenre.engines.export` writes them.

    Raises
    ------
    ModelError
        If OpenVINO cannot read it.
    """
    core = ov.Core()
    # Read, not mapped: a file that is overwritten under a map ends the process (SIGBUS).
    core.set_property({props.enable_mmap: False})
    try:
        return core.read_model(path)
    except RuntimeError as error:
        raise ModelError(f"{path}: OpenVINO cannot read it: {error}") from None


class _Stream:
    """A stream's graph, once it is compiled; threads take turns."""

    def __init__(self, coming: Future[ov.CompiledModel]) -> None:
        self._coming, self._lock = coming, threading.Lock()

    @functools.cached_property
    def _graph(self) -> ov.CompiledModel:
        return _compiled_graph(self._coming)

    def says(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        with self._lock:
            said = self._graph(inputs)
            return {name: np.array(said[port]) for port in said for name in port.get_names()}


def _compiled_graph(coming: Future[ov.CompiledModel]) -> ov.CompiledModel:
    try:
        return coming.result()
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot run the model's graphs: {error}") from None


def _check_body(path: Path, body: ov.Model) -> None:
    """Check that a graph takes frames and gives features of one known width."""
    if len(body.inputs) != 1 or len(body.outputs) != 1:
        raise ModelError(
            f"{path}: the graph has {len(body.inputs)} inputs and {len(body.outputs)} outputs, "
            "that of a body has one each"
        )
    _check_shape(path, "frames", body.input(0), (_ANY, FRAME_SIZE, FRAME_SIZE, 3))
    _check_shape(path, "features", body.output(0), (_ANY, _ANY))
    if body.output(0).get_partial_shape()[1].is_dynamic:
        raise ModelError(f"{path}: the graph does not say how wide its features are")


def _check_stream(
    path: Path, card: ModelCard, graph: ov.Model, inputs: dict[str, tuple[int, ...]]
) -> None:
    """Check that a stream takes what there is, and knows the card's labels."""
    for ports, wanted in (
        (graph.inputs, inputs),
        (graph.outputs, {"logits": (_ANY, card.outcomes)}),
    ):
        named = {name: port for port in ports for name in port.get_names()}
        for name, shape in wanted.items():
            if name not in named:
                raise ModelError(f"{path}: the graph has no {name!r}; copy the model again")
            _check_shape(path, name, named[name], shape)


def _check_shape(path: Path, name: str, port: Any, wanted: tuple[int, ...]) -> None:
    found = port.get_partial_shape()
    if not found.compatible(ov.PartialShape(list(wanted))):
        shape = ", ".join("any" if size == _ANY else str(size) for size in wanted)
        raise ModelError(
            f"{path}: {name!r} has the shape {found}, but by the card it is ({shape}); the graphs "
            "and the card are not of one model, copy it again"
        )
