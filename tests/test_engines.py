"""Every engine gives what the reference gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rendered import film
from toys import toy_model

import vgenre
from vgenre.engines.choose import load_engine
from vgenre.engines.export import body_graph, head_graph, quantise, write_graph
from vgenre.engines.openvino import OpenVINOEngine
from vgenre.engines.tensorflow import TensorFlowEngine
from vgenre.errors import ModelError
from vgenre.models.build import body_of
from vgenre.models.card import Architecture
from vgenre.models.store import BODY_GRAPH, HEAD_GRAPH, available_models, read_card, save_model

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (19, 299, 299, 3), np.uint8)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy with graphs."""
    directory = tmp_path_factory.mktemp("engines") / "toy"
    toy_model(directory)
    card = read_card(directory)
    engine = TensorFlowEngine.load(directory, card)
    write_graph(body_graph(engine.body), directory / BODY_GRAPH)
    write_graph(head_graph(engine.head), directory / HEAD_GRAPH)
    save_model(directory, card, engine.body, engine.head)
    return directory


def test_openvino_gives_what_tensorflow_gives(model: Path) -> None:
    card = read_card(model)
    reference, fast = (load_engine(name, model, card) for name in ("tensorflow", "openvino"))
    features = reference.features(FRAMES)
    np.testing.assert_allclose(fast.features(FRAMES), features, rtol=0.05, atol=0.02)
    assert fast.features(FRAMES[:0]).shape == (0, features.shape[1])
    mask = np.ones((2, 40), np.float32)
    mask[1, 7:] = 0
    inputs = (
        RNG.normal(size=(2, 40, 8)).astype(np.float32),
        mask,
        RNG.uniform(-80, 0, (2, 96, 500)).astype(np.float32),
        np.stack([np.ones(500, np.float32), np.zeros(500, np.float32)]),
    )
    wanted, found = reference.classify(*inputs), fast.classify(*inputs)
    for name in ("logits", "visual_logits", "audio_logits", "gate"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=0.02)
    assert found.gate[1].tolist() == [1, 0]


def test_a_quantised_body_stays_close_to_the_reference() -> None:
    body = body_of(Architecture.toy())
    fast = OpenVINOEngine(quantise(body_graph(body), FRAMES))
    wanted, found = TensorFlowEngine(body).features(FRAMES), fast.features(FRAMES)
    cosine = (
        (wanted * found).sum(1) / np.linalg.norm(wanted, axis=1) / np.linalg.norm(found, axis=1)
    )
    assert cosine.min() > 0.98


def test_openvino_labels_films_without_tensorflow(model: Path, tmp_path: Path) -> None:
    program = (
        "import sys, vgenre\n"
        f"result = vgenre.load_model({str(model)!r}).label({str(film(tmp_path / 'f.mp4'))!r})\n"
        "assert result.status == 'ok', result\n"
        "assert result.engine == 'openvino', result\n"
        "print([name for name in ('tensorflow', 'keras', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_unknown_engines_and_models_without_graphs_are_refused(tmp_path: Path) -> None:
    toy_model(tmp_path)
    with pytest.raises(ModelError, match="auto, openvino, tensorflow"):
        vgenre.load_model(tmp_path, engine="abacus")
    with pytest.raises(ModelError, match="has no graphs for OpenVINO; use --engine tensorflow"):
        vgenre.load_model(tmp_path, engine="openvino")
    assert vgenre.load_model(tmp_path).engine.name == "tensorflow"


@pytest.mark.slow
def test_the_engines_agree_on_the_model_that_ships(plain_film: Path) -> None:
    clip = vgenre.read_clip(plain_film)
    directory = available_models()["six"]
    card = read_card(directory)
    wanted, found = (
        load_engine(name, directory, card).features(clip.frames)
        for name in ("tensorflow", "openvino")
    )
    cosine = (
        (wanted * found).sum(1) / np.linalg.norm(wanted, axis=1) / np.linalg.norm(found, axis=1)
    )
    assert cosine.mean() > 0.97
