"""``vgenre.load_model``: from a name or a directory to a loaded model."""

from __future__ import annotations

import functools
import os

from ..engines.choose import choose_engine, load_engine
from ..errors import ModelError
from ..models.spaces import read_space
from ..models.store import (
    available_models,
    check_files,
    engine_files,
    find_model,
    read_card,
    read_head,
)
from .model import Model


def load_model(
    model: str | os.PathLike[str] = "six",
    *,
    engine: str = "auto",
    threads: int | None = None,
    check: bool = True,
) -> Model:
    """Load a model.

    The files that the engine reads are compared with the SHA-256 in the model's card. That
    proves that they are whole, not who made them: take models from people you trust. Nothing
    in a model is run as code.

    Parameters
    ----------
    model : str or path
        The name of a model that ships with the package, or a model directory.
    engine : {"auto", "openvino", "tensorflow"}
        See `vgenre.engines.choose.choose_engine`.
    threads : int, optional
        That the engine may use, and FFmpeg to decode; all cores unless given.
    check : bool
        Whether the files are compared with the card; a process whose parent did it need not.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        If there is no such model or engine, or its files are damaged.
    MissingExtra
        If the engine is TensorFlow and it is not installed.

    Examples
    --------
    >>> model = vgenre.load_model("six")  # doctest: +SKIP
    >>> model.label("film.mkv").labels  # doctest: +SKIP
    ['Horror']
    """
    directory = find_model(model)
    card = read_card(directory, files=())
    engine = choose_engine(engine, card)
    if check:
        check_files(directory, card, engine_files(engine, card))
    head = functools.partial(read_head, directory, card)
    space = functools.partial(read_space, directory, card)
    loaded = Model(card, load_engine(engine, directory, card, threads=threads), head, space)
    loaded.threads = threads
    name = str(model) if str(model) in available_models() else str(directory.absolute())
    loaded.reload = _load_again, (name, engine, threads, card.digest())
    return loaded


@functools.lru_cache(maxsize=2)  # a pool pickles the model anew for each of its tasks
def _load_again(model: str, engine: str, threads: int | None, digest: str) -> Model:
    """The model that another process pickled, loaded once in this one."""
    loaded = load_model(model, engine=engine, threads=threads)
    if loaded.card.digest() != digest:
        raise ModelError(f"{model}: this is not the model that was pickled; start again")
    return loaded
