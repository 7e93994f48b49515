"""The notebooks run from top to bottom, and are stored without their outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from rendered import film

PICTURES = {
    "build_models": 5,
    "explore_dialogue": 4,
    "explore_spectrograms": 10,
    "label_films": 4,
    "map_your_films": 2,
    "train_your_own": 1,
}
NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(PICTURES)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stripped(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None


def test_labelling_a_folder_of_the_user_leaves_it_as_it_was(tmp_path: Path) -> None:
    library = tmp_path / "library"
    for title in ("A first film (1979)", "Broken"):
        (library / title).mkdir(parents=True)
        (library / title / "movie.nfo").write_text("<movie/>")
        film(library / title / f"{title}.mp4", seconds=12, rate=12)
    # A real film of the name that the notebook gives to what it breaks, and one that is broken.
    film(library / "broken.mp4", seconds=3, rate=12)
    (library / "A first film (1979)" / "A bad copy.mkv").write_bytes(b"no film")
    before = {path: path.read_bytes() for path in library.rglob("*") if path.is_file()}
    source = Path(__file__).parent.parent / "notebooks" / "label_films.ipynb"
    notebook = nbformat.read(source, as_version=4)
    notebook.cells[1].source = f"FOLDER = {str(library)!r}"
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources=resources).execute()
    after = {path: path.read_bytes() for path in library.rglob("*") if path.is_file()}
    assert after == before
    said = "".join(out.get("text", "") for out in notebook.cells[16].outputs)
    assert said.count("error") >= 2 and said.count("ok  ") == 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources=resources).execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == PICTURES[path.stem]
