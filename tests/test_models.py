"""The networks: shapes, masks, and the gate between the streams."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import vgenre.models
from vgenre.errors import ModelError
from vgenre.models.audio import build_audio_stream
from vgenre.models.body import build_body, build_frame_classifier, take_blocks
from vgenre.models.fusion import build_fusion
from vgenre.models.visual import build_visual_stream
from vgenre.sound import MelSettings

MEL = MelSettings()
RNG = np.random.default_rng(0)


def run(network: keras.Model, *inputs: np.ndarray) -> dict[str, np.ndarray]:
    outputs = network(list(inputs), training=False)
    return {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}


def mask(*lengths: int, steps: int) -> np.ndarray:
    return (np.arange(steps) < np.array(lengths)[:, None]).astype(np.float32)


@pytest.fixture(scope="module")
def fusion() -> keras.Model:
    keras.utils.set_random_seed(0)
    visual = build_visual_stream(3, features=8, units=8, embedding=8)
    audio = build_audio_stream(3, MEL, channels=(4, 8), embedding=8)
    network = build_fusion(visual, audio)
    gate = network.get_layer("gate")  # not the zeros that it begins with
    gate.set_weights([RNG.normal(size=w.shape) for w in gate.get_weights()])
    return network


def opinion(fusion: keras.Model, seen: int, heard: int) -> dict[str, np.ndarray]:
    inputs = {
        "frame_features": RNG.normal(size=(1, 40, 8)).astype(np.float32),
        "frame_mask": mask(seen, steps=40),
        "mel": RNG.uniform(-80, 0, (1, MEL.n_mels, MEL.steps)).astype(np.float32),
        "mel_mask": mask(heard, steps=MEL.steps),
    }
    outputs = fusion(inputs, training=False)
    return {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}


@pytest.mark.parametrize("pooling", ["lstm", "mean"])
def test_padding_frames_change_nothing(pooling: str) -> None:
    network = build_visual_stream(3, features=8, units=8, embedding=8, pooling=pooling)
    frames = RNG.normal(size=(2, 40, 8)).astype(np.float32)
    garbage = frames.copy()
    garbage[0, 7:] = 1e3
    garbage[1, 31:] = -1e3
    lengths = mask(7, 31, steps=40)
    before, after = run(network, frames, lengths), run(network, garbage, lengths)
    np.testing.assert_allclose(before["logits"], after["logits"], atol=1e-5)
    seen = run(network, frames, mask(40, 40, steps=40))
    assert np.abs(before["logits"] - seen["logits"]).max() > 1e-4


def test_padding_sound_changes_nothing_once_it_is_out_of_reach() -> None:
    network = build_audio_stream(3, MEL, channels=(4, 8), embedding=8)
    mel = RNG.uniform(-80, 0, (1, MEL.n_mels, MEL.steps)).astype(np.float32)
    garbage = mel.copy()
    garbage[:, :, 240:] = 20
    lengths = mask(200, steps=MEL.steps)
    before, after = run(network, mel, lengths), run(network, garbage, lengths)
    np.testing.assert_allclose(before["logits"], after["logits"], atol=1e-5)
    heard = run(network, mel, mask(500, steps=MEL.steps))
    assert np.abs(before["logits"] - heard["logits"]).max() > 1e-4


def test_bands_are_told_apart() -> None:
    network = build_audio_stream(3, MEL, channels=(4, 8), embedding=8)
    mel = np.full((2, MEL.n_mels, MEL.steps), -80, np.float32)
    mel[0, 20:28] = 0
    mel[1, 60:68] = 0
    low, high = run(network, mel, mask(500, 500, steps=MEL.steps))["embedding"]
    assert np.abs(low - high).max() > 1e-3


def test_gate_weighs_both_streams(fusion: keras.Model) -> None:
    both = opinion(fusion, 40, 500)
    assert both["gate"].sum() == pytest.approx(1)
    assert (both["gate"] > 0).all()
    weighed = (
        both["gate"][:, :1] * both["visual_logits"] + both["gate"][:, 1:] * both["audio_logits"]
    )
    np.testing.assert_allclose(both["logits"], weighed, atol=1e-5)


@pytest.mark.parametrize(("seen", "heard", "left"), [(40, 0, "visual"), (0, 500, "audio")])
def test_a_missing_stream_has_no_say(fusion: keras.Model, seen: int, heard: int, left: str) -> None:
    outputs = opinion(fusion, seen, heard)
    assert outputs["gate"][0].tolist() == [float(seen > 0), float(heard > 0)]
    np.testing.assert_allclose(outputs["logits"], outputs[f"{left}_logits"], atol=1e-5)


def test_nothing_at_all_gives_no_opinion(fusion: keras.Model) -> None:
    outputs = opinion(fusion, 0, 0)
    assert outputs["gate"].tolist() == [[0, 0]]
    assert outputs["logits"].tolist() == [[0, 0, 0]]


def test_frames_are_scaled_to_minus_one_to_one() -> None:
    scale = build_body("toy", size=32).get_layer("scale")
    values = scale(np.array([[[[0, 127.5, 255]]]], np.float32))
    np.testing.assert_allclose(values, [[[[-1, 0, 1]]]], atol=1e-6)


def test_softmax_features_are_probabilities() -> None:
    body = build_body("toy", size=32, softmax_classes=5)
    features = keras.ops.convert_to_numpy(body(RNG.uniform(0, 255, (2, 32, 32, 3))))
    assert features.shape == (2, 5)
    np.testing.assert_allclose(features.sum(axis=1), 1, atol=1e-5)


def test_a_fine_tuned_classifier_fits_the_softmax_body() -> None:
    classifier = build_frame_classifier(build_body("toy", size=32), 5)
    body = build_body("toy", size=64, softmax_classes=5)
    body.set_weights(classifier.get_weights())
    for a, b in zip(body.get_weights(), classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_unknown_parts_are_refused() -> None:
    with pytest.raises(ModelError, match="inception_v3, toy"):
        build_body("resnet")
    with pytest.raises(ModelError, match="neither lstm nor mean"):
        build_visual_stream(3, pooling="max")


def test_models_know_no_backend() -> None:
    for path in Path(vgenre.models.__file__).parent.glob("*.py"):
        assert not re.search(r"import tensorflow|\btf\.|Lambda", path.read_text()), path


def test_full_size_body_is_inception_v3() -> None:
    body = build_body()
    assert body.output_shape == (None, 2048)
    assert body.count_params() == 21_802_784


def test_a_body_may_end_at_an_earlier_block() -> None:
    whole, body = build_body(size=96), build_body(size=96, block="mixed9")
    take_blocks(whole, body)
    frames = RNG.uniform(0, 255, (2, 96, 96, 3)).astype(np.float32)
    inception = next(layer for layer in whole.layers if isinstance(layer, keras.Model))
    inner = keras.Model(inception.input, inception.get_layer("mixed9").output)
    wanted = np.mean(inner(frames / 127.5 - 1, training=False), axis=(1, 2))
    np.testing.assert_allclose(body(frames, training=False), wanted, rtol=1e-4, atol=1e-5)
    assert body.output_shape == (None, 2048)
    assert body.count_params() < whole.count_params()
    with pytest.raises(ModelError, match="mixed0 to mixed10"):
        build_body(block="mixed11")
    with pytest.raises(ModelError, match="does not hold"):
        take_blocks(whole, build_body("toy", size=96))


def test_fine_tuning_moves_every_kernel_and_no_statistics_of_batch_norm() -> None:
    classifier = build_frame_classifier(build_body(size=96), 6)
    before = {w.path: w.numpy() for w in classifier.weights}
    classifier.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    classifier.train_on_batch(RNG.uniform(0, 255, (4, 96, 96, 3)), np.eye(4, 6))
    moved = {w.path for w in classifier.weights if (before[w.path] != w.numpy()).any()}
    kernels = {path for path in before if path.endswith("kernel")}
    assert len(kernels) == 95  # of 94 convolutions and the dense layer
    assert kernels <= moved
    assert not [path for path in moved if "moving" in path]
