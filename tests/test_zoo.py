"""The systems of the literature: their published sizes, and that each one learns and is kept."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from rendered import film, lavfi, render

import vgenre
from vgenre.engines.export import body_graph, stream_graph, write_graph
from vgenre.errors import ModelError
from vgenre.labels import LabelSet
from vgenre.models.build import body_of, visual_of
from vgenre.models.card import Architecture, ModelCard, ZooNetwork
from vgenre.models.store import BODY_GRAPH, VISUAL_GRAPH, save_model
from vgenre.zoo.registry import REGISTRY, about, build


@pytest.mark.parametrize(("name", "count"), [("cnn", 24_004_485), ("lstm", 34_663_525)])
def test_published_parameter_counts(name: str, count: int) -> None:
    assert build(name, labels=101).count_params() == count


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("LRCN-16x224x224x3-339-m", (16, 224, 224, 3), 339),
        ("I3DIv1-32x224x224x3-400-ik.h5", (32, 224, 224, 3), 400),
        ("Mv2-224x224x3-339-im", (224, 224, 3), 339),
        ("IRv2avg-64x224x224x3-339-ikm", (64, 224, 224, 3), 339),
    ],
)
def test_networks_are_built_by_name(name: str, shape: tuple[int, ...], classes: int) -> None:
    model = build(name)
    assert model.input_shape[1:] == shape and model.output_shape[1:] == (classes,)


def test_a_name_with_a_strange_backbone_is_refused() -> None:
    with pytest.raises(ModelError, match="no backbone 'Foo'; there are C3D"):
        build("Foo-224x224x3-339-m")
    with pytest.raises(ModelError, match="labels="):
        build("mlp")


def test_a_network_takes_the_place_of_the_visual_stream_and_labels(tmp_path: Path) -> None:
    network = ZooNetwork("lstm", (40, 8), {"units": 4, "hidden": 4})
    card = ModelCard(
        "lstm", LabelSet(("Action", "Horror")), Architecture(body="toy", network=network)
    )
    assert set(card.fusions) == {"visual"}
    keras.utils.set_random_seed(0)
    body, visual = body_of(card.architecture), visual_of(card, 8)
    write_graph(body_graph(body), tmp_path / BODY_GRAPH)
    write_graph(stream_graph(visual), tmp_path / VISUAL_GRAPH)
    save_model(tmp_path, card, body, visual)
    path, said = film(tmp_path / "a.mp4", seconds=3), {}
    for engine in ("openvino", "tensorflow"):
        model = vgenre.load_model(tmp_path, engine=engine)
        said[engine] = model.label(path)
        assert said[engine].streams == {"visual": True, "audio": False, "dialogue": False}
        assert list(said[engine].opinions) == ["visual"] and said[engine].without == {}
        why = model.explain(said[engine])
        assert set(why.streams) == {"visual"} and why.mel is None
    fast, slow = said.values()
    assert fast.probabilities == pytest.approx(slow.probabilities, abs=0.02)
    heard = model.label(render(tmp_path / "a.wav", *lavfi("sine"), "-t", 2))
    assert "no picture, and the model lstm looks at nothing else" in str(heard.error)


@pytest.mark.parametrize("name", ["single-frame", "early-fusion", "late-fusion", "slow-fusion"])
def test_temporal_fusion_over_a_backbone(name: str) -> None:
    model = build(name, labels=3, shape=(10, 32, 32, 3), backbone="Mv2")
    said = model(np.zeros((1, 10, 32, 32, 3), np.uint8), training=False)
    assert tuple(said.shape) == (1, 3)


def test_which_frames_each_fusion_sees() -> None:
    """The single frame is the middle one; late fusion sees the first and the last."""
    rng = np.random.default_rng(0)
    clip = rng.integers(0, 255, (1, 10, 80, 80, 3)).astype(np.float32)
    changed = {}
    for name in ("single-frame", "early-fusion", "late-fusion", "slow-fusion"):
        model = build(name, labels=3, shape=(10, 80, 80, 3), width=6, hidden=8)
        before = keras.ops.convert_to_numpy(model(clip, training=False))
        changed[name] = []
        for frame in range(10):
            other = clip.copy()
            other[:, frame] = 255 - other[:, frame]
            after = keras.ops.convert_to_numpy(model(other, training=False))
            if not np.allclose(before, after, rtol=0, atol=1e-9):
                changed[name].append(frame)
    assert changed["single-frame"] == [5]
    assert changed["late-fusion"] == [0, 9]
    assert changed["early-fusion"] == changed["slow-fusion"] == list(range(10))


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ModelError, match="there is no architecture 'resnet'; there are cnn"):
        build("resnet", labels=3)


@pytest.mark.parametrize("name", REGISTRY)
def test_each_says_what_it_is(name: str) -> None:
    shape, text = about(name)
    assert len(shape) in (2, 3, 4) and text.endswith(".")
