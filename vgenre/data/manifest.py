"""Data sets kept as a CSV manifest."""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ..errors import DataError
from ..labels import SEPARATOR
from ..media.remote import is_remote
from .items import SPLITS, Item


def read_manifest(path: Path) -> list[Item]:
    """Read a CSV manifest; see `vgenre.data.load.load_items` for its columns.

    Raises
    ------
    DataError
        If a column is missing or a line is wrong.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = {"path", "labels"} - set(reader.fieldnames or ())
        if missing:
            raise DataError(
                f"{path}: the manifest lacks the column {' and '.join(sorted(missing))}"
            )
        items = []
        for row in reader:
            split = row.get("split") or None
            if not row["path"]:
                raise DataError(f"{path}, line {reader.line_num}: the path is empty")
            if split not in (None, *SPLITS):
                raise DataError(
                    f"{path}, line {reader.line_num}: split {split!r} is not one of "
                    + ", ".join(SPLITS)
                )
            items.append(
                Item(
                    path=_place(path.parent, row["path"]),
                    labels=_names(row["labels"]),
                    film=row.get("film") or _film(row["path"]),
                    split=split,
                    measured=(row.get("measured") or "1") != "0",
                    known=_names(row.get("known")) or None,
                )
            )
    if not items:
        raise DataError(f"{path}: the manifest is empty")
    return items


def _place(folder: Path, path: str) -> str:
    """Where a file of a manifest is: a URL as it stands, else beside the manifest."""
    return path if is_remote(path) else str(folder / path)


def _film(path: str) -> str:
    """The film that a file is of, where the manifest does not say: its name."""
    return PurePosixPath(urlsplit(path).path).stem if is_remote(path) else Path(path).stem


def _names(cell: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (cell or "").split(SEPARATOR)))
