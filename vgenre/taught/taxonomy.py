"""A taxonomy is a directory: card.json and arrays, nothing that runs. It holds taught genres.

The films that a genre was taught from are kept as embeddings, so that it can be taught again
with more or fewer of them. The arrays lie in a file of a name of its own for each state, which
the card names: a process that is killed leaves the old state or the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ..errors import DataError, ModelError
from ..models.card import ModelCard
from ..models.embedding import EmbeddingSpace
from ..models.store import file_hash
from ..output.atomic import write_atomic
from .genre import Example, Genre

TAXONOMY_CARD = "card.json"
_FORMAT = "vgenre taxonomy 1"
_MOST_GENRES = 500
_LONGEST_NAME = 60
THRESHOLD = 0.25
"""A film gets the label of a taught genre from this probability on.

Low, as a genre's films are few and its probabilities careful: in the films of
``pipelines/teach_genres.py`` more labels are right than wrong from here on.
"""


@dataclass(frozen=True)
class Taxonomy:
    """Taught genres, all of one space.

    Parameters
    ----------
    space : EmbeddingSpace
    genres : tuple of Genre
        In the order in which they were taught first.
    """

    space: EmbeddingSpace
    genres: tuple[Genre, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What the genres are called."""
        return tuple(genre.name for genre in self.genres)

    def genre(self, name: str) -> Genre | None:
        """The genre of a name, whatever its case; None where there is none."""
        return next((g for g in self.genres if g.name.casefold() == name.casefold()), None)

    def put(self, genre: Genre) -> Taxonomy:
        """It with a genre more, or another one in the place of that of the same name."""
        if self.genre(genre.name) is None:
            return replace(self, genres=(*self.genres, genre))
        same = genre.name.casefold()
        kept = tuple(genre if g.name.casefold() == same else g for g in self.genres)
        return replace(self, genres=kept)

    def without(self, name: str) -> Taxonomy:
        """It without the genre of a name."""
        kept = tuple(g for g in self.genres if g.name.casefold() != name.casefold())
        return replace(self, genres=kept)

    def probabilities(self, embedding: np.ndarray) -> dict[str, float]:
        """How probable each genre is of a film, by its name.

        Parameters
        ----------
        embedding : ndarray of float16, shape (size,)

        Returns
        -------
        dict of str to float
            Without genres of which nothing can be said, as the film lacks their streams.
        """
        found = {g.name: g.probabilities(embedding[None], self.space)[0] for g in self.genres}
        return {name: float(p) for name, p in found.items() if np.isfinite(p)}

    def check_names(self, card: ModelCard) -> None:
        """Check that no genre is called like one of a model.

        Raises
        ------
        DataError
            If one is.
        """
        own = {name.casefold(): name for name in card.labels.names}
        for name in self.names:
            if name.casefold() in own:
                raise DataError(
                    f"the taught genre {name!r} is called like one of the model {card.name}; "
                    f"teach it under another name, or use another model"
                )

    def write(self, directory: Path, model: str) -> None:
        """Write a taxonomy's directory, or a new state of it.

        Parameters
        ----------
        directory : Path
            Made where it does not exist.
        model : str
            By which the films were embedded, for those who read the card.

        Raises
        ------
        DataError
            If it cannot be written, or holds other things.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True)
            arrays = save(_arrays_of(self.genres))
            digest = hashlib.sha256(arrays).hexdigest()
            file = f"genres-{digest[:16]}.safetensors"
            write_atomic(directory / file, arrays)
            card = {
                "format": _FORMAT,
                "model": model,
                "space": self.space.digest,
                "arrays": file,
                "sha256": digest,
                "genres": [
                    {
                        "name": genre.name,
                        "separation": round(genre.separation, 4),
                        "films": [film.path for film in genre.films],
                        "others": [film.path for film in genre.others],
                    }
                    for genre in self.genres
                ],
            }
            # ASCII: a file name may hold bytes that are no text, which JSON can escape.
            write_atomic(directory / TAXONOMY_CARD, json.dumps(card, indent=1) + "\n")
            for old in directory.glob("genres-*.safetensors"):
                if old.name != file:
                    old.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f"{directory}: cannot be written: {error.strerror or error}") from None

    @classmethod
    def read(cls, directory: Path, space: EmbeddingSpace) -> Taxonomy:
        """Read a taxonomy.

        Parameters
        ----------
        directory : Path
        space : EmbeddingSpace
            Of the model that is used.

        Raises
        ------
        DataError
            If there is none, it is damaged, or it was made by a model of another space.
        """
        path = directory / TAXONOMY_CARD
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(
                f"{directory}: no taxonomy here, it has no {TAXONOMY_CARD}; vgenre teach makes one"
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{path}: cannot be read: {error}") from None
        if not isinstance(card, dict) or card.get("format") != _FORMAT:
            raise DataError(f"{path}: this is no taxonomy of this version of vgenre")
        if card.get("space") != space.digest:
            raise ModelError(
                f"{directory}: these genres were taught with another model ({card.get('model')}), "
                "or another version of it; use that one, or teach them again with this one"
            )
        damaged = f"{directory}: damaged; take it from a backup, or teach its genres again"
        try:
            file = directory / Path(str(card["arrays"])).name
            if file_hash(file) != card["sha256"]:
                raise DataError(damaged)
            genres = _genres_of(card["genres"], load_file(file), space)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{damaged} ({error})") from None
        return cls(space, genres)


def check_name(name: str) -> str:
    """A genre's name, if it can be one.

    Raises
    ------
    DataError
        If it is empty, too long, or holds what would end a cell, a folder's name or a line.
    """
    name = name.strip()
    odd = [c for c in name if c in "|/\\" or not c.isprintable()]
    if not name or name.startswith(".") or odd or len(name.encode()) > _LONGEST_NAME:
        raise DataError(
            f"{name!r} can be no genre's name: up to {_LONGEST_NAME} bytes of text without | / \\, "
            "and no dot before it"
        )
    return name


@contextlib.contextmanager
def locked(directory: Path, *, make: bool = True) -> Iterator[None]:
    """Keep other processes from changing a taxonomy.

    Parameters
    ----------
    directory : Path
    make : bool
        Whether it is made where it does not exist.

    Raises
    ------
    DataError
        If another one changes it, or it cannot be made.
    """
    try:
        if make:
            directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise DataError(f"{directory}: cannot be opened: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{directory}: another vgenre teach is changing it; wait") from None
        except OSError:  # a disk without locks; one who teaches at a time does no harm there
            pass
        yield
    finally:
        os.close(handle)
        if make:
            with contextlib.suppress(OSError):  # nothing was taught, so that none is left behind
                os.rmdir(directory)


def _arrays_of(genres: Sequence[Genre]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for i, genre in enumerate(genres):
        for kind in ("directions", "centres", "weights"):
            found[f"{i:03d}.{kind}"] = getattr(genre, kind).astype(np.float32)
        for kind in ("films", "others"):
            if examples := getattr(genre, kind):
                found[f"{i:03d}.{kind}"] = np.stack([e.embedding for e in examples])
        found[f"{i:03d}.separation"] = np.array([genre.separation], np.float32)
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def _genres_of(
    told: list[dict[str, Any]], arrays: dict[str, np.ndarray], space: EmbeddingSpace
) -> tuple[Genre, ...]:
    """The genres; ValueError or KeyError where the arrays do not fit what is told of them."""
    if len(told) > _MOST_GENRES:
        raise ValueError("too many genres")
    shapes = {
        "directions": (space.size,),
        "centres": (len(space.maps),),
        "weights": (len(space.maps),),
        "separation": (1,),
    }
    genres = []
    for i, entry in enumerate(told):
        found = {kind: arrays[f"{i:03d}.{kind}"] for kind in shapes}
        if any(found[kind].shape != shape for kind, shape in shapes.items()):
            raise ValueError("an array is of another shape")
        if any(np.isinf(array).any() for array in found.values()):
            raise ValueError("an array holds numbers that are none")
        examples = {}
        for kind in ("films", "others"):
            paths = [str(path) for path in entry[kind]]
            rows = arrays[f"{i:03d}.{kind}"] if paths else np.zeros((0, space.size), np.float16)
            if rows.shape != (len(paths), space.size):
                raise ValueError("an array is of another shape")
            examples[kind] = tuple(map(Example, paths, rows.astype(np.float16)))
        directions, centres, weights = (
            found[kind].astype(np.float32) for kind in ("directions", "centres", "weights")
        )
        name, apart = check_name(str(entry["name"])), float(found["separation"][0])
        films, others = examples["films"], examples["others"]
        genres.append(Genre(name, films, others, directions, centres, weights, apart))
    return tuple(genres)
