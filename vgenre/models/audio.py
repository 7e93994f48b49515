"""The audio stream: a 2-D convolutional network, the ear, over a clip's log-mel spectrogram."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import keras
from keras import layers, ops

from ..errors import ModelError
from ..sound import MelSettings

_RELU, _SWISH = "relu", "hard_silu"


@dataclass(frozen=True)
class Block:
    """An inverted residual block: it widens, looks around, weighs the channels, narrows.

    Parameters
    ----------
    kernel : int
        Size of the window, in bands and steps.
    inner, outer : int
        Channels inside of the block and behind it.
    squeezed : bool
        Whether the channels are weighed by what the whole clip has of them.
    activation : str
    stride : int
    """

    kernel: int
    inner: int
    outer: int
    squeezed: bool
    activation: str
    stride: int


@dataclass(frozen=True)
class EarSizes:
    """What an ear is built from.

    Parameters
    ----------
    stem : int
        Channels of the first convolution.
    blocks : tuple of Block
    embedding, hidden, tags : int
        Width of the pooled embedding, of the layer behind it, and how many sounds it names.
    """

    stem: int
    blocks: tuple[Block, ...]
    embedding: int
    hidden: int
    tags: int

    @property
    def features(self) -> int:
        """Width of what it hears in a clip as a whole: the embedding and a logit a sound."""
        return self.embedding + self.tags

    @property
    def course(self) -> int:
        """Width of what it says of a clip's course: three numbers a sound."""
        return 3 * self.tags

    @property
    def texture(self) -> int:
        """Width of what it says of a clip's texture: two numbers a channel."""
        return 2 * sum(block.outer for i, block in enumerate(self.blocks, 1) if self.ends_stage(i))

    def ends_stage(self, block: int) -> bool:
        """Whether a block, counted from 1, is the last of its size and number of channels."""
        if block == len(self.blocks):
            return True
        after = self.blocks[block]
        return after.stride > 1 or after.outer != self.blocks[block - 1].outer


