"""A model directory: what is written is what is read, and nothing else is."""

from __future__ import annotations

import json
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
def model(tmp_path: Path) -> Path:
    toy_model(tmp_path / "toy")
    return tmp_path / "toy"


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
        ({"architecture": None}, "damaged model card"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    model: Path, values: dict[str, object], message: str
) -> None:
    change_card(model, **values)
    with pytest.raises(ModelError, match=message):
        read_card(model)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00"])
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
