"""Films labelled on a real Ray cluster of two nodes, whose parts are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rendered import film
from spoken import ENGLISH, srt
from toys import toy_head, toy_model_with_graphs, without_times

import vgenre
from vgenre.batch.actors import Share, WorkerHung, WorkerLost
from vgenre.batch.executors import Fault, InProcess, Task
from vgenre.batch.ray import Cluster, RayWorkers
from vgenre.cli import _with_values
from vgenre.data.cache import FeatureCache
from vgenre.data.items import Item
from vgenre.errors import DataError, FFmpegNotFoundError, ModelError, VgenreError
from vgenre.models.card import Architecture, ZooNetwork
from vgenre.training.initial import InitialWeights
from vgenre.training.options import TrainingOptions
from vgenre.training.run import train

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}


@pytest.fixture
def model(model_with_graphs: Path) -> Path:
    """A model that every process loads in a second."""
    return model_with_graphs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine films and a file that is none."""
    folder = tmp_path_factory.mktemp("films")
    for i in range(9):
        film(folder / f"{i}.mp4", seconds=2 + i / 4)
    (folder / "text.mp4").write_text("no film")
    return folder


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """A cluster whose FFmpeg kills who starts it on a film called poison."""
    import ray
    from ray.cluster_utils import Cluster as Nodes

    program = tmp_path_factory.mktemp("bin") / "ffmpeg"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in */poison.mp4*) kill -9 $PPID;; */slow-*) sleep 2;; esac\n'
        f'exec "{vgenre.media.find_ffmpeg()}" "$@"\n'
    )
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VGENRE_FFMPEG", str(program))
        patch.setenv("PYTHONPATH", f"{ENVIRONMENT['PYTHONPATH']}:{Path(__file__).parent}")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Nodes(initialize_head=True, head_node_args={"num_cpus": 1})
        cluster.add_node(num_cpus=1)
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def plain(results) -> dict[str, dict]:  # type: ignore[no-untyped-def]
    return {result.path: result.to_dict() | {"seconds": 0} for result in results}


def actors(nodes, at: str = "") -> list[int]:  # type: ignore[no-untyped-def]
    """The processes of this cluster's actors, or of those whose FFmpeg is at some film."""
    found = []
    for node in nodes.list_all_nodes():
        for raylet in node.all_processes.get("raylet", []):
            for pid in children(raylet.process.pid):
                if b"ray::_Actor" in command_of(pid) and (
                    not at or any(at.encode() in command_of(child) for child in children(pid))
                ):
                    found.append(pid)
    return found


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in found.stdout.split()]


