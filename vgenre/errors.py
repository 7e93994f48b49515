"""The errors vgenre raises on purpose.

Each message names the file or folder it is about and says what to do; the
command line prints it as it is, and a batch run stores it in the film's record.
"""

from __future__ import annotations

import os


class VgenreError(Exception):
    """Base of every error that vgenre raises on purpose."""


class FFmpegNotFoundError(VgenreError):
    """No FFmpeg program could be found."""


class MediaError(VgenreError):
    """A media file cannot be read.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    reason : str
        What is wrong with it and, where that is known, what to do.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        self.path = os.fspath(path)
        self.reason = reason
        super().__init__(f"{self.path}: {reason}")

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self.reason)


class MediaTimeoutError(MediaError):
    """FFmpeg gave nothing for too long and was stopped."""


class DataError(VgenreError):
    """A data set, manifest or cache cannot be used."""


class ModelError(VgenreError):
    """A model cannot be found, or its directory is damaged or does not fit."""
