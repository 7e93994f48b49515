"""The weights of the ear, and what it hears in clips. Needs ``[train]``.

They are those of mn04_as, which was taught the 527 sounds of AudioSet (Schmid, Koutini and
Widmer, *Efficient Large-Scale Audio Tagging via Transformer-to-CNN Knowledge Distillation*,
2023; MIT licence, see ``vgenre/weights/NOTICE.md``).
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator

import keras
import numpy as np

from ..errors import ModelError
from ..models.audio import EARS, Block, RepeatSound

_EPSILON = 1e-3  # of the batch normalisation of the original

_Arrays = dict[str, np.ndarray]


def load_mn04(network: keras.Model, path: str | os.PathLike[str]) -> None:
    """Fill an ear with the weights of mn04_as, its batch normalisation folded into them.

    Parameters
    ----------
    network : keras.Model
        As `build_ear` or `build_audio_stream` of `vgenre.models.audio` give it; of a stream
        the layer ``ear`` is filled.
    path : path
        A ``.npz`` of the arrays of the original by their names there
        (``features.0.0.weight`` and so on), kernels as (out, in, height, width).

    Raises
    ------
    ModelError
        If the file cannot be read or holds another network, or the ear is another one.
    """
    path = os.fspath(path)
    arrays = _read(path)
    ear = next((layer for layer in network.layers if layer.name == "ear"), network)
    wanted = dict(_folded(arrays, path))
    layers = {layer.name: layer for layer in ear.layers if layer.weights}
    if layers.keys() != wanted.keys():
        raise ModelError(f"{network.name}: this network has no ear of the architecture mn04")
    for name, values in wanted.items():
        shapes = [tuple(weight.shape) for weight in layers[name].weights]
        if shapes != [value.shape for value in values]:
            found = ", ".join(str(value.shape) for value in values)
            raise ModelError(f"{path}: the weights of {name} are {found}, not {shapes}: no mn04")
    for name, values in wanted.items():
        layers[name].set_weights(values)


def _read(path: str) -> _Arrays:
    try:
        stored = np.load(path, allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array")
        with stored:
            return {name: stored[name].astype(np.float64) for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: no .npz of the weights of mn04: {error}") from None


def _folded(arrays: _Arrays, path: str) -> Iterator[tuple[str, list[np.ndarray]]]:
    """The weights of every layer of the ear, by its name."""

    def take(name: str, rank: int) -> np.ndarray:
        if name not in arrays:
            raise ModelError(f"{path}: no weights of mn04: it holds no {name}")
        if arrays[name].ndim != rank:
            raise ModelError(f"{path}: no weights of mn04: {name} has {arrays[name].ndim} axes")
        return arrays[name]

    def convolution(part: str, *, alone: bool = False) -> list[np.ndarray]:
        """Kernel and bias of a convolution and the normalisation behind it."""
        kernel = take(f"{part}.0.weight", 4)
        scale, offset, mean, variance = (
            take(f"{part}.1.{name}", 1)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        if not len(scale) == len(offset) == len(mean) == len(variance) == len(kernel):
            raise ModelError(f"{path}: no weights of mn04: the arrays of {part} do not fit")
        scale = scale / np.sqrt(variance + _EPSILON)
        kernel = kernel * scale[:, None, None, None]
        axes = (2, 3, 0, 1) if alone else (2, 3, 1, 0)
        return [kernel.transpose(axes), offset - mean * scale]

    def dense(part: str) -> list[np.ndarray]:
        return [take(f"{part}.weight", 2).T, take(f"{part}.bias", 1)]

    def block(part: str, name: str, sizes: Block, before: int) -> Iterator:
        parts = (f"{part}.block.{i}" for i in range(4))
        if sizes.inner != before:
            yield f"{name}_widen", convolution(next(parts))
        yield f"{name}_look", convolution(next(parts), alone=True)
        if sizes.squeezed:
            squeeze = f"{next(parts)}.conc_se_layers.0"
            yield f"{name}_weigh_a", dense(f"{squeeze}.fc1")
            yield f"{name}_weigh_b", dense(f"{squeeze}.fc2")
        yield f"{name}_narrow", convolution(next(parts))

    sizes = EARS["mn04"]
    yield "stem", convolution("features.0")
    before = sizes.stem
    for i, each in enumerate(sizes.blocks, 1):
        yield from block(f"features.{i}", f"block_{i}", each, before)
        before = each.outer
    yield "top", convolution(f"features.{len(sizes.blocks) + 1}")
    yield "hidden", dense("classifier.2")
    yield "tags", dense("classifier.5")


def ear_features(
    ear: keras.Model, mels: np.ndarray, masks: np.ndarray, batch: int = 16
) -> dict[str, np.ndarray]:
    """What an ear hears in clips.

    Parameters
    ----------
    ear : keras.Model
        As `vgenre.models.audio.build_ear` gives it.
    mels : ndarray, shape (n, n_mels, steps)
        dB; may be memory-mapped, as it is read in batches.
    masks : ndarray, shape (n, steps)
        1 where there is sound. A clip without any is not heard.
    batch : int
        Clips at once.

    Returns
    -------
    dict of str to ndarray of float32, shape (n, width)
        ``features``, ``course`` and ``texture``; zeros for a clip without sound.
    """
    found = {
        name: np.zeros((len(mels), output.shape[-1]), np.float32)
        for name, output in ear.output.items()
    }
    repeat = RepeatSound()
    heard = np.flatnonzero(np.asarray(masks).any(axis=1))
    for begin in range(0, len(heard), batch):
        rows = heard[begin : begin + batch]
        filled = repeat(np.asarray(mels[rows], np.float32), np.asarray(masks[rows], np.float32))
        for name, heard_of_it in ear.predict_on_batch(filled).items():
            found[name][rows] = heard_of_it
    return found
