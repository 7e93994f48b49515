"""The errors vgenre raises on purpose.

Each message names the file or folder it is about and says what to do; the
command line prints it as it is, and a batch run stores it in the film's record.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_LIBRARIES = {
    "cv2": "OpenCV",
    "flask": "Flask",
    "keras": "Keras",
    "nncf": "NNCF",
    "openvino": "OpenVINO",
    "ray": "Ray",
    "sklearn": "scikit-learn",
    "tensorflow": "TensorFlow",
}
"""What libraries are called by those who make them, by the name that is imported."""


class VgenreError(Exception):
    """Base of every error that vgenre raises on purpose."""


class FFmpegNotFoundError(VgenreError):
    """No FFmpeg program could be found."""


class MediaError(VgenreError):
    """A media file cannot be read.

    Parameters
    ----------
    path : str, bytes or os.PathLike
        The file.
    reason : str
        What is wrong with it and, where that is known, what to do.
    """

    def __init__(self, path: str | bytes | os.PathLike[str], reason: str) -> None:
        self.path = os.fsdecode(path)
        self.reason = reason
        super().__init__(f"{self.path}: {reason}")

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self.reason)


class UnreadableFilm(MediaError):
    """A media file that will never be readable: what is wrong lies in the file itself.

    A run that finds this in its journal does not try the film again until the file changes;
    every other `MediaError` may have a passing cause, so that the next run tries again.
    """


class MediaTimeoutError(MediaError):
    """FFmpeg gave nothing for too long and was stopped."""


class DataError(VgenreError):
    """A data set, manifest or cache cannot be used."""


class ModelError(VgenreError):
    """A model cannot be found, or its directory is damaged or does not fit."""


class MissingExtra(VgenreError):
    """A library is not installed, because it belongs to an extra of vgenre.

    Parameters
    ----------
    what : str
        What the library is needed for; the message begins with it.
    library : str
        The library, by the name that is imported.
    extra : str
        The extra that brings it.
    """

    def __init__(self, what: str, library: str, extra: str) -> None:
        self.what, self.library, self.extra = what, library, extra
        super().__init__(
            f"{what} needs {_LIBRARIES.get(library, library)}, which is not installed: "
            f"pip install 'vgenre[{extra}]'"
        )

    def __reduce__(self) -> tuple:
        return type(self), (self.what, self.library, self.extra)


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Say which extra to install where an import inside of the block finds no library.

    Parameters
    ----------
    extra : str
        The extra that brings the libraries: ``"train"``, ``"ray"`` and so on.
    what : str
        What they are needed for; the message begins with it.

    Raises
    ------
    MissingExtra
        In place of a `ModuleNotFoundError`, save one for a module of vgenre itself.

    Examples
    --------
    >>> with needs("train", "training"):
    ...     import no_such_library
    Traceback (most recent call last):
    vgenre.errors.MissingExtra: training needs no_such_library, which is not installed: pip \
install 'vgenre[train]'
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "vgenre"):
            raise
        raise MissingExtra(what, library, extra) from error
