"""The examples in docstrings say what is so."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import vgenre

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(vgenre.__path__, "vgenre.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what it is"
    found = doctest.testmod(module, extraglobs={"vgenre": vgenre})
    assert found.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    examples = [
        example
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
        for example in test.examples
    ]
    assert len([e for e in examples if doctest.SKIP not in e.options]) >= 5
