"""What all tests share: no test may log an error; films that several tests read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from rendered import counter, film


@pytest.fixture(autouse=True)
def no_logged_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that logged an ERROR; one that expects it calls ``caplog.clear()``."""
    yield
    records = caplog.get_records("setup") + caplog.get_records("call")
    errors = [r.getMessage() for r in records if r.levelno >= logging.ERROR]
    assert not errors, f"logged as errors: {errors}"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a toy model that all tests may read."""
    from toys import toy_model  # imports TensorFlow, which not every test needs

    directory = tmp_path_factory.mktemp("model") / "toy"
    toy_model(directory)
    return directory


@pytest.fixture(scope="session")
def model_with_graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy model that OpenVINO runs, loaded in a second; all tests may read it."""
    from toys import toy_model_with_graphs

    directory = tmp_path_factory.mktemp("model") / "toy"
    toy_model_with_graphs(directory)
    return directory


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for rendered films that live as long as the test run."""
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="session")
def plain_film(films: Path) -> Path:
    """12 s of moving picture at 25 fps with a tone of 440 Hz, MP4."""
    return film(films / "plain.mp4")


@pytest.fixture(scope="session")
def short_film(films: Path) -> Path:
    """3 s of moving picture at 25 fps with a tone of 440 Hz, MKV."""
    return film(films / "short.mkv", seconds=3)


@pytest.fixture(scope="session")
def counter_film(films: Path) -> Path:
    """14 s at 25 fps whose frames carry their own number; a key frame every 50."""
    return film(films / "counter.mp4", "-g", 50, seconds=14, picture=counter(), sound=None)
