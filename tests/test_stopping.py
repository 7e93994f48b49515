"""Runs that are stopped, started twice, or given another output later: nothing is lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rendered import film
from toys import toy_model_with_graphs, without_times

import vgenre
from vgenre.batch.interrupts import Terminated, ended_by_signals, held_back

SOURCE = str(Path(__file__).parent.parent)
FILMS = 5


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy that OpenVINO runs, as TensorFlow takes seconds to start."""
    directory = tmp_path_factory.mktemp("stopping") / "toy"
    toy_model_with_graphs(directory)
    return directory


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with films, each with an NFO, and a slow FFmpeg."""
    (tmp_path / "films").mkdir()
    for i in range(FILMS):
        film(tmp_path / "films" / f"{i}.mp4", seconds=1)
        (tmp_path / "films" / f"{i}.nfo").write_text("<movie><title>x</title></movie>")
    slow = tmp_path / "ffmpeg"  # so that the run does not end before it is stopped
    slow.write_text(f'#!/bin/sh\nsleep 0.4\nexec "{vgenre.media.find_ffmpeg()}" "$@"\n')
    slow.chmod(0o755)
    return tmp_path


def start(place: Path, model: Path, *options: str | Path, slow: bool = True, **more: str):  # type: ignore[no-untyped-def]
    """``vgenre label`` over the films, with a cache of its own."""
    environment = os.environ | {"PYTHONPATH": SOURCE, "XDG_CACHE_HOME": str(place / "cache")}
    if slow:
        environment["VGENRE_FFMPEG"] = str(place / "ffmpeg")
    command = [sys.executable, "-m", "vgenre", "label", "films", "--model", str(model)]
    return subprocess.Popen(
        [*command, *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=place,
        env=environment | more,
        start_new_session=True,
    )


def label(place: Path, model: Path, *options: str | Path, **more: str) -> tuple[int, str]:
    """The exit status and the summary of a whole run."""
    run = start(place, model, *options, slow=False, **more)
    _, said = run.communicate(timeout=120)
    return run.returncode, said


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def journals(place: Path) -> list[Path]:
    return [p for p in place.rglob("*.journal") if not p.is_symlink()]


def finished(place: Path) -> int:
    """How many films the journal knows."""
    return sum(path.read_bytes().count(b'"record"') for path in journals(place))


def with_genre(place: Path) -> int:
    return sum("<genre>" in path.read_text() for path in (place / "films").glob("*.nfo"))


def links(place: Path) -> int:
    return len([path for path in (place / "GENRES").glob("*/*.mp4") if path.is_symlink()])


OPTIONS = ("--nfo", "fill", "--sort-into", "GENRES")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_keeps_all_that_is_finished(
    place: Path, model: Path, number: signal.Signals
) -> None:
    run = start(place, model, *OPTIONS)
    wait_for(lambda: finished(place) >= 2)
    os.kill(run.pid, number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 128 + number and "Traceback" not in said, said
    assert "stopped" in said and "the same command continues" in said
    done = finished(place)
    assert 2 <= done < FILMS
    assert with_genre(place) == links(place) == done, "each finished film has its NFO and link"
    assert f"NFO files: {done} merged" in said and f"{done} made" in said
    status, said = label(place, model, *OPTIONS)
    assert status == 0 and f"({done} known from before)" in said
    assert with_genre(place) == links(place) == FILMS
    assert finished(place) == FILMS, "none was labelled twice"


def test_a_killed_run_loses_no_nfo_and_no_link(place: Path, model: Path) -> None:
    run = start(place, model, *OPTIONS)
    wait_for(lambda: finished(place) >= 2)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    for path in (place / "films").glob("*.nfo"):  # as if it had died before they were written
        path.write_text("<movie><title>x</title></movie>")
    status, said = label(place, model, *OPTIONS)
    assert status == 0 and "known from before" in said
    assert with_genre(place) == links(place) == FILMS


def test_a_page_is_written_while_the_run_goes_on(place: Path, model: Path) -> None:
    slow = (place / "ffmpeg").read_text().replace("sleep 0.4", "sleep 1.5")
    (place / "ffmpeg").write_text(slow)
    page = place / "o.html"
    run = start(place, model, "--output", page)
    wait_for(page.exists)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    text = page.read_text()
    assert 1 <= text.count('class="film"') < FILMS and text.rstrip().endswith("</html>")
    assert label(place, model, "--output", page)[0] == 0
    assert page.read_text().count('class="film"') == FILMS


def test_a_stopped_run_does_not_replace_a_whole_output(place: Path, model: Path) -> None:
    output = place / "o.jsonl"
    assert label(place, model, "--output", output)[0] == 0
    whole = output.read_bytes()
    run = start(place, model, "--output", output, "--sampling", "1", "--restart")
    wait_for(lambda: 2 <= finished(place) < FILMS)
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(60) == 130
    assert output.read_bytes() == whole
    assert label(place, model, "--output", output, "--sampling", "1")[0] == 0
    assert output.read_bytes() != whole


def test_a_second_start_touches_nothing(place: Path, model: Path) -> None:
    output, page = place / "o.jsonl", place / "o.html"
    options = ("--output", output, "--output", page, *OPTIONS)
    run = start(place, model, *options)
    wait_for(lambda: finished(place) >= 1)
    # What the first run is writing at this instant it renames itself.
    before = [path for path in place.rglob("*") if not path.name.startswith(".vgenre-")]
    status, said = label(place, model, *options)
    assert status == 1 and "another run is writing this journal" in said
    assert set(before) <= set(place.rglob("*"))
    _, said = run.communicate(timeout=120)
    assert run.returncode == 0, said
    assert len(without_times(output)) == FILMS and page.exists()


def test_a_run_without_outputs_keeps_a_journal_too(place: Path, model: Path) -> None:
    status, said = label(place, model)
    (journal,) = journals(place)
    assert status == 0 and str(journal) in said and "--restart" in said
    assert place / "cache" in journal.parents
    assert f"{FILMS} known from before" in label(place, model, "--nfo", "fill")[1]
    assert with_genre(place) == FILMS
    assert "known from before" not in label(place, model, "--restart")[1]
    assert "known from before" not in label(place, model, "--sampling", "1")[1]


def test_without_a_cache_a_run_says_that_nothing_is_kept(place: Path, model: Path) -> None:
    (place / "file").touch()
    status, said = label(place, model, XDG_CACHE_HOME=str(place / "file"))
    assert status == 0 and "no journal is kept" in said


def test_an_output_that_is_added_later_labels_nothing(place: Path, model: Path) -> None:
    known = f"{FILMS} known from before"
    label(place, model, "--nfo", "fill")
    assert known in label(place, model, "--output", "a.jsonl")[1]
    assert known in label(place, model, "--output", "b/o.html", "--output", "a.jsonl")[1]
    assert known in label(place, model, "--output", "c.csv")[1]
    page = (place / "b" / "o.html").read_text()
    assert page.count("data:image") == 2 * FILMS, "a frame and a sound of each"
    records = [json.loads(line) for line in (place / "a.jsonl").read_text().splitlines()]
    label(place, model, "--output", "d.jsonl", "--restart")
    again = without_times(place / "d.jsonl")
    assert [{**record, "seconds": 0} for record in records] == [
        {**record, "seconds": 0} for record in again
    ]


def test_the_journal_beside_a_first_output_knows_all_of_the_run(place: Path, model: Path) -> None:
    label(place, model)
    label(place, model, "--output", "a.csv")
    for path in (place / "cache").rglob("*.journal"):
        path.unlink()
    assert f"{FILMS} known from before" in label(place, model, "--output", "a.csv")[1]


def test_signals_wait_for_the_end_of_a_step() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), held_back():
        signal.raise_signal(signal.SIGINT)
        steps.append("whole")
    with pytest.raises(Terminated) as ended, ended_by_signals(), held_back(), held_back():
        signal.raise_signal(signal.SIGTERM)
        steps.append("whole")
    assert steps == ["whole", "whole"] and ended.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_second_signal_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), held_back():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the step hangs")


@contextlib.contextmanager
def handled(number: signal.Signals, how: signal.Handlers) -> Iterator[None]:
    before = signal.signal(number, how)
    try:
        yield
    finally:
        signal.signal(number, before)


def test_what_nohup_ignores_stays_ignored() -> None:
    with handled(signal.SIGHUP, signal.SIG_IGN), ended_by_signals(), held_back():
        signal.raise_signal(signal.SIGHUP)
