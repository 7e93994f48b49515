"""What is decided between the streams after they are trained."""

from __future__ import annotations

import numpy as np
import pytest

from vgenre.data.features import ClipFeatures
from vgenre.data.items import Item
from vgenre.labels import SINGLE, LabelSet
from vgenre.training.gate import fit_gate
from vgenre.training.parts import Part

LABELS = LabelSet(("Action", "Horror"))
RNG = np.random.default_rng(0)


def part(n: int) -> Part:
    items = [Item(f"{i}.mp4", (LABELS.names[i % 2],), f"film {i}", "val") for i in range(n)]
    clips = ClipFeatures(
        np.zeros((n, 40, 2), np.float16),
        np.ones((n, 40), np.float32),
        np.zeros((n, 4, 8), np.float16),
        np.ones((n, 8), np.float32),
        np.full(n, 10, np.float32),
    )
    return Part.make("val", clips, np.arange(n), items, LABELS)


@pytest.mark.parametrize(("noise", "low", "high"), [((9, 0.5), 0, 0.15), ((0.5, 9), 0.85, 1)])
def test_the_stream_that_is_right_weighs_more(
    noise: tuple[float, float], low: float, high: float
) -> None:
    films = part(60)
    truth = 2 * films.targets - 1
    seen, heard = (truth + RNG.normal(0, scale, truth.shape) for scale in noise)
    assert low <= fit_gate(seen, heard, films, SINGLE) <= high


def test_streams_that_know_as_much_weigh_alike() -> None:
    films = part(200)
    truth = 2 * films.targets - 1
    seen, heard = (truth + RNG.normal(0, 2, truth.shape) for _ in range(2))
    assert fit_gate(seen, heard, films, SINGLE) == pytest.approx(0.5, abs=0.2)
