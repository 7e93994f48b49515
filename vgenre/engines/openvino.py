"""The fast engine on CPUs: OpenVINO, the body in 8-bit integers; no TensorFlow is needed."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from ..errors import ModelError
from ..models.card import ModelCard
from ..models.store import BODY_GRAPH, HEAD_GRAPH, model_file
from .base import HeadOutput

FRAMES_AT_ONCE = 8
_ONE_BY_ONE = 4  # frames up to which filling up a batch would cost more


class OpenVINOEngine:
    """Runs a model on OpenVINO.

    Parameters
    ----------
    body : openvino.Model
        From frames, uint8, to features.
    head : openvino.Model or None
        From features and mels to logits; None where only features are wanted.
    threads : int, optional
        That OpenVINO may use; all cores unless given.
    """

    name = "openvino"

    def __init__(
        self, body: ov.Model, head: ov.Model | None = None, *, threads: int | None = None
    ) -> None:
        self._core = ov.Core()
        self._settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            self._settings["INFERENCE_NUM_THREADS"] = threads
            # Or the processes that share the cores would all be bound to the first ones.
            self._settings["ENABLE_CPU_PINNING"] = False
        self._graph = body
        self._body = self._compiled(FRAMES_AT_ONCE)
        self._width = int(body.output(0).get_partial_shape()[1].get_length())
        if head is not None:
            # Small, and what it says is printed: half precision gains nothing.
            exact = {**self._settings, "INFERENCE_PRECISION_HINT": "f32"}
            self._head = self._core.compile_model(head, "CPU", exact)

    def _compiled(self, batch: int) -> ov.CompiledModel:
        """The body for batches of one size: each new shape would be planned anew."""
        self._graph.reshape({0: [batch, *self._graph.input(0).get_partial_shape()[1:]]})
        return self._core.compile_model(self._graph, "CPU", self._settings)

    @functools.cached_property
    def _single(self) -> ov.CompiledModel:
        """The body for one frame: still images, and what is left of a short clip."""
        return self._compiled(1)

    @classmethod
    def load(
        cls, directory: Path, card: ModelCard, *, threads: int | None = None
    ) -> OpenVINOEngine:
        """Read a model's graphs, as `vgenre.engines.export` writes them."""
        core = ov.Core()
        graphs = []
        for name in (BODY_GRAPH, HEAD_GRAPH):
            path = model_file(directory, card, name)
            try:
                graphs.append(core.read_model(path))
            except RuntimeError as error:
                raise ModelError(f"{path}: OpenVINO cannot read it: {error}") from None
        return cls(*graphs, threads=threads)

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Features of frames.

        Parameters
        ----------
        frames : ndarray of uint8, shape (n, 299, 299, 3)

        Returns
        -------
        ndarray of float32, shape (n, width)
        """
        found = np.empty((len(frames), self._width), np.float32)
        for begin in range(0, len(frames), FRAMES_AT_ONCE):
            batch = frames[begin : begin + FRAMES_AT_ONCE]
            if len(batch) <= _ONE_BY_ONE:
                for i in range(len(batch)):
                    found[begin + i] = self._single(batch[i : i + 1], share_inputs=True)[0][0]
                continue
            if missing := FRAMES_AT_ONCE - len(batch):
                batch = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0)))
            rows = self._body(batch, share_inputs=True, share_outputs=True)[0]
            found[begin : begin + FRAMES_AT_ONCE] = rows[: len(found) - begin]
        return found

    def classify(
        self, features: np.ndarray, frame_mask: np.ndarray, mel: np.ndarray, mel_mask: np.ndarray
    ) -> HeadOutput:
        """Opinion on a batch of clips.

        Parameters
        ----------
        features : ndarray of float32, shape (n, 40, width)
        frame_mask : ndarray of float32, shape (n, 40)
        mel : ndarray of float32, shape (n, n_mels, steps)
        mel_mask : ndarray of float32, shape (n, steps)

        Returns
        -------
        HeadOutput
        """
        said = self._head(
            {
                "frame_features": features,
                "frame_mask": frame_mask,
                "mel": mel,
                "mel_mask": mel_mask,
            }
        )
        names = ("logits", "visual_logits", "audio_logits", "gate")
        return HeadOutput(**{name: np.array(said[name]) for name in names})
