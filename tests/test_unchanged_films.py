"""Films of which few frames are computed, and what becomes of their labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rendered import X264, lavfi, render

import vgenre
from vgenre.batch.plan import plan_run
from vgenre.labelling.unchanged import CLOSE


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 s of four shots: stills of 6 s with grain, and one that moves."""
    still = (
        "mandelbrot=size=320x240:rate=25:start_x={}:start_y={}:start_scale={},trim=end_frame=1,"
        "loop=149:1,setpts=N/25/TB,noise=alls=8:allf=t"
    )
    places = [(-0.75, 0.1, 0.4), (0.3, 0.5, 0.05), (-1.25, 0.02, 0.2)]
    chains = [still.format(*place) + f"[v{i}]" for i, place in enumerate(places)]
    chains.append("testsrc2=size=320x240:rate=25:duration=6[v3]")
    graph = ";".join(chains) + ";[v0][v1][v3][v2]concat=n=4:v=1:a=0[out0]"
    path = tmp_path_factory.mktemp("shots") / "shots.mp4"
    return render(path, *lavfi(graph), "-pix_fmt", "yuv420p", *X264)


def test_labelling_computes_few_frames_of_a_film_of_stills(
    shots: Path, model_with_graphs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, shown = vgenre.load_model(model_with_graphs), []
    compute = model.engine.features

    def features(frames: np.ndarray) -> np.ndarray:
        shown.append(len(frames))
        return compute(frames)

    monkeypatch.setattr(model.engine, "features", features)
    counts, films = [], []
    for exact in (False, True):
        films.append(model.label(shots, exact=exact))
        counts.append(sum(shown))
        shown.clear()
    few, all_of_them = counts
    assert all_of_them == 96  # 24 s; grain makes each one another
    assert few <= 96 / 2  # 24 of the shot that moves, and one or two a still
    assert films[0].probabilities == pytest.approx(films[1].probabilities, abs=0.05)
    model.explain(films[0])
    assert sum(shown) == 40 + 49  # its clip and the hidden parts of one frame: all of them


def test_exact_records_are_kept_apart(model_with_graphs: Path) -> None:
    close, exact = (plan_run(model_with_graphs, exact=exact) for exact in (False, True))
    assert close.key != exact.key
    assert (close.settings["close"], exact.settings["close"]) == (CLOSE, 0.0)
    assert exact.task.how["exact"] and not close.task.how["exact"]
