"""Batches that are stopped, killed and continued; workers that die."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rendered import film
from toys import without_times

import vgenre
from vgenre.batch.executors import InProcess, Task
from vgenre.batch.journal import Journal, film_key
from vgenre.batch.processes import Workers
from vgenre.batch.run import Batch
from vgenre.errors import DataError, ModelError, VgenreError
from vgenre.labelling.record import FilmResult

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight short films and a file that is none."""
    folder = tmp_path_factory.mktemp("films")
    for i in range(8):
        film(folder / f"{i}.mp4", seconds=1 + i / 4)
    (folder / "text.mp4").write_text("no film")
    return folder


def label(
    folder: Path,
    model: Path,
    output: Path,
    *options: str,
    ffmpeg: Path | None = None,
    **popen: object,
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vgenre", "label", str(folder), "--model", str(model)]
    return subprocess.Popen(
        [*command, "--output", str(output), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | ({"VGENRE_FFMPEG": str(ffmpeg)} if ffmpeg else {}),
        **popen,  # type: ignore[call-overload]
    )


class Recorder:
    """An executor that tells which films it was given."""

    def __init__(self, executor: InProcess) -> None:
        self.executor, self.films = executor, []

    def run(self, films, progress=None):  # type: ignore[no-untyped-def]
        self.films = list(films)
        return self.executor.run(films, progress)


def test_films_that_have_not_changed_are_not_done_again(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    films = [str(film(tmp_path / f"{i}.mp4", seconds=1)) for i in range(3)]
    executor = Recorder(InProcess(vgenre.load_model(model), sampling=1))

    def run(settings: str = "a", restart: bool = False) -> list[tuple[str, bool]]:
        with Journal(tmp_path / "j", restart=restart) as journal:
            batch = Batch(films, journal, settings)
            found = [(f.result.path, f.known) for f in batch.run(executor)]
            assert [record.path for record in batch.records()] == films
        return found

    assert run() == [(path, False) for path in films]
    assert run() == [(path, True) for path in films] and executor.films == []
    film(Path(films[1]), seconds=2)
    assert dict(run()) == {films[0]: True, films[1]: False, films[2]: True}
    assert executor.films == [films[1]]
    assert not any(known for _, known in run("b")), "with another model all are done again"
    assert not any(known for _, known in run(restart=True))


def test_a_film_that_changes_while_it_is_read_is_done_again(model: Path, tmp_path: Path) -> None:
    path = film(tmp_path / "growing.mp4", seconds=1)

    class Growing(InProcess):
        def run(self, films, progress=None):  # type: ignore[no-untyped-def]
            for result in super().run(films, progress):
                with open(path, "ab") as file:
                    file.write(b"more")
                yield result

    executor = Growing(vgenre.load_model(model), sampling=1)
    for _ in range(2):
        with Journal(tmp_path / "j") as journal:
            (finished,) = Batch([str(path)], journal, "").run(executor)
        assert finished.result.status == "partial" and not finished.known
        assert finished.result.error is not None
        assert finished.result.error["type"] == "FileChanged"


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, cut: int) -> None:
    with Journal(tmp_path / "j") as journal:
        journal["a"], journal["b"] = {"n": 1}, {"n": 2}
    data = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(data[:-cut])
    with Journal(tmp_path / "j") as journal:
        assert "a" in journal and "b" not in journal
        journal["c"] = {"n": 3}
    with Journal(tmp_path / "j") as journal:
        assert journal["a"] == {"n": 1} and journal["c"] == {"n": 3}


def test_two_runs_on_one_journal_are_refused_and_so_is_another_file(tmp_path: Path) -> None:
    with Journal(tmp_path / "j"), pytest.raises(DataError, match="another run is writing"):
        Journal(tmp_path / "j")
    (tmp_path / "letter").write_text("Dear Sir\n")
    with pytest.raises(DataError, match="no journal of vgenre"):
        Journal(tmp_path / "letter")
    assert (tmp_path / "letter").read_text() == "Dear Sir\n"


def test_a_film_has_another_key_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    keys = {film_key(str(path), "s")}
    path.write_text("a")
    keys.add(film_key(str(path), "s"))
    path.write_text("ab")
    keys.add(film_key(str(path), "s"))
    keys.add(film_key(str(path), "t"))
    assert len(keys) == 4


def test_workers_give_what_one_process_gives(folder: Path, model: Path) -> None:
    films = sorted(map(str, folder.iterdir()))
    alone = InProcess(vgenre.load_model(model)).run(films)
    parts: dict[str, list[float]] = {}
    together = Workers(Task(str(model), threads=1), 2).run(
        films, lambda path, part: parts.setdefault(path, []).append(part)
    )

    def plain(result: FilmResult) -> dict:
        return result.to_dict() | {"seconds": 0}

    found = {result.path: plain(result) for result in together}
    assert found == {result.path: plain(result) for result in alone}
    assert parts[films[0]][-1] == 1


def test_a_film_that_kills_its_worker_each_time_is_an_error(model: Path, tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *poison*) kill -9 $PPID;; esac\nexec "$REAL" "$@"\n'
    )
    program.chmod(0o755)
    paths = [film(tmp_path / name, seconds=1) for name in ("a.mp4", "poison.mp4", "z.mp4")]
    code = (
        "import sys\n"
        "from vgenre.batch.processes import Task, Workers\n"
        "if __name__ == '__main__':\n"
        "    for r in Workers(Task(sys.argv[1]), 1).run(sys.argv[2:]):\n"
        "        print(r.path, r.status, r.error and r.error['type'])\n"
    )
    (tmp_path / "run.py").write_text(code)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "run.py"), str(model), *map(str, paths)],
        env=ENVIRONMENT | {"VGENRE_FFMPEG": str(program), "REAL": vgenre.media.find_ffmpeg()},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert lines == [
        f"{paths[0]} ok None",
        f"{paths[1]} error WorkerDied",
        f"{paths[2]} ok None",
    ], done.stderr


