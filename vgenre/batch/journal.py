"""The journal of a run: every finished film's record, on disk before the next is begun.

A file of JSON lines that is only ever appended to. The first line holds the format and what
the records depend on (the settings); another such line follows where a later run had other
settings. A run that was killed leaves at worst a torn last line, which the next run cuts off.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import DataError
from .interrupts import held_back
from .keys import film_of

_FORMAT = 2  # of what is written; 1, which has no settings, is read too
_BEGINNING = b'{"vgenre journal": '
_LONGEST_HEADER = 1 << 16  # bytes

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class _Entry:
    """Where a record lies in the file, and under which settings it was made."""

    place: int
    settings: Settings | None


class _Index(dict[str, _Entry]):
    """Where records lie by their keys, the one that was written last at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[str, str] = {}  # a film's last key, see `film_of`

    def put(self, key: str, entry: _Entry) -> None:
        """Note where a record was written."""
        self.pop(key, None)
        self[key] = entry
        self.last[film_of(key)] = key


class JournalReader:
    """The records of a journal, which is not changed.

    Parameters
    ----------
    path : Path
    keep_locked : bool
        Whether no run may write it until it is closed.

    Attributes
    ----------
    path : Path
    settings : dict or None
        Of the last run that wrote it; None where it was begun by a version that kept none.

    Raises
    ------
    DataError
        If it cannot be read, is another kind of file, or a run is writing it.
    """

    def __init__(self, path: Path, *, keep_locked: bool = True) -> None:
        self.path = path
        try:
            self._file = open(path, "rb")  # noqa: SIM115
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
        try:
            _lock(self._file.fileno(), path, fcntl.LOCK_SH)
            header = self._file.readline(_LONGEST_HEADER)
            if not _is_header(header):
                raise DataError(f"{path}: this is no journal of vgenre")
            self.settings, self._entries, *_ = _read(self._file, header)
            if not keep_locked:
                with contextlib.suppress(OSError):
                    fcntl.flock(self._file, fcntl.LOCK_UN)
        except BaseException:
            self._file.close()
            raise

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Keys, each with its last record, of all that has the settings of the last run.

        In the order in which they were written.
        """
        for key, entry in self._entries.items():
            if entry.settings in (None, self.settings):
                yield key, self[key]

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __getitem__(self, key: str) -> dict[str, Any]:
        return _record_at(self._file, self._entries[key].place)

    def last_of(self, film: str) -> dict[str, Any]:
        """The last record of a film with whatever subtitles; KeyError where there is none."""
        return self[self._entries.last[film]]

    def close(self) -> None:
        """Close the file, which frees its lock."""
        self._file.close()


class Journal:
    """Records by key, in a file that this process alone may write.

    Parameters
    ----------
    path : Path
        Made where it does not exist.
    settings : dict, optional
        What the records of this run depend on, as plain values; for whoever joins journals.
    restart : bool
        Forget what the file holds.

    Raises
    ------
    DataError
        If another run writes it, it cannot be written, or it is another kind of file, which is
        left as it is.
    """

    def __init__(
        self, path: Path, settings: Settings | None = None, *, restart: bool = False
    ) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror}") from None
        self._earlier: list[JournalReader] = []
        self._unfinished: list[str] = []
        self._entries = _Index()
        self._settings = dict(settings) if settings else None
        try:
            # A lookup has a handle of its own: one handle would mix the places of both.
            self._reader = open(path, "rb")  # noqa: SIM115
            _lock(self._file, path, fcntl.LOCK_EX)
            self._begin(restart)
        except BaseException:
            self.close()
            raise

    @classmethod
    def passing(cls, settings: Settings | None = None) -> Journal:
        """A journal in a temporary file, which is gone when it is closed."""
        handle, name = tempfile.mkstemp(prefix="vgenre-", suffix=".journal")
        os.close(handle)
        try:
            return cls(Path(name), settings)
        finally:
            os.unlink(name)

    def _begin(self, restart: bool) -> None:
        header = self._reader.readline(_LONGEST_HEADER)
        torn = not header.endswith(b"\n") and (
            _BEGINNING.startswith(header) or header.startswith(_BEGINNING)
        )
        if not torn and not _is_header(header):
            raise DataError(f"{self.path}: this is no journal of vgenre; move it out of the way")
        if torn or restart:
            self._cut(0)
            self._write({"vgenre journal": _FORMAT, "settings": self._settings})
            _force_to_disk(self.path.parent)
        else:
            settings, self._entries, end, self._unfinished = _read(self._reader, header)
            self._cut(end)  # behind it is a torn line: the run before was killed while it wrote
            if self._settings and settings != self._settings:
                self._write({"settings": self._settings})
        self._reader.close()  # its buffer may hold what was cut off
        self._reader = open(self.path, "rb")  # noqa: SIM115

    @property
    def unfinished(self) -> list[str]:
        """Absolute paths of outputs that hold a part of the films: the run was stopped."""
        return self._unfinished

    def leave_unfinished(self, paths: Sequence[Path]) -> None:
        """Note which outputs hold a part of the films from now on; none: all are whole."""
        named = [os.path.abspath(path) for path in paths]
        if named != self._unfinished:
            self._write({"unfinished": named})
            self._unfinished = named

    def look_into(self, path: Path) -> None:
        """Take records that this journal has not from another one, if it is one and free."""
        with contextlib.suppress(DataError):
            self._earlier.append(JournalReader(path, keep_locked=False))

    def adopt(self, key: str) -> bool:
        """Copy a record of an earlier journal into this one, where there is such a record."""
        for earlier in self._earlier:
            with contextlib.suppress(KeyError, ValueError):  # ValueError: it was begun anew since
                self._put(key, earlier[key], sync=False)
                return True
        return False

    def last_of(self, film: str) -> dict[str, Any] | None:
        """The last record of a film, see `film_of`, here or in an earlier journal."""
        if key := self._entries.last.get(film):
            return self[key]
        for earlier in self._earlier:
            with contextlib.suppress(KeyError, ValueError):
                return earlier.last_of(film)
        return None

    def make_last(self, key: str) -> None:
        """Write a record once more where the film's last one is of other subtitles."""
        if self._entries.last[film_of(key)] != key:
            self._put(key, self[key], sync=False)

    def _cut(self, size: int) -> None:
        if os.fstat(self._file).st_size > size:
            os.ftruncate(self._file, size)

    def _write(self, entry: dict[str, Any], *, sync: bool = True) -> int:
        line = json.dumps(entry).encode() + b"\n"
        place = os.fstat(self._file).st_size
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            if sync:
                os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):  # half a line would spoil the one behind it
                self._cut(place)
            raise DataError(
                f"{self.path}: cannot be written: {error.strerror}; what is done so far is kept, "
                "the same command continues"
            ) from None
        return place

    def _put(self, key: str, record: dict[str, Any], *, sync: bool = True) -> None:
        place = self._write({"key": key, "record": record}, sync=sync)
        self._entries.put(key, _Entry(place, self._settings))

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __getitem__(self, key: str) -> dict[str, Any]:
        return _record_at(self._reader, self._entries[key].place)

    def __setitem__(self, key: str, record: dict[str, Any]) -> None:
        with held_back():
            self._put(key, record)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, which frees its lock."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        for reader in (getattr(self, "_reader", None), *self._earlier):
            if reader:
                reader.close()


