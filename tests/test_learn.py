"""From features to networks: they say what the procedure measured, stills are another thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import pytest

from vgenre.cli.train import print_figures
from vgenre.data.features import ClipFeatures
from vgenre.data.items import Item
from vgenre.engines.tensorflow import TensorFlowEngine
from vgenre.labelling.padding import frame_masks
from vgenre.labels import MULTI, SINGLE, LabelSet
from vgenre.models.build import body_of
from vgenre.models.card import Architecture, ModelCard
from vgenre.models.fusion import STILL, Fusion
from vgenre.sound import MelSettings
from vgenre.training import learn as learning
from vgenre.training.clip_readings import FrameGenres
from vgenre.training.learn import Trained, learn
from vgenre.training.options import TrainingOptions
from vgenre.training.readings import GENRES, MEAN, Readings
from vgenre.training.streams import Learnt

MEL = MelSettings(hop_length=6400)  # 50 columns
TOY = replace(Architecture.toy(), lstm=0)
WIDTH = 8  # of the toy body
RNG = np.random.default_rng(0)


def card_of(mode: str = SINGLE, *, outside: bool = False, names: str = "AB") -> ModelCard:
    return ModelCard("toy", LabelSet(tuple(names), mode), TOY, MEL, outside=outside)


def clips_of(
    items: Sequence[Item],
    *,
    frames: int = 40,
    sound: bool = True,
    tells: float = 3.0,
    seed: int = 0,
) -> ClipFeatures:
    """A clip of each item: its picture tells by one feature, its sound by what is loud.

    Of what `tells` less than nothing, A looks as B does elsewhere.
    """
    rng = np.random.default_rng(seed)
    n = len(items)
    outcomes = np.array(["AB".index(i.labels[0]) if i.labels else 2 for i in items])
    features = rng.normal(size=(n, 1, WIDTH)) + 0.3 * rng.normal(size=(n, 40, WIDTH))
    features[np.arange(n), :, outcomes] += tells
    mask = frame_masks(np.full(n, frames))
    mel = rng.uniform(-50, 0, (n, MEL.n_mels, MEL.steps))
    mel[outcomes == 1, 64:] += 20
    heard = np.full((n, MEL.steps), float(sound), np.float32)
    heard[:, 40:] = 0
    return ClipFeatures(
        (features * mask[..., None]).astype(np.float16),
        mask,
        mel.astype(np.float16),
        heard,
        np.full(n, 10 if frames > 1 else 0.25, np.float32),
    )


def films_of(n: int, *, none: int = 0, test: int = 0, name: str = "f") -> list[Item]:
    """Films of A and B in turns and of none, the last of which measure."""
    labels = [("AB"[i % 2],) for i in range(n)] + [()] * none
    split = ["train"] * (len(labels) - test) + ["test"] * test if test else [None] * len(labels)
    order = np.random.default_rng(0).permutation(len(labels))
    return [Item(f"{name}{i}", labels[j], f"{name}{i}", s)
            for i, (j, s) in enumerate(zip(order, split, strict=True))]  # fmt: skip


@dataclass
class Seen:
    """What `learn` made, what the procedure learnt on its way, and of what clips."""

    trained: Trained
    learnt: list[tuple[Readings, np.ndarray, Learnt]]
    engine: TensorFlowEngine


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A function that learns as `learn` does, of which one sees what the procedure gave."""
    noted: list[tuple[Readings, np.ndarray, Learnt]] = []

    def spy(readings: Readings, rows: np.ndarray, **how: Any) -> Learnt:
        found = learning_streams(readings, rows, components=(60,), strengths=(0.03,), **how)
        noted.append((readings, rows, found))
        return found

    learning_streams = learning.learn_streams
    monkeypatch.setattr(learning, "learn_streams", spy)
    monkeypatch.setattr("vgenre.training.nested.learn_streams", spy)

    def run(
        card: ModelCard,
        clips: ClipFeatures,
        items: Sequence[Item],
        folds: Sequence[int] | None,
        genres: FrameGenres | None = None,
    ) -> Seen:
        options = TrainingOptions(card.architecture, MEL)
        owners = np.arange(len(items))
        trained = learn(
            card, clips, owners, items, options, lambda stream: None, genres=genres, folds=folds
        )
        engine = TensorFlowEngine(body_of(TOY), trained.visual, trained.audio)
        return Seen(trained, noted, engine)

    return run


