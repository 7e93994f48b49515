"""A model is a directory: card.json and weights, nothing that runs.

Weights are stored as safetensors, in the order the architecture creates them;
the architecture itself is built by code from the card. Beside them may lie the same
networks as graphs for the OpenVINO engine. A model whose network is one of the literature
has no audio stream and no files of it. A model may have a head for the dialogue, which is no
network but arrays, the same for each engine, and likewise arrays that make a vector of a film
(`vgenre.models.embedding`). A model may share the body, and with it those, of one that ships.
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
from .dialogue import DialogueHead

if TYPE_CHECKING:
    import keras

BODY_FILE, BODY_GRAPH = "body.safetensors", "body.xml"
VISUAL_FILE, VISUAL_GRAPH = "visual.safetensors", "visual.xml"
AUDIO_FILE, AUDIO_GRAPH = "audio.safetensors", "audio.xml"
DIALOGUE_FILE = "dialogue.safetensors"
EMBEDDING_FILE = "embedding.safetensors"
_BODY_FILES = (BODY_FILE, BODY_GRAPH, "body.bin", EMBEDDING_FILE)
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


def weights_of(card: ModelCard) -> tuple[str, ...]:
    """The files of weights that a model has."""
    return tuple(f"{name}.safetensors" for name in ("body", *card.architecture.streams))


def graphs_of(card: ModelCard) -> tuple[str, ...]:
    """The files of graphs that a model has, where OpenVINO can run it."""
    names = ("body", *card.architecture.networks)
    return tuple(f"{name}{suffix}" for name in names for suffix in (".xml", ".bin"))


def engine_files(engine: str, card: ModelCard) -> tuple[str, ...]:
    """The files of a model that are read where an engine runs it.

    Parameters
    ----------
    engine : {"openvino", "tensorflow"}
    card : ModelCard

    Returns
    -------
    tuple of str
        Names; the head for the dialogue is among them, which needs no engine, and what embeds.
    """
    more = (EMBEDDING_FILE,) * (EMBEDDING_FILE in card.files)
    if engine != "openvino":
        return weights_of(card) + more
    return graphs_of(card) + (DIALOGUE_FILE,) * card.architecture.dialogue + more


def read_head(directory: Path, card: ModelCard) -> DialogueHead | None:
    """A model's head for the dialogue; None where it has none.

    Raises
    ------
    ModelError
        If the file is damaged, or was made for other genres than the card's.
    """
    if not card.architecture.dialogue:
        return None
    head = DialogueHead.read(directory / DIALOGUE_FILE)
    _check_head(head, card, str(directory / DIALOGUE_FILE))
    return head


def _check_head(head: DialogueHead, card: ModelCard, what: str) -> None:
    if head.outcomes != card.outcomes:
        raise ModelError(
            f"{what}: it says something of {head.outcomes} outcomes, the card of the model "
            f"{card.name} has {card.outcomes}; copy the model again"
        )


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
    for name in weights_of(card):
        if name not in card.files:
            raise ModelError(f"{directory / CARD_FILE}: lists no {name}")
    for name in card.files:
        if name not in (*weights_of(card), *graphs_of(card), EMBEDDING_FILE):
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
    directory: str | os.PathLike[str],
    card: ModelCard,
    body: keras.Model,
    visual: keras.Model,
    audio: keras.Model | None = None,
    dialogue: DialogueHead | None = None,
) -> ModelCard:
    """Write a model directory.

    Graphs for the OpenVINO engine that lie there already are listed in the card.

    Parameters
    ----------
    directory : path
        Made where it does not exist.
    card : ModelCard
        Its `files` are filled in.
    body, visual, audio : keras.Model
        Their weights are stored in half precision. No audio network where the card's
        architecture uses no sound.
    dialogue : DialogueHead, optional
        Where the card's architecture has one.

    Returns
    -------
    ModelCard
        The card as written.

    Raises
    ------
    ModelError
        If the card's architecture uses sound and there is no audio network, or the reverse;
        likewise the dialogue and its head, or that is for other outcomes than the card's.
    """
    if (audio is not None) != card.architecture.uses_sound:
        says = "uses sound" if audio is None else "uses no sound"
        has = "no audio network" if audio is None else "an audio network"
        raise ModelError(f"model {card.name}: its card {says}, but there is {has}")
    if (dialogue is not None) != card.architecture.dialogue:
        says = "has a head for the dialogue" if dialogue is None else "has no head for the dialogue"
        has = "none" if dialogue is None else "one"
        raise ModelError(f"model {card.name}: its card {says}, but there is {has}")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    if card.body_from is None:
        save_weights(body, directory / BODY_FILE, np.float16)
    save_weights(visual, directory / VISUAL_FILE, np.float16)
    if audio is not None:
        save_weights(audio, directory / AUDIO_FILE, np.float16)
    if dialogue is not None:
        _check_head(dialogue, card, f"model {card.name}: its head for the dialogue")
        dialogue.write(directory / DIALOGUE_FILE)
    return write_card(directory, card)


def write_card(directory: Path, card: ModelCard) -> ModelCard:
    """Write a model's card with the SHA-256 of the model's files that lie there.

    Parameters
    ----------
    directory : Path
    card : ModelCard
        Its `files` are filled in.

    Returns
    -------
    ModelCard
        The card as written.
    """
    names = (*weights_of(card), *graphs_of(card), EMBEDDING_FILE)
    paths = {name: model_file(directory, card, name) for name in names}
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
