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
from vgenre.batch.journal import Journal
from vgenre.batch.plan import LabellingRun, plan_run
from vgenre.batch.processes import Workers
from vgenre.batch.run import Batch
from vgenre.errors import MediaError, ModelError, UnreadableFilm, VgenreError
from vgenre.labelling.record import FilmResult, failure

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


class Recorded(LabellingRun):
    """A run in this process that tells which films it labelled, and how each is to fail."""

    @classmethod
    def of(cls, model: Path, **options: object) -> Recorded:
        made = cls(**vars(plan_run(vgenre.load_model(model), **options)))  # type: ignore[arg-type]
        object.__setattr__(made, "asked", [])
        object.__setattr__(made, "failing", {})
        return made

    def executor(self):  # type: ignore[no-untyped-def]
        return self

    def run(self, films, progress=None):  # type: ignore[no-untyped-def]
        for path in films:
            self.asked.append(path)
            if error := self.failing.get(path):
                yield failure(error, path, self.card.name)
            else:
                yield self.model.label(path, **self.task.how)


def known_of(films: list[str], run: LabellingRun, path: Path, **options: bool) -> dict[str, bool]:
    """What a run over films finds known."""
    with Journal(path, run.settings, **options) as journal:
        batch = Batch(films, journal, run)
        found = {f.result.path: f.known for f in batch.run()}
        assert [record.path for record in batch.records()] == films
    return found


def test_films_that_have_not_changed_are_not_done_again(model: Path, tmp_path: Path) -> None:
    films = [str(film(tmp_path / f"{i}.mp4", seconds=1)) for i in range(3)]
    run, path = Recorded.of(model, sampling=1), tmp_path / "j"
    assert known_of(films, run, path) == dict.fromkeys(films, False)
    assert known_of(films, run, path) == dict.fromkeys(films, True)
    assert run.asked == films
    film(Path(films[1]), seconds=2)
    assert known_of(films, run, path) == {films[0]: True, films[1]: False, films[2]: True}
    assert run.asked[3:] == [films[1]]
    other = Recorded.of(model, sampling=2)
    assert not any(known_of(films, other, path).values()), "with other settings all are done again"
    assert not any(known_of(films, run, path, restart=True).values())


def test_a_film_that_failed_is_tried_again_unless_its_file_is_at_fault(
    model: Path, tmp_path: Path
) -> None:
    films = [str(film(tmp_path / f"{i}.mp4", seconds=1)) for i in range(3)]
    run, path = Recorded.of(model, sampling=1), tmp_path / "j"
    stuck = MediaError(films[0], "FFmpeg gave nothing for 120 s and was stopped")
    broken = UnreadableFilm(films[1], "the file is empty")
    run.failing.update({films[0]: stuck, films[1]: broken})
    assert not any(known_of(films, run, path).values())
    run.failing.clear()
    assert known_of(films, run, path) == {films[0]: False, films[1]: True, films[2]: True}
    assert known_of(films, run, path) == dict.fromkeys(films, True)
    assert run.asked == [*films, films[0]]
    with Journal(path) as journal:
        statuses = [record.status for record in Batch(films, journal, run).records()]
    assert statuses == ["ok", "error", "ok"]


