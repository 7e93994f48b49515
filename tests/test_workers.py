"""Worker processes: what they die of is said as it is, and they end with their parent alone."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rendered import film

import vgenre
from vgenre.batch.executors import Fault, InProcess, Task, attempt
from vgenre.batch.processes import Workers
from vgenre.errors import DataError, FFmpegNotFoundError, ModelError, VgenreError
from vgenre.labels import LabelSet
from vgenre.media.ffmpeg import find_ffmpeg
from vgenre.models.store import AUDIO_GRAPH

ROOT = Path(__file__).parent.parent


@pytest.fixture
def model(model_with_graphs: Path) -> Path:
    """A model that every process loads in a second."""
    return model_with_graphs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three short films."""
    folder = tmp_path_factory.mktemp("films")
    for name in ("a", "b", "c"):
        film(folder / f"{name}.mp4", seconds=1)
    return folder


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An FFmpeg that does to who starts it what the film's name says."""
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\ncase "$*" in\n'
        "*/kill-*) kill -9 $PPID;;\n"
        "*/term-*) kill -15 $PPID;;\n"
        "*/stop-*) kill -STOP $PPID;;\n"
        f"*/away-*) rm {program};;\n"
        f'esac\nexec "{find_ffmpeg()}" "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("VGENRE_FFMPEG", str(program))
    return program


def named(folder: Path, original: Path, *names: str) -> list[str]:
    """The same film under several names."""
    for name in names:
        os.link(original, folder / name)
    return [str(folder / name) for name in names]


class Odd:
    """A model that raises on some films."""

    def __init__(self, model: vgenre.Model) -> None:
        self.model = model

    def label(self, path: str, **how: Any) -> vgenre.FilmResult:
        if "bug" in path:
            raise TypeError("two and two are five")
        if "memory" in path:
            raise MemoryError
        if "data" in path:
            raise DataError("the cache is gone")
        if "odd" in path:
            raise Unpicklable(1, 2)
        return self.model.label(path, **how)


