"""What spoke for a genre."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rendered import film, lavfi, render
from toys import toy_model
from typer.testing import CliRunner

import vgenre
from vgenre.cli import app
from vgenre.errors import MediaError
from vgenre.media.pictures import highlighted

GENRES = ("Dim", "Bright")


class Lamp:
    """An engine that takes white in the upper left, and sound below band 24, for bright."""

    name, frames_at_once = "lamp", 8

    def features(self, frames: np.ndarray) -> np.ndarray:
        return frames[:, :74, :74].mean(axis=(1, 2), dtype=np.float32) / 255

    def see(self, features: np.ndarray, frame_mask: np.ndarray) -> np.ndarray:
        seen = (features.mean(axis=2) * frame_mask).sum(axis=1) / np.maximum(frame_mask.sum(1), 1)
        return np.stack([np.zeros(len(seen)), 8 * seen], axis=1) - 1

    def hear(self, mel: np.ndarray, mel_mask: np.ndarray) -> np.ndarray:
        heard = ((mel[:, :24] > -40).mean(axis=1) * mel_mask).mean(axis=1)
        return np.stack([np.zeros(len(heard)), 40 * heard], axis=1) - 1

    def listen(self, mel: np.ndarray, mel_mask: np.ndarray) -> tuple[np.ndarray, None]:
        return self.hear(mel, mel_mask), None


@pytest.fixture
def lamp(tmp_path: Path) -> vgenre.Model:
    return vgenre.Model(toy_model(tmp_path / "toy", GENRES), Lamp())


def test_the_part_that_decided_is_found_in_frame_and_sound(
    lamp: vgenre.Model, tmp_path: Path
) -> None:
    white = (
        "color=black:size=320x240:rate=25,drawbox=w=80:h=60:t=fill:color=white:enable='gte(t,13)'"
    )
    path = film(tmp_path / "a.mp4", seconds=20, picture=white, sound="sine=frequency=200")
    result = lamp.label(path, sampling=2)
    found = lamp.explain(result, "Bright")
    assert found.clip.start == result.clips[1].start
    assert found.time >= 13
    assert found.shares[1] > found.shares[0] and sum(found.shares) == pytest.approx(1)
    assert found.frame_map is not None and found.mel_map is not None
    assert np.argmax(found.frame_map) == 0
    assert found.frame_map[4:].max() == pytest.approx(0, abs=1e-6)
    assert found.mel_map[:2].max() > 5 * np.abs(found.mel_map[4:]).max()
    assert set(found.streams) == set(found.without) == {"visual", "audio"}
    assert found.probability == result.probabilities["Bright"]
    assert found.without["audio"] == result.without["audio"]["Bright"]


def test_a_missing_stream_is_left_out(tmp_path: Path) -> None:
    toy_model(tmp_path / "toy", GENRES)
    model = vgenre.load_model(tmp_path / "toy")
    heard = model.label(render(tmp_path / "a.wav", *lavfi("sine"), "-t", 4), explain=True)
    assert heard.explanation is not None
    assert set(heard.explanation["streams"]) == {"audio"} and heard.explanation["without"] == {}
    assert set(heard.explanation["pictures"]) == {"mel"}
    still = model.label(render(tmp_path / "a.jpg", *lavfi("testsrc2"), "-frames:v", 1))
    found = model.explain(still)
    assert found.mel is None and found.frame is not None and found.shares == (1.0,)
    with pytest.raises(MediaError, match="nothing can be explained"):
        model.explain(replace(still, clips=[]))


def test_an_unknown_label_is_named(lamp: vgenre.Model, plain_film: Path) -> None:
    result = lamp.label(plain_film)
    with pytest.raises(ValueError, match="model toy knows no 'Drama'; it knows Dim, Bright"):
        lamp.explain(result, "Drama")
    foreign = replace(result, probabilities={"Drama": 1.0})
    with pytest.raises(ValueError, match=r"plain\.mp4 was labelled by another model"):
        lamp.explain(foreign, "Dim")
    with pytest.raises(ValueError, match="knows no 'Drama'"):
        lamp.explain(foreign)


def test_the_command_explains(tmp_path: Path, plain_film: Path) -> None:
    toy_model(tmp_path / "toy", GENRES)
    out = tmp_path / "out.jsonl"
    command = ["label", str(plain_film), "--model", str(tmp_path / "toy"), "--output", str(out)]
    done = CliRunner().invoke(app, [*command, "--explain"])
    assert done.exit_code == 0, done.output
    record = json.loads(out.read_text())
    explanation = record["explanation"]
    label = explanation["label"]
    assert label in GENRES and "pictures" not in explanation
    assert f"{label} above all at" in done.stdout
    left = {stream: p[label] for stream, p in record["without"].items()}
    assert explanation["without"] == left, "it agrees with the record"
    said = f"{label} {record['probabilities'][label]:.0%}; without the picture {left['visual']:.0%}"
    assert f"  {said}, without the sound {left['audio']:.0%}\n" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_what_matters_stays_bright() -> None:
    picture = np.full((100, 200, 3), 200, np.uint8)
    shown = highlighted(picture, np.array([[1.0, 0.0], [-1.0, 0.0]]))
    assert shown[0, 0].tolist() == [200, 200, 200]
    assert shown[99].max() == 50
