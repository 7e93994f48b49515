"""Networks of the zoo as models: trained on films, saved, and used like the others."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from rendered import film
from typer.testing import CliRunner

from vgenre.cli import app
from vgenre.errors import DataError, ModelError
from vgenre.labelling.load import load_model
from vgenre.labels import MULTI, LabelSet
from vgenre.media.reader import read_clip
from vgenre.models.card import Architecture, ZooNetwork
from vgenre.training.initial import InitialWeights
from vgenre.training.options import FineTuning, TrainingOptions
from vgenre.training.run import train
from vgenre.zoo.registry import REGISTRY
from vgenre.zoo.snippets import build_pixels, training_frames

COLOURS = {"Dark": "0x201008", "Bright": "0xd0f0ff"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for kind, colour in COLOURS.items():
        (root / kind).mkdir()
        for i in range(5):
            film(
                root / kind / f"{kind}-{i}.mp4",
                seconds=2 + i * 0.5,
                picture=f"color={colour}:size=64x48:rate=8",
                sound=None,
            )
    return root


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Let go of a test's networks."""
    yield
    keras.utils.clear_session()


def options_for(name: str, **changes) -> TrainingOptions:
    sizes = dict(REGISTRY[name][2])
    softmax = name == "cnn-lstm-softmax"
    architecture = dataclasses.replace(
        Architecture.toy(),
        network=ZooNetwork(name, sizes.pop("shape"), sizes),
        softmax_classes=2 if softmax else None,
    )
    tuning = FineTuning(steps=0, head_steps=2, batch_size=4, size=64, dtype="float32")
    settings = {"epochs": 1, "batch_size": 4, "finetuning": tuning if softmax else None}
    return TrainingOptions(architecture=architecture, **{**settings, **changes})


def train_toy(data: Path, output: Path, name: str, **changes):
    return train(
        data,
        output,
        mode=MULTI if name == "poster-cnn" else "single",
        initial=InitialWeights.of("none"),
        cache=output.parent / "cache",
        options=options_for(name, **changes),
    )


SAMPLED = {"cnn", "conv3d", "cnn-lstm-pool", "mlp", "late-fusion", "poster-cnn"}
"""One architecture of each kind; the slow tests take all of them."""


@pytest.mark.parametrize(
    "name",
    [n if n in SAMPLED else pytest.param(n, marks=pytest.mark.slow) for n in REGISTRY],
)
def test_each_learns_is_saved_and_labels(name: str, data: Path, tmp_path: Path) -> None:
    card = train_toy(data, tmp_path / "model", name)
    assert card.architecture.network is not None and card.architecture.network.name == name
    model = load_model(tmp_path / "model")
    assert model.engine.name == "openvino"
    result = model.label(data / "Dark" / "Dark-0.mp4")
    assert result.status == "ok"
    assert set(result.probabilities) == set(COLOURS)
    assert list(result.opinions) == ["visual"] and result.without == {}


@pytest.mark.parametrize("name", ["time-distributed-cnn", "c3d"])
def test_both_engines_say_the_same(name: str, data: Path, tmp_path: Path) -> None:
    train_toy(data, tmp_path / "model", name)
    film, said = data / "Dark" / "Dark-0.mp4", {}
    for engine in ("openvino", "tensorflow"):
        said[engine] = load_model(tmp_path / "model", engine=engine).label(film).probabilities
    assert said["openvino"] == pytest.approx(said["tensorflow"], abs=0.02)


@pytest.mark.parametrize("optimizer", ["sgd", pytest.param("rmsprop", marks=pytest.mark.slow)])
def test_a_network_learns_what_is_plain_to_see(optimizer: str, data: Path, tmp_path: Path) -> None:
    rate = {"sgd": 1e-2, "rmsprop": 1e-3}[optimizer]
    train_toy(
        data,
        tmp_path / "model",
        "time-distributed-cnn",
        epochs=20,
        patience=20,
        optimizer=optimizer,
        learning_rate=rate,
    )
    model = load_model(tmp_path / "model")
    for kind, colour in COLOURS.items():
        picture = f"color={colour}:size=64x48:rate=8"
        new = film(tmp_path / f"{kind}.mp4", seconds=11, picture=picture)
        assert model.label(new).labels == [kind]


def test_mixed_precision(data: Path, tmp_path: Path) -> None:
    train_toy(data, tmp_path / "model", "conv3d", dtype="mixed_bfloat16", graphs=False)
    assert load_model(tmp_path / "model").label(data / "Dark" / "Dark-1.mp4").status == "ok"


def test_dense_snippets(data: Path, tmp_path: Path) -> None:
    options = options_for("c3d", graphs=False)
    network = dataclasses.replace(options.architecture.network, snippets="dense")
    options = dataclasses.replace(
        options, architecture=dataclasses.replace(options.architecture, network=network)
    )
    train(
        data,
        tmp_path / "model",
        initial=InitialWeights.of("none"),
        cache=tmp_path / "cache",
        options=options,
    )
    assert load_model(tmp_path / "model").label(data / "Dark" / "Dark-1.mp4").status == "ok"


