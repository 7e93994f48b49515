"""Training on films whose genre is plain to see and hear, and labelling others of them."""

from __future__ import annotations

import json
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
from rendered import counter, film, frame_number, lavfi, render

from vgenre.data.features import ClipFeatures
from vgenre.data.items import Item, split_by_film
from vgenre.data.load import load_items
from vgenre.errors import DataError
from vgenre.labelling.load import load_model
from vgenre.labels import MULTI, LabelSet
from vgenre.media.sampling import Sampling
from vgenre.models.body import build_body
from vgenre.models.card import Architecture, ModelCard
from vgenre.models.store import find_model, read_card
from vgenre.models.visual import build_visual_stream
from vgenre.training.batches import ClipBatches
from vgenre.training.body import UNKNOWN, FramePool, augment, finetune
from vgenre.training.fit import fit_to_best, optimizer_of, predict
from vgenre.training.graphs import some_frames
from vgenre.training.initial import InitialWeights
from vgenre.training.losses import masked_crossentropy
from vgenre.training.names import OPTIMIZERS
from vgenre.training.options import FineTuning, TrainingOptions
from vgenre.training.parts import Part
from vgenre.training.run import train

KINDS = {
    "Dark": ("color=0x201008:size=64x48:rate=8", "sine=frequency=250"),
    "Bright": ("color=0xd0f0ff:size=64x48:rate=8", "anoisesrc=amplitude=0.4:seed=1"),
}
# Without graphs: two plain colours are no ranges to quantise a toy by.
OPTIONS = TrainingOptions(architecture=Architecture.toy(), graphs=False)


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
    assert heard.streams == {"visual": False, "audio": True, "dialogue": False}
    assert set(heard.opinions) == {"audio"}
    assert heard.labels == [kind]
    seen = loaded.label(film(tmp_path / "v.mp4", seconds=6, picture=picture, sound=None))
    assert seen.streams == {"visual": True, "audio": False, "dialogue": False}
    assert seen.labels == [kind]


def test_the_card_tells_of_data_and_of_figures_beside_baselines(model: Path) -> None:
    card = ModelCard.read(model)
    assert card.labels.names == ("Bright", "Dark")
    assert {split: card.data[split]["films"] for split in card.data} == {"train": 16}
    systems = card.metrics["folds"]
    assert set(systems) == {"majority", "visual", "audio", "fusion"}
    assert systems["fusion"]["films"] == 16 and systems["fusion"]["top1"] == 1
    assert systems["majority"]["mAP"] < 1
    tried = card.metrics["procedure"]["visual"]
    assert {reading["source"] for reading in tried["tried"]} == {"mean", "mean and deviation"}
    for chosen in tried["chosen"]:
        assert chosen.pop("counts") > 0
        best = next(r for r in tried["tried"] if r["source"] == chosen["source"])
        assert chosen == {k: v for k, v in best.items() if k != "nats"}
    assert set(card.fusions) >= {"visual+audio", "visual", "audio"}
    assert not [path for path in model.glob("training/*/*") if path.name != "tensorboard"]


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
    while len(list(tmp_path.glob("cache/**/*.npz"))) < 8:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "model" / "card.json").exists()

    again = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    # What goes on is told without a terminal too.
    assert "read 16 of 16 files" in again.stderr
    assert "of 16 films" not in again.stderr
    assert "16 of 16" in again.stdout, "a share of a dozen films looks like knowledge of thousands"
    assert ModelCard.read(tmp_path / "model").metrics["folds"]["fusion"]["films"] == 16


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
            replace(Architecture.toy(), body="inception_v3", blocks=shipped.architecture.blocks),
            epochs=1,
            finetuning=tuning,
            graphs=False,
        ),
    )
    assert card.files["body.safetensors"] == shipped.files["body.safetensors"], "no step was taken"
    assert load_model(tmp_path / "model").label(tmp_path / "Dark" / "Dark-0.png").status == "ok"


