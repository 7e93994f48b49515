"""From Keras networks to the graphs that the OpenVINO engine reads.

A graph is a pair of files, ``NAME.xml`` and ``NAME.bin``. The body's holds 8-bit
integers, quantised after training on frames like those it will see, the streams' half
precision.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import keras
import numpy as np
import openvino as ov
import tensorflow as tf

from ..output.atomic import replace_with

_EXACT = 6  # convolutions that are not quantised


def body_graph(body: keras.Model) -> ov.Model:
    """A body as an OpenVINO graph, from uint8 frames (n, size, size, 3) to features."""
    frames = tf.TensorSpec((None, *body.input_shape[1:]), tf.uint8, name="frames")
    call = tf.function(
        lambda frames: {"features": body(tf.cast(frames, tf.float32), training=False)},
        input_signature=[frames],
    )
    return ov.convert_model(call.get_concrete_function())


def stream_graph(network: keras.Model) -> ov.Model:
    """A stream's network as an OpenVINO graph with the same inputs and outputs by name."""
    signature = {
        tensor.name: tf.TensorSpec((None, *tensor.shape[1:]), tf.float32, name=tensor.name)
        for tensor in network.inputs
    }

    @tf.function
    def call(**inputs):
        return network([inputs[tensor.name] for tensor in network.inputs], training=False)

    return ov.convert_model(call.get_concrete_function(**signature))


def quantise(graph: ov.Model, frames: np.ndarray) -> ov.Model:
    """A body with weights and activations in 8-bit integers.

    Parameters
    ----------
    graph : openvino.Model
        As `body_graph` gives it.
    frames : ndarray of uint8, shape (n, size, size, 3)
        From films like those to be labelled; some hundreds. The ranges of the
        activations are taken from them.

    Returns
    -------
    openvino.Model
    """
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    convolutions = [
        operation.get_friendly_name()
        for operation in graph.get_ordered_ops()
        if operation.get_type_name() == "Convolution"
    ]
    return nncf.quantize(
        graph,
        nncf.Dataset([frame[None] for frame in frames]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(frames),
        # The first few see single pixels: few multiplications, and errors that all others inherit.
        ignored_scope=nncf.IgnoredScope(names=convolutions[: min(_EXACT, len(convolutions) - 1)]),
    )


def write_graph(graph: ov.Model, path: Path) -> None:
    """Write ``path`` (.xml) and the .bin beside it, each whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=".vgenre-", dir=path.parent) as folder:
        temporary = Path(folder, path.name)
        ov.save_model(graph, temporary, compress_to_fp16=True)
        replace_with(temporary.with_suffix(".bin"), path.with_suffix(".bin"))
        replace_with(temporary, path)
