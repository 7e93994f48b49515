"""An index of embeddings beside a journal: 100,000 films are at hand without reading it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ..models.embedding import EmbeddingSpace
from ..output.atomic import write_atomic

_KEY = 64  # bytes of a key at most


def index_beside(journal: Path) -> Path:
    """The index of a journal's films."""
    return journal.with_name(journal.name + ".index")


class Index:
    """Embeddings by the keys that a journal keeps films under.

    What cannot be read, or was made in another space, is as good as none: it is made anew out of
    the journal.

    Parameters
    ----------
    path : Path
    space : EmbeddingSpace
    """

    def __init__(self, path: Path, space: EmbeddingSpace) -> None:
        self.path, self._space = path, space
        self._rows: dict[bytes, int] = {}
        self._vectors = np.zeros((0, space.size), np.float16)
        with contextlib.suppress(OSError, SafetensorError, KeyError, ValueError):
            arrays = load_file(path)
            if bytes(arrays["space"]).decode() != space.digest:
                return
            keys, vectors = arrays["keys"], arrays["vectors"]
            if keys.shape != (len(vectors), _KEY) or vectors.shape[1:] != (space.size,):
                return
            names = np.ascontiguousarray(keys).view(f"S{_KEY}")[:, 0]
            self._rows = {name: row for row, name in enumerate(names.tolist())}
            self._vectors = vectors

    def __contains__(self, key: str) -> bool:
        return key.encode() in self._rows

    def vectors(self, keys: Sequence[str]) -> np.ndarray:
        """The embeddings of films that are in it: float16, shape (n, size)."""
        return self._vectors[[self._rows[key.encode()] for key in keys]]

    def write(self, keys: Sequence[str], vectors: np.ndarray) -> None:
        """Keep these embeddings, and no others.

        Parameters
        ----------
        keys : sequence of str
        vectors : ndarray of float16, shape (n, size)

        Notes
        -----
        Where it cannot be written nothing is raised: it only saves time.
        """
        names = np.array([key.encode() for key in keys], f"S{_KEY}")
        arrays: dict[str, np.ndarray] = {
            "space": np.frombuffer(self._space.digest.encode(), np.uint8),
            "keys": names.view(np.uint8).reshape(len(names), _KEY),
            "vectors": np.ascontiguousarray(vectors, np.float16),
        }
        with contextlib.suppress(OSError):
            write_atomic(self.path, save(arrays))
