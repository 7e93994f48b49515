"""A data set by its path, in whatever form it is kept."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from ..errors import DataError
from .folders import read_genre_folders
from .items import Item
from .manifest import read_manifest


def load_items(data: str | os.PathLike[str]) -> list[Item]:
    """Read a data set.

    Parameters
    ----------
    data : path
        A folder with a folder per genre, each file a film of its own, copies
        in several folders (same name and size) a film of several genres; or a CSV
        manifest with the columns ``path`` (relative to the manifest, absolute, or a URL)
        and ``labels`` (``|`` between them) and optionally ``film``, ``split``,
        ``measured`` (0 to keep a file out of all measuring) and ``known`` (the
        labels of which the source can tell, empty for all). A folder of numbered
        pictures in a genre's folder is the frames of one film. The layouts of
        `vgenre.data.layouts` (UCF-101 and others) are recognised.

    Returns
    -------
    list of Item

    Raises
    ------
    DataError
        If there is no such data set, or a line of the manifest is wrong.
    """
    from .layouts import known_layout

    root = Path(data)
    if layout := known_layout(root):
        return layout.read(root)
    if root.is_dir():
        return read_genre_folders(root)
    if root.is_file():
        try:
            return read_manifest(root)
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{root}: this is no CSV text in UTF-8 ({error})") from None
    raise DataError(f"{root}: there is no such folder or manifest")
