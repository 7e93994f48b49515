"""The examples of the documentation on clusters, as far as one machine can check them."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rendered import film
from toys import toy_model
from typer.testing import CliRunner

from vgenre.cli import _with_values, app

EXAMPLES = Path(__file__).parent.parent / "docs" / "cluster"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Films, and a command vgenre that takes a toy model where none is named."""
    toy_model(tmp_path / "toy")
    (tmp_path / "films").mkdir()
    for i in range(3):
        film(tmp_path / "films" / f"{i}.mp4", seconds=1)
    (tmp_path / "films" / "text.mp4").write_text("no film")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "vgenre"
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} -m vgenre "$@" --model {tmp_path / "toy"}\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def test_the_slurm_array_does_all_films_and_its_shares_join(archive: Path) -> None:
    environment = os.environ | {
        "PATH": f"{archive / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(EXAMPLES.parent.parent),
        "FILMS": str(archive / "films"),
        "OUTPUT": str(archive / "labels"),
        "SLURM_ARRAY_TASK_COUNT": "2",
    }
    for i in (1, 2):
        done = subprocess.run(
            ["bash", str(EXAMPLES / "slurm.sh")],
            env=environment | {"SLURM_ARRAY_TASK_ID": str(i)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr  # 1: the share is the bad file alone
    output = archive / "labels.csv"
    journals = f"{archive}/labels/share-*.journal"
    command = ["merge", str(archive / "films"), "--journal", journals, "--output", str(output)]
    joined = CliRunner().invoke(app, command)
    assert joined.exit_code == 3 and "4 films joined from 2 journals" in joined.output
    assert output.read_text().count("films/") >= 4


def test_the_cluster_is_one_by_rays_own_schema() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((EXAMPLES / "ray-cluster.yaml").read_text())
    validate_config(prepare_config(config))
    assert len(config["provider"]["worker_ips"]) == config["max_workers"]


def test_the_kubernetes_job_runs_a_command_that_there_is(archive: Path) -> None:
    job = yaml.safe_load((EXAMPLES / "rayjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    program, *arguments = shlex.split(job["spec"]["entrypoint"].replace("/archive", str(archive)))
    assert program == "vgenre"
    arguments = ["local" if word == "auto" else word for word in _with_values(arguments)]
    done = subprocess.run(
        [sys.executable, "-m", "vgenre", *arguments, "--model", str(archive / "toy")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert len((archive / "labels.jsonl").read_text().splitlines()) == 4
    cluster = job["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        mounted = {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
