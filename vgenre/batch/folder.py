"""``vgenre.label_folder``: the genres of all films in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..labelling.model import Model
from ..labelling.record import FilmResult
from ..media.find import find_films
from ..media.sampling import Sampling
from .executors import FILM_TIMEOUT
from .journal import Journal
from .plan import plan_run
from .ray import Cluster
from .run import Batch


def label_folder(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    model: str | os.PathLike[str] | Model = "six",
    sampling: Sampling | int | str | None = None,
    engine: str = "auto",
    jobs: int | str = 1,
    ray: str | Cluster | None = None,
    journal: str | os.PathLike[str] | None = None,
    restart: bool = False,
    exclude: Iterable[str] = (),
    all_media: bool = False,
    dialogue: bool = True,
    exact: bool = False,
    hwaccel: str | None = None,
    film_timeout: float | None = FILM_TIMEOUT,
) -> Iterator[FilmResult]:
    """Name the genres of all films in a folder.

    Parameters
    ----------
    paths : path or iterable of path
        Files, and folders that are searched as `vgenre.media.find.find_films` does it:
        for films, without the trailers, extras and artwork of a library.
    model : str, path or Model
        See `load_model`. A loaded one labels in this process, whatever `jobs`.
    sampling : Sampling, int or str, optional
        How many evenly spaced clips of a film are looked at, ``"full"`` or
        ``"keyframes"``.
    engine : {"auto", "openvino", "tensorflow"}
    jobs : int or "auto"
        Films at once, each in a process of its own; 1: in this process; ``"auto"``: as
        many as cores and memory allow. A script
        that asks for more has to do so under ``if __name__ == "__main__":``, as
        every one that starts processes.
    ray : str or Cluster, optional
        Films are labelled by actors on a Ray cluster, given by its address (``"auto"``
        for the one that this machine belongs to) or with what each actor asks for. The
        paths, and a model directory, have to be the same on every node.
    journal : path, optional
        A file that keeps every finished record. Films that it knows, and that have not
        changed, are not labelled again; one whose subtitles changed is, but it is not looked at
        again. A film that failed is, unless the file itself can
        never be read.
    restart : bool
        Forget what the journal knows.
    exclude : iterable of str
        Shell patterns of files and folders to leave out.
    all_media : bool
        Take the pictures, sound files, trailers and extras of folders too.
    dialogue : bool
        Whether subtitles are read, in the films and beside them, where the model has a head for
        them.
    exact : bool
        Whether the network sees every frame, also those that have hardly changed.
    hwaccel : str, optional
        A decoder in hardware, as FFmpeg's ``-hwaccel`` names it, or ``"auto"``; what it cannot
        decode, software decodes.
    film_timeout : float or None
        Seconds that a film may go without progress before its process, or its actor, is
        ended and the film is an error; None: for ever. Nothing ends a film in this process.

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
    if isinstance(paths, (str, bytes, os.PathLike)):
        paths = [paths]
    films = find_films(map(os.fsdecode, paths), exclude=exclude, all_media=all_media)
    cluster = Cluster(ray) if isinstance(ray, str) else ray
    run = plan_run(
        model,
        engine=engine,
        sampling=sampling,
        jobs=jobs,
        isolated=jobs != 1,
        cluster=cluster,
        dialogue=dialogue,
        exact=exact,
        hwaccel=hwaccel,
        films=len(films),
        film_timeout=film_timeout,
    )
    if journal is None:
        yield from run.executor().run(films)
        return
    with Journal(Path(journal), run.settings, restart=restart) as known:
        for finished in Batch(films, known, run).run():
            yield finished.result
