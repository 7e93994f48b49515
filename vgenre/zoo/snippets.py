"""A network of the zoo as a visual stream: which frames of a clip it sees, what it answers."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from ..errors import ModelError
from ..media.types import CLIP_FRAMES, FRAME_SIZE
from ..models.card import reads_pixels

SNIPPETS = ("uniform", "dense")
_PICTURES = 10  # frames of a clip that a network for single pictures is asked about


def frames_of(shape: tuple[int, ...]) -> int:
    """How many frames a network with this input sees at once."""
    return 1 if len(shape) == 3 else shape[0]


def windows_of(shape: tuple[int, ...], snippets: str) -> int:
    """How many snippets of a clip a network is asked about; its answers are averaged."""
    frames = frames_of(shape)
    if frames == 1:
        return _PICTURES
    return -(-CLIP_FRAMES // frames) if snippets == "dense" else 1


def training_frames(
    counts: np.ndarray, frames: int, snippets: str, rng: np.random.Generator
) -> np.ndarray:
    """Random frames of clips to learn from.

    Parameters
    ----------
    counts : ndarray of int, shape (n,)
        How many frames each clip has.
    frames : int
        How many are wanted of each.
    snippets : {"uniform", "dense"}
        ``"uniform"``: one from each of as many equal stretches of the clip (Wang et
        al., *Temporal Segment Networks*, 2016). ``"dense"``: one behind the other.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (n, frames)
    """
    counts = np.maximum(counts, 1)[:, None]
    steps = np.arange(frames)[None]
    if snippets == "dense" and frames > 1:
        start = np.floor(rng.random((len(counts), 1)) * np.maximum(counts - frames + 1, 1))
        return np.minimum(start + steps, counts - 1).astype(int)
    places = steps + rng.random((len(counts), frames))
    return np.floor(places * counts / frames).astype(int)


class PickSnippets(layers.Layer):
    """Snippets of a clip, evenly spread over the frames that it has.

    Parameters
    ----------
    windows, frames : int
        How many snippets of how many frames.
    dense : bool
        Whether the frames of a snippet follow one another.
    """

    def __init__(self, windows: int, frames: int, dense: bool, **kwargs) -> None:
        super().__init__(**kwargs)
        self.windows, self.frames, self.dense = windows, frames, dense

    def call(self, features, mask):
        """(n, 40, width) and (n, 40) to (n * windows, frames, width)."""
        count = ops.maximum(ops.sum(mask, axis=1), 1.0)[:, None, None]
        if self.dense and self.frames > 1:
            begin = np.linspace(0, 1, self.windows, dtype="float32")[None, :, None]
            step = np.arange(self.frames, dtype="float32")[None, None]
            start = ops.floor(begin * ops.maximum(count - float(self.frames), 0.0))
            places = ops.minimum(start + step, count - 1.0)
        else:
            total = self.windows * self.frames
            share = ((np.arange(total, dtype="float32") + 0.5) / total).reshape(1, self.windows, -1)
            places = ops.floor(share * count)
        # A product with ones and zeros, as every engine has it; gathering is not everywhere.
        chosen = ops.cast(
            ops.equal(places[..., None], np.arange(CLIP_FRAMES, dtype="float32")), features.dtype
        )
        chosen = ops.reshape(chosen, (-1, self.windows * self.frames, CLIP_FRAMES))
        picked = ops.matmul(chosen, features)
        return ops.reshape(picked, (-1, self.frames, features.shape[-1]))


class Opinions(layers.Layer):
    """Answers on the snippets of a clip, averaged, as logits.

    Parameters
    ----------
    windows : int
    multi : bool
        Whether each label has a probability of its own.
    """

    def __init__(self, windows: int, multi: bool, **kwargs) -> None:
        super().__init__(**kwargs)
        self.windows, self.multi = windows, multi

    def call(self, probabilities):
        each = ops.reshape(probabilities, (-1, self.windows, probabilities.shape[-1]))
        mean = ops.clip(ops.mean(each, axis=1), 1e-7, 1 - 1e-7)
        return ops.log(mean) - ops.log(1 - mean) if self.multi else ops.log(mean)


def build_pixels(shape: tuple[int, ...]) -> keras.Model:
    """The body of a network that takes pictures itself: a frame's feature is the frame, smaller.

    Parameters
    ----------
    shape : tuple of int
        The network's input, (..., height, width, 3).

    Returns
    -------
    keras.Model
        From frames (n, 299, 299, 3) to pixels in [0, 255], float32,
        shape (n, height * width * 3).
    """
    height, width, channels = shape[-3:]
    if channels != 3:
        raise ModelError(f"a frame has 3 channels, not {channels}")
    x = frames = keras.Input((FRAME_SIZE, FRAME_SIZE, 3), name="frames")
    # Larger than wanted first, then averaged: every pixel plays its part.
    times = max(-(-FRAME_SIZE // height), -(-FRAME_SIZE // width))
    if x.shape[1:3] != (height * times, width * times):
        x = layers.Resizing(height * times, width * times, name="resize")(x)
    if times > 1:
        x = layers.AveragePooling2D(times, name="average")(x)
    pixels = layers.Reshape((height * width * 3,), dtype="float32", name="features")(x)
    return keras.Model(frames, pixels, name="pixels")


def build_zoo_stream(network: keras.Model, *, snippets: str, multi: bool) -> keras.Model:
    """A network of the zoo in the place of the visual stream.

    Parameters
    ----------
    network : keras.Model
        As `vgenre.zoo.registry.build` gives it, from ``(frames, width)`` features or from
        pixels to probabilities.
    snippets : {"uniform", "dense"}
    multi : bool
        Whether its answers are probabilities of labels by themselves.

    Returns
    -------
    keras.Model
        From ``frame_features`` (n, 40, width) and ``frame_mask`` (n, 40) to ``logits``
        (n, n_outcomes).
    """
    shape = network.input_shape[1:]
    windows, frames = windows_of(shape, snippets), frames_of(shape)
    width = int(np.prod(shape[-3:])) if reads_pixels(shape) else shape[-1]
    features = keras.Input((CLIP_FRAMES, width), name="frame_features")
    mask = keras.Input((CLIP_FRAMES,), name="frame_mask")
    x = PickSnippets(windows, frames, snippets == "dense", name="snippets")(features, mask)
    x = layers.Reshape(shape, name="frames")(x)
    logits = Opinions(windows, multi, name="logits")(network(x))
    return keras.Model([features, mask], {"logits": logits}, name="visual")
