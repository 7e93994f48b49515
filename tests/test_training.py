"""Training on films whose genre is plain to see and hear, and labelling others of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from rendered import film, lavfi, render

from vgenre.data.items import Item, split_by_film
from vgenre.data.load import load_items
from vgenre.labelling.load import load_model
from vgenre.labels import MULTI, LabelSet
from vgenre.models.body import build_body
from vgenre.models.card import Architecture, ModelCard
from vgenre.models.store import find_model, read_card
from vgenre.training.body import UNKNOWN, FramePool, augment, finetune
from vgenre.training.initial import InitialWeights
from vgenre.training.losses import masked_crossentropy
from vgenre.training.options import FineTuning, TrainingOptions
from vgenre.training.run import train

KINDS = {
    "Dark": ("color=0x201008:size=64x48:rate=8", "sine=frequency=250"),
    "Bright": ("color=0xd0f0ff:size=64x48:rate=8", "anoisesrc=amplitude=0.4:seed=1"),
}
OPTIONS = TrainingOptions(
    architecture=Architecture.toy(), epochs=25, patience=25, batch_size=4, learning_rate=1e-2
)


def render_kind(path: Path, kind: str, seconds: float) -> Path:
    picture, sound = KINDS[kind]
    return film(path, seconds=seconds, picture=picture, sound=sound)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for kind in KINDS:
        (root / kind).mkdir()
        for i in range(8):
            render_kind(root / kind / f"{kind}-{i}.mp4", kind, 2 + i * 0.5)
    return root


@pytest.fixture(scope="module")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train(
        data,
        folder / "model",
        initial=InitialWeights.of("none"),
        cache=folder / "cache",
        options=OPTIONS,
    )
    return folder / "model"


@pytest.mark.parametrize("kind", KINDS)
def test_films_it_never_saw_get_their_label(model: Path, tmp_path: Path, kind: str) -> None:
    result = load_model(model).label(render_kind(tmp_path / "new.mkv", kind, 12))
    assert result.status == "ok"
    assert result.labels == [kind]
    assert len(result.clips) == 2
    assert sum(result.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_sound_alone_and_picture_alone_are_enough(model: Path, tmp_path: Path, kind: str) -> None:
    picture, sound = KINDS[kind]
    loaded = load_model(model)
    heard = loaded.label(render(tmp_path / "a.wav", *lavfi(sound), "-t", 6))
    assert heard.streams == {"visual": False, "audio": True}
    assert heard.clips[0].gate == {"visual": 0, "audio": 1}
    assert heard.labels == [kind]
    seen = loaded.label(film(tmp_path / "v.mp4", seconds=6, picture=picture, sound=None))
    assert seen.streams == {"visual": True, "audio": False}
    assert seen.labels == [kind]


def test_the_card_tells_of_data_and_of_figures_beside_baselines(model: Path) -> None:
    card = ModelCard.read(model)
    assert card.labels.names == ("Bright", "Dark")
    assert {split: card.data[split]["films"] for split in card.data} == {
        "train": 12,
        "val": 2,
        "test": 2,
    }
    for split in ("val", "test"):
        systems = card.metrics[split]
        assert set(systems) == {
            "majority", "mean_pool", "lstm", "probe", "visual", "audio", "fusion"
        }  # fmt: skip
        assert systems["fusion"]["top1"] == 1
        assert systems["majority"]["mAP"] < 1
    assert not list(model.glob("training/*/*.safetensors")), "what only a killed run needs is left"
    assert list(model.glob("training/*/tensorboard/visual/train/events*"))


def test_a_second_training_reads_its_features_from_the_cache(data: Path, tmp_path: Path) -> None:
    entries = []
    for name in ("first", "second"):
        train(
            data,
            tmp_path / name,
            initial=InitialWeights.of("none"),
            cache=tmp_path / "cache",
            options=TrainingOptions(Architecture.toy(), epochs=1),
        )
        entries.append({p: p.stat().st_ino for p in (tmp_path / "cache").rglob("*.npz")})
    assert entries[0] == entries[1]
    assert len(entries[0]) == 16


def test_a_killed_run_continues(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vgenre", "train", str(data), "--output", "model", "--toy"]
    command += ["--epochs", "6", "--cache", str(tmp_path / "cache")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("model/training/*/visual.safetensors")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "model" / "card.json").exists()

    again = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert "training visual" not in again.stderr and "training audio" in again.stderr
    assert ModelCard.read(tmp_path / "model").metrics["test"]["fusion"]["films"] == 2


def test_fine_tuning_takes_the_body_that_ships_which_ends_early(tmp_path: Path) -> None:
    for kind, (picture, _) in KINDS.items():
        (tmp_path / kind).mkdir()
        for i in range(3):
            file = tmp_path / kind / f"{kind}-{i}.png"
            render(file, *lavfi(f"{picture},noise=alls={i + 5}"), "-frames:v", 1)
    shipped = read_card(find_model("six"))
    tuning = FineTuning(steps=0, head_steps=0, batch_size=2, size=75, dtype="float32")
    card = train(
        tmp_path,
        tmp_path / "model",
        initial=InitialWeights.of("six"),
        cache=tmp_path / "cache",
        options=TrainingOptions(
            replace(Architecture.toy(), body="inception_v3", block=shipped.architecture.block),
            epochs=1,
            finetuning=tuning,
            graphs=False,
        ),
    )
    assert card.files["body.safetensors"] == shipped.files["body.safetensors"], "no step was taken"
    assert load_model(tmp_path / "model").label(tmp_path / "Dark" / "Dark-0.png").status == "ok"


def test_any_number_of_labels_a_film(data: Path, tmp_path: Path) -> None:
    items = [
        Item(i.path, (*i.labels, "Long") if "7" in Path(i.path).name else i.labels, i.film, i.split)
        for i in split_by_film(load_items(data))
    ]
    card = train(
        items,
        tmp_path / "model",
        mode=MULTI,
        initial=InitialWeights.of("none"),
        cache=tmp_path / "cache",
        options=OPTIONS,
    )
    assert card.labels == LabelSet(("Bright", "Dark", "Long"), MULTI)
    result = load_model(tmp_path / "model").label(render_kind(tmp_path / "n.mp4", "Dark", 5))
    assert "Dark" in result.labels and "Bright" not in result.labels
    assert sum(result.probabilities.values()) != pytest.approx(1)


def test_fine_tuning_trains_every_layer_and_continues(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = np.concatenate(
        [rng.integers(0, 90, (20, 72, 72, 3)), rng.integers(160, 256, (20, 72, 72, 3))]
    ).astype(np.uint8)
    targets = np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
    pool = FramePool(frames, np.arange(40), targets, np.ones(40))
    options = FineTuning(
        steps=40, batch_size=8, size=64, learning_rate=3e-2, checkpoint_every=10, dtype="float32"
    )
    body = build_body("toy", size=64)
    before = body.get_weights()
    classifier = finetune(body, [pool, pool], options, tmp_path, verbose=0)
    assert all((a != b).any() for a, b in zip(before, body.get_weights(), strict=True))
    small = np.stack([augment(frame, 64, rng, 1.0) for frame in frames])
    logits = keras.ops.convert_to_numpy(classifier(small, training=False))
    assert ((logits[:, 0] > logits[:, 1]) == (targets[:, 0] == 1)).mean() > 0.9


def test_labels_that_a_source_cannot_know_are_not_learnt_from() -> None:
    logits = np.array([[2.0, -1.0]], np.float32)
    known = masked_crossentropy(np.array([[1.0, UNKNOWN]], np.float32), logits)
    assert float(known[0]) == pytest.approx(np.log1p(np.exp(-2)), rel=1e-5)
    nothing = masked_crossentropy(np.full((1, 2), UNKNOWN, np.float32), logits)
    assert float(nothing[0]) == 0
