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
from vgenre.models.build import audio_of, body_of, visual_of
from vgenre.models.card import Architecture, ModelCard, ZooNetwork
from vgenre.models.store import (
    AUDIO_FILE,
    BODY_FILE,
    CARD_FILE,
    VISUAL_FILE,
    file_hash,
    find_model,
    graphs_of,
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
    card = ModelCard("toy", toy_model(tmp_path / "x").labels, Architecture.toy(), outside=True)
    body, visual, audio = body_of(card.architecture), visual_of(card, 8), audio_of(card)
    written = save_model(tmp_path / "m", card, body, visual, audio)
    assert read_card(tmp_path / "m") == written
    assert read_card(tmp_path / "m").digest() == written.digest()

    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (11, 299, 299, 3), np.uint8)
    seen = rng.normal(size=(2, 40, 8)).astype(np.float32), np.ones((2, 40), np.float32)
    mel, steps = card.mel, card.mel.steps
    heard = (
        rng.uniform(-80, 0, (2, mel.n_mels, steps)).astype(np.float32),
        np.ones((2, steps), np.float32),
    )
    before = TensorFlowEngine(body, visual, audio)
    after = TensorFlowEngine.load(tmp_path / "m", written)
    # The weights are stored in half precision.
    np.testing.assert_allclose(
        after.features(frames), before.features(frames), rtol=2e-3, atol=2e-3
    )
    np.testing.assert_allclose(after.see(*seen), before.see(*seen), atol=1e-2)
    np.testing.assert_allclose(after.hear(*heard), before.hear(*heard), atol=1e-2)
    assert after.see(*seen).shape == after.hear(*heard).shape == (2, 3)


def test_a_network_of_the_literature_has_no_audio_stream(model: Path, tmp_path: Path) -> None:
    mlp = Architecture(body="toy", network=ZooNetwork("mlp", (40, 8), {"units": 4}))
    card = ModelCard("mlp", read_card(model).labels, mlp)
    body, visual = body_of(mlp), visual_of(card, 8)
    assert audio_of(card) is None
    written = save_model(tmp_path / "m", card, body, visual)
    assert set(written.files) == {BODY_FILE, VISUAL_FILE}
    assert read_card(tmp_path / "m") == written
    toy = read_card(model)
    with pytest.raises(ModelError, match="its card uses sound, but there is no audio network"):
        save_model(tmp_path / "n", toy, body, visual)
    with pytest.raises(ModelError, match="its card uses no sound, but there is an audio network"):
        save_model(tmp_path / "n", card, body, visual, audio_of(toy))
    change_card(tmp_path / "m", files=written.files | {AUDIO_FILE: "0" * 64})
    with pytest.raises(ModelError, match=f"lists '{AUDIO_FILE}', which is no weights file"):
        read_card(tmp_path / "m")


def test_frames_are_worth_the_same_in_any_batch(model: Path) -> None:
    engine = TensorFlowEngine.load(model, read_card(model))
    frames = np.random.default_rng(0).integers(0, 256, (19, 299, 299, 3), np.uint8)
    whole = engine.features(frames)
    parts = np.concatenate([engine.features(frames[:3]), engine.features(frames[3:])])
    np.testing.assert_allclose(whole, parts, atol=1e-5)
    assert engine.features(frames[:0]).shape == (0, 8)


@pytest.mark.parametrize("name", [BODY_FILE, VISUAL_FILE, AUDIO_FILE])
def test_a_damaged_file_is_refused(model: Path, name: str) -> None:
    data = bytearray((model / name).read_bytes())
    data[-1] ^= 1
    (model / name).write_bytes(data)
    with pytest.raises(ModelError, match=rf"{name}: damaged: its SHA-256"):
        read_card(model)


def test_a_missing_file_is_refused(model: Path) -> None:
    (model / AUDIO_FILE).unlink()
    with pytest.raises(ModelError, match=rf"{AUDIO_FILE}: this file of the model is missing"):
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
    graphs = graphs_of(read_card(model, files=()))
    assert hashed == []
    (model / BODY_FILE).unlink()  # a reader of graphs has no need of it
    vgenre.load_model(model, engine="openvino")
    assert sorted(hashed) == sorted(graphs)
    vgenre.load_model(model, engine="openvino", check=False)
    assert sorted(hashed) == sorted(graphs)
    with pytest.raises(ModelError, match=rf"{BODY_FILE}: this file of the model is missing"):
        vgenre.load_model(model, engine="tensorflow")
    (model / "audio.bin").write_bytes((model / "audio.bin").read_bytes() + b"\0")
    with pytest.raises(ModelError, match=r"audio\.bin: damaged"):
        vgenre.load_model(model, engine="openvino")


