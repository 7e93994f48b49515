"""Arrays that grow on disk and are read from there: a data set need not fit into memory."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from .stages import put_in_place


class GrowingArray:
    """Writes a ``.npy`` file row by row; it gets its name when the context ends well.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._file = open(self._part, "wb")  # noqa: SIM115
        self._rows, self._like = 0, np.zeros(0)

    def append(self, rows: np.ndarray) -> None:
        """Write rows behind those that are there; all have the same shape and type."""
        if not self._rows:
            self._like = rows[:0]
            self._write_header()
        self._file.write(np.ascontiguousarray(rows).data)
        self._rows += len(rows)

    def _write_header(self) -> None:
        # NumPy leaves room in the header for the first axis to grow.
        shape = (self._rows, *self._like.shape[1:])
        header = {
            "descr": np.lib.format.dtype_to_descr(self._like.dtype),
            "fortran_order": False,
            "shape": shape,
        }
        np.lib.format.write_array_header_1_0(self._file, header)

    def __enter__(self) -> GrowingArray:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._file.seek(0)
            self._write_header()
        self._file.close()
        if kind is None:
            put_in_place(self._part, self._path)
        else:
            self._part.unlink(missing_ok=True)


class Rows:
    """Some rows of an array, read when they are asked for: neither copied nor held twice.

    Parameters
    ----------
    source : ndarray or Rows
    rows : ndarray of int, shape (n,)
    """

    def __init__(self, source: np.ndarray | Rows, rows: np.ndarray) -> None:
        self.source: np.ndarray = source.source if isinstance(source, Rows) else source
        self.rows: np.ndarray = source.rows[rows] if isinstance(source, Rows) else rows
        self.shape = (len(self.rows), *self.source.shape[1:])
        self.dtype = self.source.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> np.ndarray:
        if isinstance(key, tuple):
            index = (self.rows[key[0]], *key[1:])
            return np.asarray(self.source[index])
        return np.asarray(self.source[self.rows[key]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.source[self.rows], dtype)
