"""Films whose subtitles alone have changed: labelled anew, but not looked at anew.

What picture and sound say of them is in their records. The dialogue is read as it is now and all
is fused once more, for which no network is loaded and FFmpeg decodes no picture and no sound.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..dialogue.types import Subtitles
from ..errors import UnreadableFilm
from ..labelling.dialogue import fused_anew, label_anew
from ..labelling.record import ERROR, PARTIAL, FilmResult
from ..models.card import ModelCard
from ..models.dialogue import DialogueHead
from ..models.embedding import EmbeddingSpace
from ..models.spaces import read_space
from ..models.store import find_model, read_head
from .additions import LabelledFilm, RecordTask, RecordWorker

_CHANGED = "FileChanged"


def is_lasting(record: FilmResult) -> bool:
    """Whether a film failed for what lies in the file itself."""
    return record.error is not None and record.error["type"] == UnreadableFilm.__name__


def changed(record: FilmResult) -> FilmResult:
    """The record of a film that changed while it was read: of a part, to be made anew."""
    message = (
        f"{record.path}: the file changed while it was read; run again when it is complete, and it "
        "will be labelled anew"
    )
    return replace(record, status=PARTIAL, error={"type": _CHANGED, "message": message})


def can_be_fused_anew(record: FilmResult) -> bool:
    """Whether a record says all that is needed to label its film with other subtitles."""
    whole = record.error is None or record.error["type"] != _CHANGED
    return record.status != ERROR and whole and bool(record.opinions.keys() - {"dialogue"})


def without_subtitles(
    film: FilmResult, card: ModelCard, space: EmbeddingSpace | None, problem: FilmResult
) -> FilmResult:
    """A film's earlier record where reading its subtitles ended the process that did it."""
    message = problem.error["message"] if problem.error else ""
    note = message.removeprefix(f"{problem.path}: ")
    return fused_anew(film, card, None, space, Subtitles(notes=(note,)))


@dataclass(frozen=True)
class Relabelling(RecordTask):
    """Films are labelled anew with the dialogue that there is now."""

    def load(self, *, check: bool = True) -> Relabeller:  # type: ignore[override]
        """What labels anew, in this process."""
        return Relabeller(self)


class Relabeller(RecordWorker):
    """Labels films anew by their records and their subtitles."""

    @cached_property
    def _head(self) -> DialogueHead | None:
        if not self._task.dialogue:
            return None
        if self._given:
            return self._given.head
        return read_head(find_model(self._task.model), self.card)

    @cached_property
    def _space(self) -> EmbeddingSpace | None:
        if self._given:
            return self._given.space
        return read_space(find_model(self._task.model), self.card)

    def label(self, path: str | os.PathLike[str], **_: Any) -> FilmResult:
        """The record of a `LabelledFilm`, with its dialogue as it is now."""
        assert isinstance(path, LabelledFilm)
        return label_anew(path.record, self.card, self._head, self._space)
