"""The pipelines say so when there is no training data, and do no harm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PIPELINES = Path(__file__).parent.parent / "pipelines"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("train_six", None),
        ("train_six", "nowhere"),
        ("train_multi", "nowhere"),
        ("cross_validate", "nowhere"),
        ("compare_architectures", "nowhere"),
        ("posters", "nowhere"),
        ("learning_curve", "nowhere"),
    ],
)
def test_training_without_data_is_skipped_and_says_so(
    tmp_path: Path, name: str, data: str | None
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "VGENRE_DATA"}
    command = [sys.executable, str(PIPELINES / f"{name}.py"), "--work", str(tmp_path / "work")]
    done = subprocess.run(
        command + ([data] if data else []),
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1].startswith("skipped: ")  # TensorFlow greets before
    assert not (tmp_path / "work").exists()
