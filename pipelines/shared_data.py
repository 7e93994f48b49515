"""The training data that the shipped models come from, read as vgenre's items.

The data folder has ``clips.csv`` and ``clips/`` (short clips of films with genres),
``stills.csv`` and ``stills/`` (frames of further films) and ``posters/`` (posters with IMDb
genres; ``--posters`` names a larger set of the same form). It is not part of the project: pass
the folder, or set ``VGENRE_DATA``.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import sys
import unicodedata
from collections.abc import Collection, Sequence
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


def dialogue_file(argument: str | None) -> Path:
    """The file of what is said in films, or a message and exit status 0 where there is none."""
    file = data_folder(argument) / "dialogue" / "dialogue.jsonl.xz"
    if not file.is_file():
        print(f"skipped: {file.parent} holds no {file.name}", file=sys.stderr)
        sys.exit(0)
    return file


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _rows_if_there(path: Path) -> list[dict[str, str]]:
    return _rows(path) if path.is_file() else []


def clip_items(data: Path, *, labels: str = "six") -> list[Item]:
    """The clips; `labels` is the column: ``six`` (the main one first) or ``genres``."""
    return [
        Item(
            path=str(data / "clips" / row["file"]),
            labels=_labels_of(row, labels),
            film=row["film"],
            split=row["split"],
            measured=row["certainty"] == "clear",
        )
        for row in _rows(data / "clips.csv")
    ]


def poster_genres(data: Path) -> tuple[str, ...]:
    """All 25 genres of the posters; ``N/A`` is none."""
    rows = _rows(data / "posters" / "posters.csv")
    return tuple(sorted({n for row in rows for n in row["genres"].split("|")} - {"", "N/A"}))


def folds_of(data: Path) -> list[int]:
    """The fold of each of `clip_items`."""
    return [int(row["fold"]) for row in _rows(data / "clips.csv")]


def still_folds_of(data: Path, items: Sequence[Item]) -> list[int]:
    """The fold of each of some of `still_items`."""
    folds = {row["file"]: int(row["fold"]) for row in _rows_if_there(data / "stills.csv")}
    return [folds[Path(item.path).name] for item in items]


def poster_items(
    data: Path, posters: Path | None = None, genres: Collection[str] = IMDB_GENRES
) -> list[Item]:
    """The posters, each a film of one frame, with those of their labels that are wanted.

    Posters whose title, where it is known, is that of a film with clips are left out: those
    films are to be new to whatever learns from posters.

    Parameters
    ----------
    data : Path
    posters : Path, optional
        A folder with ``posters.csv`` and ``images/``; that of `data` unless given.
    genres : collection of str
    """
    folder = posters or data / "posters"
    titles = {row["id"]: row["title"] for row in _rows_if_there(data / "posters" / "more.csv")}
    shown = {title_of(row["film"]) for row in _rows(data / "clips.csv")}
    return [
        Item(
            path=str(folder / "images" / f"{row['id']}.jpg"),
            labels=tuple(name for name in row["genres"].split("|") if name in genres),
            film=row["id"],
            split=row["split"],
        )
        for row in _rows(folder / "posters.csv")
        if row["split"] != "train" or title_of(titles.get(row["id"], "")) not in shown - {""}
    ]


def still_items(data: Path, *, labels: str = "genres", with_clips: bool = False) -> list[Item]:
    """Frames of films that there are no clips of.

    Parameters
    ----------
    data : Path
    labels : {"genres", "six"}
        The column, as for `clip_items`.
    with_clips : bool
        Whether those of films with clips are wanted too.
    """
    shown = set() if with_clips else {row["film"] for row in _rows(data / "clips.csv")}
    return [
        Item(
            path=str(data / "stills" / row["file"]),
            labels=_labels_of(row, labels),
            film=row["film"],
            split=row["split"],
            measured=row["certainty"] != "unsure",
        )
        for row in _rows_if_there(data / "stills.csv")
        if row["film"] not in shown
    ]


def _labels_of(row: dict[str, str], column: str) -> tuple[str, ...]:
    """Those in a column, the main one of the six first; of the IMDb's those we know."""
    names = [name for name in row[column].split("|") if name]
    if column == "six":
        return tuple(sorted(names, key=lambda name: name != row["primary"]))
    return tuple(name for name in names if name in IMDB_GENRES)


def title_of(film: str) -> str:
    """A film's title in plain small letters, without year or remark in brackets."""
    plain = unicodedata.normalize("NFKD", re.sub(r"\(.*", "", film))
    return " ".join(re.findall(r"[a-z0-9]+", plain.encode("ascii", "ignore").decode().lower()))