def said(engine: TensorFlowEngine, clips: ClipFeatures) -> dict[str, np.ndarray]:
    """What the networks say of clips, as they are used for labelling."""
    inputs = clips.inputs(np.arange(len(clips)))
    return {
        "visual": engine.see(inputs["frame_features"], inputs["frame_mask"]),
        "audio": engine.hear(inputs["mel"], inputs["mel_mask"]),
    }


def right(logits: np.ndarray, items: Sequence[Item]) -> float:
    outcomes = np.array(["AB".index(i.labels[0]) if i.labels else 2 for i in items])
    return float((logits.argmax(axis=1) == outcomes).mean())


@pytest.mark.parametrize("genres", [0, 3])
def test_networks_say_what_was_measured_and_stills_are_another_thing(
    learnt,
    genres: int,  # type: ignore[no-untyped-def]
) -> None:
    moving, silent = films_of(36, none=8, test=12), films_of(8, name="silent", test=2)
    posters = films_of(24, none=6, name="poster", test=8)
    # A poster of A looks as a film of B.
    clips = ClipFeatures.join(
        [
            clips_of(moving),
            clips_of(silent, sound=False),
            clips_of(posters, frames=1, sound=False, tells=-3.0),
        ]
    )
    items = [*moving, *silent, *posters]
    known = FrameGenres(RNG.normal(size=(WIDTH, genres)), RNG.normal(size=genres))
    seen = learnt(card_of(outside=True), clips, items, None, known if genres else None)
    assert seen.trained.architecture.genres == genres
    films, stills = seen.learnt
    assert (GENRES in films[0].sources["visual"]) == (genres > 0)
    assert list(stills[0].sources["visual"]) == [MEAN]
    answers = said(seen.engine, clips)
    for (readings, rows, found), own in ((films, range(52)), (stills, range(52, 82))):
        assert readings.items == items and len(readings.owners) == len(own)
        splits = np.array(readings.splits())
        assert (splits[rows] == "train").all() and len(rows) == (splits == "train").sum()
        logits = found.logits(readings, np.arange(len(own)))
        for stream, expected in logits.items():
            there = ~np.isnan(expected).any(axis=1)
            assert there.sum() == {"visual": len(own), "audio": 44}[stream]
            np.testing.assert_allclose(answers[stream][own][there], expected[there], atol=2e-3)
    assert set(films[2].layers) == {"visual", "audio"} and set(stills[2].layers) == {"visual"}
    assert right(answers["visual"][:52], items[:52]) > 0.85
    assert right(answers["visual"][52:], items[52:]) > 0.85
    fusions, figures = seen.trained.fusions, seen.trained.figures
    assert set(fusions) == {"visual+audio", "visual", "audio", STILL}
    assert fusions[STILL] == stills[2].fusions["visual"] != fusions["visual"]
    assert set(figures) == {"procedure", "test", "stills"}
    assert figures["test"]["fusion"]["outside"]["films"] + figures["test"]["fusion"]["films"] == 14
    assert set(figures["stills"]["test"]) == {"fusion", "visual", "majority"}
    assert set(figures["procedure"]) == {"visual", "audio"}


def test_what_stills_taught_of_single_frames_helps_where_films_are_few(learnt) -> None:  # type: ignore[no-untyped-def]
    items = films_of(60)
    clips = clips_of(items, tells=1.5, sound=False)
    hidden = RNG.normal(size=(WIDTH, 400)).astype(np.float16) / 20
    noisy = np.asarray(clips.features, np.float32) @ hidden
    noisy += 0.5 * RNG.normal(size=(60, 1, 400))  # far more features than films
    wide = replace(clips, features=noisy.astype(np.float16))
    tells = np.linalg.pinv(hidden.astype(np.float32))[:, :2]
    folds = [i % 3 for i in range(60)]
    plain, taught = (
        learnt(card_of(), wide, items, folds, known).trained.figures["folds"]["visual"]["mAP"]
        for known in (None, FrameGenres(tells, np.zeros(2)))
    )
    assert taught > plain + 0.02


def test_without_a_split_all_films_teach_and_folds_measure(
    learnt,
    capsys: pytest.CaptureFixture[str],  # type: ignore[no-untyped-def]
) -> None:
    items = films_of(12)
    clips = clips_of(items, tells=6.0)
    folds = [i % 3 for i in range(12)]
    seen = learnt(card_of(), clips, items, folds)
    assert len(seen.learnt) == 1 + 3
    (_, rows, _), *others = seen.learnt
    assert len(rows) == 12, "all films teach what ships"
    assert [sorted(rows) for _, rows, _ in others] == [
        [i for i in range(12) if folds[i] != fold] for fold in range(3)
    ]
    figures = seen.trained.figures
    assert set(figures) == {"procedure", "folds"}
    assert figures["folds"]["fusion"]["films"] == 12
    assert figures["folds"]["visual"]["any_label"] > 0.8
    print_figures(figures["folds"])
    shown = capsys.readouterr().out
    assert "on 12 films that it did not learn from" in shown
    assert " of 12" in shown and "1.0" not in shown


