"""Every engine gives what the reference gives."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from rendered import film
from toys import toy_model

import vgenre
from vgenre.batch.plan import engine_for
from vgenre.batch.ray import Cluster
from vgenre.data.cache import feature_engine
from vgenre.engines import choose
from vgenre.engines.base import Engine
from vgenre.engines.choose import choose_engine, has_gpu, load_engine
from vgenre.engines.export import body_graph, quantise
from vgenre.engines.openvino import OpenVINOEngine
from vgenre.engines.tensorflow import TensorFlowEngine
from vgenre.errors import DataError, MissingExtra, ModelError
from vgenre.labelling.model import Model
from vgenre.labels import LabelSet
from vgenre.media import reader
from vgenre.media.ffmpeg import Reading, decode_args
from vgenre.media.types import MediaInfo
from vgenre.models.build import body_of
from vgenre.models.card import CARD_FILE, Architecture, ModelCard
from vgenre.models.store import available_models, read_card
from vgenre.training.initial import InitialWeights

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (19, 299, 299, 3), np.uint8)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture
def model(model_with_graphs: Path) -> Path:
    """A toy with graphs."""
    return model_with_graphs


def test_openvino_gives_what_tensorflow_gives(model: Path) -> None:
    card = read_card(model)
    reference, fast = (load_engine(name, model, card) for name in ("tensorflow", "openvino"))
    features = reference.features(FRAMES)
    np.testing.assert_allclose(fast.features(FRAMES), features, rtol=0.05, atol=0.02)
    assert fast.features(FRAMES[:0]).shape == (0, features.shape[1])
    for wanted, found in zip(opinions(reference, card), opinions(fast, card), strict=True):
        np.testing.assert_allclose(found, wanted, atol=0.02)
        assert wanted.shape == (2, card.outcomes)


def test_what_the_ear_hears_is_the_same_in_both_engines(model: Path) -> None:
    card = read_card(model)
    reference, fast = (load_engine(name, model, card) for name in ("tensorflow", "openvino"))
    mel, mask = noise(card)
    logits, wanted = reference.listen(mel, mask)
    said, found = fast.listen(mel, mask)
    assert wanted is not None and found is not None
    assert wanted.shape == (2, 12), "of the toy ear: 8 of its embedding, 4 sounds"
    np.testing.assert_allclose(found, wanted, atol=0.02)
    np.testing.assert_array_equal(logits, reference.hear(mel, mask))
    np.testing.assert_array_equal(said, fast.hear(mel, mask))


def test_a_graph_without_what_the_ear_hears_still_tells_genres(model: Path, tmp_path: Path) -> None:
    from vgenre.engines.export import write_graph
    from vgenre.engines.openvino import read_graph

    shutil.copytree(model, tmp_path / "m")
    graph = read_graph(model / "audio.xml")
    (wanted,) = [port for port in graph.outputs if "logits" in port.get_names()]
    write_graph(ov.Model([wanted], graph.get_parameters()), tmp_path / "m" / "audio.xml")
    card = read_card(model)
    old = OpenVINOEngine.load(tmp_path / "m", card)
    mel, mask = noise(card)
    logits, heard = old.listen(mel, mask)
    assert heard is None
    np.testing.assert_allclose(logits, OpenVINOEngine.load(model, card).hear(mel, mask), atol=1e-5)


def noise(card: ModelCard) -> tuple[np.ndarray, np.ndarray]:
    """The mel of two clips of noise, the second of which ends early, and its mask."""
    steps = np.ones((2, card.mel.steps), np.float32)
    steps[1, 100:] = 0
    mel = np.random.default_rng(1).uniform(-80, 0, (2, card.mel.n_mels, card.mel.steps))
    return mel.astype(np.float32), steps


def opinions(engine: Engine, card: ModelCard) -> tuple[np.ndarray, np.ndarray]:
    """What an engine sees and hears in two clips of noise, the second of which ends early."""
    rng = np.random.default_rng(1)
    width = engine.features(FRAMES[:1]).shape[1]
    frames, steps = np.ones((2, 40), np.float32), np.ones((2, card.mel.steps), np.float32)
    frames[1, 7:] = steps[1, 100:] = 0
    mel = rng.uniform(-80, 0, (2, card.mel.n_mels, card.mel.steps))
    return (
        engine.see(rng.normal(size=(2, 40, width)).astype(np.float32), frames),
        engine.hear(mel.astype(np.float32), steps),
    )


def test_one_thread_computes_frame_by_frame_what_batches_give(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = []
    compiled = OpenVINOEngine._compiled

    def compile_body(engine: OpenVINOEngine, batch: int) -> ov.CompiledModel:
        shapes.append(batch)
        return compiled(engine, batch)

    monkeypatch.setattr(OpenVINOEngine, "_compiled", compile_body)
    card = read_card(model)
    one, two = (load_engine("openvino", model, card, threads=threads) for threads in (1, 2))
    assert (one.frames_at_once, two.frames_at_once) == (1, 8)
    for count in (0, 1, 5, 8, 19):
        found, wanted = one.features(FRAMES[:count]), two.features(FRAMES[:count])
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert sorted(shapes) == [1, 1, 8], "one thread has one body, which is of single frames"


@pytest.mark.parametrize("threads", [1, None])
def test_the_threads_of_a_model_are_those_of_its_decoder_too(
    model: Path, short_film: Path, monkeypatch: pytest.MonkeyPatch, threads: int | None
) -> None:
    asked = []

    def args(info: MediaInfo, reading: Reading, *pipes: Any) -> list[str]:
        asked.append(reading.threads)
        return decode_args(info, reading, *pipes)

    monkeypatch.setattr(reader, "decode_args", args)
    assert vgenre.load_model(model, threads=threads).label(short_film).status == "ok"
    assert asked == [threads]


def test_engines_that_only_compute_features_need_no_streams() -> None:
    body = body_of(Architecture.toy())
    fast, reference = OpenVINOEngine(body_graph(body)), TensorFlowEngine(body)
    np.testing.assert_allclose(fast.features(FRAMES), reference.features(FRAMES), atol=0.02)


def test_a_quantised_body_stays_close_to_the_reference() -> None:
    body = body_of(Architecture.toy())
    fast = OpenVINOEngine(quantise(body_graph(body), FRAMES))
    wanted, found = TensorFlowEngine(body).features(FRAMES), fast.features(FRAMES)
    cosine = (
        (wanted * found).sum(1) / np.linalg.norm(wanted, axis=1) / np.linalg.norm(found, axis=1)
    )
    assert cosine.min() > 0.98


def test_openvino_labels_films_without_tensorflow(model: Path, tmp_path: Path) -> None:
    program = (
        "import sys, vgenre\n"
        f"result = vgenre.load_model({str(model)!r}).label({str(film(tmp_path / 'f.mp4'))!r})\n"
        "assert result.status == 'ok', result\n"
        "assert result.engine == 'openvino', result\n"
        "print([name for name in ('tensorflow', 'keras', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_unknown_engines_and_models_without_graphs_are_refused(tmp_path: Path) -> None:
    toy_model(tmp_path)
    with pytest.raises(ModelError, match="auto, openvino, tensorflow"):
        vgenre.load_model(tmp_path, engine="abacus")
    with pytest.raises(ModelError, match="has no graphs for OpenVINO; use --engine tensorflow"):
        vgenre.load_model(tmp_path, engine="openvino")
    assert vgenre.load_model(tmp_path).engine.name == "tensorflow"


@pytest.mark.parametrize("engine", ["openvino", "tensorflow"])
def test_threads_share_a_model(model: Path, tmp_path: Path, engine: str) -> None:
    loaded = vgenre.load_model(model, engine=engine)
    counts = (1, 3, 8, 19, 5, 16, 4, 11)  # single frames, whole batches and padded ones
    wanted = [loaded.features(FRAMES[-count:]) for count in counts]
    fresh = vgenre.load_model(model, engine=engine)
    with ThreadPoolExecutor(len(counts)) as pool:
        for _ in range(5):
            found = pool.map(lambda count: fresh.features(FRAMES[-count:]), counts)
            for one, other in zip(wanted, found, strict=True):
                np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)
    films = [film(tmp_path / f"{i}.mp4", seconds=1 + i) for i in range(4)]
    alone = [loaded.label(path).to_dict() | {"seconds": 0} for path in films]
    with ThreadPoolExecutor(4) as pool:
        together = [found.to_dict() | {"seconds": 0} for found in pool.map(fresh.label, films)]
    assert together == alone


def test_a_model_travels_to_spawned_processes(model: Path, tmp_path: Path) -> None:
    loaded = vgenre.load_model(model, threads=1)
    films = [film(tmp_path / f"{i}.mp4", seconds=1) for i in range(3)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(loaded.label, films))
    assert [f.to_dict() | {"seconds": 0} for f in found] == [
        loaded.label(path).to_dict() | {"seconds": 0} for path in films
    ]
    again = pickle.loads(pickle.dumps(loaded))
    assert pickle.loads(pickle.dumps(loaded)) is again, "it is loaded once in a process"
    with pytest.raises(pickle.PicklingError, match="load_model"):
        pickle.dumps(Model(loaded.card, loaded.engine))
    shutil.copytree(model, tmp_path / "moved")
    moved = pickle.dumps(vgenre.load_model(tmp_path / "moved"))
    card = json.loads((tmp_path / "moved" / CARD_FILE).read_text())
    (tmp_path / "moved" / CARD_FILE).write_text(json.dumps(card | {"description": "another"}))
    with pytest.raises(ModelError, match="not the model that was pickled"):
        pickle.loads(moved)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            lambda card: {"labels": LabelSet(("A", "B", "C"))},
            r"visual\.xml: 'logits' has the shape \[\?,2\], but by the card it is \(any, 3\)",
        ),
        (
            lambda card: {"outside": True},
            r"visual\.xml: 'logits' has the shape \[\?,2\], .* \(any, 3\)",
        ),
        (lambda card: {"mel": replace(card.mel, n_mels=60)}, r"audio\.xml: 'mel' has the shape"),
        (
            lambda card: {"mel": replace(card.mel, hop_length=100)},
            r"audio\.xml: 'mel' has the shape",
        ),
    ],
)
def test_graphs_of_another_shape_than_the_card_says_are_refused(
    model: Path, tmp_path: Path, changed: Callable[[ModelCard], dict], said: str
) -> None:
    shutil.copytree(model, tmp_path / "m")
    card = read_card(model)
    replace(card, fusions={}, **changed(card)).write(tmp_path / "m")
    with pytest.raises(ModelError, match=said):
        vgenre.load_model(tmp_path / "m", engine="openvino")


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("visual", "body", r"body\.xml: the graph has 2 inputs and 1 outputs"),
        ("body", "visual", r"visual\.xml: the graph has no 'frame_features'"),
        ("visual", "audio", r"audio\.xml: the graph has no 'mel'"),
    ],
)
def test_one_graph_in_the_place_of_another_is_refused(
    model: Path, tmp_path: Path, one: str, other: str, said: str
) -> None:
    shutil.copytree(model, tmp_path / "m")
    for kind in ("xml", "bin"):
        shutil.copy(model / f"{one}.{kind}", tmp_path / "m" / f"{other}.{kind}")
    with pytest.raises(ModelError, match=said):
        OpenVINOEngine.load(tmp_path / "m", read_card(model))


@pytest.mark.parametrize(
    "frames",
    [
        FRAMES[0],
        FRAMES[:2].astype(np.float32),
        FRAMES[:2, :100],
        FRAMES[:1].tolist(),
        None,
    ],
)
def test_frames_of_another_shape_are_refused_in_words(model: Path, frames: object) -> None:
    with pytest.raises(DataError, match=r"frames are uint8 of the shape \(n, 299, 299, 3\)"):
        vgenre.load_model(model).features(frames)  # type: ignore[arg-type]


def test_features_to_train_on_are_of_one_precision_on_all_cpus() -> None:
    body = body_of(Architecture.toy())
    engine, name = feature_engine(body, "hash")
    assert name == "hash openvino f32" or has_gpu()
    wanted = TensorFlowEngine(body).features(FRAMES)
    np.testing.assert_allclose(engine.features(FRAMES), wanted, rtol=1e-5, atol=1e-6)


def test_a_model_s_own_graph_gives_the_features_to_train_on(model: Path) -> None:
    start = InitialWeights.of(model)
    graph = start.graph_of(model / "body.safetensors")
    assert graph == model / "body.xml"
    engine, name = feature_engine(body_of(Architecture.toy()), "hash", graph)
    assert name.endswith("openvino graph") or has_gpu()
    labelling = OpenVINOEngine.load(model, read_card(model))
    np.testing.assert_array_equal(engine.features(FRAMES), labelling.features(FRAMES))
    assert start.graph_of(model / "visual.safetensors") is None  # it is of another body


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which the driver of an NVIDIA GPU is to be seen, and no GPU."""
    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module\n")
    monkeypatch.setattr("vgenre.engines.choose.NVIDIA_DRIVER", tmp_path / "version")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    choose._tensorflow_says_gpu.cache_clear()


