"""The network that the ear is from, as the data folder has it beside its weights."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest


def data_folder() -> Path:
    """The data folder; skips the test where there is none."""
    if not (data := os.environ.get("VGENRE_DATA")):
        pytest.skip("VGENRE_DATA does not name the data folder")
    return Path(data)


def origin() -> ModuleType:
    """A module with ``mel``, the front end, and ``load``, the network with its weights."""
    file = data_folder() / "weights" / "mn04" / "mn04.py"
    spec = importlib.util.spec_from_file_location("mn04", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
