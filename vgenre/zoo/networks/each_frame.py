"""A network for single pictures, on every frame of a clip."""

from __future__ import annotations

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("vgenre")
class EachFrame(layers.Layer):
    """Shows all frames of all clips to a network as one batch.

    What Keras' ``TimeDistributed`` computes, which goes from frame to frame and takes
    several times as long to train.

    Parameters
    ----------
    layer : keras.Layer
        From pictures (n, height, width, channels) to (n, width).
    """

    def __init__(self, layer: layers.Layer, **kwargs) -> None:
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, clips):
        """(n, frames, height, width, channels) to (n, frames, width)."""
        answers = self.layer(ops.reshape(clips, (-1, *clips.shape[2:])))
        return ops.reshape(answers, (-1, clips.shape[1], *answers.shape[1:]))

    def get_config(self) -> dict:
        """What a layer like this is built from."""
        return {**super().get_config(), "layer": keras.saving.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict) -> EachFrame:
        """A layer from what `get_config` gave."""
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})
