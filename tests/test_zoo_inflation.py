"""Inflated kernels see in a still film what the flat ones see in its picture."""

from __future__ import annotations

import keras
import numpy as np

from vgenre.models.zoo.inflation import inflate


def test_a_still_film_gives_the_answer_of_its_picture() -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 3, 4)).astype(np.float32)
    picture = rng.normal(size=(1, 8, 8, 3)).astype(np.float32)
    flat = keras.ops.conv(picture, kernel)
    still = keras.ops.conv(np.repeat(picture[:, None], 5, axis=1), inflate(kernel, 3))
    assert still.shape == (1, 3, 6, 6, 4)
    for step in range(3):
        np.testing.assert_allclose(still[:, step], flat, atol=1e-4)
