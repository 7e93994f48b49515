"""Errors that say what to install."""

from __future__ import annotations

import pickle
import sys

import pytest

from vgenre.errors import MissingExtra, VgenreError, needs

pytestmark = pytest.mark.quick


def test_a_missing_library_is_said_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    said = r"^training needs TensorFlow, which is not installed: pip install 'vgenre\[train\]'$"
    with pytest.raises(MissingExtra, match=said) as caught, needs("train", "training"):
        import tensorflow  # noqa: F401
    assert isinstance(caught.value, VgenreError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and type(again) is MissingExtra


def test_a_fault_in_vgenre_itself_is_not_taken_for_a_missing_library() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such"), needs("train", "training"):
        import vgenre.no_such  # noqa: F401
