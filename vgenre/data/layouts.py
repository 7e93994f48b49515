"""Data sets in the layouts that other projects keep them in; `load_items` knows them by sight."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..media.sequences import pattern_of
from ..media.types import VIDEO_SUFFIXES
from .folders import frames_in
from .items import Item

_FRAME = re.compile(r"(.+)[-_]\d+\.(?:jpe?g|png)", re.IGNORECASE)
_HELD_OUT = 10  # one film in so many validates, where a data set has no part for that


@dataclass(frozen=True)
class Layout:
    """One way to keep a data set.

    Parameters
    ----------
    name : str
    recognises : callable
        Says of a path whether it is a data set of this kind.
    read : callable
        Its items.
    """

    name: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path], list[Item]]


# --- UCF-101 --------------------------------------------------------------------------------


def _ucf_lists(root: Path) -> Path | None:
    for folder in (root, root / "ucfTrainTestlist", root.parent / "ucfTrainTestlist"):
        if (folder / "classInd.txt").is_file():
            return folder
    return None


def read_ucf101(root: Path, *, number: int = 1, seed: int = 0) -> list[Item]:
    """UCF-101 (Soomro et al., 2012) by one of its official splits.

    The clips of a group are cut from one video, so a group is never divided;
    every tenth one of the training part validates.

    Parameters
    ----------
    root : Path
        Holds ``ucfTrainTestlist/`` (``classInd.txt``, ``trainlist01.txt``, ...) and
        the folders of the classes, themselves or in ``UCF-101/``.
    number : int
        Which of the three splits.
    seed : int

    Returns
    -------
    list of Item

    Raises
    ------
    DataError
        If a list is missing or a line of it is wrong.
    """
    lists = _ucf_lists(root)
    if lists is None:
        raise DataError(f"{root}: holds no ucfTrainTestlist/classInd.txt")
    classes = {name for _, name in _fields(lists / "classInd.txt", 2)}
    videos = root / "UCF-101" if (root / "UCF-101").is_dir() else root
    items, finder = [], _Finder()
    for split in ("train", "test"):
        for line in _fields(lists / f"{split}list{number:02d}.txt", 1):
            label, _, name = line[0].partition("/")
            if label not in classes:
                raise DataError(f"{lists / f'{split}list{number:02d}.txt'}: no class {label!r}")
            items.append(
                Item(finder.media(videos / label / name), (label,), _group(Path(name).stem), split)
            )
    return _with_validation(items, seed)


def _fields(path: Path, least: int) -> list[list[str]]:
    """The lines of a list, by words; empty ones left out."""
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    for i, line in enumerate(lines, 1):
        if line and len(line) < least:
            raise DataError(f"{path}, line {i}: {least} words were expected")
    return [line for line in lines if line]


def _group(stem: str) -> str:
    """The video that a clip is from: of v_Archery_g08_c01 it is v_Archery_g08."""
    return re.sub(r"_c\d+$", "", stem) if re.search(r"_g\d+_c\d+$", stem) else stem


class _Finder:
    """Finds the videos of a data set, or their frames; each folder is listed once."""

    def __init__(self) -> None:
        self._beside: dict[Path, dict[str, list[str]]] = {}

    def media(self, path: Path) -> str:
        """A video, or the frames extracted from it into a folder of its name or beside it."""
        if path.exists():
            return str(path)
        folder = path.with_suffix("")
        if folder.is_dir() and (found := frames_in(folder)):
            return found
        # Where there is nothing, reading it will say so.
        return pattern_of(self._frames_beside(path.parent).get(path.stem, [])) or str(path)

    def _frames_beside(self, folder: Path) -> dict[str, list[str]]:
        """The numbered pictures of a folder, by the name of their video."""
        if folder not in self._beside:
            found = self._beside.setdefault(folder, {})
            for entry in folder.iterdir() if folder.is_dir() else ():
                if named := _FRAME.fullmatch(entry.name):
                    found.setdefault(named[1], []).append(str(entry))
        return self._beside[folder]


def _with_validation(items: Sequence[Item], seed: int) -> list[Item]:
    """Every tenth film of the training part of each label validates instead."""
    films: dict[tuple[str, ...], dict[str, None]] = {}
    for item in items:
        if item.split == "train":
            films.setdefault(item.labels, {})[item.film] = None
    rng = np.random.default_rng(seed)
    held: set[str] = set()
    for names in films.values():
        known = sorted(names)
        if len(known) > 1:
            wanted = max(1, round(len(known) / _HELD_OUT))
            held |= {known[i] for i in rng.permutation(len(known))[:wanted]}
    tested = {item.film for item in items if item.split == "test"}
    if both := tested & {item.film for item in items if item.split == "train"}:
        raise DataError(f"film {sorted(both)[0]!r} is to be learnt from and tested on")
    return [replace(i, split="val") if i.film in held else i for i in items]


# --- Moments in Time ------------------------------------------------------------------------


def read_moments(root: Path, *, seed: int = 0) -> list[Item]:
    """Moments in Time (Monfort et al., 2019): ``trainingSet.csv`` and ``validationSet.csv``.

    Their lines are ``label/file.mp4,label,votes for,votes against``; the videos lie in
    ``training/`` and ``validation/``. Its validation part is what others report on, so
    it is the test part here, and every tenth video to learn from validates.

    Parameters
    ----------
    root : Path
    seed : int

    Returns
    -------
    list of Item
    """
    items, finder = [], _Finder()
    for file, folder, split in (
        ("trainingSet.csv", "training", "train"),
        ("validationSet.csv", "validation", "test"),
    ):
        for row in _rows(root / file, 2):
            path = root / folder / row[0]
            items.append(Item(finder.media(path), (row[1],), f"{folder}/{row[0]}", split))
    return _with_validation(items, seed)


def _rows(path: Path, least: int) -> list[list[str]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    for i, row in enumerate(rows, 1):
        if len(row) < least:
            raise DataError(f"{path}, line {i}: {least} columns were expected, not {len(row)}")
    return rows


# --- data_file.csv --------------------------------------------------------------------------


def read_data_file(path: Path, *, seed: int = 0) -> list[Item]:
    """``data_file.csv`` of lines ``train|test,class,name,frames``, beside ``train/`` and ``test/``.

    A video is ``train/class/name.avi``, or its frames are ``train/class/name-0001.jpg`` and
    on.

    Parameters
    ----------
    path : Path
        The file, or its folder.
    seed : int

    Returns
    -------
    list of Item
    """
    file = path / "data_file.csv" if path.is_dir() else path
    items, finder = [], _Finder()
    for row in _rows(file, 4):
        split, label, name = row[:3]
        if split not in ("train", "test"):
            raise DataError(f"{file}: {split!r} is neither train nor test")
        folder = file.parent / split / label
        videos = (folder / f"{name}{suffix}" for suffix in sorted(VIDEO_SUFFIXES))
        video = next((v for v in videos if v.exists()), folder / f"{name}.avi")
        items.append(Item(finder.media(video), (label,), _group(name), split))
    return _with_validation(items, seed)


def _is_data_file(path: Path) -> bool:
    return (path / "data_file.csv").is_file() or path.name == "data_file.csv"


# --- posters --------------------------------------------------------------------------------


def read_posters(path: Path) -> list[Item]:
    """A CSV of posters with a column for each genre: ``Id,Genre,Action,Adventure,...``.

    The pictures are ``Images/<Id>.jpg`` beside it. ``N/A`` is no genre.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of Item
    """
    header, *rows = _rows(path, 3)
    items = []
    for i, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {i}: {len(header)} columns were expected, not {len(row)}"
            )
        cells = zip(header[2:], row[2:], strict=True)
        names = tuple(name for name, cell in cells if cell.strip() == "1" and name != "N/A")
        items.append(Item(str(path.parent / "Images" / f"{row[0]}.jpg"), names, row[0]))
    return items


def _is_poster_file(path: Path) -> bool:
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return file.readline().lower().startswith("id,genre,")


LAYOUTS: Sequence[Layout] = (
    Layout("UCF-101", lambda path: path.is_dir() and _ucf_lists(path) is not None, read_ucf101),
    Layout(
        "Moments in Time",
        lambda path: (path / "trainingSet.csv").is_file(),
        read_moments,
    ),
    Layout("data_file.csv", _is_data_file, read_data_file),
    Layout("posters", _is_poster_file, read_posters),
)
"""The layouts that are known, in the order in which they are tried."""


def known_layout(path: Path, layouts: Iterable[Layout] = LAYOUTS) -> Layout | None:
    """The layout that a data set is kept in; None for folders of genres and manifests."""
    return next((layout for layout in layouts if layout.recognises(path)), None)