def command_of(pid: int) -> bytes:
    """The command line of a process; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def when(condition, do, seconds: float = 60) -> threading.Thread:  # type: ignore[no-untyped-def]
    """Do something as soon as a condition holds, beside the test."""

    def watch() -> None:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)
        do(found)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def slow_films(folder: Path, count: int) -> list[str]:
    """Films that take two seconds and more each, as FFmpeg is slow to start on them."""
    original = film(folder / "original.mp4", seconds=1)
    for i in range(count):
        os.link(original, folder / f"slow-{i}.mp4")
    original.unlink()
    return sorted(map(str, folder.iterdir()))


def test_two_nodes_give_what_one_process_gives(nodes, folder: Path, model: Path) -> None:
    films = sorted(map(str, folder.iterdir()))
    alone = InProcess(vgenre.load_model(model)).run(films)
    together = RayWorkers(Task(str(model)), Cluster(nodes.address)).run(films)
    assert plain(together) == plain(alone)


def test_actors_read_subtitles_that_came_since(nodes, tmp_path: Path) -> None:
    toy_model_with_graphs(tmp_path / "toy", head=toy_head())
    films = [str(film(tmp_path / f"{name}.mp4", seconds=1)) for name in "ab"]
    how = {"model": tmp_path / "toy", "ray": nodes.address, "journal": tmp_path / "j"}
    assert not any(f.streams["dialogue"] for f in vgenre.label_folder(films, **how))
    (tmp_path / "b.srt").write_text(srt(ENGLISH))
    found = {f.path: f for f in vgenre.label_folder(films, **how)}
    assert [found[name].streams["dialogue"] for name in films] == [False, True]
    alone = vgenre.load_model(tmp_path / "toy").label(films[1])
    assert found[films[1]].dialogue == alone.dialogue
    assert found[films[1]].probabilities == pytest.approx(alone.probabilities, abs=2e-4)


def test_a_poisonous_film_is_an_error_and_the_rest_is_done(
    nodes, model: Path, tmp_path: Path
) -> None:
    for name in ("a", "b", "poison", "z"):
        film(tmp_path / f"{name}.mp4", seconds=1)
    found = plain(vgenre.label_folder(tmp_path, model=model, ray=nodes.address))
    assert {Path(p).stem: r["status"] for p, r in found.items()} == {
        "a": "ok",
        "b": "ok",
        "poison": "error",
        "z": "ok",
    }
    error = found[str(tmp_path / "poison.mp4")]["error"]
    assert error["type"] == "WorkerDied" and "died twice" in error["message"]


def test_an_actor_that_is_killed_costs_nothing(nodes, model: Path, tmp_path: Path) -> None:
    films = slow_films(tmp_path, 5)
    killer = when(lambda: actors(nodes, "slow-"), lambda pids: os.kill(pids[0], signal.SIGKILL))
    found = list(RayWorkers(Task(str(model)), Cluster(nodes.address)).run(films))
    killer.join()
    assert sorted(r.path for r in found) == films
    assert {r.status for r in found} == {"ok"}


def test_a_node_that_is_killed_costs_nothing(nodes, model: Path, tmp_path: Path) -> None:
    films = slow_films(tmp_path, 6)
    lost = nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    cluster = Cluster(nodes.address, actors=3)
    killer = when(
        lambda: len(actors(nodes, "slow-")) == 3,
        lambda _: nodes.remove_node(lost, allow_graceful=False),
    )
    found = list(RayWorkers(Task(str(model)), cluster).run(films))
    killer.join()
    assert lost not in nodes.list_all_nodes()
    assert sorted(r.path for r in found) == films
    assert {r.status for r in found} == {"ok"}


def run_label(folder: Path, model: Path, output: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vgenre", "label", str(folder), "--model", str(model)]
    return subprocess.Popen(
        [*command, "--output", str(output), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def test_a_driver_that_is_killed_and_started_again_ends_as_a_local_run(
    nodes, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "films").mkdir()
    slow_films(tmp_path / "films", 6)
    (tmp_path / "films" / "text.mp4").write_text("no film")
    output, journal = tmp_path / "o.jsonl", tmp_path / "o.jsonl.journal"
    run = run_label(tmp_path / "films", model, output, "--ray", nodes.address)
    killer = when(
        lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 3,
        lambda _: run.kill(),
    )
    run.communicate(timeout=120)
    killer.join()
    assert run.returncode == -signal.SIGKILL
    again = run_label(tmp_path / "films", model, output, "--ray", nodes.address)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 3 and "known from before" in said
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    keys = [entry["key"] for entry in entries if "key" in entry]
    assert len(keys) == len(set(keys)) == 7, "a film was done twice"
    local = run_label(tmp_path / "films", model, tmp_path / "local.jsonl")
    local.communicate(timeout=120)
    assert local.returncode == 3
    assert without_times(output) == without_times(tmp_path / "local.jsonl")


def test_features_to_train_on_are_computed_by_the_actors(
    nodes, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_here(self, path):  # type: ignore[no-untyped-def]
        raise AssertionError(f"{path} was read by the driver")

    monkeypatch.setattr(FeatureCache, "_extract", not_here)
    items = [Item(str(folder / f"{i}.mp4"), (("A", "B")[i % 2],), str(i)) for i in range(8)]
    architecture = replace(Architecture.toy(), network=ZooNetwork("mlp", (40, 8), {"units": 8}))
    card = train(
        items,
        tmp_path / "model",
        initial=InitialWeights.of("none"),
        cache=tmp_path / "cache",
        options=TrainingOptions(architecture, epochs=1, graphs=False),
        cluster=Cluster(nodes.address),
    )
    assert card.data["train"]["files"] == 6


def test_a_model_that_cannot_be_loaded_ends_the_run(nodes, folder: Path, tmp_path: Path) -> None:
    films = [str(folder / "0.mp4")]
    with pytest.raises(ModelError, match="neither a model directory"):
        list(RayWorkers(Task(str(tmp_path / "none")), Cluster(nodes.address)).run(films))


class _Dies:
    """A job that ends its actor before any film."""

    def load(self):  # type: ignore[no-untyped-def]
        os._exit(7)


def test_actors_that_die_at_the_start_end_the_run(nodes) -> None:
    with pytest.raises(VgenreError, match="die while they load the model"):
        list(Cluster(nodes.address, actors=1).run(_Dies(), ["a"]))


class _Counts:
    """A job that tells which film it is at, how many the actor has had, and in which process."""

    def load(self):  # type: ignore[no-untyped-def]
        had = []

        def do(film: str) -> tuple[int, int]:
            had.append(film)
            if film == "bad":
                os._exit(7)
            if film == "bug":
                raise ZeroDivisionError("by nothing")
            if film == "data":
                raise DataError("the cache is gone")
            if film == "lock":
                return threading.Lock()
            return os.getpid(), len(had)

        return do


def test_the_job_is_loaded_once_an_actor(nodes) -> None:
    films = [str(i) for i in range(200)]
    found = dict(Cluster(nodes.address).run(_Counts(), [*films, "bad", "bug", "lock"]))
    assert isinstance(found.pop("bad"), WorkerLost)
    assert found.pop("bug") == Fault(
        "ZeroDivisionError",
        "bug: a fault in vgenre while labelling it: ZeroDivisionError: by nothing; report it",
    )
    assert isinstance(found.pop("lock"), Fault)  # it cannot be sent
    assert sorted(found, key=int) == films
    assert len({pid for pid, _ in found.values()}) <= 6
    assert max(count for _, count in found.values()) > 50


def test_an_error_that_all_films_would_have_ends_the_run(nodes) -> None:
    with pytest.raises(DataError, match=r"^the cache is gone$"):
        list(Cluster(nodes.address).run(_Counts(), ["a", "data", "b"]))


class _CannotLoad:
    """A job with a fault."""

    def load(self):  # type: ignore[no-untyped-def]
        raise TypeError("no such layer")


def test_what_cannot_be_loaded_is_said_and_not_tried_again(nodes) -> None:
    with pytest.raises(VgenreError, match="cannot be loaded: TypeError: no such layer"):
        list(Cluster(nodes.address).run(_CannotLoad(), ["a"]))


def test_a_missing_ffmpeg_ends_the_run(
    nodes, model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = TaskWithoutFFmpeg(str(model))
    with pytest.raises(FFmpegNotFoundError, match="VGENRE_FFMPEG is '/nonexistent'"):
        list(RayWorkers(task, Cluster(nodes.address)).run([str(folder / "0.mp4")]))


class TaskWithoutFFmpeg(Task):
    """A task on machines that have no FFmpeg."""

    def load(self, *, check: bool = True):  # type: ignore[no-untyped-def]
        os.environ["VGENRE_FFMPEG"] = "/nonexistent"
        return super().load(check=check)


class _Sleeps:
    """A job that hangs on some films, and on others is slow but gives signs of life."""

    def load(self):  # type: ignore[no-untyped-def]
        return _Sleeper()


class _Sleeper:
    last_sign = 0.0

    def __call__(self, film: str) -> str:
        for _ in range(12 if film == "slow" else 0):
            time.sleep(1)
            self.last_sign = time.monotonic()
        if film == "stuck":
            time.sleep(1000)
        return film


def test_a_film_that_hangs_its_actor_is_given_up(nodes) -> None:
    films = ["a", "stuck", "slow", "b"]
    found = dict(Cluster(nodes.address).run(_Sleeps(), films, film_timeout=8))
    assert found == {"a": "a", "b": "b", "slow": "slow", "stuck": WorkerHung(8)}


def test_room_is_counted_node_by_node(nodes) -> None:
    ray = Cluster(nodes.address).connect()
    assert Share(cpus=1, gpus=0).room(ray) == 2
    assert Share(cpus=0.6, gpus=0).room(ray) == 2, "0.4 of one node and of the other are no place"
    assert Share(cpus=0.1, gpus=0).room(ray) == 20
    assert Share(cpus=2, gpus=0).room(ray) == 0
    assert Share(cpus=1, gpus=1).room(ray) == 0


def test_a_cluster_that_can_place_no_actor_says_so(
    nodes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("vgenre.batch.actors._PLACE_SECONDS", 2.0)
    monkeypatch.setattr("vgenre.batch.actors._WAIT_SECONDS", 5.0)
    said = "no node of the cluster has the 2 CPUs that an actor asks for; the largest has 1 CPU"
    with pytest.raises(VgenreError, match=said):
        list(Cluster(nodes.address, cpus=2).run(_Counts(), ["a"]))
    with pytest.raises(VgenreError, match="has the 1 CPU and 1 GPU that an actor asks for"):
        list(Cluster(nodes.address, gpus=1).run(_Counts(), ["a"]))

    ray = Cluster(nodes.address).connect()
    holder = ray.remote(num_cpus=1)(_Sleeper)
    holders = [holder.remote() for _ in range(2)]
    ray.get([one.__ray_ready__.remote() for one in holders])
    try:
        with pytest.raises(VgenreError, match=r"placed no actor .* only 0 CPUs are free"):
            list(Cluster(nodes.address).run(_Counts(), ["a"]))
    finally:
        for one in holders:
            ray.kill(one)
    (said,) = [r.getMessage() for r in caplog.records if r.name == "vgenre.batch.actors"]
    assert said.endswith("only 0 CPUs are free; waiting for others to end")


def test_what_cannot_be_done_is_said(
    monkeypatch: pytest.MonkeyPatch, model: Path, folder: Path
) -> None:
    with pytest.raises(DataError, match="a loaded model cannot go to a cluster"):
        next(vgenre.label_folder(folder, model=vgenre.load_model(model), ray="auto"))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(VgenreError, match=r"pip install 'vgenre\[ray\]'"):
        Cluster().connect()


def test_an_address_may_be_left_out() -> None:
    assert _with_values(["label", "--ray", "FILMS"]) == ["label", "--ray", "auto", "FILMS"]
    assert _with_values(["label", "F", "--ray"]) == ["label", "F", "--ray", "auto"]
    kept = ["label", "--ray", "10.0.0.1:6379", "FILMS"]
    assert _with_values(kept) == kept
