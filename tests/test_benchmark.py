"""What the benchmark measures on, and the picture that is drawn of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import vgenre
from vgenre.labelling.unchanged import CLOSE, small_pictures, stand_ins

PIPELINES = Path(__file__).parents[1] / "pipelines"


@pytest.fixture
def pipelines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(PIPELINES))
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        if str(PIPELINES) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.usefixtures("pipelines")
def test_the_rendered_film_is_cut_into_shots(tmp_path: Path) -> None:
    import cut_film

    assert isinstance(cut_film, ModuleType)
    path = cut_film.render(tmp_path / "film.mp4", 5)
    info = vgenre.probe(path)
    assert (info.width, info.height, round(info.duration)) == (1920, 1080, 5)
    frames = vgenre.read_clip(path).frames[:20]
    assert not (frames[1:] == frames[:-1]).all(axis=(1, 2, 3)).any()  # grain
    source = stand_ins(small_pictures(frames), CLOSE)
    assert source[12] == 12 and (source[13:] == 12).all()  # a cut at 3 s, and a still from there
    assert len(np.unique(source[:12])) > 2  # a pan


@pytest.mark.usefixtures("pipelines")
def test_the_picture_shows_what_was_measured(tmp_path: Path) -> None:
    import draw_speed

    parts = dict.fromkeys(("decoding", "sound", "spectrograms", "network", "opinions"), 120.0)
    stages = [
        {"name": name, "seconds": seconds, "film_seconds": 3600.0}
        for name, seconds in (("vgenre, full", 300.0), ("vgenre, full, exact", 420.0))
    ]
    figures = {
        "cores": 2, "picture": "1920x1080 h264", "stages": stages,
        "cpu_seconds_an_hour": {"before": parts, "after": parts},
    }  # fmt: skip
    assert draw_speed.bars(figures)["after"]["network"] == 1.0
    draw_speed.draw(figures, tmp_path / "images" / "speed.svg")
    assert "<svg" in (tmp_path / "images" / "speed.svg").read_text()
    with pytest.raises(SystemExit, match="run benchmark"):
        draw_speed.measured(figures, "vgenre, key frames")
