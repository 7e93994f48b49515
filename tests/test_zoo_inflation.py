"""Inflated kernels see in a still film what the flat ones see in its picture."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from vgenre.errors import ModelError
from vgenre.zoo.inflation import inflate, inflate_weights
from vgenre.zoo.networks.i3d import build_i3d, build_inception_v1


def test_a_still_film_gives_the_answer_of_its_picture() -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 3, 4)).astype(np.float32)
    picture = rng.normal(size=(1, 8, 8, 3)).astype(np.float32)
    flat = keras.ops.conv(picture, kernel)
    still = keras.ops.conv(np.repeat(picture[:, None], 5, axis=1), inflate(kernel, 3))
    assert still.shape == (1, 3, 6, 6, 4)
    for step in range(3):
        np.testing.assert_allclose(still[:, step], flat, atol=1e-4)


def test_a_whole_network_is_inflated() -> None:
    keras.utils.set_random_seed(0)
    flat = build_inception_v1(3, shape=(32, 32, 3), shrink=16)
    deep = build_i3d(3, shape=(8, 32, 32, 3), shrink=16)
    inflate_weights(flat, deep)
    stem = flat.get_layer("1a").get_weights()[0]
    inflated = deep.get_layer("1a").get_weights()[0]
    assert inflated.shape == (7, *stem.shape)
    np.testing.assert_allclose(inflated.sum(axis=0), stem, rtol=1e-5)
    with pytest.raises(ModelError, match=r"does not fit|not the same network"):
        inflate_weights(build_inception_v1(4, shape=(32, 32, 3), shrink=16), deep)
