"""Folders of files for the tests of what is found in them."""

from __future__ import annotations

import os
from pathlib import Path

from vgenre.media.find import Found


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def below(root: Path, found: Found | list[str]) -> list[str]:
    return [os.path.relpath(path, root) for path in found]
