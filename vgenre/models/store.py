"""A model is a directory: card.json and weights, nothing that runs.

Weights are stored as safetensors, in the order the architecture creates them;
the architecture itself is built by code from the card. Beside them may lie the same
networks as graphs for the OpenVINO engine. A model may share the body of one that ships.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..errors import ModelError
from ..output.atomic import atomic_path
from .card import CARD_FILE, ModelCard

if TYPE_CHECKING:
    import keras

BODY_FILE, HEAD_FILE = "body.safetensors", "head.safetensors"
BODY_GRAPH, HEAD_GRAPH = "body.xml", "head.xml"
_BODY_FILES = (BODY_FILE, BODY_GRAPH, "body.bin")
GRAPHS = (BODY_GRAPH, "body.bin", HEAD_GRAPH, "head.bin")
_FILES = (BODY_FILE, HEAD_FILE, *GRAPHS)
ENGINE_FILES = {"openvino": GRAPHS, "tensorflow": (BODY_FILE, HEAD_FILE)}
"""The files that each engine reads."""
DEFAULT_MODEL = "six"
SHIPPED = Path(__file__).parent.parent / "weights"


def available_models() -> dict[str, Path]:
    """The models that ship with the package, by name, the default one first."""
    if not SHIPPED.is_dir():
        return {}
    found = sorted(SHIPPED.iterdir(), key=lambda d: (d.name != DEFAULT_MODEL, d.name))
    return {d.name: d for d in found if (d / CARD_FILE).is_file()}


def find_model(model: str | os.PathLike[str]) -> Path:
    """The directory of a model.

    Parameters
    ----------
    model : str or path
        The name of a model that ships, or a model directory.

    Raises
    ------
    ModelError
        If there is no such model.
    """
    shipped = available_models()
    if str(model) in shipped:
        return shipped[str(model)]
    directory = Path(model)
    if directory.is_dir():
        return directory
    names = ", ".join(shipped) or "none"
    raise ModelError(f"{model}: neither a model directory nor a model that ships ({names})")


def read_card(directory: Path, files: Collection[str] | None = None) -> ModelCard:
    """Read a model's card and check files of the model against it.

    Parameters
    ----------
    directory : Path
    files : collection of str, optional
        Names of the files that are checked; all that the card lists unless given. Whoever
        wants to know the card alone gives none.

    Raises
    ------
    ModelError
        If the card is damaged, or a file is missing or is not the one the
        card was written for.
    """
    card = ModelCard.read(directory)
    for name in (BODY_FILE, HEAD_FILE):
        if name not in card.files:
            raise ModelError(f"{directory / CARD_FILE}: lists no {name}")
    for name in card.files:
        if name not in _FILES:
            raise ModelError(f"{directory / CARD_FILE}: lists {name!r}, which is no weights file")
    check_files(directory, card, card.files if files is None else files)
    return card


def check_files(directory: Path, card: ModelCard, names: Collection[str]) -> None:
    """Compare files of a model with the SHA-256 that its card has of them.

    Raises
    ------
    ModelError
        If a file is missing or is not the one the card was written for.
    """
    for name in names:
        path = model_file(directory, card, name)
        if name not in card.files:
            raise ModelError(f"{directory / CARD_FILE}: lists no {name}")
        if not path.is_file():
            raise ModelError(f"{path}: this file of the model is missing; copy the model again")
        if (found := file_hash(path)) != card.files[name]:
            raise ModelError(
                f"{path}: damaged: its SHA-256 is {found[:12]}…, the card says "
                f"{card.files[name][:12]}…; copy the model again"
            )


def model_file(directory: Path, card: ModelCard, name: str) -> Path:
    """Where a file of a model lies; that of a shared body lies in the directory of another model.

    Raises
    ------
    ModelError
        If that model does not ship with the package.
    """
    if card.body_from is None or name not in _BODY_FILES:
        return directory / name
    shipped = available_models()
    if card.body_from not in shipped:
        raise ModelError(
            f"{directory / CARD_FILE}: shares the body of {card.body_from!r}, and no model of that "
            f"name ships ({', '.join(shipped) or 'none'} do)"
        )
    return shipped[card.body_from] / name


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def save_model(
    directory: str | os.PathLike[str], card: ModelCard, body: keras.Model, head: keras.Model
) -> ModelCard:
    """Write a model directory.

    Graphs for the OpenVINO engine that lie there already are listed in the card.

    Parameters
    ----------
    directory : path
        Made where it does not exist.
    card : ModelCard
        Its `files` are filled in.
    body, head : keras.Model
        Their weights are stored in half precision.

    Returns
    -------
    ModelCard
        The card as written.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    if card.body_from is None:
        save_weights(body, directory / BODY_FILE, np.float16)
    save_weights(head, directory / HEAD_FILE, np.float16)
    paths = {name: model_file(directory, card, name) for name in _FILES}
    files = {name: file_hash(path) for name, path in paths.items() if path.is_file()}
    card = replace(card, files=files)
    card.write(directory)
    return card


def save_weights(network: keras.Model, path: Path, dtype: type | None = None) -> None:
    """Write a network's weights as safetensors, perhaps in another precision."""
    # Keras numbers the layers it names itself, process-wide; the order alone is always the same.
    arrays = {
        f"{i:04d}.{variable.name}": np.ascontiguousarray(value, dtype or value.dtype)
        for i, (variable, value) in enumerate(
            zip(network.weights, network.get_weights(), strict=True)
        )
    }
    with atomic_path(path) as temporary:
        save_file(arrays, temporary)


def load_weights(network: keras.Model, path: Path) -> None:
    """Load weights that `save_weights` wrote.

    Raises
    ------
    ModelError
        If the file cannot be read or was written for another network.
    """
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from None
    expected = {
        f"{i:04d}.{variable.name}": tuple(variable.shape)
        for i, variable in enumerate(network.weights)
    }
    found = {name: array.shape for name, array in arrays.items()}
    if expected != found:
        odd = sorted(set(expected.items()) ^ set(found.items()))[:3]
        raise ModelError(f"{path}: these weights are of another architecture ({odd} …)")
    network.set_weights([arrays[name].astype(np.float32) for name in expected])