@pytest.mark.parametrize("imported", [True, False])
def test_a_driver_alone_is_no_gpu(
    driver: None, model: Path, monkeypatch: pytest.MonkeyPatch, imported: bool
) -> None:
    if not imported:  # as in a process that has yet to load a model: another one is asked
        spec = importlib.util.find_spec("tensorflow")
        monkeypatch.delitem(sys.modules, "tensorflow")
        monkeypatch.setattr(choose, "is_installed", lambda name: spec is not None)
    assert not has_gpu()
    assert choose_engine("auto", read_card(model)) == "openvino"


def test_tensorflow_is_not_asked_for_a_gpu_in_vain(
    driver: None, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "_tensorflow_says_gpu", lambda: pytest.fail("it was asked"))
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert choose_engine("auto", read_card(model)) == "openvino"
    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.setattr(choose, "NVIDIA_DRIVER", Path("/nonexistent"))
    assert choose_engine("auto", read_card(model)) == "openvino"


def test_without_tensorflow_the_line_that_installs_it_is_said(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy_model(tmp_path / "no-graphs")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    said = r"^--engine tensorflow needs TensorFlow, .*: pip install 'vgenre\[train\]'$"
    with pytest.raises(MissingExtra, match=said):
        vgenre.load_model(model, engine="tensorflow")
    said = r"^the model toy, which has no graphs .* needs TensorFlow, .*'vgenre\[train\]'$"
    with pytest.raises(MissingExtra, match=said):
        vgenre.load_model(tmp_path / "no-graphs")
    assert vgenre.load_model(model).engine.name == "openvino"


def test_the_command_says_it_too(model: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        film(tmp_path / f"{name}.mp4", seconds=1)
    (tmp_path / "run.py").write_text(
        "import sys\n"
        "sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from vgenre.cli import main\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(main())\n"
    )
    command = [sys.executable, str(tmp_path / "run.py"), "label", str(tmp_path)]
    done = subprocess.run(
        [*command, "--model", str(model), "--engine", "tensorflow"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "vgenre: --engine tensorflow needs TensorFlow, which is not installed: "
        "pip install 'vgenre[train]'"
    ]


@pytest.mark.parametrize(
    ("name", "gpus", "wanted"),
    [
        ("auto", 0.0, "openvino"),
        ("auto", 1.0, "auto"),
        ("tensorflow", 0.0, "tensorflow"),
        ("openvino", 1.0, "openvino"),
    ],
)
def test_actors_with_gpus_choose_on_their_own_machine(
    driver: None, model: Path, monkeypatch: pytest.MonkeyPatch, name: str, gpus: float, wanted: str
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # here, where it does not matter
    assert engine_for(name, read_card(model), Cluster(gpus=gpus)) == wanted


@pytest.mark.slow
def test_the_engines_agree_on_the_model_that_ships(plain_film: Path) -> None:
    clip = vgenre.read_clip(plain_film)
    directory = available_models()["six"]
    card = read_card(directory)
    wanted, found = (
        load_engine(name, directory, card).features(clip.frames)
        for name in ("tensorflow", "openvino")
    )
    cosine = (
        (wanted * found).sum(1) / np.linalg.norm(wanted, axis=1) / np.linalg.norm(found, axis=1)
    )
    assert cosine.mean() > 0.97


def test_a_model_that_is_overwritten_ends_no_process_that_has_loaded_it(
    model: Path, tmp_path: Path
) -> None:
    shutil.copytree(model, tmp_path / "toy")
    program = (
        "import sys, numpy as np, vgenre\n"
        "from pathlib import Path\n"
        "loaded = [vgenre.load_model(sys.argv[1], engine='openvino') for _ in range(3)]\n"
        "for path in Path(sys.argv[1]).glob('*.bin'): path.write_bytes(b'')\n"
        "for one in loaded: one.features(np.zeros((1, 299, 299, 3), np.uint8))\n"
        "print('alive')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "toy")], capture_output=True, text=True
    )
    assert done.stdout == "alive\n", (done.returncode, done.stderr)