def _channels(width: float) -> int:
    """The multiple of 8 nearest to a width, never more than a tenth below it."""
    nearest = max(8, int(width + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * width else nearest + 8


# MobileNetV3-Large.
_LARGE = (
    Block(3, 16, 16, False, _RELU, 1),
    Block(3, 64, 24, False, _RELU, 2),
    Block(3, 72, 24, False, _RELU, 1),
    Block(5, 72, 40, True, _RELU, 2),
    Block(5, 120, 40, True, _RELU, 1),
    Block(5, 120, 40, True, _RELU, 1),
    Block(3, 240, 80, False, _SWISH, 2),
    Block(3, 200, 80, False, _SWISH, 1),
    Block(3, 184, 80, False, _SWISH, 1),
    Block(3, 184, 80, False, _SWISH, 1),
    Block(3, 480, 112, True, _SWISH, 1),
    Block(3, 672, 112, True, _SWISH, 1),
    Block(5, 672, 160, True, _SWISH, 2),
    Block(5, 960, 160, True, _SWISH, 1),
    Block(5, 960, 160, True, _SWISH, 1),
)
_WIDTH = 0.4  # of the channels, in mn04

EARS = {
    "mn04": EarSizes(
        stem=_channels(_WIDTH * 16),
        blocks=tuple(
            replace(
                block,
                inner=_channels(_WIDTH * block.inner),
                outer=_channels(_WIDTH * block.outer),
            )
            for block in _LARGE
        ),
        embedding=6 * _channels(_WIDTH * 160),
        hidden=_channels(_WIDTH * 1280),
        tags=527,
    ),
    "toy": EarSizes(
        stem=4,
        blocks=(Block(3, 4, 4, False, _RELU, 4), Block(3, 8, 4, True, _SWISH, 4)),
        embedding=8,
        hidden=8,
        tags=4,
    ),
}
"""By name. ``mn04`` is MobileNetV3-Large at 0.4 of its width."""


def ear_sizes(ear: str) -> EarSizes:
    """What the ear of a name is built from.

    Raises
    ------
    ModelError
        If there is none of that name.
    """
    try:
        return EARS[ear]
    except KeyError:
        raise ModelError(f"there is no ear called {ear!r}; there are {', '.join(EARS)}") from None


def build_ear(mel: MelSettings, ear: str = "mn04") -> keras.Model:
    """A tagger of sounds without its weights: it tells music from speech from engines.

    Parameters
    ----------
    mel : MelSettings
    ear : {"mn04", "toy"}

    Returns
    -------
    keras.Model
        From ``mel`` (n, n_mels, steps) in dB to

        - ``features`` (n, `EarSizes.features`): the embedding, pooled over the clip, and behind
          it a logit for each sound that it was taught. Of ``mn04`` these are 384 and the 527 of
          AudioSet, of ``toy`` 8 and 4;
        - ``course`` (n, `EarSizes.course`): such logits of each step of the last layer, a third
          of a second of ``mn04``, as their mean, deviation and maximum over the clip. A scream
          does not drown in ten seconds of music;
        - ``texture`` (n, `EarSizes.texture`): mean and deviation over the clip of the channels
          behind each stage of blocks. What is heard there is not yet a sound by name. (That
          sounds are known by such averages is of McDermott and Simoncelli, *Sound Texture
          Perception via Statistics of the Auditory Periphery*, 2011.)

    Raises
    ------
    ModelError
        If there is no such ear.

    Notes
    -----
    ``mn04`` is the network of Schmid, Koutini and Widmer, *Efficient Large-Scale Audio
    Tagging via Transformer-to-CNN Knowledge Distillation*, 2023: the MobileNetV3 of Howard
    et al., *Searching for MobileNetV3*, 2019, over a spectrogram. It has no batch
    normalisation: what that does when a network is used is a part of the kernels and
    biases. `vgenre.training.ear` has its weights.
    """
    sizes = ear_sizes(ear)
    spectrogram = keras.Input((mel.n_mels, mel.steps), name="mel")
    # From dB to the natural logarithm, and to about -1 to 1 as the weights want it.
    x = layers.Rescaling(math.log(10) / 50, offset=0.9, name="scale")(spectrogram)
    x = layers.Reshape((mel.n_mels, mel.steps, 1), name="picture")(x)
    x = _convolved(x, sizes.stem, 3, _SWISH, "stem", stride=2)
    textures = []
    for i, block in enumerate(sizes.blocks, 1):
        x = _block(x, block, f"block_{i}")
        if sizes.ends_stage(i):
            steps = ops.mean(x, axis=1)
            textures += [ops.mean(steps, axis=1), ops.std(steps, axis=1)]
    x = _convolved(x, sizes.embedding, 1, _SWISH, "top")
    hidden = layers.Dense(sizes.hidden, activation=_SWISH, name="hidden")
    tags = layers.Dense(sizes.tags, name="tags")
    embedding = layers.GlobalAveragePooling2D(name="embedding")(x)
    features = layers.Concatenate(name="features")([embedding, tags(hidden(embedding))])
    in_time = tags(hidden(ops.mean(x, axis=1)))
    over_time = [ops.mean(in_time, axis=1), ops.std(in_time, axis=1), ops.max(in_time, axis=1)]
    course = layers.Concatenate(name="course")(over_time)
    heard = {"features": features, "course": course}
    heard["texture"] = layers.Concatenate(name="texture")(textures)
    return keras.Model(spectrogram, heard, name="ear")


def _convolved(x, width: int, kernel: int, activation: str | None, name: str, stride: int = 1):
    """A convolution of all channels, of the same padding on all sides."""
    x, padding = _padded(x, kernel, stride, name)
    return layers.Conv2D(width, kernel, stride, padding=padding, activation=activation, name=name)(
        x
    )


def _padded(x, kernel: int, stride: int, name: str):
    """What a convolution of a stride is given, and how it pads: alone, it would pad one side."""
    if stride == 1:
        return x, "same"
    return layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x), "valid"


def _block(x, block: Block, name: str):
    before = x
    if block.inner != x.shape[-1]:
        x = _convolved(x, block.inner, 1, block.activation, f"{name}_widen")
    x, padding = _padded(x, block.kernel, block.stride, f"{name}_look")
    x = layers.DepthwiseConv2D(
        block.kernel,
        block.stride,
        padding=padding,
        activation=block.activation,
        name=f"{name}_look",
    )(x)
    if block.squeezed:
        weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
        squeezed = _channels(block.inner // 4)
        weights = layers.Dense(squeezed, activation=_RELU, name=f"{name}_weigh_a")(weights)
        weights = layers.Dense(block.inner, activation="sigmoid", name=f"{name}_weigh_b")(weights)
        x = layers.Multiply(name=f"{name}_weigh")([x, weights])
    x = _convolved(x, block.outer, 1, None, f"{name}_narrow")
    if block.stride == 1 and before.shape[-1] == block.outer:
        x = layers.Add(name=f"{name}_add")([before, x])
    return x


def build_audio_stream(
    n_outcomes: int, mel: MelSettings, *, ear: str = "mn04", course: bool = False
) -> keras.Model:
    """An ear and a linear layer on what it hears.

    Parameters
    ----------
    n_outcomes : int
    mel : MelSettings
    ear : {"mn04", "toy"}
        See `build_ear`; the layer ``ear`` of the network.
    course : bool
        Whether the linear layer reads the course and the texture of the sound behind the ear's
        features.

    Returns
    -------
    keras.Model
        From ``mel`` (n, n_mels, steps) in dB and ``mel_mask`` (n, steps), 1
        where there is sound, to ``embedding`` (n, features), the features of the ear,
        and ``logits`` (n, n_outcomes). A sound that ends before the clip is
        heard again until it is full; what stands behind it in `mel` is not heard.

    Raises
    ------
    ModelError
        If there is no such ear.
    """
    spectrogram = keras.Input((mel.n_mels, mel.steps), name="mel")
    mask = keras.Input((mel.steps,), name="mel_mask")
    heard = build_ear(mel, ear)(RepeatSound(name="repeat")(spectrogram, mask))
    features = summary = heard["features"]
    if course:
        summary = layers.Concatenate(name="summary")([features, heard["course"], heard["texture"]])
    logits = layers.Dense(n_outcomes, dtype="float32", name="logits")(summary)
    return keras.Model([spectrogram, mask], {"embedding": features, "logits": logits}, name="audio")


class RepeatSound(layers.Layer):
    """A spectrogram (n, bands, steps) whose first steps, where the mask is 1, fill all of it.

    Without any step of 1 the first one does.
    """

    def call(self, spectrogram, present):
        bands, steps = spectrogram.shape[1:]
        heard = ops.cast(ops.sum(ops.cast(present > 0, "int32"), axis=1, keepdims=True), "int32")
        source = ops.mod(ops.arange(steps, dtype="int32"), ops.maximum(heard, 1))
        source = ops.repeat(ops.expand_dims(source, 1), bands, axis=1)
        return ops.take_along_axis(spectrogram, source, axis=2)
