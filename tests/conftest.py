"""What all tests share: no test may log an error; films that several tests read."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest
from rendered import counter, film

EXPECTED_SKIPS = ("VGENRE_DATA", "Kodi")
"""What may be missing where CI runs; a test that is skipped for anything else fails the run."""

SHARED = {"test_cluster": "ray", "test_examples": "ray"}
"""Files that cannot run beside each other, by what they share; each other file is by itself."""


ALONE = {"test_golden", "test_notebooks"}
"""Files of few long tests that share nothing: each may run beside the others."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what ``pytest -m quick`` does not run: importing it would bring TensorFlow."""
    if config.option.markexpr != "quick" or not collection_path.name.startswith("test_"):
        return None
    return True if "mark.quick" not in collection_path.read_text(encoding="utf-8") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process (``--dist loadgroup``), as they share films."""
    if config.option.markexpr == "quick":
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
    for item in items:
        name = item.path.stem
        group = item.nodeid if name in ALONE else SHARED.get(name, name)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, fail a run that skipped a test which should have been run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None or hasattr(session.config, "workerinput"):
        return
    for report in reporter.stats.get("skipped", []):
        if not any(word in str(report.longrepr) for word in EXPECTED_SKIPS):
            reporter.write_line(f"unexpected skip: {report.nodeid}: {report.longrepr}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


_CACHE = tempfile.mkdtemp(prefix="vgenre-tests-")


def pytest_configure(config: pytest.Config) -> None:
    """Let the tests, and the commands that they run, keep their journals away from the user's."""
    # A shell ignores Ctrl-C for what it runs in the background, and so would the commands that
    # tests start and interrupt.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    fonts = platformdirs.user_cache_path("matplotlib")  # a list that takes seconds to make
    os.environ.setdefault("MPLCONFIGDIR", str(fonts))
    # Actors of a Ray cluster import the test that sends them something.
    known = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), known]))
    os.environ["XDG_CACHE_HOME"] = _CACHE


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what they kept."""
    shutil.rmtree(_CACHE, ignore_errors=True)


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
