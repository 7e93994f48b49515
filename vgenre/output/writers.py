"""Writers put film records into files; the file's suffix chooses the writer."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError
from .base import Writer
from .csv import CsvWriter
from .html import HtmlWriter
from .json import JsonLinesWriter, JsonWriter

WRITERS: dict[str, type[Writer]] = {
    ".csv": CsvWriter,
    ".html": HtmlWriter,
    ".json": JsonWriter,
    ".jsonl": JsonLinesWriter,
}


def open_writer(path: str | Path, genres: tuple[str, ...], note: str = "") -> Writer:
    """A writer for a file, opened now, so that a bad path is known before any work.

    Parameters
    ----------
    path : path
        Its suffix chooses the format.
    genres : tuple of str
        Of the model, for formats with a column a genre.
    note : str
        What a page to look at says above its films; other formats have no place for it.

    Raises
    ------
    DataError
        If the suffix is unknown, or the file cannot be written.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise DataError(f"{path}: unknown kind of output; known are {', '.join(WRITERS)}")
    if issubclass(writer, HtmlWriter):
        return writer(path, genres, note)
    return writer(path, genres)


def wants_pictures(path: str | Path) -> bool:
    """Whether the writer of a file shows pictures of clips."""
    writer = WRITERS.get(Path(path).suffix.lower())
    return writer is not None and writer.pictures
