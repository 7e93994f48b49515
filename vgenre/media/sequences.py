"""Frames that were extracted already: numbered pictures, named as FFmpeg names them.

``clip/frame_%06d.jpg`` stands for all files of this form in ``clip/``, in the order of
their numbers. Nothing says how fast they follow one another; four a second are
assumed, as `vgenre.output.extract` writes them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from ..errors import MediaError

_PATTERN = re.compile(r"%0?\d*d")


def is_sequence(path: str) -> bool:
    """Whether a path names numbered pictures, and is no file itself."""
    return bool(_PATTERN.search(os.path.basename(path))) and not os.path.lexists(path)


def sequence_files(path: str) -> list[str]:
    """The pictures of a sequence in order.

    Raises
    ------
    MediaError
        If there are none.
    """
    folder, name = os.path.split(path)
    before, behind = _PATTERN.split(name, maxsplit=1)
    number = re.compile(re.escape(before) + r"(\d+)" + re.escape(behind))
    try:
        entries = os.listdir(folder or ".")
    except OSError as error:
        raise MediaError(path, error.strerror or str(error)) from None
    found = sorted((int(m[1]), entry) for entry in entries if (m := number.fullmatch(entry)))
    if not found:
        raise MediaError(path, "there are no pictures of this name")
    return [os.path.join(folder, entry) for _, entry in found]


def pattern_of(files: Iterable[str]) -> str | None:
    """The pattern that names all of some files, of one folder; None where they are no sequence.

    Examples
    --------
    >>> pattern_of(["a/frame_01.jpg", "a/frame_02.jpg"])
    'a/frame_%02d.jpg'
    """
    patterns, numbers = set(), []
    for file in files:
        folder, name = os.path.split(file)
        stem, suffix = os.path.splitext(name)
        digits = re.search(r"\d+$", stem)
        if not digits:
            return None
        numbers.append(int(digits[0]))
        before = stem[: digits.start()]
        patterns.add(os.path.join(folder, f"{before}%0{len(digits[0])}d{suffix}"))
    # Pictures that have nothing to do with one another are seldom numbered without a gap.
    if len(patterns) != 1 or len(numbers) < 2 or max(numbers) - min(numbers) != len(numbers) - 1:
        return None
    return patterns.pop()
