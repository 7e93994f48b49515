"""The networks: shapes and masks."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import vgenre.models
from vgenre.errors import ModelError
from vgenre.models.audio import build_audio_stream
from vgenre.models.body import (
    build_body,
    build_frame_classifier,
    fill_body,
    take_blocks,
)
from vgenre.models.visual import build_visual_stream
from vgenre.sound import MelSettings

MEL = MelSettings()
RNG = np.random.default_rng(0)


def run(network: keras.Model, *inputs: np.ndarray) -> dict[str, np.ndarray]:
    outputs = network(list(inputs), training=False)
    return {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}


def mask(*lengths: int, steps: int) -> np.ndarray:
    return (np.arange(steps) < np.array(lengths)[:, None]).astype(np.float32)


@pytest.mark.parametrize(("lstm", "genres"), [(0, 0), (8, 0), (0, 5)])
def test_padding_frames_change_nothing(lstm: int, genres: int) -> None:
    network = build_visual_stream(3, features=8, lstm=lstm, genres=genres, project=4)
    frames = RNG.normal(size=(2, 40, 8)).astype(np.float32)
    garbage = frames.copy()
    garbage[0, 7:] = 1e3
    garbage[1, 31:] = -1e3
    lengths = mask(7, 31, steps=40)
    before, after = run(network, frames, lengths), run(network, garbage, lengths)
    np.testing.assert_allclose(before["logits"], after["logits"], atol=1e-5)
    seen = run(network, frames, mask(40, 40, steps=40))
    assert np.abs(before["logits"] - seen["logits"]).max() > 1e-4


def test_a_single_frame_is_read_by_a_layer_of_its_own() -> None:
    network = build_visual_stream(3, features=8)
    frames = RNG.normal(size=(2, 40, 8)).astype(np.float32)
    before = run(network, frames, mask(1, 2, steps=40))["logits"]
    kernel, bias = network.get_layer("still").get_weights()
    np.testing.assert_allclose(before[0], frames[0, 0] @ kernel + bias, atol=1e-5)
    network.get_layer("linear").set_weights([np.zeros((16, 3)), np.zeros(3)])
    after = run(network, frames, mask(1, 2, steps=40))["logits"]
    np.testing.assert_array_equal(before[0], after[0])
    assert (after[1] == 0).all()


def test_mean_and_deviation_are_read() -> None:
    network = build_visual_stream(1, features=2)
    frames = RNG.normal(size=(1, 40, 2)).astype(np.float32)
    for column in range(4):
        kernel = np.zeros((4, 1))
        kernel[column] = 1
        network.get_layer("linear").set_weights([kernel, np.zeros(1)])
        found = run(network, frames, mask(30, steps=40))["logits"][0, 0]
        seen = frames[0, :30]
        wanted = np.concatenate([seen.mean(axis=0), seen.std(axis=0)])[column]
        assert found == pytest.approx(wanted, abs=1e-4)


def test_genres_of_frames_are_read_beside_mean_and_deviation() -> None:
    network = build_visual_stream(1, features=2, genres=3)
    kernel, bias = RNG.normal(size=(2, 3)), RNG.normal(size=3)
    network.get_layer("genres").set_weights([kernel, bias])
    assert network.get_layer("linear").kernel.shape == (4 + 6, 1)
    frames = RNG.normal(size=(1, 40, 2)).astype(np.float32)
    named = frames[0, :30] @ kernel + bias
    wanted = np.concatenate([named.mean(axis=0), named.std(axis=0)])
    for column in range(6):
        linear = np.zeros((10, 1))
        linear[4 + column] = 1
        network.get_layer("linear").set_weights([linear, np.zeros(1)])
        found = run(network, frames, mask(30, steps=40))["logits"][0, 0]
        assert found == pytest.approx(wanted[column], abs=1e-4)


def test_padding_sound_changes_nothing() -> None:
    network = build_audio_stream(3, MEL, ear="toy")
    mel = RNG.uniform(-50, 20, (1, MEL.n_mels, MEL.steps)).astype(np.float32)
    garbage = mel.copy()
    garbage[:, :, 400:] = 20
    lengths = mask(400, steps=MEL.steps)
    before, after = run(network, mel, lengths), run(network, garbage, lengths)
    np.testing.assert_allclose(before["logits"], after["logits"], atol=1e-5)
    heard = run(network, mel, mask(1000, steps=MEL.steps))
    assert np.abs(before["logits"] - heard["logits"]).max() > 1e-5


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
    with pytest.raises(ModelError, match="a block of InceptionV3"):
        build_body(blocks=())


def test_models_know_no_backend() -> None:
    for path in Path(vgenre.models.__file__).parent.glob("*.py"):
        assert not re.search(r"import tensorflow|\btf\.|Lambda", path.read_text()), path


def test_full_size_body_is_inception_v3() -> None:
    body = build_body(blocks=("mixed10",))
    assert body.output_shape == (None, 2048)
    assert body.count_params() == 21_802_784


def test_a_body_may_end_at_an_earlier_block() -> None:
    whole = build_body(size=96, blocks=("mixed10",))
    body = build_body(size=96, blocks=("mixed9", "mixed8"))
    take_blocks(whole, body)
    frames = RNG.uniform(0, 255, (2, 96, 96, 3)).astype(np.float32)
    inception = next(layer for layer in whole.layers if isinstance(layer, keras.Model))
    blocks = [inception.get_layer(name).output for name in ("mixed8", "mixed9")]
    inner = keras.Model(inception.input, blocks)
    wanted = [np.mean(block, axis=(1, 2)) for block in inner(frames / 127.5 - 1, training=False)]
    found = np.asarray(body(frames, training=False))
    np.testing.assert_allclose(found, np.hstack(wanted), rtol=1e-4, atol=1e-5)
    assert body.output_shape == (None, 3328)
    other = build_body(size=80)
    fill_body(body, other)
    for one, same in zip(body.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)
    assert body.count_params() < whole.count_params()
    with pytest.raises(ModelError, match="mixed0 to mixed10"):
        build_body(blocks=("mixed8", "mixed11"))
    with pytest.raises(ModelError, match="does not hold"):
        take_blocks(whole, build_body("toy", size=96))


def test_fine_tuning_moves_every_kernel_and_no_statistics_of_batch_norm() -> None:
    classifier = build_frame_classifier(build_body(size=96, blocks=("mixed10",)), 6)
    before = {w.path: w.numpy() for w in classifier.weights}
    classifier.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    classifier.train_on_batch(RNG.uniform(0, 255, (4, 96, 96, 3)), np.eye(4, 6))
    moved = {w.path for w in classifier.weights if (before[w.path] != w.numpy()).any()}
    kernels = {path for path in before if path.endswith("kernel")}
    assert len(kernels) == 95  # of 94 convolutions and the dense layer
    assert kernels <= moved
    assert not [path for path in moved if "moving" in path]
