"""What the models that ship say of ten rendered clips, to the second decimal.

A change of the scaler, of frame times, of the mel or of a network is seen here first. Where
it is meant, or a model is trained anew, ``python tests/test_golden.py`` writes the new logits: of
each stream, for each ten seconds of a clip.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vgenre
from vgenre.media import iter_clips, probe

GOLDEN = Path(__file__).parent / "golden"
LOGITS = GOLDEN / "logits.json"
CLIPS = sorted(path for path in GOLDEN.glob("*.*") if path != LOGITS)
REFERENCE = "tensorflow"
TOLERANCE = 0.1
"""How far 8-bit integers may move a probability: .054 at most here, .03 on clips of films."""
DRAWN = {"cuts.mkv": 0.3}
"""What looks like no film moves further: .2 in `six`, whose layers learnt from 8-bit features."""


def opinions(model: vgenre.Model, path: Path) -> Iterator[dict[str, np.ndarray]]:
    """The logits of each stream for each ten seconds of a clip."""
    for clip in iter_clips(path, sample_rate=model.card.mel.sample_rate):
        yield model.opinions(clip)


def probabilities(model: vgenre.Model, said: dict[str, np.ndarray], still: bool) -> np.ndarray:
    return model.card.fusion(said, still=still).probabilities(said, model.labels.mode)


def test_there_are_ten_clips() -> None:
    assert len(CLIPS) == 10


# Both share the image network, by far the longest part; the other's streams are in the slow tests.
@pytest.mark.parametrize("name", ["six", pytest.param("multi", marks=pytest.mark.slow)])
def test_the_models_say_what_they_said(name: str) -> None:
    wanted = json.loads(LOGITS.read_text())[name]
    assert list(wanted) == [path.name for path in CLIPS]
    reference, fast = (vgenre.load_model(name, engine=e) for e in (REFERENCE, "openvino"))
    for path in CLIPS:
        found, faster = (list(opinions(model, path)) for model in (reference, fast))
        known = wanted[path.name]
        assert [set(said) for said in found] == [set(said) for said in known], path.name
        for theirs, ours, kept in zip(found, faster, known, strict=True):
            for stream, logits in theirs.items():
                message = f"{path.name}, {stream}"
                np.testing.assert_allclose(logits, kept[stream], atol=0.02, err_msg=message)
            # 8-bit integers move logits more, and probabilities by what is said here.
            still = probe(path).is_image
            np.testing.assert_allclose(
                probabilities(fast, ours, still),
                probabilities(reference, theirs, still),
                atol=DRAWN.get(path.name, TOLERANCE),
                err_msg=path.name,
            )


def write() -> None:
    """Store the logits of the models as they are."""
    stored = {}
    for name in ("six", "multi"):
        model = vgenre.load_model(name, engine=REFERENCE)
        stored[name] = {
            path.name: [
                {
                    stream: np.round(logits.astype(float), 4).tolist()
                    for stream, logits in said.items()
                }
                for said in opinions(model, path)
            ]
            for path in CLIPS
        }
    LOGITS.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    write()
