"""A model directory: what is written is what is read, and nothing else is."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys import toy_model, toy_model_with_graphs

import vgenre
from vgenre.engines.tensorflow import TensorFlowEngine
from vgenre.errors import ModelError
from vgenre.models.build import body_of, head_of
from vgenre.models.card import Architecture, ModelCard
from vgenre.models.store import (
    BODY_FILE,
    CARD_FILE,
    GRAPHS,
    HEAD_FILE,
    file_hash,
    find_model,
    load_weights,
    read_card,
    save_model,
)


@pytest.fixture
def model(model: Path, tmp_path: Path) -> Path:
    """A toy model that the test may change."""
    return Path(shutil.copytree(model, tmp_path / "toy"))


def change_card(model: Path, **values: object) -> None:
    card = json.loads((model / CARD_FILE).read_text())
    (model / CARD_FILE).write_text(json.dumps(card | values))


def test_round_trip_gives_the_same_answers(tmp_path: Path) -> None:
    card = ModelCard("toy", toy_model(tmp_path / "x").labels, Architecture.toy())
    body, head = body_of(card.architecture), head_of(card, 8)
    written = save_model(tmp_path / "m", card, body, head)
    assert read_card(tmp_path / "m") == written

    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (11, 299, 299, 3), np.uint8)
    inputs = (
        rng.normal(size=(2, 40, 8)).astype(np.float32),
        np.ones((2, 40), np.float32),
        rng.uniform(-80, 0, (2, 96, 500)).astype(np.float32),
        np.ones((2, 500), np.float32),
    )
    before, after = TensorFlowEngine(body, head), TensorFlowEngine.load(tmp_path / "m", written)
    # The weights are stored in half precision.
    np.testing.assert_allclose(
        after.features(frames), before.features(frames), rtol=2e-3, atol=2e-3
    )
    np.testing.assert_allclose(
        after.classify(*inputs).logits, before.classify(*inputs).logits, atol=1e-2
    )


def test_frames_are_worth_the_same_in_any_batch(model: Path) -> None:
    engine = TensorFlowEngine.load(model, read_card(model))
    frames = np.random.default_rng(0).integers(0, 256, (19, 299, 299, 3), np.uint8)
    whole = engine.features(frames)
    parts = np.concatenate([engine.features(frames[:3]), engine.features(frames[3:])])
    np.testing.assert_allclose(whole, parts, atol=1e-5)
    assert engine.features(frames[:0]).shape == (0, 8)


@pytest.mark.parametrize("name", [BODY_FILE, HEAD_FILE])
def test_a_damaged_file_is_refused(model: Path, name: str) -> None:
    data = bytearray((model / name).read_bytes())
    data[-1] ^= 1
    (model / name).write_bytes(data)
    with pytest.raises(ModelError, match=rf"{name}: damaged: its SHA-256"):
        read_card(model)


def test_a_missing_file_is_refused(model: Path) -> None:
    (model / HEAD_FILE).unlink()
    with pytest.raises(ModelError, match=rf"{HEAD_FILE}: this file of the model is missing"):
        read_card(model)


def test_only_the_files_that_the_engine_reads_are_checked(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy_model_with_graphs(model)
    hashed: list[str] = []

    def noted(path: Path) -> str:
        hashed.append(path.name)
        return file_hash(path)

    monkeypatch.setattr("vgenre.models.store.file_hash", noted)
    read_card(model, files=())
    assert hashed == []
    (model / BODY_FILE).unlink()  # a reader of graphs has no need of it
    vgenre.load_model(model, engine="openvino")
    assert sorted(hashed) == sorted(GRAPHS)
    vgenre.load_model(model, engine="openvino", check=False)
    assert sorted(hashed) == sorted(GRAPHS)
    with pytest.raises(ModelError, match=rf"{BODY_FILE}: this file of the model is missing"):
        vgenre.load_model(model, engine="tensorflow")
    (model / "head.bin").write_bytes((model / "head.bin").read_bytes() + b"\0")
    with pytest.raises(ModelError, match=r"head\.bin: damaged"):
        vgenre.load_model(model, engine="openvino")


def test_a_body_can_be_shared_with_a_model_that_ships(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgenre.models.store.SHIPPED", tmp_path)
    card = replace(read_card(model), name="second", body_from="toy")
    engine = TensorFlowEngine.load(model, read_card(model))
    written = save_model(tmp_path / "second", card, engine.body, engine.head)
    assert not (tmp_path / "second" / BODY_FILE).exists()
    assert read_card(tmp_path / "second") == written
    frames = np.random.default_rng(0).integers(0, 256, (3, 299, 299, 3), np.uint8)
    shared = TensorFlowEngine.load(tmp_path / "second", written)
    np.testing.assert_array_equal(shared.features(frames), engine.features(frames))
    change_card(tmp_path / "second", body_from="../toy")
    with pytest.raises(ModelError, match="no model of that name ships"):
        read_card(tmp_path / "second")


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "model.pkl"])
def test_a_card_that_lists_other_files_is_refused(model: Path, name: str) -> None:
    files = json.loads((model / CARD_FILE).read_text())["files"]
    change_card(model, files=files | {name: "0" * 64})
    with pytest.raises(ModelError, match="which is no weights file"):
        read_card(model)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": 99}, "not a model card of format 2"),
        ({"clip": {"frames": 16}}, "takes clips of"),
        ({"files": {}}, "lists no body"),
        ({"thresholds": [0.5]}, "2 labels, but 1 thresholds"),
        ({"labels": {"names": ["A", "A"], "mode": "single"}}, "damaged model card"),
        ({"mel": {"n_mels": 3, "surprise": 1}}, "damaged model card"),
        ({"architecture": None}, "damaged model card: None is no Architecture"),
        ({"labels": ["A", "B"]}, "damaged model card"),
        ({"labels": {"names": [1, 2], "mode": "single"}}, "names is .* not a list of texts"),
        ({"labels": {"names": "AB", "mode": "single"}}, "names is 'AB', which is not a list"),
        ({"name": 3}, "name is 3, which is not text"),
        ({"thresholds": [0.5, "x"]}, "thresholds is .* not a list of numbers"),
        ({"thresholds": [0.5, float("nan")]}, "thresholds is .* not a list of numbers"),
        ({"calibration": {"scale": [1, None], "bias": [0, 0]}}, "scale is .* which is not"),
        ({"files": {BODY_FILE: 3}}, "files is .* which is not"),
        ({"metrics": []}, "metrics is"),
        ({"body_from": 7}, "body_from is 7"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    model: Path, values: dict[str, object], message: str
) -> None:
    change_card(model, **values)
    with pytest.raises(ModelError, match=message):
        read_card(model)


@pytest.mark.parametrize(
    ("mel", "message"),
    [
        ({"n_fft": 1e9}, "n_fft is 1000000000.0, which is not a whole number"),
        ({"n_fft": 10**9}, "n_fft is 1000000000, which is not from 16 to 65536"),
        ({"n_fft": 10**400}, "damaged model card"),
        ({"n_fft": True}, "n_fft is True"),
        ({"hop_length": 0}, "hop_length is 0"),
        ({"win_length": 2048}, "win_length is 2048, which is more than n_fft"),
        ({"fmax": 9000}, "fmin and fmax are 30 and 9000 Hz, at 16000 Hz"),
        ({"fmin": "low"}, "fmin is 'low', which is not a number"),
        ({"reference": float("inf")}, "reference is inf"),
        ({"floor_db": 40}, "no range between floor_db and ceiling_db"),
        ({"n_mels": 1024, "hop_length": 16}, "is too large"),
    ],
)
def test_a_spectrogram_that_cannot_be_is_refused(
    model: Path, mel: dict[str, object], message: str
) -> None:
    known = json.loads((model / CARD_FILE).read_text())["mel"]
    change_card(model, mel=known | mel)
    with pytest.raises(ModelError, match=message):
        read_card(model)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"units": 10**9}, "units is 1000000000, which is not from"),
        ({"units": "many"}, "units is 'many', which is not a whole number"),
        ({"dropout": 1.5}, "dropout is 1.5"),
        ({"audio_channels": [4, "x"]}, "audio_channels is .* not a list of whole numbers"),
        ({"probe": 1}, "probe is 1, which is not true or false"),
        ({"surprise": 1}, "Architecture has no surprise"),
        ({"network": 3}, "3 is no ZooNetwork"),
        ({"network": {"name": "mlp"}}, "damaged model card"),
        ({"network": {"name": "mlp", "shape": [40, 8], "sizes": {"labels": 3}}}, "hold labels"),
        ({"network": {"name": "mlp", "shape": [40, 8], "sizes": {"units": [1]}}}, "sizes is"),
        ({"network": {"name": "mlp", "shape": [40, 8.5]}}, "shape is"),
        ({"network": {"name": "mlp", "shape": [40, 10**9]}}, "shape is"),
    ],
)
def test_an_architecture_that_cannot_be_is_refused(
    model: Path, parts: dict[str, object], message: str
) -> None:
    known = json.loads((model / CARD_FILE).read_text())["architecture"]
    change_card(model, architecture=known | parts)
    with pytest.raises(ModelError, match=message):
        read_card(model)


@pytest.mark.parametrize(
    "network",
    [
        {"name": "mlp", "shape": [40, 8], "sizes": {"surprise": 3}},
        {"name": "no-such", "shape": [40, 8]},
        {"name": "mlp", "shape": [4, 4, 4, 4, 4]},
    ],
)
def test_a_network_that_cannot_be_built_is_refused(model: Path, network: dict) -> None:
    known = json.loads((model / CARD_FILE).read_text())["architecture"]
    change_card(model, architecture=known | {"network": network})
    with pytest.raises(ModelError):
        vgenre.load_model(model, engine="tensorflow")


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", "[" * 100_000])
def test_a_card_that_is_no_card_is_refused(model: Path, text: str) -> None:
    (model / CARD_FILE).write_text(text)
    with pytest.raises(ModelError, match=CARD_FILE):
        read_card(model)


def test_weights_of_another_architecture_are_refused(model: Path) -> None:
    with pytest.raises(ModelError, match="of another architecture"):
        load_weights(head_of(read_card(model), 16), model / HEAD_FILE)


def test_unknown_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="neither a model directory nor a model that ships"):
        find_model(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"no model here, it has no card\.json"):
        read_card(find_model(tmp_path))
