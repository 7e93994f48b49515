"""Many films: each gets a record, one bad file never stops the rest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from .dataset import find_media
from .predict import Model, load_model
from .result import FilmResult
from .sampling import Sampling


def label_folder(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    model: str | os.PathLike[str] | Model = "six",
    sampling: Sampling | int | str | None = None,
    engine: str = "auto",
) -> Iterator[FilmResult]:
    """Name the genres of all films in a folder.

    Parameters
    ----------
    paths : path or iterable of path
        Folders, searched recursively, and files.
    model : str, path or Model
        See `load_model`.
    sampling : Sampling, int or str, optional
        How many evenly spaced clips of a film are looked at, or ``"full"``.
    engine : {"auto", "openvino", "tensorflow"}

    Yields
    ------
    FilmResult
        As each film is done, in the order of their paths.

    Raises
    ------
    ModelError
        If the model cannot be loaded. Errors of films are in their records.

    Examples
    --------
    >>> for film in vgenre.label_folder("FILMS/"):  # doctest: +SKIP
    ...     print(film.path, film.labels)
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    loaded = model if isinstance(model, Model) else load_model(model, engine=engine)
    for path in find_media(paths):
        yield loaded.label(path, sampling=sampling)