def test_a_model_that_cannot_be_loaded_ends_the_run(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="neither a model directory"):
        list(Workers(Task(str(tmp_path / "none")), 2).run([str(folder / "0.mp4")]))


def test_ctrl_c_ends_cleanly_and_the_same_command_continues(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "o.jsonl"
    slow = tmp_path / "ffmpeg"  # so that the run does not end before it is stopped
    slow.write_text(f'#!/bin/sh\nsleep 0.3\nexec "{vgenre.media.find_ffmpeg()}" "$@"\n')
    slow.chmod(0o755)
    run = label(folder, model, output, ffmpeg=slow, start_new_session=True)
    journal = tmp_path / "o.jsonl.journal"
    wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 3)
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert "the same command continues" in said
    assert "Traceback" not in said
    assert not output.exists() and not list(tmp_path.glob("*.part"))
    again = label(folder, model, output)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 3
    assert "known from before" in said
    assert len(without_times(output)) == 9


def wait_for(condition, seconds: float = 60) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill_and_continue(
    folder: Path, model: Path, output: Path, *, kills: int, seed: int
) -> tuple[int, subprocess.Popen[str]]:
    """Kill a run, its worker or its FFmpeg at random instants, then let one end."""
    rng = random.Random(seed)
    done = 0
    while True:
        run = label(folder, model, output, "--jobs", "2", "--sampling", "full")
        if done == kills:
            run.communicate(timeout=120)
            return done, run
        delay = rng.uniform(0.5, 6)
        timer = threading.Timer(delay, lambda run=run: kill_one(run.pid, rng))  # type: ignore[misc]
        timer.start()
        run.communicate(timeout=120)
        timer.cancel()
        done += 1


def kill_one(parent: int, rng: random.Random) -> None:
    """SIGKILL the run, or one of its workers."""
    workers = subprocess.run(
        ["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False
    ).stdout.split()
    victim = rng.choice([str(parent), str(parent), *workers])
    try:
        os.kill(int(victim), signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_a_run_killed_at_any_instant_ends_as_one_that_was_not(
    folder: Path, model: Path, tmp_path: Path, kills: int
) -> None:
    whole = label(folder, model, tmp_path / "whole.jsonl", "--sampling", "full")
    whole.communicate(timeout=120)
    _, run = kill_and_continue(folder, model, tmp_path / "killed.jsonl", kills=kills, seed=kills)
    assert run.returncode == whole.returncode == 3
    assert without_times(tmp_path / "killed.jsonl") == without_times(tmp_path / "whole.jsonl")
    entries = (tmp_path / "killed.jsonl.journal").read_text().splitlines()[1:]
    keys = [json.loads(entry)["key"] for entry in entries]
    assert len(keys) == len(set(keys)) == 9, "a film was done twice"


def test_a_full_disk_ends_the_run_and_leaves_the_journal_whole(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    code = (
        "import resource, sys\n"
        "from vgenre.cli import main\n"
        "if __name__ == '__main__':\n"
        "    import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, resource.RLIM_INFINITY))\n"
        "    sys.exit(main())\n"
    )
    (tmp_path / "run.py").write_text(code)
    command = [
        sys.executable,
        str(tmp_path / "run.py"),
        "label",
        str(folder),
        "--model",
        str(model),
    ]
    command += ["--output", str(tmp_path / "o.jsonl")]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "cannot be written" in done.stderr and "the same command continues" in done.stderr
    assert not (tmp_path / "o.jsonl").exists()
    again = label(folder, model, tmp_path / "o.jsonl")
    _, said = again.communicate(timeout=120)
    assert "known from before" in said
    assert len(without_times(tmp_path / "o.jsonl")) == 9


def test_a_loaded_model_a_named_one_and_the_command_share_a_journal(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "o.jsonl.journal"
    loaded = vgenre.load_model(model)
    first = list(vgenre.label_folder(folder, model=loaded, journal=journal))
    size = journal.stat().st_size
    again = list(vgenre.label_folder(folder, model=model, journal=journal))
    assert [f.to_dict() for f in again] == [f.to_dict() for f in first] and len(first) == 9
    _, said = label(folder, model, tmp_path / "o.jsonl").communicate(timeout=120)
    assert "9 known from before" in said
    assert journal.stat().st_size == size
    other = list(vgenre.label_folder(folder, model=loaded, sampling=1, journal=journal))
    assert len(other) == 9 and journal.stat().st_size > size


def test_workers_that_die_at_the_start_end_the_run(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgenre.batch.processes._work", die)
    with pytest.raises(VgenreError, match="die while they load the model"):
        list(Workers(Task(str(model)), 1).run([str(folder / "0.mp4")]))


def die(pipe: object, task: object) -> None:
    """A worker that has no memory left."""
    os._exit(9)


def resident() -> float:
    """MB of memory that this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.slow
def test_memory_stays_flat_over_a_thousand_films(model: Path, tmp_path: Path) -> None:
    originals = [film(tmp_path / f"original-{i}.mp4", seconds=1 + i) for i in range(3)]
    (tmp_path / "films").mkdir()
    for i in range(1000):
        os.link(originals[i % 3], tmp_path / "films" / f"{i:04}.mp4")
    held = [
        resident()
        for _ in vgenre.label_folder(
            tmp_path / "films", model=model, journal=tmp_path / "films.journal"
        )
    ]
    print(f"MB after 100, 500 and 1,000 films: {held[99]:.0f}, {held[499]:.0f}, {held[-1]:.0f}")
    assert held[-1] - held[99] < 80