def test_the_model_is_not_loaded_where_all_is_known(model: Path, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", seconds=1)
    journal = tmp_path / "j"
    assert len(list(vgenre.label_folder(path, model=model, journal=journal))) == 1
    run = plan_run(model)

    class Idle(LabellingRun):
        def executor(self):  # type: ignore[no-untyped-def]
            raise AssertionError("nothing is to be labelled")

    assert known_of([str(path)], Idle(**vars(run)), journal) == {str(path): True}


def test_a_film_that_changes_while_it_is_read_is_done_again(model: Path, tmp_path: Path) -> None:
    path = film(tmp_path / "growing.mp4", seconds=1)

    class Growing(Recorded):
        def run(self, films, progress=None):  # type: ignore[no-untyped-def]
            for result in super().run(films, progress):
                with open(path, "ab") as file:
                    file.write(b"more")
                yield result

    run = Growing.of(model, sampling=1)
    for _ in range(2):
        with Journal(tmp_path / "j") as journal:
            (finished,) = Batch([str(path)], journal, run).run()
        assert finished.result.status == "partial" and not finished.known
        assert finished.result.error is not None
        assert finished.result.error["type"] == "FileChanged"


def test_films_are_looked_up_when_their_turn_comes(model: Path, tmp_path: Path) -> None:
    films = [str(film(tmp_path / f"{i}.mp4", seconds=1)) for i in range(3)]
    run = Recorded.of(model, sampling=1)
    with Journal(tmp_path / "j") as journal:
        found = Batch(films, journal, run).run()
        next(found)
        film(Path(films[2]), seconds=2)  # changes while it waits: it is read as it is then
        assert [f.result.status for f in found] == ["ok", "ok"]
    assert known_of(films, run, tmp_path / "j") == dict.fromkeys(films, True)


def test_each_record_is_finished_once_and_at_once(model: Path, tmp_path: Path) -> None:
    films = [str(film(tmp_path / f"{i}.mp4", seconds=1)) for i in range(2)]
    run = Recorded.of(model, sampling=1)
    done: list[str] = []
    for _ in range(2):
        with Journal(tmp_path / "j") as journal:
            batch = Batch(films, journal, run)
            for finished in batch.run(finish=lambda film: done.append(film.path)):
                assert done[-1] == finished.result.path
    assert done == films * 2


def test_pictures_and_explanations_are_added_without_labelling(model: Path, tmp_path: Path) -> None:
    films = [str(film(tmp_path / f"{i}.mp4", seconds=1)) for i in range(2)]
    bare, path = Recorded.of(model, sampling=1), tmp_path / "j"
    known_of(films, bare, path)
    rich = Recorded.of(model, sampling=1, pictures=True, explain=True)
    assert known_of(films, rich, path) == dict.fromkeys(films, True)
    assert rich.asked == []
    with Journal(path) as journal:
        plain = list(Batch(films, journal, bare).records())
        full = list(Batch(films, journal, rich).records())
    for before, after in zip(plain, full, strict=True):
        assert after.clips[0].pictures and after.explanation is not None
        assert before.explanation is None, "it was not asked for"
        assert before.probabilities == after.probabilities
    size = path.stat().st_size
    assert known_of(films, rich, path) == dict.fromkeys(films, True)
    assert path.stat().st_size == size, "once is enough"


def test_workers_add_what_is_missing(model: Path, tmp_path: Path) -> None:
    films = [str(film(tmp_path / f"{i}.mp4", seconds=1)) for i in range(2)]
    path = tmp_path / "j"
    known_of(films, Recorded.of(model, sampling=1), path)
    run = plan_run(model, engine="tensorflow", sampling=1, jobs=2, pictures=True, explain=True)
    assert known_of(films, run, path) == dict.fromkeys(films, True)
    with Journal(path) as journal:
        for record in Batch(films, journal, run).records():
            assert record.clips[0].pictures and record.explanation is not None


def test_a_known_film_that_is_gone_meanwhile_keeps_its_label(model: Path, tmp_path: Path) -> None:
    one = str(film(tmp_path / "a.mp4", seconds=1))
    known_of([one], Recorded.of(model, sampling=1), tmp_path / "j")

    class Vanishing(Recorded):
        def completer(self):  # type: ignore[no-untyped-def]
            os.unlink(one)
            return super().completer()

    with Journal(tmp_path / "j") as journal:
        run = Vanishing.of(model, sampling=1, pictures=True)
        (finished,) = Batch([one], journal, run).run()
    assert finished.known and finished.result.status == "ok" and finished.result.labels


def test_a_missing_ffmpeg_ends_the_run_before_the_first_film(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    run = label(folder, model, tmp_path / "o.jsonl", ffmpeg=tmp_path / "none")
    table, said = run.communicate(timeout=60)
    assert run.returncode == 1 and table == ""
    assert said.count("VGENRE_FFMPEG") == 1 and "Traceback" not in said and "died" not in said
    assert "record" not in (tmp_path / "o.jsonl.journal").read_text()


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
    wait_for(lambda: journal.exists() and journal.read_bytes().count(b'"record"') >= 2)
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert "the same command continues" in said
    assert "Traceback" not in said
    assert 2 <= len(without_times(output)) < 9, "what is done can be read"
    assert not list(tmp_path.glob(".vgenre-*"))
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
    entries = map(json.loads, (tmp_path / "killed.jsonl.journal").read_text().splitlines())
    keys = [entry["key"] for entry in entries if "key" in entry]
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
    output = tmp_path / "o.jsonl"
    # Brought up to date while the disk had room, it holds whole records; or there is none.
    assert not output.exists() or all(film["path"] for film in without_times(output))
    again = label(folder, model, output)
    _, said = again.communicate(timeout=120)
    assert "known from before" in said
    assert len(without_times(output)) == 9


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
