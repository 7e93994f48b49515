"""The reference engine: the Keras networks themselves, compiled by TensorFlow."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..errors import ModelError
from ..models.build import audio_of, body_of, visual_of
from ..models.card import CARD_FILE, ModelCard
from ..models.store import AUDIO_FILE, BODY_FILE, VISUAL_FILE, load_weights, model_file
from .base import Engine

FRAMES_AT_ONCE, FRAMES_AT_ONCE_ON_GPU = 8, 64


class TensorFlowEngine(Engine):
    """Runs a model on TensorFlow, on a GPU where there is one.

    Parameters
    ----------
    body : keras.Model
        From frames to features.
    visual : keras.Model, optional
        From features to logits; not where only features are wanted.
    audio : keras.Model, optional
        From mels to logits; not where sound plays no part.
    """

    name = "tensorflow"

    def __init__(
        self,
        body: keras.Model,
        visual: keras.Model | None = None,
        audio: keras.Model | None = None,
    ) -> None:
        if keras.config.backend() != "tensorflow":
            raise ModelError(
                f"this engine needs Keras on TensorFlow, not on {keras.config.backend()}; "
                "unset KERAS_BACKEND"
            )
        self.body, self.visual, self.audio = body, visual, audio
        gpu = bool(tf.config.list_physical_devices("GPU"))
        self.frames_at_once = FRAMES_AT_ONCE_ON_GPU if gpu else FRAMES_AT_ONCE
        # One graph of a fixed batch: `predict` in a loop leaks, new shapes would be traced anew.
        frames = tf.TensorSpec((self.frames_at_once, *body.input_shape[1:]), tf.uint8)
        self._body = tf.function(
            lambda x: body(tf.cast(x, tf.float32), training=False), input_signature=[frames]
        )
        self._streams = {
            name: _traced(network)
            for name, network in (("visual", visual), ("audio", audio))
            if network is not None
        }

    @classmethod
    def load(
        cls, directory: Path, card: ModelCard, *, threads: int | None = None
    ) -> TensorFlowEngine:
        """Build a model's networks and load their weights.

        Raises
        ------
        ModelError
            If the card describes networks that cannot be built, or the weights are of others.
        """
        if threads:
            with contextlib.suppress(RuntimeError):  # TensorFlow runs already, with its own number
                tf.config.threading.set_intra_op_parallelism_threads(threads)
        try:
            body = body_of(card.architecture)
            visual = visual_of(card, body.output_shape[-1])
            audio = audio_of(card)
        except (TypeError, ValueError) as error:  # sizes that do not fit together
            path = directory / CARD_FILE
            raise ModelError(f"{path}: its networks cannot be built: {error}") from None
        load_weights(body, model_file(directory, card, BODY_FILE))
        load_weights(visual, directory / VISUAL_FILE)
        if audio is not None:
            load_weights(audio, directory / AUDIO_FILE)
        return cls(body, visual, audio)

    def features(self, frames: np.ndarray) -> np.ndarray:
        """As `Engine` has it."""
        parts = [np.zeros((0, self.body.output_shape[-1]), np.float32)]
        at_once = self.frames_at_once
        for begin in range(0, len(frames), at_once):
            batch = frames[begin : begin + at_once]
            missing = at_once - len(batch)
            padded = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else batch
            parts.append(self._body(padded).numpy()[: len(batch)])
        return np.concatenate(parts)

    def see(self, features: np.ndarray, frame_mask: np.ndarray) -> np.ndarray:
        """As `Engine` has it."""
        return self._streams["visual"](features, frame_mask)["logits"].numpy()

    def listen(self, mel: np.ndarray, mel_mask: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """As `Engine` has it."""
        said = self._streams["audio"](mel, mel_mask)
        return said["logits"].numpy(), said["embedding"].numpy()


def _traced(network: keras.Model) -> Callable[..., dict[str, tf.Tensor]]:
    """What a stream gives, by name, as one graph for batches of any size."""
    signature = [tf.TensorSpec((None, *t.shape[1:]), tf.float32) for t in network.inputs]
    return tf.function(
        lambda *inputs: network(list(inputs), training=False), input_signature=signature
    )
