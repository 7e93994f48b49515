"""Data sets kept as a CSV manifest."""

from __future__ import annotations

import csv
from pathlib import Path

from ..errors import DataError
from ..labels import SEPARATOR
from .items import SPLITS, Item


def read_manifest(path: Path) -> list[Item]:
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
                    path=str(path.parent / row["path"]),
                    labels=_names(row["labels"]),
                    film=row.get("film") or Path(row["path"]).stem,
                    split=split,
                    measured=(row.get("measured") or "1") != "0",
                    known=_names(row.get("known")) or None,
                )
            )
    if not items:
        raise DataError(f"{path}: the manifest is empty")
    return items


def _names(cell: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (cell or "").split(SEPARATOR)))
