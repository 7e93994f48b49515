"""``vgenre.label_folder``: the genres of all films in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..labelling.model import Model
from ..labelling.record import FilmResult
from ..media.find import find_media
from ..media.sampling import Sampling
from .journal import Journal
from .ray import Cluster
from .run import Batch, plan_run


def label_folder(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    model: str | os.PathLike[str] | Model = "six",
    sampling: Sampling | int | str | None = None,
    engine: str = "auto",
    jobs: int = 1,
    ray: str | Cluster | None = None,
    journal: str | os.PathLike[str] | None = None,
    restart: bool = False,
) -> Iterator[FilmResult]:
    """Name the genres of all films in a folder.

    Parameters
    ----------
    paths : path or iterable of path
        Folders, searched recursively, and files.
    model : str, path or Model
        See `load_model`. A loaded one labels in this process, whatever `jobs`.
    sampling : Sampling, int or str, optional
        How many evenly spaced clips of a film are looked at, ``"full"`` or
        ``"keyframes"``.
    engine : {"auto", "openvino", "tensorflow"}
    jobs : int
        Films at once, each in a process of its own; 1: in this process. A script
        that asks for more has to do so under ``if __name__ == "__main__":``, as
        every one that starts processes.
    ray : str or Cluster, optional
        Films are labelled by actors on a Ray cluster, given by its address (``"auto"``
        for the one that this machine belongs to) or with what each actor asks for. The
        paths, and a model directory, have to be the same on every node.
    journal : path, optional
        A file that keeps every finished record. Films that it knows, and that have not
        changed, are not labelled again. A film that failed is, unless the file itself can
        never be read.
    restart : bool
        Forget what the journal knows.

    Yields
    ------
    FilmResult
        As each film is done; with one job in the order of their paths.

    Raises
    ------
    ModelError
        If the model cannot be loaded. Errors of films are in their records.
    FFmpegNotFoundError
        If there is a film to label and no FFmpeg.
    DataError
        If another run writes the journal, the file is no journal, or a loaded model is to go
        to a cluster.

    Examples
    --------
    >>> for film in vgenre.label_folder("FILMS/"):  # doctest: +SKIP
    ...     print(film.path, film.labels)
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    films = find_media(paths)
    cluster = Cluster(ray) if isinstance(ray, str) else ray
    run = plan_run(model, engine=engine, sampling=sampling, jobs=jobs, cluster=cluster)
    if journal is None:
        yield from run.executor().run(films)
        return
    with Journal(Path(journal), run.settings, restart=restart) as known:
        for finished in Batch(films, known, run).run():
            yield finished.result
