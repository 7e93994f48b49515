"""The systems of the literature: their published sizes, and that each one learns and is kept."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from vgenre.errors import ModelError
from vgenre.models.store import load_weights, save_weights
from vgenre.models.zoo import REGISTRY, build, build_toy


@pytest.mark.parametrize(("name", "count"), [("cnn", 24_004_485), ("lstm", 34_663_525)])
def test_published_parameter_counts(name: str, count: int) -> None:
    assert build(name, labels=101).count_params() == count


@pytest.mark.parametrize("name", REGISTRY)
def test_each_builds_learns_saves_and_loads(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = build_toy(name, labels=3)
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (2, *model.input_shape[1:])).astype(np.float32)
    before = model.get_weights()
    loss = "binary_crossentropy" if name == "poster-cnn" else "categorical_crossentropy"
    model.compile("adam", loss)
    assert np.isfinite(model.train_on_batch(inputs, np.eye(3, dtype=np.float32)[:2]))
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    said = keras.ops.convert_to_numpy(model(inputs, training=False))
    assert said.shape == (2, 3)
    save_weights(model, tmp_path / "zoo.safetensors")
    again = build_toy(name, labels=3)
    load_weights(again, tmp_path / "zoo.safetensors")
    found = keras.ops.convert_to_numpy(again(inputs, training=False))
    np.testing.assert_allclose(found, said, atol=1e-5)


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ModelError, match="there is no architecture 'resnet'; there are lstm"):
        build("resnet", labels=3)
