"""The journal of a batch: every finished film's record, on disk before the next is begun.

A file of JSON lines that is only ever appended to. A run that was killed, by whatever,
leaves at worst a torn last line, which the next run cuts off.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import DataError, VgenreError
from ..media.remote import place_of, state_of

_HEADER = {"vgenre journal": 1}


def film_key(path: str, settings: str) -> str:
    """What a film's record is kept under.

    Parameters
    ----------
    path : str
    settings : str
        Identifies the model and all that its answer depends on.

    Returns
    -------
    str
        Another one when the file's size or time of change is another.
    """
    try:
        state = state_of(path)
    except (OSError, VgenreError):
        state = []
    key = json.dumps([place_of(path), state, settings])
    return hashlib.sha256(key.encode()).hexdigest()[:32]


class Journal:
    """Records by key, in a file that this process alone may write.

    Parameters
    ----------
    path : Path
    restart : bool
        Forget what the file holds.

    Raises
    ------
    DataError
        If another run writes it, it cannot be written, or it is another kind of file.
    """

    def __init__(self, path: Path, *, restart: bool = False) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "a+b")  # noqa: SIM115
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise DataError(
                f"{path}: another run is writing this journal; wait for its end, or name another "
                "output"
            ) from None
        self._places: dict[str, int] = {}
        try:
            self._read(restart)
        except BaseException:
            self._file.close()
            raise

    @classmethod
    def passing(cls) -> Journal:
        """One in a temporary file, which is gone when it is closed."""
        handle, name = tempfile.mkstemp(prefix="vgenre-", suffix=".journal")
        os.close(handle)
        try:
            return cls(Path(name))
        finally:
            os.unlink(name)

    def _read(self, restart: bool) -> None:
        self._file.seek(0)
        first = self._file.readline()
        if first and not restart and first.endswith(b"\n") and _parsed(first) != _HEADER:
            raise DataError(f"{self.path}: this is no journal of vgenre; move it out of the way")
        if restart or not first.endswith(b"\n"):
            self._file.truncate(0)
            self._write(_HEADER)
            return
        place = self._file.tell()
        for line in self._file:
            if not line.endswith(b"\n"):  # torn: the run before was killed while it wrote this
                self._file.truncate(place)
                break
            entry = _parsed(line)
            if isinstance(entry, dict) and isinstance(entry.get("record"), dict):
                self._places[str(entry.get("key"))] = place
            place += len(line)

    def _write(self, entry: dict[str, Any]) -> int:
        self._file.seek(0, os.SEEK_END)
        place = self._file.tell()
        try:
            self._file.write(json.dumps(entry).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise DataError(
                f"{self.path}: cannot be written: {error.strerror}; what is done so far is kept, "
                "the same command continues"
            ) from None
        return place

    def items(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All keys, in the order in which they came, each with its last record."""
        for key in self._places:
            yield key, self[key]

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __getitem__(self, key: str) -> dict[str, Any]:
        self._file.seek(self._places[key])
        return json.loads(self._file.readline())["record"]

    def __setitem__(self, key: str, record: dict[str, Any]) -> None:
        self._places[key] = self._write({"key": key, "record": record})

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # what could not be written has been told of
            self._file.close()


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
