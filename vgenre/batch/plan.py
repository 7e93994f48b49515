"""How films are to be labelled, and by what: settled before anything is loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..engines.choose import choose_engine, engine_by_rule, has_gpu
from ..errors import DataError
from ..labelling.model import Model
from ..labelling.unchanged import CLOSE
from ..media.ffmpeg import find_ffmpeg
from ..media.sampling import Sampling
from ..models.card import ModelCard
from ..models.embedding import EmbeddingSpace
from ..models.spaces import read_space
from ..models.store import find_model, read_card
from ..version import __version__
from .additions import Additions, Completer
from .capacity import AUTO, jobs_for, threads_for
from .executors import FILM_TIMEOUT, Executor, InProcess, Task
from .known import Relabeller, Relabelling
from .processes import Workers
from .ray import Cluster, RayWorkers


def engine_for(name: str, card: ModelCard, cluster: Cluster | None = None) -> str:
    """The engine that ``auto`` stands for.

    On a cluster each actor that has a GPU finds out on its own machine, so it stays ``auto``;
    Ray hides all GPUs from an actor that asks for none.
    """
    if cluster is None:
        return choose_engine(name, card)
    if cluster.gpus and name == "auto":
        return name
    return engine_by_rule(name, card, lambda: False)


@dataclass(frozen=True)
class LabellingRun:
    """A model, what it is to do with films, and where; see `plan_run`.

    Attributes
    ----------
    card : ModelCard
    task : Task
    jobs : int
        Worker processes; 0: films are labelled in this process.
    cluster : Cluster or None
    model : Model or None
        One that was loaded already.
    """

    card: ModelCard
    task: Task
    jobs: int = 0
    cluster: Cluster | None = None
    model: Model | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """All that a record depends on beside the film, as plain values."""
        return {
            "version": __version__,
            "model": self.card.name,
            "digest": self.card.digest(),
            "engine": self.task.engine,
            "sampling": self.task.sampling,
            "labels": list(self.card.labels.names),
            "dialogue": self.task.dialogue,
            "close": 0.0 if self.task.exact else CLOSE,
        }

    @property
    def key(self) -> str:
        """The settings in a word, under which records are kept."""
        # Neither pictures nor explanations: they are added to records that have none. Nor the
        # dialogue: the key of a film says with which subtitles its record was made.
        names = ("version", "digest", "engine", "sampling", "close")
        return " ".join(str(self.settings[name]) for name in names)

    def space(self) -> EmbeddingSpace | None:
        """The space of the films' embeddings; None where the model has none."""
        if self.model:
            return self.model.space
        return read_space(find_model(self.task.model), self.card)

    def executor(self) -> Executor:
        """What labels films.

        Raises
        ------
        FFmpegNotFoundError
            If there is no FFmpeg on this machine, which is to label.
        ModelError
            If the model cannot be loaded in this process.
        """
        if not self.cluster:
            find_ffmpeg()
        return self._executor(self.task, lambda: self.model or self.task.load())

    def completer(self) -> Executor:
        """What adds pictures and explanations to the records of `LabelledFilm`."""
        task = Additions.for_task(self.task)
        return self._executor(task, lambda: Completer(self.task, self.model))

    def relabeller(self) -> Executor:
        """What reads the dialogue of `LabelledFilm` anew, and labels them with it."""
        task = Relabelling.for_task(self.task)
        return self._executor(task, lambda: Relabeller(self.task, self.model))

    def _executor(self, task: Task, load: Callable[[], Any]) -> Executor:
        if self.cluster:
            return RayWorkers(task, self.cluster)
        return Workers(task, self.jobs) if self.jobs else InProcess(load(), **task.how)


def plan_run(
    model: str | os.PathLike[str] | Model,
    *,
    engine: str = "auto",
    sampling: Sampling | int | str | None = None,
    jobs: int | str = 1,
    isolated: bool = False,
    cluster: Cluster | None = None,
    pictures: bool = False,
    explain: bool = False,
    dialogue: bool = True,
    exact: bool = False,
    hwaccel: str | None = None,
    films: int | None = None,
    film_timeout: float | None = FILM_TIMEOUT,
) -> LabellingRun:
    """Settle how films are labelled; nothing is loaded or started yet.

    Parameters
    ----------
    model : str, path or Model
        See `vgenre.load_model`. A loaded one labels in this process, whatever `jobs`.
    engine : {"auto", "openvino", "tensorflow"}
    sampling : Sampling, int or str, optional
    jobs : int or "auto"
        Films at once; ``"auto"``: as many as cores and memory allow, one where a GPU does it.
    isolated : bool
        Whether one job, too, gets a worker process, which may die without harm.
    cluster : Cluster, optional
        Films are labelled there.
    pictures, explain : bool
        Whether the records are to have pictures, and an explanation.
    dialogue : bool
        Whether the films' subtitles are read, where the model has a head for them.
    exact : bool
        Whether the network sees every frame, also those that have hardly changed.
    hwaccel : str, optional
        A decoder in hardware, as of `vgenre.media.reader.iter_clips`.
    films : int, optional
        How many there are: more jobs start no process.
    film_timeout : float or None
        Seconds that a film may go without progress in a worker or actor; None: for ever.

    Returns
    -------
    LabellingRun

    Raises
    ------
    ModelError
        If there is no such model, its files are damaged, or no engine can run it.
    DataError
        If a loaded model is to go to a cluster.
    """
    wants: dict[str, Any] = {
        "pictures": pictures,
        "explain": explain,
        "exact": exact,
        "hwaccel": hwaccel,
        "film_timeout": film_timeout,
    }
    policy = str(Sampling.of(sampling))
    if isinstance(model, Model):
        if cluster:
            raise DataError("a loaded model cannot go to a cluster; name it, or its directory")
        wants["dialogue"] = dialogue and model.head is not None
        task = Task(model.card.name, model.engine.name, policy, **wants)
        return LabellingRun(model.card, task, model=model)
    card = read_card(find_model(model), files=())
    wants["dialogue"] = dialogue and card.architecture.dialogue
    engine = engine_for(engine, card, cluster)
    count = _jobs(jobs, films, engine)
    workers = 0 if cluster or (count == 1 and not isolated) else count
    threads = threads_for(count) if count > 1 and not cluster else None
    task = Task(os.fspath(model), engine, policy, threads, **wants)
    return LabellingRun(card, task, workers, cluster)


def _jobs(asked: int | str, films: int | None, engine: str) -> int:
    if asked == AUTO:
        return 1 if engine == "tensorflow" and has_gpu() else jobs_for(films)
    return max(1, min(int(asked), films or int(asked)))
