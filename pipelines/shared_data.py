"""The training data that the shipped models come from, read as vgenre's items.

The data folder has ``clips.csv`` and ``clips/`` (short clips of films with genres)
and ``posters/`` (posters with IMDb genres). It is not part of the project: pass the
folder, or set ``VGENRE_DATA``.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Collection
from pathlib import Path

from vgenre.data.items import Item

# The genres that posters and clips have in common, by IMDb's names.
IMDB_GENRES = tuple(
    "Action Adventure Animation Biography Comedy Crime Documentary Drama Family Fantasy History "
    "Horror Music Musical Mystery Romance Sci-Fi Sport Thriller War Western".split()
)


def parser_of(text: str, *, table: bool = False) -> argparse.ArgumentParser:
    """What every pipeline takes on its command line, and ``--table`` where it writes one."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("data", nargs="?", help="the data folder, else VGENRE_DATA")
    parser.add_argument("--work", type=Path, required=True, help="folder for what lies between")
    parser.add_argument("--toy", action="store_true", help=argparse.SUPPRESS)  # for tests
    if table:
        parser.add_argument("--table", type=Path, help="where to write the table, in Markdown")
    return parser


def write_table(text: str, file: Path | None) -> None:
    """Print a table, and write it where that is wanted."""
    print(text)
    if file:
        file.write_text(text, encoding="utf-8")


def data_folder(argument: str | None) -> Path:
    """The data folder, or a message and exit status 0 where there is none."""
    folder = argument or os.environ.get("VGENRE_DATA")
    if not folder:
        print("skipped: name the data folder, or set VGENRE_DATA", file=sys.stderr)
        sys.exit(0)
    if not (Path(folder) / "clips.csv").is_file():
        print(f"skipped: {folder} holds no clips.csv", file=sys.stderr)
        sys.exit(0)
    return Path(folder)


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def clip_items(data: Path, *, labels: str = "six") -> list[Item]:
    """The clips; `labels` is the column: ``six`` (the main one first) or ``genres``."""
    items = []
    for row in _rows(data / "clips.csv"):
        names = [name for name in row[labels].split("|") if name]
        if labels == "six" and row["primary"] in names:
            names = [row["primary"], *(n for n in names if n != row["primary"])]
        if labels == "genres":
            names = [name for name in names if name in IMDB_GENRES]
        items.append(
            Item(
                path=str(data / "clips" / row["file"]),
                labels=tuple(names),
                film=row["film"],
                split=row["split"],
                measured=row["certainty"] == "clear",
            )
        )
    return items


def poster_genres(data: Path) -> tuple[str, ...]:
    """All 25 genres of the posters; ``N/A`` is none."""
    rows = _rows(data / "posters" / "posters.csv")
    return tuple(sorted({n for row in rows for n in row["genres"].split("|")} - {"", "N/A"}))


def folds_of(data: Path) -> list[int]:
    """The fold of each of `clip_items`."""
    return [int(row["fold"]) for row in _rows(data / "clips.csv")]


def poster_items(data: Path, genres: Collection[str] = IMDB_GENRES) -> list[Item]:
    """The posters, each a film of one frame, with those of their labels that are wanted."""
    return [
        Item(
            path=str(data / "posters" / "images" / f"{row['id']}.jpg"),
            labels=tuple(name for name in row["genres"].split("|") if name in genres),
            film=row["id"],
            split=row["split"],
        )
        for row in _rows(data / "posters" / "posters.csv")
    ]
