"""What all writers share: a temporary file that becomes the output when all is well."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from ..errors import DataError
from ..labelling.record import FilmResult


class Writer:
    """Writes film records to one file.

    Records go to ``<path>.part`` as they come; `close` gives it its name. A
    subclass writes them in `write`, and what stands before and after them in
    `begin` and `end`.

    Parameters
    ----------
    path : Path
    genres : tuple of str

    Raises
    ------
    DataError
        If the file cannot be written.
    """

    pictures = False
    """Whether it shows pictures of clips, which are made only when asked for."""

    def __init__(self, path: Path, genres: tuple[str, ...]) -> None:
        self.path, self.genres = path, genres
        self._part = path.with_name(path.name + ".part")
        try:
            if path.is_dir():
                raise IsADirectoryError(21, "this is a folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            # A file name may hold bytes that are no text; they are kept as escapes.
            self.file = open(  # noqa: SIM115
                self._part, "w", encoding="utf-8", errors="backslashreplace", newline=""
            )
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror}") from None
        self.begin()

    def begin(self) -> None:
        """Write what stands before the records."""

    def write(self, film: FilmResult) -> None:
        """Write a record."""
        raise NotImplementedError

    def end(self) -> None:
        """Write what stands after the records."""

    def close(self) -> None:
        """Finish the file and give it its name."""
        self.end()
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        os.replace(self._part, self.path)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.file.close()
            self._part.unlink(missing_ok=True)
