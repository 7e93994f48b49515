"""The ear: its architecture and weights against the network they are from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import openvino as ov
import pytest
from keras import layers
from origin import data_folder, origin

from vgenre.engines.export import stream_graph
from vgenre.errors import ModelError
from vgenre.media.probing import probe
from vgenre.media.reader import sampled_clips
from vgenre.media.sampling import Sampling
from vgenre.models.audio import EARS, RepeatSound, build_audio_stream, build_ear
from vgenre.sound import MelSettings, log_mel, sound_input
from vgenre.training.ear import ear_features, load_mn04

SMALL = MelSettings(hop_length=3200, level=None)  # 100 columns
RNG = np.random.default_rng(0)
KINDS = ("weight", "bias", "running_mean", "running_var")

# Kernel, inner and outer channels, squeezed channels, stride: as the weights of mn04_as have them.
BLOCKS = [
    (3, 8, 8, 0, 1), (3, 24, 16, 0, 2), (3, 32, 16, 0, 1), (5, 32, 16, 8, 2), (5, 48, 16, 16, 1),
    (5, 48, 16, 16, 1), (3, 96, 32, 0, 2), (3, 80, 32, 0, 1), (3, 72, 32, 0, 1),
    (3, 72, 32, 0, 1), (3, 192, 48, 48, 1), (3, 272, 48, 72, 1), (5, 272, 64, 72, 2),
    (5, 384, 64, 96, 1), (5, 384, 64, 96, 1),
]  # fmt: skip


def random_weights() -> dict[str, np.ndarray]:
    """Weights of mn04_as by the names and in the layouts of its origin, drawn by chance."""
    arrays: dict[str, np.ndarray] = {}

    def draw(name: str, *shape: int) -> None:
        fan = int(np.prod(shape[1:]))
        arrays[f"{name}.weight"] = RNG.normal(0, 1 / np.sqrt(fan), shape)

    def conv(name: str, *shape: int) -> None:
        draw(f"{name}.0", *shape)
        arrays[f"{name}.1.weight"] = RNG.uniform(0.5, 1.5, shape[0])
        arrays[f"{name}.1.bias"] = RNG.normal(0, 0.3, shape[0])
        arrays[f"{name}.1.running_mean"] = RNG.normal(0, 0.3, shape[0])
        arrays[f"{name}.1.running_var"] = RNG.uniform(0.5, 1.5, shape[0])

    def dense(name: str, out: int, into: int) -> None:
        draw(name, out, into)
        arrays[f"{name}.bias"] = RNG.normal(0, 0.3, out)

    conv("features.0", 8, 1, 3, 3)
    before = 8
    for i, (kernel, inner, outer, squeezed, _) in enumerate(BLOCKS, 1):
        part = iter(f"features.{i}.block.{j}" for j in range(4))
        if inner != before:
            conv(next(part), inner, before, 1, 1)
        conv(next(part), inner, 1, kernel, kernel)
        if squeezed:
            name = f"{next(part)}.conc_se_layers.0"
            dense(f"{name}.fc1", squeezed, inner)
            dense(f"{name}.fc2", inner, squeezed)
        conv(next(part), outer, inner, 1, 1)
        before = outer
    conv("features.16", 384, 64, 1, 1)
    dense("classifier.2", 512, 384)
    dense("classifier.5", 527, 512)
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def plain(arrays: dict[str, np.ndarray], mel: np.ndarray) -> dict[str, np.ndarray]:
    """What the original network makes of mels, step by step as its authors have it."""
    relu, swish = keras.ops.relu, keras.ops.hard_swish

    def conv(x, name: str, act: Callable | None, stride: int = 1):  # type: ignore[no-untyped-def]
        kernel = arrays[f"{name}.0.weight"]
        around = kernel.shape[-1] // 2
        x = keras.ops.pad(x, ((0, 0), (around, around), (around, around), (0, 0)))
        if kernel.shape[1] == 1 < x.shape[-1]:
            x = keras.ops.depthwise_conv(x, kernel.transpose(2, 3, 0, 1), stride)
        else:
            x = keras.ops.conv(x, kernel.transpose(2, 3, 1, 0), stride)
        gamma, beta, mean, variance = (arrays[f"{name}.1.{kind}"] for kind in KINDS)
        x = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
        return act(x) if act else x

    def dense(x, name: str):  # type: ignore[no-untyped-def]
        return x @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]

    nepers = mel * (np.log(10) / 10)
    x = conv(((nepers + 4.5) / 5)[..., None].astype(np.float32), "features.0", swish, 2)
    stages = []
    for i, (_, inner, outer, squeezed, stride) in enumerate(BLOCKS, 1):
        act = relu if i < 7 else swish
        part = iter(f"features.{i}.block.{j}" for j in range(4))
        y = conv(x, next(part), act) if inner != x.shape[-1] else x
        y = conv(y, next(part), act, stride)
        if squeezed:
            name = f"{next(part)}.conc_se_layers.0"
            share = dense(relu(dense(keras.ops.mean(y, (1, 2)), f"{name}.fc1")), f"{name}.fc2")
            y = y * keras.ops.sigmoid(share)[:, None, None]
        y = conv(y, next(part), None)
        if i > 1 and (x.shape[-1] != outer or stride > 1):
            stages.append(np.asarray(x))
        x = x + y if stride == 1 and x.shape[-1] == outer else y
    top = np.asarray(conv(x, "features.16", swish))
    pooled = top.mean(axis=(1, 2))

    def tags(of):
        return dense(swish(dense(of, "classifier.2")), "classifier.5")

    steps = [np.asarray(tags(top[:, :, i].mean(axis=1))) for i in range(top.shape[2])]
    course = [np.mean(steps, axis=0), np.std(steps, axis=0), np.max(steps, axis=0)]
    in_time = [stage.mean(axis=1) for stage in (*stages, np.asarray(x))]
    textures = [part for steps in in_time for part in (steps.mean(axis=1), steps.std(axis=1))]
    return {
        "features": np.concatenate([pooled, tags(pooled)], axis=1),
        "course": np.concatenate(course, axis=1),
        "texture": np.concatenate(textures, axis=1),
    }


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    file, arrays = tmp_path_factory.mktemp("ear") / "mn04_as.npz", random_weights()
    np.savez(file, **arrays)
    return file, arrays


@pytest.fixture(scope="module")
def ear(weights: tuple[Path, dict[str, np.ndarray]]) -> keras.Model:
    network = build_ear(SMALL)
    load_mn04(network, weights[0])
    return network


def mels(n: int, settings: MelSettings = SMALL) -> np.ndarray:
    smooth = RNG.normal(0, 10, (n, settings.n_mels, settings.steps)).cumsum(axis=2)
    return np.clip(smooth, -50, 30).astype(np.float32)


def test_it_gives_what_the_original_gives(
    ear: keras.Model, weights: tuple[Path, dict[str, np.ndarray]]
) -> None:
    some = mels(3)
    found = ear_features(ear, some, np.ones((3, SMALL.steps)))
    expected = plain(weights[1], some)
    assert found["features"].shape == (3, 384 + 527) and found["course"].shape == (3, 3 * 527)
    assert np.std(expected["features"][:, 384:]) > 0.1
    mean, deviation, most = np.split(expected["course"], 3, axis=1)
    assert (deviation > 0).all() and (most > mean).all()
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], values, atol=1e-3, rtol=1e-3)


def test_it_has_no_normalisation_left(ear: keras.Model) -> None:
    assert not [x for x in ear.layers if isinstance(x, layers.BatchNormalization)]
    assert ear.count_params() == 978_679  # of 993,439, less two for each channel normalised


@pytest.mark.slow
def test_it_gives_what_the_original_gives_of_real_sound() -> None:
    reference, data, settings = origin(), data_folder(), MelSettings(level=None)
    network = build_ear(settings)
    load_mn04(network, data / "weights" / "mn04" / "mn04_as.npz")
    original, heard = reference.load(), 0
    for path in sorted((data / "clips").glob("*.mp4"))[::20]:
        for clip in sampled_clips(probe(path), Sampling(2), sample_rate=settings.sample_rate):
            sound = clip.waveform[: clip.sample_count]
            if not clip.has_sound or len(sound) < len(clip.waveform):
                continue
            heard += 1
            tags, embedding = original.predict_on_batch(reference.mel(sound)[None, :, :, None])
            mel = log_mel(sound, settings)[None]
            found = ear_features(network, mel, np.ones((1, 1000)))["features"]
            expected = np.concatenate([embedding, tags], axis=1)
            np.testing.assert_allclose(found, expected, atol=1e-3, err_msg=str(path))
    assert heard > 15


@dataclass(frozen=True)
class Heard:
    """A stream, three spectrograms, of which one is short and one is none, and what it says."""

    stream: keras.Model
    mels: np.ndarray
    masks: np.ndarray
    outputs: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def heard(weights: tuple[Path, dict[str, np.ndarray]]) -> Heard:
    stream, some = build_audio_stream(3, SMALL), mels(3)
    load_mn04(stream, weights[0])
    masks = (np.arange(SMALL.steps) < np.array([100, 37, 0])[:, None]).astype(np.float32)
    return Heard(stream, some, masks, answers(stream, some, masks))


def answers(stream: keras.Model, *inputs: np.ndarray) -> dict[str, np.ndarray]:
    outputs = stream(list(inputs), training=False)
    return {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}


def test_a_stream_is_filled_and_hears_the_same(ear: keras.Model, heard: Heard) -> None:
    features = ear_features(ear, heard.mels, heard.masks)["features"]
    embedding = heard.outputs["embedding"]
    np.testing.assert_allclose(embedding[:2], features[:2], atol=1e-3)
    assert (features[2] == 0).all() and np.isfinite(embedding[2]).all()
    kernel, bias = heard.stream.get_layer("logits").get_weights()
    np.testing.assert_allclose(heard.outputs["logits"], embedding @ kernel + bias, atol=1e-3)


def test_a_stream_may_read_the_course_too(
    ear: keras.Model, heard: Heard, weights: tuple[Path, dict[str, np.ndarray]]
) -> None:
    stream = build_audio_stream(3, SMALL, course=True)
    load_mn04(stream, weights[0])
    said = answers(stream, heard.mels, heard.masks)
    np.testing.assert_allclose(said["embedding"], heard.outputs["embedding"], atol=1e-3)
    found = ear_features(ear, heard.mels, heard.masks)
    kernel, bias = stream.get_layer("logits").get_weights()
    expected = np.hstack(list(found.values())) @ kernel + bias
    np.testing.assert_allclose(said["logits"][:2], expected[:2], atol=1e-2)


@pytest.mark.parametrize("course", [False, True])
@pytest.mark.parametrize("name", ["toy", pytest.param("mn04", marks=pytest.mark.slow)])
def test_openvino_hears_the_same(heard: Heard, name: str, course: bool) -> None:
    stream = build_audio_stream(3, SMALL, ear=name, course=course)
    if name == "mn04" and not course:
        stream = heard.stream
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    graph = ov.Core().compile_model(stream_graph(stream), "CPU", exact)
    found = graph({"mel": heard.mels, "mel_mask": heard.masks})
    for output, expected in answers(stream, heard.mels, heard.masks).items():
        np.testing.assert_allclose(found[output], expected, atol=1e-3)


def test_a_short_sound_is_heard_again_until_the_clip_is_full() -> None:
    some = mels(3)
    lengths = np.array([30, 100, 0])
    masks = (np.arange(100) < lengths[:, None]).astype(np.float32)
    filled = keras.ops.convert_to_numpy(RepeatSound()(some, masks))
    np.testing.assert_array_equal(filled[0], np.tile(some[0, :, :30], 4)[:, :100])
    np.testing.assert_array_equal(filled[1], some[1])
    np.testing.assert_array_equal(filled[2], np.repeat(some[2, :, :1], 100, axis=1))


def test_what_stands_behind_the_sound_is_not_heard(ear: keras.Model) -> None:
    some = mels(1)
    other, masks = some.copy(), (np.arange(100) < 60).astype(np.float32)[None]
    other[:, :, 60:] = 30
    before, after = (ear_features(ear, x, masks) for x in (some, other))
    whole = ear_features(ear, some, np.ones((1, 100)))
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name])
        assert np.abs(whole[name] - values).max() > 1e-3


def test_clips_are_heard_alike_in_any_batch(ear: keras.Model) -> None:
    some, masks = mels(5).astype(np.float16), np.ones((5, 100), np.float32)
    masks[1] = 0
    by_three, at_once = (ear_features(ear, some, masks, batch) for batch in (3, 16))
    none = ear_features(ear, some[:0], masks[:0])
    for name, values in at_once.items():
        np.testing.assert_allclose(by_three[name], values, atol=1e-3)
        assert none[name].shape == (0, values.shape[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("features.16.1.running_var"), "holds no features.16.1.running_var"),
        (lambda a: a.update({"features.0.0.weight": np.zeros(3)}), "features.0.0.weight has 1 ax"),
        (lambda a: a.update({"features.0.1.bias": np.zeros(7)}), "arrays of features.0 do not fit"),
        (lambda a: a.update({"classifier.5.weight": np.zeros((9, 512))}), "weights of tags are"),
        (lambda a: a.update({"classifier.5.bias": np.array(["x"])}), "no .npz of the weights"),
    ],
)
def test_weights_of_another_network_are_refused(
    weights: tuple[Path, dict[str, np.ndarray]],
    ear: keras.Model,
    tmp_path: Path,
    change: Callable[[dict[str, np.ndarray]], object],
    message: str,
) -> None:
    changed, before = dict(weights[1]), ear.get_weights()
    change(changed)
    np.savez(tmp_path / "other.npz", **changed)
    with pytest.raises(ModelError, match=rf"other\.npz: .*{message}"):
        load_mn04(ear, tmp_path / "other.npz")
    for a, b in zip(before, ear.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_file_that_is_none_and_an_ear_that_is_another_are_refused(
    weights: tuple[Path, dict[str, np.ndarray]], ear: keras.Model, tmp_path: Path
) -> None:
    (tmp_path / "text.npz").write_text("no weights")
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "half.npz").write_bytes(weights[0].read_bytes()[:5000])
    for name in ("text.npz", "one.npy", "half.npz", "missing.npz"):
        with pytest.raises(ModelError, match=rf"{name}: no \.npz of the weights of mn04"):
            load_mn04(ear, tmp_path / name)
    with pytest.raises(ModelError, match="no ear of the architecture mn04"):
        load_mn04(build_ear(SMALL, "toy"), weights[0])
    with pytest.raises(ModelError, match="no ear called 'fox'; there are mn04, toy"):
        build_ear(SMALL, "fox")


def test_the_toy_ear_is_one_too() -> None:
    network = build_ear(MelSettings(), "toy")
    shapes = {name: output.shape[-1] for name, output in network.output.items()}
    assert shapes == {"features": 12, "course": 12, "texture": 16}
    sizes = EARS["toy"]
    assert list(shapes.values()) == [sizes.features, sizes.course, sizes.texture]
    assert network.count_params() < 1000


def test_a_clip_of_a_film_is_heard(ear: keras.Model, plain_film: Path) -> None:
    clips = sampled_clips(probe(plain_film), Sampling(1), sample_rate=SMALL.sample_rate)
    sounds = [sound_input(clip, SMALL) for clip in clips]
    features = ear_features(
        ear, np.stack([s.mel for s in sounds]), np.stack([s.mask for s in sounds])
    )["features"]
    assert features.shape == (len(sounds), 911) and features.any(axis=1).all()