def test_a_loss_that_is_no_number_is_told(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its loss is not a number; try a smaller learning rate"):
        train_toy(data, tmp_path / "model", "mlp", learning_rate=1e38, optimizer="sgd")


def test_sound_alone_is_refused_by_a_network_that_looks(data: Path, tmp_path: Path) -> None:
    from rendered import lavfi, render

    train_toy(data, tmp_path / "model", "mlp", graphs=False)
    heard = render(tmp_path / "a.wav", *lavfi("sine=frequency=440"), "-t", 3)
    result = load_model(tmp_path / "model").label(heard)
    assert result.status == "error" and result.error is not None
    assert "there is no picture" in result.error["message"]


def test_layers_that_openvino_does_not_know_leave_tensorflow(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(network: object) -> None:
        raise RuntimeError("no such operation: Odd")

    monkeypatch.setattr("vgenre.engines.export.stream_graph", refuse)
    train_toy(data, tmp_path / "model", "mlp")
    assert "runs on TensorFlow alone: no such operation: Odd" in caplog.text
    model = load_model(tmp_path / "model")
    assert model.engine.name == "tensorflow"
    assert model.label(data / "Dark" / "Dark-0.mp4").status == "ok"
    with pytest.raises(ModelError, match="no graphs for OpenVINO; use --engine tensorflow"):
        load_model(tmp_path / "model", engine="openvino")


def test_a_killed_run_goes_on_from_what_it_has(data: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def stop(done: int, of: int) -> None:
        if done == of:
            raise Killed

    with pytest.raises(Killed):
        train(
            data,
            tmp_path / "model",
            initial=InitialWeights.of("none"),
            cache=tmp_path / "cache",
            options=options_for("conv3d", graphs=False),
            progress=stop,
        )
    assert not (tmp_path / "model" / "card.json").exists()
    train_toy(data, tmp_path / "model", "conv3d", graphs=False)
    assert load_model(tmp_path / "model").label(data / "Dark" / "Dark-2.mp4").status == "ok"


def test_wrong_options_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no optimiser 'adamm'; there are adam,"):
        train_toy(data, tmp_path / "model", "mlp", optimizer="adamm")
    with pytest.raises(DataError, match="3 devices were asked for"):
        train_toy(data, tmp_path / "model", "mlp", devices=3)
    with pytest.raises(ModelError, match="3 channels"):
        build_pixels((32, 32, 1))


def test_the_command_trains_by_a_zoo_name(data: Path, tmp_path: Path) -> None:
    said = CliRunner().invoke(
        app,
        f"train {data} --output {tmp_path / 'm'} --architecture Mv2-32x32x3-339-im --epochs 1 "
        "--initial none --batch 4".split(),
    )
    assert said.exit_code == 0, said.output
    assert "Mv2-32x32x3" in said.output
    assert load_model(tmp_path / "m").card.architecture.network.sizes == {"backbone": "Mv2"}
    wrong = CliRunner().invoke(
        app, f"train {data} --output {tmp_path / 'w'} --architecture c3d --shape 16x112".split()
    )
    assert wrong.exit_code == 2 and "c3d takes 16x112x112x3" in wrong.output
    for option in ("--optimizer adamm", "--mixed float8", "--snippets odd"):
        command = f"train {data} --output {tmp_path / 'w'} --architecture c3d {option}".split()
        wrong = CliRunner().invoke(app, command)
        assert wrong.exit_code == 2 and command[-1] in wrong.output


def test_two_logical_devices_share_a_batch(data: Path, tmp_path: Path) -> None:
    # In a process of its own: devices are divided before TensorFlow starts.
    script = f"""
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_zoo_training import train_toy
train_toy(Path({str(data)!r}), Path({str(tmp_path / "model")!r}), "conv3d", devices=2,
          graphs=False)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert load_model(tmp_path / "model").label(data / "Dark" / "Dark-3.mp4").status == "ok"


# --- which frames ---------------------------------------------------------------------------


def test_uniform_frames_come_from_equal_stretches() -> None:
    rng = np.random.default_rng(0)
    chosen = training_frames(np.array([40, 8, 1]), 8, "uniform", rng)
    assert ((chosen[0] // 5) == np.arange(8)).all()
    assert (chosen[1] == np.arange(8)).all()
    assert (chosen[2] == 0).all()


def test_dense_frames_follow_one_another() -> None:
    rng = np.random.default_rng(0)
    chosen = training_frames(np.array([40] * 50 + [4]), 16, "dense", rng)
    assert (np.diff(chosen[:50]) == 1).all()
    assert chosen[:50].max() <= 39 and len(np.unique(chosen[:50, 0])) > 10
    assert chosen[50].tolist() == [0, 1, 2, 3] + [3] * 12


def test_a_frame_is_made_smaller_as_opencv_would(tmp_path: Path) -> None:
    import cv2

    frames = read_clip(film(tmp_path / "a.mp4", seconds=1)).frames[:4]
    small = build_pixels((8, 60, 60, 3))(frames.astype(np.float32)).numpy()
    for one, frame in zip(small.reshape(4, 60, 60, 3), frames, strict=True):
        wanted = cv2.resize(frame, (60, 60), interpolation=cv2.INTER_AREA)
        assert np.abs(one - wanted).mean() < 6


def test_labels_may_share_or_not() -> None:
    from vgenre import zoo

    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 4, 8)).astype(np.float32)
    for multi in (False, True):
        network = zoo.build("mlp", labels=3, multi=multi, shape=(4, 8), units=8)
        total = network(features).numpy().sum(axis=1)
        assert np.allclose(total, 1) is not multi
    assert LabelSet(("a", "b")).mode == "single"
