"""What a cluster costs and gains, measured on this machine.

    python pipelines/scale.py FILMS/ --output scale.json

Labels a folder of films by one process and by one and two actors, each with one CPU, and then
sends 10,000 paths through the whole way (actors, results, journal) with a model that does nothing:
what is left is what distributing costs a film.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vgenre.batch.executors import Task
from vgenre.batch.journal import Journal
from vgenre.batch.processes import Workers
from vgenre.batch.ray import Cluster, RayWorkers
from vgenre.batch.run import Batch
from vgenre.labelling.record import FilmResult
from vgenre.media.find import find_media

PATHS = 10_000


class Nothing:
    """A job that labels nothing: the record of a film as `six` makes it, and no work."""

    def load(self) -> Callable[[str], FilmResult]:
        genres = dict.fromkeys(
            ("Action", "Animation", "Horror", "Romance", "Sports", "Sci-Fi"), 0.1
        )
        clip = {"start": 0.0, "duration": 10.0, "probabilities": genres}
        record = {
            "path": "", "status": "ok", "labels": ["Horror"], "probabilities": genres,
            "clips": [clip] * 10, "streams": {"visual": True, "audio": True}, "duration": 5400.0,
            "decoded_fraction": 1.0, "model": "none", "engine": "none", "error": None,
            "seconds": 0.0, "opinions": dict.fromkeys(("visual", "audio"), [0.0] * 6),
            "without": dict.fromkeys(("visual", "audio"), genres),
        }  # fmt: skip

        def do(film: str) -> FilmResult:
            return FilmResult.from_dict({**record, "path": film})

        return do


class NullWorkers:
    """An executor that does nothing with each film, on a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def run(self, films: Any, progress: Any = None) -> Iterator[FilmResult]:
        """Records that say nothing."""
        return (record for _, record in self._cluster.run(Nothing(), films))


class NullRun:
    """What `Batch` asks of a labelling run, for one that does nothing."""

    key, task = "null", Task("null")

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def executor(self) -> NullWorkers:
        """What does nothing."""
        return NullWorkers(self._cluster)


def megabytes() -> float:
    """Memory that this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def store_megabytes() -> float:
    """What is in use of the cluster's object stores, as ``ray memory`` says."""
    from ray._private.internal_api import memory_summary

    found = re.search(r"Plasma memory usage ([\d.]+) MiB", memory_summary(stats_only=True))
    return float(found[1]) * 1.048576 if found else 0.0


def overhead(cluster: Cluster) -> dict[str, Any]:
    """Seconds a film, and memory at each tenth of the paths."""
    cluster.connect()
    films = [f"/archive/{i // 100:04}/{i:06}.mkv" for i in range(PATHS)]
    held = []
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal") as journal:
        batch = Batch(films, journal, NullRun(cluster))
        started, first = time.perf_counter(), 0.0
        for i, _ in enumerate(batch.run(), 1):
            first = first or time.perf_counter() - started
            if i % (PATHS // 10) == 0:
                held.append((i, round(megabytes(), 1), round(store_megabytes(), 1)))
        taken = time.perf_counter() - started - first
        size = (Path(folder) / "journal").stat().st_size
    return {
        "paths": PATHS,
        "milliseconds_a_film": 1000 * taken / PATHS,
        "bytes_of_journal_a_film": size / PATHS,
        "paths_driver_mb_store_mb": held,
    }


def throughput(films: list[str], executor: Any) -> dict[str, float]:
    """Seconds for all films, those until the first one left out: the model is loaded in them."""
    started, first = time.perf_counter(), 0.0
    for _ in executor.run(films):
        first = first or time.perf_counter() - started
    taken = time.perf_counter() - started
    return {
        "films": len(films),
        "seconds": taken,
        "seconds_to_first": first,
        "films_an_hour": 3600 * (len(films) - 1) / (taken - first),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", nargs="?", help="a folder of films; without it, overhead only")
    parser.add_argument("--output", type=Path, help="where to write the figures, as JSON")
    parser.add_argument("--ray", default="local", help="the cluster's address")
    args = parser.parse_args()
    found: dict[str, Any] = {}
    if args.films:
        films = find_media([args.films])
        task = Task("six", threads=1)
        found["one process, one thread"] = throughput(films, Workers(task, 1))
        for actors in (1, 2):
            cluster = Cluster(args.ray, actors=actors)
            found[f"{actors} actors"] = throughput(films, RayWorkers(task, cluster))
    found["overhead"] = overhead(Cluster(args.ray, actors=2))
    print(json.dumps(found, indent=2))
    if args.output:
        args.output.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
