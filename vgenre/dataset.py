"""Data sets: which films there are, their genres, and which are held out."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .errors import DataError
from .media import FRAME_SIZE, MEDIA_SUFFIXES, iter_clips
from .remote import find_remote, is_remote

SPLITS = ("train", "val", "test")
SEPARATOR = "|"  # between the labels of one film


@dataclass(frozen=True)
class Item:
    """One media file of a data set.

    Parameters
    ----------
    path : str
    labels : tuple of str
        Its genres, the main one first; empty for none of the label set.
    film : str
        The film it is from. Files of one film always share a split.
    split : {"train", "val", "test"} or None
    measured : bool
        False for a file to train on but not to measure on, as its label is unsure.
    known : tuple of str or None
        The labels of which its source can tell; the others are left out of the
        loss and of the figures. None: all.
    """

    path: str
    labels: tuple[str, ...]
    film: str
    split: str | None = None
    measured: bool = True
    known: tuple[str, ...] | None = None


def find_media(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Media files among files and folders, folders searched recursively.

    Parameters
    ----------
    paths : iterable of path
        A file, or a URL, is taken whatever its name; in a folder those with a suffix of
        a film, sound or picture are. Hidden files are passed over.

    Returns
    -------
    list of str
        In the order given, folders sorted; each file once.
    """
    found: dict[str, None] = {}
    for path in (os.fspath(p) for p in paths):
        if is_remote(path):
            found.update(dict.fromkeys(find_remote(path, MEDIA_SUFFIXES)))
            continue
        if not os.path.isdir(path):
            found[path] = None
            continue
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            for name in sorted(files):
                if os.path.splitext(name)[1].lower() in MEDIA_SUFFIXES and name[0] != ".":
                    found[os.path.join(folder, name)] = None
    return list(found)


def load_items(data: str | os.PathLike[str]) -> list[Item]:
    """Read a data set.

    Parameters
    ----------
    data : path
        A folder with a folder per genre, each file a film of its own, copies
        in several folders (same name and size) a film of several genres; or a CSV
        manifest with the columns ``path`` (relative to the manifest) and
        ``labels`` (``|`` between them) and optionally ``film``, ``split``,
        ``measured`` (0 to keep a file out of all measuring) and ``known`` (the
        labels of which the source can tell, empty for all). A folder of numbered
        pictures in a genre's folder is the frames of one film. The layouts of
        `vgenre.layouts` (UCF-101 and others) are recognised.

    Returns
    -------
    list of Item

    Raises
    ------
    DataError
        If there is no such data set, or a line of the manifest is wrong.
    """
    from .layouts import known_layout

    root = Path(data)
    if layout := known_layout(root):
        return layout.read(root)
    if root.is_dir():
        return _scan_genre_folders(root)
    if root.is_file():
        try:
            return _read_manifest(root)
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{root}: this is no CSV text in UTF-8 ({error})") from None
    raise DataError(f"{root}: there is no such folder or manifest")


def _scan_genre_folders(root: Path) -> list[Item]:
    # A film that lies in the folders of two genres is one film with two labels: as two films, it
    # could be learnt from in one and measured on in the other.
    from .layouts import films_in

    found: dict[tuple[str, int], Item] = {}
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        for path in films_in(folder):
            try:
                key = (os.path.basename(path), os.path.getsize(path))
            except OSError:  # a link to nowhere; reading it will say so
                key = (path, 0)
            if key in found:
                known = found[key]
                found[key] = replace(known, labels=(*known.labels, folder.name))
            else:
                film = os.path.relpath(path, root)
                found[key] = Item(path, (folder.name,), film)
    if not found:
        raise DataError(
            f"{root}: no films found; it should hold a folder per genre with films in them"
        )
    return list(found.values())


def _read_manifest(path: Path) -> list[Item]:
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


def limit_labels(items: Sequence[Item], wanted: int) -> list[Item]:
    """The items of the first labels by name, for a quick try on a large data set.

    Parameters
    ----------
    items : sequence of Item
    wanted : int
        How many labels.

    Returns
    -------
    list of Item
        Those with any of these labels, without their other ones.
    """
    kept = sorted({name for item in items for name in item.labels})[:wanted]
    left = (replace(i, labels=tuple(n for n in i.labels if n in kept)) for i in items)
    return [item for item in left if item.labels]


