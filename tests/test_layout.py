"""The house keeps its order: rooms of some size, one direction of imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

PACKAGE = Path(__file__).parent.parent / "vgenre"
MOST_IN_ROOT, LONGEST = 8, 350


def modules() -> dict[str, Path]:
    """All modules of the package by their dotted names."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The package's modules that a module imports, inside functions and for types too."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        if not isinstance(node, ast.ImportFrom):
            continue
        base = package[: len(package) - node.level + 1] if node.level else []
        source = ".".join([*base, *((node.module or "").split(".") if node.module else [])])
        for alias in node.names:
            inner = f"{source}.{alias.name}"
            if inner in known:
                yield inner
            elif source in known:
                yield source


def test_no_modules_import_each_other() -> None:
    known = modules()
    graph = {name: set(imported(name, path, known)) - {name} for name, path in known.items()}
    # What imports nothing that is left, or is imported by nothing that is left, is in no circle.
    while free := [
        name
        for name, needs in graph.items()
        if not needs & graph.keys() or not any(name in others for others in graph.values())
    ]:
        for name in free:
            del graph[name]
    circles = {name: sorted(needs & graph.keys()) for name, needs in graph.items()}
    assert not circles, f"these import one another: {circles}"


def test_rooms_are_small() -> None:
    root = sorted(path.name for path in PACKAGE.glob("*.py"))
    assert len(root) <= MOST_IN_ROOT, root
    lengths = {
        name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules().items()
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}


def test_each_room_says_what_it_needs_installed() -> None:
    for path in PACKAGE.glob("*/__init__.py"):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert "need" in doc.lower(), (
            f"{path.parent.name} does not say what must be installed for it"
        )
