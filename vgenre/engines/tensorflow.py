"""The reference engine: the Keras networks themselves, compiled by TensorFlow."""

from __future__ import annotations

import contextlib
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..errors import ModelError
from ..models.build import body_of, head_of
from ..models.card import CARD_FILE, ModelCard
from ..models.store import BODY_FILE, HEAD_FILE, load_weights, model_file
from .base import HeadOutput

FRAMES_AT_ONCE = 8


class TensorFlowEngine:
    """Runs a model on TensorFlow, on a GPU where there is one.

    Parameters
    ----------
    body : keras.Model
        From frames to features.
    head : keras.Model or None
        From features and mels to logits; None where only features are wanted.
    """

    name = "tensorflow"

    def __init__(self, body: keras.Model, head: keras.Model | None = None) -> None:
        if keras.config.backend() != "tensorflow":
            raise ModelError(
                f"this engine needs Keras on TensorFlow, not on {keras.config.backend()}; "
                "unset KERAS_BACKEND"
            )
        self.body, self.head = body, head
        # One graph of a fixed batch: `predict` in a loop leaks, new shapes would be traced anew.
        frames = tf.TensorSpec((FRAMES_AT_ONCE, *body.input_shape[1:]), tf.uint8)
        self._body = tf.function(
            lambda x: body(tf.cast(x, tf.float32), training=False), input_signature=[frames]
        )
        if head is not None:
            self._head = tf.function(lambda inputs: head(inputs, training=False))

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
            head = head_of(card, body.output_shape[-1])
        except (TypeError, ValueError) as error:  # sizes that do not fit together
            path = directory / CARD_FILE
            raise ModelError(f"{path}: its networks cannot be built: {error}") from None
        load_weights(body, model_file(directory, card, BODY_FILE))
        load_weights(head, directory / HEAD_FILE)
        return cls(body, head)

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Features of frames.

        Parameters
        ----------
        frames : ndarray of uint8, shape (n, 299, 299, 3)

        Returns
        -------
        ndarray of float32, shape (n, width)
        """
        parts = [np.zeros((0, self.body.output_shape[-1]), np.float32)]
        for begin in range(0, len(frames), FRAMES_AT_ONCE):
            batch = frames[begin : begin + FRAMES_AT_ONCE]
            missing = FRAMES_AT_ONCE - len(batch)
            padded = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else batch
            parts.append(self._body(padded).numpy()[: len(batch)])
        return np.concatenate(parts)

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
        outputs = self._head(
            {
                "frame_features": tf.constant(features),
                "frame_mask": tf.constant(frame_mask),
                "mel": tf.constant(mel),
                "mel_mask": tf.constant(mel_mask),
            }
        )
        return HeadOutput(**{name: value.numpy() for name, value in outputs.items()})
