"""What all writers share: a file that takes its name when all is well."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType

from ..errors import DataError
from ..labelling.record import FilmResult
from ..models.embedding import EmbeddingSpace
from .atomic import atomic


class Writer:
    """Writes film records to one file, which appears, or is replaced, when the block ends.

    A subclass writes a record in `write`, and what stands before and after all of them in
    `begin` and `end`.

    Parameters
    ----------
    path : Path
        Missing folders are made.
    genres : tuple of str
        Of the model.
    note : str
        What a page to look at says above its films; other formats have no place for it.
    space : EmbeddingSpace, optional
        Of the films' embeddings, for a page to look at that shows which are alike.

    Raises
    ------
    DataError
        If the file cannot be written.
    """

    pictures = False
    """Whether it shows pictures of clips, which are made only when asked for."""

    def __init__(
        self,
        path: Path,
        genres: tuple[str, ...],
        note: str = "",
        space: EmbeddingSpace | None = None,
    ) -> None:
        self.path, self.genres, self.note, self.space = path, genres, note, space
        self._stack = contextlib.ExitStack()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A file name may hold bytes that are no text; they are kept as escapes.
            how = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
            self.file = self._stack.enter_context(atomic(path, "w", **how))
        except OSError as error:
            raise _unwritable(path, error) from None
        self.begin()

    def begin(self) -> None:
        """Write what stands before the records."""

    def write(self, film: FilmResult) -> None:
        """Write one film.

        Raises
        ------
        OSError
            If the disk is full, for one.
        """
        raise NotImplementedError

    def end(self) -> None:
        """Write what stands after the records."""

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.end()
        except BaseException as problem:
            self._stack.__exit__(type(problem), problem, problem.__traceback__)
            raise
        else:
            self._stack.__exit__(kind, error, trace)


def _unwritable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path}: cannot be written: {error.strerror}")