def test_a_few_stills_are_read_as_clips_are(learnt) -> None:  # type: ignore[no-untyped-def]
    moving, posters = films_of(24, test=6), films_of(8, name="poster", test=2)
    clips = ClipFeatures.join([clips_of(moving), clips_of(posters, frames=1, sound=False)])
    seen = learnt(card_of(), clips, [*moving, *posters], None)
    assert len(seen.learnt) == 1 and STILL not in seen.trained.fusions
    assert seen.trained.figures["test"]["fusion"]["films"] == 6
    answers = said(seen.engine, clips)["visual"]
    assert right(answers[24:], posters) > 0.85


def test_stills_alone_give_a_model(learnt) -> None:  # type: ignore[no-untyped-def]
    posters = films_of(14, test=4)
    clips = clips_of(posters, frames=1, sound=False, tells=5.0)
    seen = learnt(card_of(), clips, posters, None)
    assert right(said(seen.engine, clips)["visual"], posters) > 0.85
    assert seen.trained.figures["test"]["fusion"]["films"] == 4


def test_many_labels_a_film(learnt) -> None:  # type: ignore[no-untyped-def]
    items = [
        replace(item, labels=(), known=("B",)) if i % 6 == 5 else item
        for i, item in enumerate(films_of(24, test=6))
    ]
    clips = clips_of(items)
    seen = learnt(card_of(MULTI), clips, items, None)
    readings, _, found = seen.learnt[0]
    np.testing.assert_allclose(
        said(seen.engine, clips)["visual"],
        found.logits(readings, np.arange(24))["visual"],
        atol=2e-3,
    )
    assert seen.trained.fusions["visual+audio"].thresholds != (0.0, 0.0)
    assert seen.trained.figures["test"]["fusion"]["per_label"]["A"]["AP"] > 0.8


@pytest.mark.parametrize("missing", ["visual", "audio"])
@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_a_stream_that_nothing_taught_says_nothing(learnt, missing: str, mode: str) -> None:  # type: ignore[no-untyped-def]
    items = films_of(16, test=4)
    clips = clips_of(items, frames=0 if missing == "visual" else 40, sound=missing == "visual")
    card = card_of(mode)
    seen = learnt(card, clips, items, None)
    other = {"visual": "audio", "audio": "visual"}[missing]
    whole = clips_of(items, seed=1)
    answers = said(seen.engine, whole)
    assert not answers[missing].any() and answers[other].any()
    fusions = seen.trained.fusions
    both, alone, nothing = (fusions[case] for case in ("visual+audio", other, missing))
    np.testing.assert_array_equal(
        both.probabilities(answers, mode), alone.probabilities(answers, mode)
    )
    assert both.thresholds == alone.thresholds
    for p in nothing.probabilities(answers, mode):
        assert card.labels.choose(p, nothing.thresholds) == (), "it gives no label by chance"


def test_what_is_random_is_so_by_the_seed(learnt) -> None:  # type: ignore[no-untyped-def]
    items = films_of(12, test=2)
    clips = clips_of(items)
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(len(weights))
        trained = learnt(card_of(), clips, items, None).trained
        weights.append([*trained.visual.get_weights(), *trained.audio.get_weights()])
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_fusions_of_a_model_with_dialogue_are_completed() -> None:
    card = replace(card_of(), architecture=replace(TOY, dialogue=True), fusions={})
    fitted = {
        "visual+audio": Fusion({"visual": (2.0, 2.0), "audio": (1.0, 1.0)}, (0.1, 0.0), (0.3, 0.3)),
        "visual": Fusion({"visual": (1.0, 1.0)}, (0.0, 0.0), (0.5, 0.5)),
        "audio": Fusion({"audio": (1.0, 1.0)}, (0.0, 0.0), (0.5, 0.5)),
    }
    found = learning.complete(fitted, card)
    assert tuple(found) == card.architecture.cases
    whole = found["visual+audio+dialogue"]
    assert whole.weights == {**fitted["visual+audio"].weights, "dialogue": (0.0, 0.0)}
    assert found["dialogue"].thresholds == (1.0, 1.0), "what says nothing gives no label"
    assert replace(card, fusions=found).fusion(["audio", "dialogue"]).thresholds == (0.5, 0.5)
