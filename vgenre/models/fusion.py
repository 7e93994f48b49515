"""Late fusion: both streams' opinions of a clip, weighed by a gate."""

from __future__ import annotations

import keras
from keras import layers, ops


def build_fusion(visual: keras.Model, audio: keras.Model) -> keras.Model:
    """The two streams and the gate between them.

    The gate gives each stream a weight, from both embeddings; a stream that is
    missing gets weight 0. The result is the weighted sum of the streams'
    logits: a product of experts whose exponents the gate chooses (Arevalo et
    al., *Gated Multimodal Units*, 2017, gate the embeddings instead; with few
    films, weighing opinions proves sturdier).

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
    both = layers.Concatenate(name="both")([seen["embedding"], heard["embedding"]])
    both = layers.LayerNormalization(name="normalise")(both)
    opinion = layers.Dense(2, kernel_initializer="zeros", name="gate")(both)
    gate = MaskedSoftmax(name="gate_weights")(opinion, inputs["frame_mask"], inputs["mel_mask"])
    logits = WeightedSum(name="fused_logits")(gate, seen["logits"], heard["logits"])
    outputs = {
        "logits": logits,
        "visual_logits": seen["logits"],
        "audio_logits": heard["logits"],
        "gate": gate,
    }
    return keras.Model(inputs, outputs, name="fusion")


class MaskedSoftmax(layers.Layer):
    """Softmax over two streams that leaves out a stream whose mask is all 0."""

    def call(self, opinion, frame_mask, mel_mask):
        present = ops.stack([ops.max(frame_mask, axis=1), ops.max(mel_mask, axis=1)], axis=1)
        present = ops.cast(present > 0, opinion.dtype)
        weights = ops.exp(opinion - ops.max(opinion, axis=1, keepdims=True)) * present
        return weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1e-9)


class WeightedSum(layers.Layer):
    """Sum of two streams' logits with the gate's weights."""

    def call(self, gate, visual, audio):
        return gate[:, :1] * visual + gate[:, 1:] * audio
