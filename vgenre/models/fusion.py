"""Late fusion: both streams' opinions of a clip, weighed by a gate."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops


def build_fusion(visual: keras.Model, audio: keras.Model) -> keras.Model:
    """The two streams and the gate between them.

    The gate gives each stream a weight; a stream that is missing gets weight 0. The
    result is the weighted sum of the streams' logits: a product of experts (Hinton,
    *Training Products of Experts by Minimizing Contrastive Divergence*, 2002) whose
    exponents the gate holds. It has one number a stream. Arevalo et al., *Gated
    Multimodal Units*, 2017, compute the weights from the embeddings of each clip; from
    a few hundred films such a gate learns which stream has memorised them better.

    Parameters
    ----------
    visual, audio : keras.Model
        As `build_visual_stream` and `build_audio_stream` give them.

    Returns
    -------
    keras.Model
        From the streams' inputs, by name, to a dict of ``logits``,
        ``visual_logits``, ``audio_logits`` (n, n_labels) and ``gate`` (n, 2):
        the weights of picture and sound, summing to 1 where there is either.
    """
    inputs = {tensor.name: tensor for tensor in (*visual.inputs, *audio.inputs)}
    seen = visual([inputs["frame_features"], inputs["frame_mask"]])
    heard = audio([inputs["mel"], inputs["mel_mask"]])
    gate = Gate(name="gate")(inputs["frame_mask"], inputs["mel_mask"])
    logits = WeightedSum(name="fused_logits")(gate, seen["logits"], heard["logits"])
    outputs = {
        "logits": logits,
        "visual_logits": seen["logits"],
        "audio_logits": heard["logits"],
        "gate": gate,
    }
    return keras.Model(inputs, outputs, name="fusion")


class Gate(layers.Layer):
    """A weight for each stream: a softmax that leaves out one whose mask is all 0."""

    def build(self, *_):
        self.opinion = self.add_weight(shape=(2,), initializer="zeros", name="opinion")

    def call(self, frame_mask, mel_mask):
        present = ops.stack([ops.max(frame_mask, axis=1), ops.max(mel_mask, axis=1)], axis=1)
        present = ops.cast(present > 0, self.compute_dtype)
        weights = ops.exp(self.opinion - ops.max(self.opinion)) * present
        return weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1e-9)

    def weigh(self, visual: float) -> None:
        """Set what the picture weighs, between 0 and 1, where there is sound too."""
        visual = min(max(visual, 1e-6), 1 - 1e-6)
        self.set_weights([np.log([visual, 1 - visual])])


class WeightedSum(layers.Layer):
    """Sum of two streams' logits with the gate's weights."""

    def call(self, gate, visual, audio):
        return gate[:, :1] * visual + gate[:, 1:] * audio