def test_a_body_can_be_shared_with_a_model_that_ships(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgenre.models.store.SHIPPED", tmp_path)
    card = replace(read_card(model), name="second", body_from="toy")
    engine = TensorFlowEngine.load(model, read_card(model))
    written = save_model(tmp_path / "second", card, engine.body, engine.visual, engine.audio)
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
        ({"format": 99}, "format 3 but of format 99, which a later vgenre wrote; update vgenre"),
        ({"format": 2}, "format 3 but of format 2, .*; train the model again, or install the"),
        ({"format": "3"}, "not a model card of format 3$"),
        ({"clip": {"frames": 16}}, "takes clips of"),
        ({"files": {}}, "lists no body"),
        ({"fusions": {}}, "it has no fusions"),
        ({"fusions": []}, "it has no fusions"),
        ({"fusions": {"visual": 3}}, "3 is no Fusion"),
        ({"outside": 1}, "outside is 1, which is not true or false"),
        ({"outside": True}, "3 outcomes, but 2 numbers for 'visual'"),
        ({"labels": {"names": ["A", "A"], "mode": "single"}}, "damaged model card"),
        ({"mel": {"n_mels": 3, "surprise": 1}}, "damaged model card"),
        ({"architecture": None}, "damaged model card: None is no Architecture"),
        ({"labels": ["A", "B"]}, "damaged model card"),
        ({"labels": {"names": [1, 2], "mode": "single"}}, "names is .* not a list of texts"),
        ({"labels": {"names": "AB", "mode": "single"}}, "names is 'AB', which is not a list"),
        ({"name": 3}, "name is 3, which is not text"),
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
    ("case", "changed", "message"),
    [
        ("visual", None, "it has no fusion for 'visual'"),
        ("audio", None, "it has no fusion for 'audio'"),
        ("visual+audio", None, "it has no fusion for 'visual\\+audio'"),
        ("audio+visual", {}, "no set of streams called 'audio\\+visual'"),
        ("visual+smell", {}, "no set of streams called 'visual\\+smell'"),
        ("", {}, "no set of streams called ''"),
        ("still", {"weights": {"audio": [1, 1]}}, "its fusion for 'still' weighs audio"),
        ("visual", {"weights": {}}, "its fusion for 'visual' weighs"),
        ("visual", {"weights": [1, 1]}, "weights is .* not a dict of lists"),
        ("visual", {"weights": {"visual": 1}}, "weights is 1, which is not a list of numbers"),
        ("visual", {"weights": {"visual": [1]}}, "2 outcomes, but 1 numbers for 'visual'"),
        ("visual", {"weights": {"visual": [1, None]}}, "weights is .* not a list of numbers"),
        ("visual", {"weights": {"visual": [1, 1e9]}}, "weights is .* not from"),
        ("visual", {"bias": [0, float("inf")]}, "bias is .* not a list of numbers"),
        ("visual", {"bias": [0, 0, 0]}, "2 outcomes, but 3 numbers for 'bias'"),
        ("visual", {"thresholds": [0.5]}, "2 labels, but 1 thresholds for 'visual'"),
        ("visual", {"thresholds": [0.5, "x"]}, "thresholds is .* not a list of numbers"),
        ("visual", {"thresholds": [0.5, float("nan")]}, "thresholds is .* not a list of numbers"),
        ("visual", {"gate": 1}, "Fusion has no gate"),
    ],
)
def test_a_fusion_that_cannot_be_is_refused(
    model: Path, case: str, changed: dict[str, object] | None, message: str
) -> None:
    fusions = json.loads((model / CARD_FILE).read_text())["fusions"]
    if changed is None:
        del fusions[case]
    else:
        fusions[case] = fusions.get(case, fusions["visual"]) | changed
    change_card(model, fusions=fusions)
    with pytest.raises(ModelError, match=f"{CARD_FILE}: damaged model card: .*{message}"):
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
        ({"fmax": 17000}, "fmin and fmax are 0 and 17000 Hz, at 32000 Hz"),
        ({"fmin": "low"}, "fmin is 'low', which is not a number"),
        ({"level": float("inf")}, "level is inf"),
        ({"level": 3}, "level is 3, which is not from -100 to 0"),
        ({"pre_emphasis": -1}, "pre_emphasis is -1"),
        ({"floor_db": 40}, "floor_db is 40, which is not from -200 to 0"),
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
        ({"lstm": 10**9}, "lstm is 1000000000, which is not from"),
        ({"lstm": "many"}, "lstm is 'many', which is not a whole number"),
        ({"project": 0}, "project is 0, which is not from"),
        ({"dropout": 1.5}, "dropout is 1.5"),
        ({"blocks": ["mixed9", 8]}, "blocks is .* not a list of texts"),
        ({"deviation": 1}, "deviation is 1, which is not true or false"),
        ({"ear": None}, "ear is None, which is not text"),
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


@pytest.mark.parametrize("parts", [{"body": "resnet"}, {"ear": "bat"}])
def test_networks_that_are_not_known_are_refused(model: Path, parts: dict) -> None:
    known = json.loads((model / CARD_FILE).read_text())["architecture"]
    change_card(model, architecture=known | parts)
    with pytest.raises(ModelError, match=r"there is no .* called"):
        vgenre.load_model(model, engine="tensorflow")


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", "[" * 100_000])
def test_a_card_that_is_no_card_is_refused(model: Path, text: str) -> None:
    (model / CARD_FILE).write_text(text)
    with pytest.raises(ModelError, match=CARD_FILE):
        read_card(model)


def test_weights_of_another_architecture_are_refused(model: Path) -> None:
    with pytest.raises(ModelError, match="of another architecture"):
        load_weights(visual_of(read_card(model), 16), model / VISUAL_FILE)


def test_unknown_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="neither a model directory nor a model that ships"):
        find_model(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"no model here, it has no card\.json"):
        read_card(find_model(tmp_path))