class Unpicklable(VgenreError):
    """An error that cannot be made from its own arguments."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


@dataclass(frozen=True)
class OddTask(Task):
    def load(self, *, check: bool = True) -> Any:
        return Odd(super().load(check=check))


@dataclass(frozen=True)
class TaskThatCannotLoad(Task):
    def load(self, *, check: bool = True) -> Any:
        raise TypeError("no such layer")


def test_an_exception_is_an_error_of_its_film_and_of_its_own_name(
    model: Path, folder: Path, tmp_path: Path
) -> None:
    names = ("a.mp4", "bug.mp4", "memory.mp4", "z.mp4")
    films = named(tmp_path, folder / "a.mp4", *names)
    processes: set[int] = set()
    others = {child.pid for child in children()}  # that an earlier test left

    def note(film: str, part: float) -> None:
        processes.update({child.pid for child in children()} - others)

    found = {Path(r.path).name: r for r in Workers(OddTask(str(model)), 1).run(films, note)}
    assert {name: found[name].status for name in names} == {
        "a.mp4": "ok",
        "bug.mp4": "error",
        "memory.mp4": "error",
        "z.mp4": "ok",
    }
    bug, memory = found["bug.mp4"].error, found["memory.mp4"].error
    assert bug == {
        "type": "TypeError",
        "message": f"{films[1]}: a fault in vgenre while labelling it: TypeError: two and two are "
        "five; report it",
    }
    assert memory and memory["type"] == "MemoryError" and "not enough memory" in memory["message"]
    assert len(processes) == 1, "the worker goes on"


def children() -> list[Any]:
    return multiprocessing.active_children()


@pytest.mark.parametrize(
    ("name", "said"), [("data.mp4", "^the cache is gone$"), ("odd.mp4", "^1 and 2$")]
)
def test_an_error_that_all_films_would_have_ends_the_run(
    model: Path, folder: Path, tmp_path: Path, name: str, said: str
) -> None:
    films = named(tmp_path, folder / "a.mp4", "a.mp4", name, "z.mp4")
    with pytest.raises(VgenreError, match=said):
        list(Workers(OddTask(str(model)), 1).run(films))
    with pytest.raises(VgenreError, match=said):
        list(InProcess(Odd(vgenre.load_model(model))).run(films))  # type: ignore[arg-type]


def test_one_process_says_the_same(model: Path, folder: Path, tmp_path: Path) -> None:
    films = named(tmp_path, folder / "a.mp4", "bug.mp4", "z.mp4")
    odd = Odd(vgenre.load_model(model))
    odd.card, odd.engine = odd.model.card, odd.model.engine  # type: ignore[attr-defined]
    alone = list(InProcess(odd).run(films))  # type: ignore[arg-type]
    assert [r.status for r in alone] == ["error", "ok"]
    (spawned,) = Workers(OddTask(str(model)), 1).run(films[:1])
    assert spawned.error == alone[0].error


def test_a_fault_names_the_line_it_comes_from() -> None:
    end, fault = attempt(lambda film: find_ffmpeg.no_such, "f.mp4")  # type: ignore[attr-defined]
    assert end == "failed" and fault.kind == "AttributeError"
    try:
        LabelSet(("Action", "Horror")).choose(np.array([0.1, 0.7]), ())
    except IndexError as error:
        said = Fault.of("f.mp4", error).message
    assert "IndexError: tuple index out of range (labels.py, line " in said


def test_what_cannot_be_loaded_is_said_and_not_tried_again(model: Path, folder: Path) -> None:
    films = [str(folder / "a.mp4")]
    with pytest.raises(VgenreError, match="cannot be loaded: TypeError: no such layer"):
        list(Workers(TaskThatCannotLoad(str(model)), 2).run(films))


@pytest.mark.parametrize(("name", "signal_name"), [("kill-", "SIGKILL"), ("term-", "SIGTERM")])
def test_a_process_that_dies_is_said_to_have_died_of_its_own_signal(
    model: Path, folder: Path, tmp_path: Path, ffmpeg: Path, name: str, signal_name: str
) -> None:
    films = named(tmp_path, folder / "a.mp4", f"{name}1.mp4", "z.mp4")
    one, other = Workers(Task(str(model)), 1).run(films)
    assert one.error and one.error["type"] == "WorkerDied"
    assert f"died twice (signal {signal_name})" in one.error["message"]
    assert other.status == "ok"


def test_a_film_that_hangs_its_process_is_given_up(
    model: Path, folder: Path, tmp_path: Path, ffmpeg: Path
) -> None:
    films = named(tmp_path, folder / "a.mp4", "a.mp4", "stop-1.mp4", "z.mp4")
    task = Task(str(model), film_timeout=20)
    found = list(Workers(task, 1).run(films))
    assert [r.status for r in found] == ["ok", "error", "ok"]
    error = found[1].error
    assert error and error["type"] == "FilmTimeout"
    assert "no progress for 20 s" in error["message"] and "--film-timeout" in error["message"]


@pytest.mark.slow
def test_a_consumer_that_takes_its_time_is_no_hanging_worker(model: Path, folder: Path) -> None:
    films = [str(folder / f"{name}.mp4") for name in "abc"]
    found = []
    for result in Workers(Task(str(model), film_timeout=40), 2).run(films):
        found.append(result.status)
        if len(found) == 1:
            time.sleep(41)
    assert found == ["ok"] * 3


def test_a_missing_ffmpeg_ends_the_run_before_any_process(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VGENRE_FFMPEG", "/nonexistent")
    monkeypatch.setattr("vgenre.batch.processes._Worker", None)  # none may be started
    with pytest.raises(FFmpegNotFoundError, match="not a program"):
        next(Workers(Task(str(model)), 2).run([str(folder / "a.mp4")]))
    assert list(Workers(Task(str(model)), 2).run([])) == []


def test_the_command_says_it_in_one_line(model: Path, folder: Path, tmp_path: Path) -> None:
    done = label(folder, model, "--output", str(tmp_path / "o.jsonl"), ffmpeg="/nonexistent")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "vgenre: VGENRE_FFMPEG is '/nonexistent', which is not a program; correct or unset it"
    ]


def label(
    folder: Path, model: Path, *options: str, ffmpeg: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vgenre", "label", str(folder), "--model", str(model), *options],
        env=os.environ | {"PYTHONPATH": str(ROOT), "VGENRE_FFMPEG": ffmpeg},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_ffmpeg_that_goes_away_ends_the_run(
    model: Path, folder: Path, tmp_path: Path, ffmpeg: Path
) -> None:
    films = named(tmp_path, folder / "a.mp4", "away-1.mp4", "b.mp4")
    with pytest.raises(FFmpegNotFoundError, match="not a program"):
        list(Workers(Task(str(model)), 1).run(films))


def test_a_damaged_model_is_found_out_once_and_by_the_parent(
    model: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = Path(shutil.copytree(model, tmp_path / "damaged"))
    data = bytearray((damaged / AUDIO_GRAPH).read_bytes())
    data[-1] ^= 1
    (damaged / AUDIO_GRAPH).write_bytes(data)
    monkeypatch.setattr("vgenre.batch.processes._Worker", None)
    with pytest.raises(ModelError, match="damaged: its SHA-256"):
        next(Workers(Task(str(damaged)), 1).run([str(folder / "a.mp4")]))


def test_workers_survive_the_thread_that_started_them(
    model: Path, folder: Path, tmp_path: Path
) -> None:
    names = [f"{i}.mp4" for i in range(8)]
    films = named(tmp_path, folder / "a.mp4", *names)
    results = vgenre.label_folder(films, model=model, jobs=2)
    first: list[vgenre.FilmResult] = []
    thread = threading.Thread(target=lambda: first.append(next(results)))
    thread.start()
    thread.join()
    started = {child.pid for child in children()}
    second = next(results)
    assert {child.pid for child in children()} == started, "no worker had to be started anew"
    found = [*first, second, *results]
    assert sorted(r.path for r in found) == films and {r.status for r in found} == {"ok"}


def test_workers_end_with_a_parent_that_is_killed(
    model: Path, folder: Path, tmp_path: Path
) -> None:
    slow = tmp_path / "ffmpeg"
    slow.write_text(
        f'#!/bin/sh\necho $PPID >> {tmp_path}/pids\nsleep 100\nexec "{find_ffmpeg()}"\n'
    )
    slow.chmod(0o755)
    run = subprocess.Popen(
        [sys.executable, "-m", "vgenre", "label", str(folder), "--model", str(model), "-j", "2"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "VGENRE_FFMPEG": str(slow)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        pids = tmp_path / "pids"
        wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    finally:
        run.kill()
        run.wait()
    for pid in map(int, pids.read_text().split()):
        wait_for(lambda pid=pid: ended(pid))


def ended(pid: int) -> bool:
    """Whether a process is gone, or waits for nothing but to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_for(condition: Any, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_auto_is_chosen_by_the_parent(model: Path, folder: Path) -> None:
    (result,) = Workers(Task(str(model), engine="auto"), 1).run([str(folder / "a.mp4")])
    assert result.engine == "openvino"
