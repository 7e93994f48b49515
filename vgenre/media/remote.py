"""Films that lie elsewhere: S3 and the like, or a web server, through fsspec.

Such a film is copied to a temporary file first, and FFmpeg is given that one: it never
sees a URL.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ..errors import DataError, MediaError
from .discs import main_title
from .sequences import is_sequence, sequence_files

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_CHUNK = 1 << 22  # bytes
_WEB = ("http", "https")


def is_remote(path: str) -> bool:
    """Whether a path is a URL.

    Examples
    --------
    >>> is_remote("s3://archive/film.mkv"), is_remote("C:film.mkv")
    (True, False)
    """
    return bool(_URL.match(path))


def place_of(path: str) -> str:
    """What a film is known by, from whatever folder it is asked for.

    Examples
    --------
    >>> place_of("s3://archive/film.mkv"), place_of("/films/../film.mkv")
    ('s3://archive/film.mkv', '/film.mkv')
    """
    return path if is_remote(path) else os.path.abspath(path)


def is_remote_folder(url: str) -> bool:
    """Whether a URL names a folder; on the web there are none.

    Raises
    ------
    DataError
        If fsspec, or what it needs for this kind of URL, is not installed, or the store
        cannot be reached.
    """
    if urlsplit(url).scheme.lower() in _WEB:
        return False
    with _listing(url):
        store, root = _store(url)
        return bool(store.isdir(root))


def walk_remote(url: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """The folders of a remote one, as `os.walk` gives those of this machine.

    Parameters
    ----------
    url : str

    Yields
    ------
    tuple of str, list of str, list of str
        The URL of a folder, and the names of the folders and files in it. Folders that are
        taken out of the list are not entered.

    Raises
    ------
    DataError
        If the store cannot be reached.
    """
    with _listing(url):
        store, root = _store(url)
        for folder, folders, files in store.walk(root):
            yield store.unstrip_protocol(folder.rstrip("/") or "/"), folders, files


@contextlib.contextmanager
def _listing(url: str) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # each store has its own kinds
        raise DataError(f"{url}: cannot be listed: {error}") from None


@contextlib.contextmanager
def fetched(path: str) -> Iterator[str]:
    """A film as a file of this machine: itself, or a copy for the time of the context.

    Parameters
    ----------
    path : str
        A file or a URL.

    Yields
    ------
    str

    Raises
    ------
    MediaError
        If it cannot be fetched; what is raised of the copy in the context is of the URL.
    """
    if not is_remote(path):
        yield path
        return
    with local_copy(path) as copy:
        try:
            yield copy
        except MediaError as error:
            raise type(error)(path, error.reason) from None


@contextlib.contextmanager
def local_copy(url: str) -> Iterator[str]:
    """A temporary copy of a remote film; gone with the context.

    Parameters
    ----------
    url : str

    Yields
    ------
    str
        Its path, with the suffix of the original.

    Raises
    ------
    MediaError
        If it cannot be fetched, or there is no room for it.
    """
    suffix = os.path.splitext(urlsplit(url).path)[1]
    with tempfile.TemporaryDirectory(prefix="vgenre-") as folder:
        # A name of our own: nothing in the URL becomes a part of a path.
        copy = os.path.join(folder, "film" + (suffix if suffix[1:].isalnum() else ""))
        try:
            store, path = _store(url)
            size = store.info(path).get("size")
            if size and size > shutil.disk_usage(folder).free:
                raise MediaError(
                    url, f"there is no room for its {size / 1e6:,.0f} MB in {folder}; set TMPDIR"
                )
            with store.open(path, "rb") as source, open(copy, "wb") as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
        except (MediaError, DataError):
            raise
        except FileNotFoundError:
            raise MediaError(url, "there is no such file") from None
        except Exception as error:  # each store has its own kinds
            raise MediaError(url, f"cannot be fetched: {error or type(error).__name__}") from None
        if size and os.path.getsize(copy) != size:
            raise MediaError(url, f"only {os.path.getsize(copy)} of its {size} bytes came")
        yield copy


def state_of(path: str, *, fresh: bool = False) -> list[Any]:
    """What tells whether a film has changed: its size, and its time of change or its tag.

    Parameters
    ----------
    path : str
        A file, a URL, a sequence of pictures (`vgenre.media.sequences`) or a disc.
    fresh : bool
        Whether to ask a remote store itself, and not a listing of it that was read before.

    Returns
    -------
    list
        Plain values.

    Raises
    ------
    OSError, MediaError
        If it cannot be found.
    """
    if is_remote(path):
        try:
            store, inner = _store(path, **({"use_listings_cache": False} if fresh else {}))
            known = store.info(inner)
        except (OSError, DataError):
            raise
        except Exception as error:  # each store has its own kinds
            raise MediaError(path, f"cannot be reached: {error}") from None
        marks = ("ETag", "etag", "LastModified", "Last-Modified", "mtime", "created")
        mark = next((str(known[m]) for m in marks if known.get(m)), "")
        return [known.get("size"), mark]
    files = sequence_files(path) if is_sequence(path) else main_title(path) or [path]
    stats = [os.stat(file) for file in files]
    return [sum(s.st_size for s in stats), max(s.st_mtime_ns for s in stats)]


def _store(url: str, **options: Any) -> tuple[Any, str]:
    """The file system that a URL is of, and the path in it."""
    if "::" in url:
        raise DataError(f"{url}: chained URLs are not taken")
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise DataError(
            f"{url}: films behind URLs need fsspec: pip install 'vgenre[remote]'"
        ) from None
    try:
        return url_to_fs(url, **options)
    except (ImportError, ValueError) as error:
        raise DataError(f"{url}: {error}") from None