def test_a_continued_run_takes_nothing_that_was_made_from_other_things(
    data: Path, tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    def stop(done: int, of: int) -> None:
        raise Killed

    def killed(initial: InitialWeights, options: TrainingOptions) -> Path:
        """The folder that a run leaves which is killed once its body is there."""
        before = set(tmp_path.glob("model/training/*"))
        with pytest.raises(Killed):
            train(
                items,
                tmp_path / "model",
                initial=initial,
                cache=tmp_path / "cache",
                options=options,
                progress=stop,
            )
        (new,) = set(tmp_path.glob("model/training/*")) - before or {None}
        return new

    def others(network: keras.Model) -> None:
        network.set_weights([w + 1 for w in network.get_weights()])

    items = split_by_film(load_items(data))
    begun = InitialWeights("one", lambda network: None, lambda stream: None)
    first = killed(begun, OPTIONS)
    assert killed(begun, OPTIONS) is None, "the same run goes on in the same folder"
    second = killed(InitialWeights("other", others, lambda stream: None), OPTIONS)
    bodies = [(place / "body.safetensors").read_bytes() for place in (first, second)]
    assert bodies[0] != bodies[1]
    assert killed(begun, replace(OPTIONS, epochs=2)) is not None
    path = Path(items[0].path)
    state = path.stat()
    os.utime(path, (1, 1))
    assert killed(begun, OPTIONS) is not None, "a film changed"
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert killed(begun, OPTIONS) is None


def test_fine_tuning_reads_sampled_frames_of_films_to_learn_from(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    items = split_by_film(load_items(data))
    learnt_from = [i for i, item in enumerate(items) if item.split == "train"]
    (tmp_path / "bad.mp4").write_text("no film")
    items[learnt_from[0]] = replace(items[learnt_from[0]], path=str(tmp_path / "bad.mp4"))
    remote = Path(items[learnt_from[1]].path).as_uri()
    items[learnt_from[1]] = replace(items[learnt_from[1]], path=remote)
    tuning = FineTuning(steps=2, head_steps=2, batch_size=2, size=64, dtype="float32")
    card = train(
        items,
        tmp_path / "model",
        initial=InitialWeights.of("none"),
        cache=tmp_path / "cache",
        options=TrainingOptions(
            Architecture.toy(), epochs=1, finetuning=tuning, graphs=False, sampling=Sampling(1)
        ),
    )
    assert "reading frames of 12 files to fine-tune on" in caplog.text
    assert caplog.text.count(f"left out: {tmp_path / 'bad.mp4'}") == 2, "by frames and features"
    assert card.data["train"]["files"] == 11


def test_sound_alone_gives_a_model_and_no_ranges_to_quantise_by(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for kind, (_, sound) in KINDS.items():
        (tmp_path / "data" / kind).mkdir(parents=True)
        for i in range(2):
            render(tmp_path / "data" / kind / f"{kind}-{i}.wav", *lavfi(sound), "-t", 2 + i)
    train(
        tmp_path / "data",
        tmp_path / "model",
        initial=InitialWeights.of("none"),
        cache=tmp_path / "cache",
        options=replace(OPTIONS, graphs=True),
    )
    assert "no film to learn from has a picture that could be read" in caplog.text
    heard = load_model(tmp_path / "model").label(tmp_path / "data" / "Dark" / "Dark-0.wav")
    assert heard.status == "ok"


def test_ranges_come_from_all_over_each_film(tmp_path: Path) -> None:
    long = film(tmp_path / "long.mp4", seconds=100, rate=8, picture=counter(8), sound=None)
    short = film(tmp_path / "short.mp4", seconds=8, rate=8, picture=counter(8), sound=None)
    items = [
        Item(long.as_uri(), ("A",), "long", "train"),
        Item(str(short), ("A",), "short", "train"),
        Item(str(tmp_path / "missing.mp4"), ("A",), "missing", "train"),
        Item(str(short), ("A",), "test", "test"),
    ]
    frames = some_frames(items, wanted=60)
    assert frames is not None and len(frames) == 40, "20 of each film that can be read"
    numbers = sorted(frame_number(frame) for frame in frames)
    assert numbers[0] < 8 * 2 and numbers[-1] > 8 * 80
    gaps = np.diff([n for n in numbers if n > 64])
    assert gaps.max() < 8 * 25, "nowhere is a long stretch without one"
    one = some_frames(items, wanted=2)
    assert one is not None and one.shape == (2, 299, 299, 3)
    assert some_frames(items[2:], wanted=2) is None


def test_a_fit_that_was_killed_goes_on_as_the_same(tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    rng = np.random.default_rng(0)
    labels = LabelSet(("A", "B"))
    items = [Item(f"{i}", ("AB"[i % 2],), f"{i}", ("train", "val")[i % 3 == 0]) for i in range(36)]
    clips = ClipFeatures(
        rng.normal(0, 1, (36, 40, 8)).astype(np.float16),
        np.ones((36, 40), np.float32),
        np.zeros((36, 128, 1000), np.float16),
        np.zeros((36, 1000), np.float32),
        np.full(36, 10, np.float32),
    )
    parts = {
        name: Part.make(name, clips, np.arange(36), items, labels) for name in ("train", "val")
    }
    options = TrainingOptions(
        Architecture.toy(), epochs=14, patience=6, batch_size=8, learning_rate=3e-2
    )

    def run(folder: Path, killed_at: int | None) -> tuple[list[np.ndarray], list[float], int]:
        """Weights at the end, what was measured, and how often."""
        keras.utils.set_random_seed(0 if killed_at != 0 else 99)  # a new process has another one
        stream = build_visual_stream(2, features=8, lstm=8, project=4)
        inputs = {tensor.name: tensor for tensor in stream.inputs}
        network = keras.Model(inputs, stream.output["logits"])
        network.compile(
            optimizer_of("adamw", options.learning_rate),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        )
        asked = 0

        def ask() -> np.ndarray:
            nonlocal asked
            asked += 1
            if asked == killed_at:
                raise Killed
            return predict(network, parts["val"].clips, 8)

        fit_to_best(
            network,
            ClipBatches(parts["train"], 8, list(inputs), 0),
            ClipBatches(parts["val"], 8, list(inputs), None),
            parts["val"],
            ask,
            labels.mode,
            folder,
            "visual",
            options,
        )
        state = json.loads((folder / "visual.checkpoint" / "state.json").read_text())
        return network.get_weights(), state["watchers"], asked

    whole, seen, epochs = run(tmp_path / "whole", None)
    assert epochs > 4, "it goes on for longer than the kill below"
    with pytest.raises(Killed):
        run(tmp_path / "killed", 4)
    continued, seen_again, rest = run(tmp_path / "killed", 0)
    assert rest == epochs - 3, "it stops after the same epoch"
    for one, other in zip(seen, seen_again, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    for one, other in zip(whole, continued, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    _, _, none = run(tmp_path / "killed", 0)
    assert none == 0, "what had stopped does not go on"


def test_unsure_films_watch_over_nothing() -> None:
    labels = LabelSet(("A", "B"))
    items = [Item(f"{i}", ("A",), f"{i}", "val", measured=i != 1) for i in range(3)]
    items.append(Item("none", (), "none", "val", measured=False))
    clips = ClipFeatures(
        np.zeros((4, 40, 2), np.float16),
        np.ones((4, 40), np.float32),
        np.zeros((4, 4, 8), np.float16),
        np.ones((4, 8), np.float32),
        np.ones(4, np.float32),
    )
    part = Part.make("val", clips, np.arange(4), items, labels)
    assert part.sure().owners.tolist() == [0, 2, 3]
    assert part.take(np.array([1])).sure().owners.tolist() == [1], "better than nothing"


def test_the_optimisers_that_are_named_are_there() -> None:
    for name in OPTIMIZERS:
        assert float(optimizer_of(name, 0.1).learning_rate) == pytest.approx(0.1)
    with pytest.raises(DataError, match=f"there are {', '.join(OPTIMIZERS)}"):
        optimizer_of("adamm", 0.1)


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
    classifier = finetune(body, [pool, pool], options, tmp_path)
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
