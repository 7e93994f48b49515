"""Where a model's space of embeddings lies, which is a file of the model as its weights are."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ..errors import ModelError
from .card import ModelCard
from .embedding import EmbeddingSpace
from .store import (
    EMBEDDING_FILE,
    check_files,
    file_hash,
    find_model,
    model_file,
    read_card,
)


def read_space(directory: Path, card: ModelCard) -> EmbeddingSpace | None:
    """The space of a model; None where it has none.

    That of a model that shares the body of another one is the other's.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    if EMBEDDING_FILE not in card.files:
        return None
    check_files(directory, card, (EMBEDDING_FILE,))
    path = model_file(directory, card, EMBEDDING_FILE)
    return EmbeddingSpace.read(path, card.files[EMBEDDING_FILE])


def need_space(space: EmbeddingSpace | None, card: ModelCard) -> EmbeddingSpace:
    """A model's space, where it has one.

    Raises
    ------
    ModelError
        If it has none.
    """
    if space is None:
        raise ModelError(
            f"the model {card.name} cannot embed films, as it has no {EMBEDDING_FILE}; those that "
            "ship can"
        )
    return space


def space_of(model: str | os.PathLike[str]) -> tuple[ModelCard, EmbeddingSpace]:
    """The card and the space of a model, by its name or directory.

    Raises
    ------
    ModelError
        If there is no such model, it has no space, or the file is damaged.
    """
    directory = find_model(model)
    card = read_card(directory, files=())
    return card, need_space(read_space(directory, card), card)


def add_space(directory: Path, space: EmbeddingSpace | None) -> ModelCard:
    """Give a model a space, and list it in the card.

    Parameters
    ----------
    directory : Path
        Of the model.
    space : EmbeddingSpace or None
        None: the one of the model whose body this one shares.

    Returns
    -------
    ModelCard
        As written.
    """
    card = read_card(directory, files=())
    path = model_file(directory, card, EMBEDDING_FILE)
    if space is not None:
        if path.parent != directory:
            raise ModelError(
                f"{directory}: the space of this model is that of {card.body_from}, whose body it "
                "shares"
            )
        space.write(path)
    card = replace(card, files={**card.files, EMBEDDING_FILE: file_hash(path)})
    card.write(directory)
    return card
