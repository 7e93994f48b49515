"""Files that are written whole or not at all. It imports nothing of the package: all may use it.

The data goes to a file with a name of its own in the same folder, is forced to the disk, and
then takes the place of the old file in one step. A crash, a full disk or a second writer leaves
the old file as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_PREFIX, _SUFFIX = ".vgenre-", ".part"


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write a file in one step.

    Parameters
    ----------
    path : path
        Its folder has to exist. Where it is a symlink, the file behind it is written.
    data : bytes or str
        A string is written as UTF-8.

    Raises
    ------
    OSError
        If the file cannot be written, or `path` is a folder, a device or the like.
    """
    with atomic(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def atomic(path: str | os.PathLike[str], mode: str = "wb", **how: Any) -> Iterator[IO[Any]]:
    """Open a file that takes its name when the block ends, unless the block raises.

    Parameters
    ----------
    path : path
        As for `write_atomic`.
    mode : {"wb", "w"}
    **how
        What `open` takes beside the mode: ``encoding``, ``newline`` and so on.

    Yields
    ------
    file
        Open for writing.
    """
    with atomic_path(path) as temporary, open(temporary, mode, **how) as file:
        yield file


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A name for libraries that open files themselves; what lies there replaces `path` at the end.

    Parameters
    ----------
    path : path
        As for `write_atomic`.

    Yields
    ------
    Path
        An empty file in the same folder, with the suffix of `path`. It is removed if the block
        raises.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        code = errno.EISDIR if target.is_dir() else errno.EINVAL
        raise OSError(code, "this is a folder" if target.is_dir() else "this is no plain file")
    # Short, as the target's name may be as long as names can be; hidden, as folders of films are
    # searched by people and programs.
    temporary = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}{target.suffix[:32]}")
    # Not tempfile.mkstemp: it makes files that only their owner may read.
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    mode = stat.S_IMODE(os.stat(temporary).st_mode)
    try:
        yield temporary
        with contextlib.suppress(OSError):  # file systems without modes
            os.chmod(temporary, mode)  # some libraries put a file of their own there: safetensors
        replace_with(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def replace_with(temporary: Path, path: str | os.PathLike[str]) -> None:
    """Put a finished file in the place of another one, which may not exist.

    Parameters
    ----------
    temporary : Path
        On the same file system as `path`; it is forced to the disk first.
    path : path
        If a file is there, its mode, owner, group, attributes and access lists stay, as far as
        this user may set them. Where it is a symlink, the file behind it is replaced.
    """
    target = os.path.realpath(path)
    with contextlib.suppress(FileNotFoundError):
        _make_alike(temporary, target)
    _force_to_disk(temporary)
    os.replace(temporary, target)
    with contextlib.suppress(OSError):  # some network file systems open no folders
        _force_to_disk(os.path.dirname(target))


def _make_alike(new: Path, old: str) -> None:
    was, now = os.stat(old), os.stat(new)
    with contextlib.suppress(OSError):  # only root gives files away
        if was.st_uid != now.st_uid:
            os.chown(new, was.st_uid, -1)
    with contextlib.suppress(OSError):
        if was.st_gid != now.st_gid:
            os.chown(new, -1, was.st_gid)
    with contextlib.suppress(OSError):  # file systems without modes
        shutil.copystat(old, new)
        os.chmod(new, stat.S_IMODE(was.st_mode))
    os.utime(new)  # copystat took the old file's time


def _force_to_disk(path: str | os.PathLike[str]) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
