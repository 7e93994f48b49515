"""Files that are there whole or not at all, whenever the writer is stopped."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def atomic(path: str | os.PathLike[str], mode: str = "wb", **how: Any) -> Iterator[IO[Any]]:
    """Open a temporary file that takes the place of `path` when the context ends well.

    A symbolic link stays: the file that it names is replaced. Mode and owner of the file that
    is replaced are kept, as far as the process may set them.

    Parameters
    ----------
    path : path
    mode : {"wb", "w"}
    **how
        For `open`, such as ``encoding``.

    Yields
    ------
    file object

    Raises
    ------
    OSError
        If the file cannot be written; `path` is then as it was.
    """
    target = Path(os.path.realpath(path))
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
    try:
        with open(descriptor, mode, **how) as file:
            _take_after(descriptor, target)
            yield file
            file.flush()
            os.fsync(descriptor)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write a whole file at once; text is encoded as UTF-8. See `atomic`."""
    with atomic(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def _take_after(descriptor: int, target: Path) -> None:
    """Give a new file the mode and owner of the one it replaces, else those of any new file."""
    try:
        before = os.stat(target)
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(descriptor, 0o666 & ~umask)
        return
    with contextlib.suppress(OSError):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, before.st_mode & 0o7777)