def _lock(file: int, path: Path, kind: int) -> None:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(
            f"{path}: another run is writing this journal; wait for its end"
            + (", or name another output" if kind == fcntl.LOCK_EX else "")
        ) from None
    except OSError as error:
        if kind == fcntl.LOCK_EX:
            raise DataError(
                f"{path}: files cannot be locked there ({error.strerror}), so that two runs could "
                "write the journal at once; put the output on another disk"
            ) from None
        # A share that is mounted to be read alone may know no locks: nobody writes there.


def _is_header(line: bytes) -> bool:
    header = _parsed(line) if line.endswith(b"\n") else None
    return isinstance(header, dict) and header.get("vgenre journal") in range(1, _FORMAT + 1)


def _read(file: Any, header: bytes) -> tuple[Settings | None, _Index, int, list[str]]:
    """The last settings, the records, where the last whole line ends, unfinished outputs."""
    unfinished: list[str] = []
    settings: Settings | None = _parsed(header).get("settings")
    entries = _Index()
    place = len(header)
    for line in file:
        if not line.endswith(b"\n"):
            break
        entry = _parsed(line)
        if isinstance(entry, dict) and isinstance(entry.get("record"), dict):
            entries.put(str(entry.get("key")), _Entry(place, settings))
        elif isinstance(entry, dict) and isinstance(entry.get("settings"), dict):
            settings = entry["settings"]
        elif isinstance(entry, dict) and isinstance(entry.get("unfinished"), list):
            unfinished = entry["unfinished"]
        place += len(line)
    return settings, entries, place, unfinished


def _record_at(file: Any, place: int) -> dict[str, Any]:
    file.seek(place)
    return json.loads(file.readline())["record"]


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _force_to_disk(folder: Path) -> None:
    """Make a new file's name last; not all file systems can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
