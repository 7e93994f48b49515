"""Small pictures for reports have the film's shape."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from rendered import film, set_rotation

import vgenre
from vgenre.media.pictures import clip_pictures, explanation_pictures


def size_of(uri: str) -> tuple[int, int]:
    """Width and height of a JPEG in a data URI."""
    jpeg = base64.b64decode(uri.partition(",")[2])
    height, width = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    return width, height


@pytest.mark.parametrize(
    ("size", "options", "degrees", "aspect"),
    [
        ("320x180", (), 0, 16 / 9),
        ("320x180", (), 90, 9 / 16),
        ("320x180", (), 180, 16 / 9),
        ("320x180", (), 270, 9 / 16),
        ("180x180", ("-aspect", "16:9"), 0, 16 / 9),
        ("180x144", ("-aspect", "4:3"), 90, 3 / 4),
    ],
)
def test_thumbnails_have_the_films_shape(
    model: Path, tmp_path: Path, size: str, options: tuple, degrees: int, aspect: float
) -> None:
    path = film(tmp_path / "a.mp4", *options, seconds=1, size=size)
    if degrees:
        set_rotation(path, degrees)
    result = vgenre.load_model(model).label(path, pictures=True)
    width, height = size_of(result.clips[0].pictures["frame"])
    assert width / height == pytest.approx(aspect, rel=0.02)


@pytest.mark.parametrize("aspect", [1e-5, 0.002, 1, 500, 1e5])
def test_films_of_any_shape_can_be_drawn(aspect: float) -> None:
    frame = np.full((299, 299, 3), 128, np.uint8)
    small = size_of(clip_pictures(frame, aspect, None)["frame"])
    large = size_of(explanation_pictures(frame, aspect, np.ones((8, 8)), None, None)["frame"])
    for width, height in (small, large):
        assert width / height == pytest.approx(min(3, max(1 / 3, aspect)), rel=0.02)
