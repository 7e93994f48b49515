"""What the models that ship say of ten rendered clips, to the second decimal.

A change of the scaler, of frame times, of the mel or of a network is seen here first. Where
it is meant, ``python tests/test_golden.py`` writes the new logits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vgenre
from vgenre.labelling.padding import frame_masks, padded
from vgenre.media import iter_clips
from vgenre.sound import sound_input

GOLDEN = Path(__file__).parent / "golden"
LOGITS = GOLDEN / "logits.json"
CLIPS = sorted(path for path in GOLDEN.glob("*.*") if path != LOGITS)
REFERENCE = "tensorflow"


def logits(model: vgenre.Model, path: Path) -> Iterator[list[float]]:
    """The fused logits of each ten seconds of a clip."""
    for clip in iter_clips(path):
        features = model.features(clip.frames[: clip.frame_count])
        sound = sound_input(clip, model.card.mel)
        said = model.engine.classify(
            padded(features)[None],
            frame_masks([clip.frame_count]),
            sound.mel[None],
            sound.mask[None],
        )
        yield said.logits[0].tolist()


def test_there_are_ten_clips() -> None:
    assert len(CLIPS) == 10


@pytest.mark.parametrize("name", ["six", "multi"])
def test_the_models_say_what_they_said(name: str) -> None:
    wanted = json.loads(LOGITS.read_text())[name]
    assert list(wanted) == [path.name for path in CLIPS]
    reference, fast = (vgenre.load_model(name, engine=e) for e in (REFERENCE, "openvino"))
    for path in CLIPS:
        found = np.array(list(logits(reference, path)))
        np.testing.assert_allclose(found, wanted[path.name], atol=0.02, err_msg=path.name)
        # 8-bit integers move logits more, and probabilities by what is said here.
        ours, theirs = (
            reference.card.calibration.probabilities(values, reference.labels.mode)
            for values in (np.array(list(logits(fast, path))), found)
        )
        np.testing.assert_allclose(ours, theirs, atol=0.05, err_msg=path.name)


def write() -> None:
    """Store the logits of the models as they are."""
    models = {name: vgenre.load_model(name, engine=REFERENCE) for name in ("six", "multi")}
    stored = {
        name: {p.name: np.round(list(logits(m, p)), 4).tolist() for p in CLIPS}
        for name, m in models.items()
    }
    LOGITS.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    write()
