"""What is missing in records that are there already: pictures for a report, an explanation.

A run that is given one more output labels nothing anew for it. Executors deal with paths, so
a film that was labelled goes to them as its path with the record tied to it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import MediaError
from ..labelling.previews import add_previews, has_previews
from ..labelling.record import FilmResult
from ..models.card import ModelCard
from ..models.store import find_model, read_card
from .executors import Task

if TYPE_CHECKING:
    from ..labelling.model import Model

_Kind = TypeVar("_Kind", bound="RecordTask")


class LabelledFilm(str):
    """The path of a film that was labelled, with its record."""

    record: FilmResult

    @classmethod
    def of(cls, record: FilmResult) -> LabelledFilm:
        """The film of a record."""
        film = cls(record.path)
        film.record = record
        return film

    def at(self, path: str) -> LabelledFilm:
        """The same film by another path."""
        return self.of(self.record.called(path))


def at_place(film: str, path: str) -> str:
    """A film by another path, with its record where it has one."""
    return film.at(path) if isinstance(film, LabelledFilm) else path


def lacks(record: FilmResult, task: Task) -> bool:
    """Whether something that a task asks for is missing in a record."""
    pictures = task.pictures and not has_previews(record)
    return pictures or (task.explain and bool(record.clips) and record.explanation is None)


@dataclass(frozen=True)
class RecordTask(Task):
    """A task of `LabelledFilm`: something is done with their records."""

    @classmethod
    def for_task(cls: type[_Kind], task: Task) -> _Kind:
        """The same settings as another task's."""
        return cls(**{field.name: getattr(task, field.name) for field in fields(Task)})


class RecordWorker:
    """Does something with records; to executors it is a model.

    Parameters
    ----------
    task : Task
    model : Model, optional
        One that is loaded already.
    """

    def __init__(self, task: Task, model: Model | None = None) -> None:
        self._task, self._given = task, model

    @cached_property
    def card(self) -> ModelCard:
        """The card of the model that labelled the films."""
        return self._given.card if self._given else read_card(find_model(self._task.model))


@dataclass(frozen=True)
class Additions(RecordTask):
    """What is missing in records is added.

    Pictures are made from the film alone. The model is loaded for explanations only.
    """

    def load(self, *, check: bool = True) -> Completer:  # type: ignore[override]
        """What adds to records, in this process."""
        return Completer(self)


class Completer(RecordWorker):
    """Adds to records what is missing."""

    @cached_property
    def _model(self) -> Model:
        return self._given or Task.load(self._task)

    def label(self, path: str | os.PathLike[str], **_: Any) -> FilmResult:
        """The record of a `LabelledFilm` with what was missing.

        It stays as it is where the film cannot be read any more: its labels still stand.
        """
        assert isinstance(path, LabelledFilm)
        film = path.record
        try:
            if self._task.pictures and not has_previews(film):
                film = add_previews(film, self.card, self._task.sampling)
            if self._task.explain and film.clips and film.explanation is None:
                film = replace(film, explanation=self._explained(film))
        except (MediaError, OSError):
            pass
        return film

    def _explained(self, film: FilmResult) -> dict[str, Any]:
        from ..media.remote import fetched

        with fetched(film.path) as copy:
            return self._model.explain(replace(film, path=copy)).to_dict()