def split_by_film(items: Sequence[Item], *, seed: int = 0) -> list[Item]:
    """Split a data set 80/10/10 by film, unless it says how it is split.

    Genres are spread over the three parts as evenly as whole films allow.

    Parameters
    ----------
    items : sequence of Item
    seed : int

    Returns
    -------
    list of Item
        The same, each with a split.

    Raises
    ------
    DataError
        If only some have a split, a film is in two parts, or there are fewer
        than three films.
    """
    films: dict[str, str | None] = {}
    for item in items:
        if films.setdefault(item.film, item.split) != item.split:
            raise DataError(
                f"film {item.film!r} is in two splits ({films[item.film]}, {item.split}); clips of "
                "one film on both sides make any score look good"
            )
    if all(films.values()):
        return list(items)
    if any(films.values()):
        raise DataError("some films have a split and some have none; give it to all or to none")
    if len(films) < 3:
        raise DataError(f"{len(films)} film(s) cannot be split in three; at least 3 are needed")

    by_genre: dict[str, list[str]] = {}
    for item in {i.film: i for i in items}.values():
        by_genre.setdefault(item.labels[0] if item.labels else "", []).append(item.film)
    rng = np.random.default_rng(seed)
    queue: list[str] = []
    for genre in sorted(by_genre):
        names = sorted(by_genre[genre])
        rng.shuffle(names)
        # Every tenth film is for validation and the one five further for the test, so that each
        # genre with two films or more is held out somewhere.
        queue += names
    split = dict.fromkeys(queue, "train")
    n_held_out = max(1, round(len(queue) / 10))
    spread = np.linspace(0, len(queue), 2 * n_held_out, endpoint=False).astype(int)
    for position, index in enumerate(spread):
        split[queue[index]] = ("val", "test")[position % 2]
    return [replace(item, split=split[item.film]) for item in items]


def film_weights(items: Sequence[Item]) -> np.ndarray:
    """Weights that give each genre, and in it each film, the same say.

    Returns
    -------
    ndarray of float64, shape (n_items,)
        With mean 1.
    """
    genre = {item.film: item.labels[0] if item.labels else "" for item in items}
    films_of_genre = Counter(genre.values())
    items_of_film = Counter(item.film for item in items)
    weights = np.array(
        [1 / (films_of_genre[genre[i.film]] * items_of_film[i.film]) for i in items], np.float64
    )
    return weights / weights.mean()


def shared_weights(items: Sequence[Item]) -> np.ndarray:
    """Weights for films of several genres each, none of them the main one.

    A genre has a say as large as the square root of its number of films (Mahajan
    et al., *Exploring the Limits of Weakly Supervised Pretraining*, 2018), so that
    rare genres are learnt and yet one lone film of a genre is not drawn all the time.

    Returns
    -------
    ndarray of float64, shape (n_items,)
        With mean 1.
    """
    labels = {item.film: item.labels or ("",) for item in items}
    films_of = Counter(name for names in labels.values() for name in names)
    items_of_film = Counter(item.film for item in items)
    say = {film: np.mean([films_of[n] ** -0.5 for n in names]) for film, names in labels.items()}
    weights = np.array([say[item.film] / items_of_film[item.film] for item in items], np.float64)
    return weights / weights.mean()


def decode_frames(
    items: Sequence[Item], file: str | Path, *, every: int = 2, workers: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """All frames of a data set in one file, for training on single frames.

    Done once: where `file` is complete it is opened as it is.

    Parameters
    ----------
    items : sequence of Item
    file : path
        Raw frames; beside it, with ``.owners.npy``, whose they are.
    every : int
        Of the four frames a second each `every`-th is taken.
    workers : int
        Files decoded at once.

    Returns
    -------
    frames : memory map of uint8, shape (n, 299, 299, 3)
    owners : ndarray of int, shape (n,)
        Index into `items`.
    """
    file = Path(file)
    index = file.with_suffix(".owners.npy")
    if not index.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        owners: list[int] = []

        def frames_of(item: Item) -> np.ndarray:
            clips = iter_clips(item.path)
            return np.concatenate([clip.frames[: clip.frame_count : every] for clip in clips])

        with ThreadPoolExecutor(workers) as pool, open(file, "wb") as sink:
            for begin in range(0, len(items), 64):  # a few at a time: results wait in memory
                batch = items[begin : begin + 64]
                for i, frames in enumerate(pool.map(frames_of, batch), begin):
                    frames.tofile(sink)
                    owners += [i] * len(frames)
        np.save(index, np.array(owners))
    frames = np.memmap(file, np.uint8, "r").reshape(-1, FRAME_SIZE, FRAME_SIZE, 3)
    return frames, np.load(index)
