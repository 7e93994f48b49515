"""Late fusion: one calibration for each set of streams, and what a stream decided."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rendered import film, lavfi, render
from toys import toy_model
from typer.testing import CliRunner

import vgenre
from vgenre.cli import app
from vgenre.errors import DataError, ModelError
from vgenre.labelling.verdict import ClipMeans, verdict
from vgenre.labels import MULTI, SINGLE, LabelSet
from vgenre.models.card import Architecture, ModelCard, ZooNetwork
from vgenre.models.fusion import STILL, STREAMS, Fusion, case_of, softmax, streams_of
from vgenre.models.store import read_card

LABELS = LabelSet(("Action", "Horror"))
BOTH, SEEN, HEARD = "visual+audio", "visual", "audio"

# Each set of streams turns the same opinions into other probabilities.
FUSIONS = {
    BOTH: Fusion(
        {"visual": (1.0, 2.0, 0.5), "audio": (0.5, 0.25, 1.0)}, (0.1, 0.0, -0.2), (0.3,) * 2
    ),
    SEEN: Fusion({"visual": (0.7, 0.9, 0.4)}, (0.0, 0.3, 0.0), (0.4,) * 2),
    HEARD: Fusion({"audio": (2.0, 2.0, 2.0)}, (0.0, 0.0, 0.5), (0.5,) * 2),
    STILL: Fusion({"visual": (0.1, 0.1, 0.1)}, (0.0, 1.0, 0.0), (0.2,) * 2),
}
CARD = ModelCard("six", LABELS, Architecture.toy(), outside=True, fusions=FUSIONS)


def quick_softmax(*logits: float) -> list[float]:
    powers = [2.718281828459045**logit for logit in logits]
    return [power / sum(powers) for power in powers]


def test_cases_have_one_name_each() -> None:
    assert [case_of(s) for s in ({"audio", "visual"}, ["audio"], {"visual": 1})] == [
        BOTH, HEARD, SEEN,
    ]  # fmt: skip
    assert case_of(["visual"], still=True) == STILL
    assert case_of(["visual", "audio"], still=True) == BOTH, "with sound it is a film"
    assert case_of(STREAMS) == "visual+audio+dialogue"
    for case in (BOTH, SEEN, HEARD, "dialogue", "audio+dialogue"):
        assert case_of(streams_of(case)) == case
    assert streams_of(STILL) == ("visual",)
    for streams in ([], ["smell"], ["visual", "smell"]):
        with pytest.raises(ModelError, match="no stream"):
            case_of(streams)
    for case in ("", "smell", "audio+visual", "visual+visual", "still+audio"):
        with pytest.raises(ModelError, match="no set of streams"):
            streams_of(case)


def test_opinions_are_weighed_for_each_outcome_and_none_of_them_is_cut_off() -> None:
    seen, heard = np.array([1.0, 0.0, -1.0]), np.array([0.5, 2.0, 0.0])
    found = FUSIONS[BOTH].probabilities({"visual": seen, "audio": heard}, SINGLE)
    wanted = quick_softmax(1 + 0.25 + 0.1, 0.5, -0.5 - 0.2)
    assert found.tolist() == pytest.approx(wanted[:2])
    several = np.stack([seen, heard, seen])
    assert FUSIONS[SEEN].probabilities({"visual": several[None]}, SINGLE).shape == (1, 3, 2)
    one = FUSIONS[SEEN].probabilities({"visual": several, "audio": several}, SINGLE)
    assert one[0].tolist() == pytest.approx(quick_softmax(0.7, 0.3, -0.4)[:2]), "audio is not asked"
    with pytest.raises(KeyError, match="audio"):
        FUSIONS[BOTH].probabilities({"visual": seen}, SINGLE)


def test_labels_of_their_own_have_sigmoids_that_do_not_overflow() -> None:
    fusion = Fusion({"visual": (1.0, 1.0, 1.0)}, (0.0, 0.0, 1.0), (0.5,) * 3)
    found = fusion.probabilities({"visual": np.array([-1e4, 1e4, 0.0])}, MULTI)
    assert found.tolist() == pytest.approx([0, 1, 1 / (1 + np.exp(-1))])
    assert softmax(np.array([1e4, -1e4])).tolist() == [1, 0]


def test_a_model_that_was_not_calibrated_takes_the_mean() -> None:
    card = ModelCard("toy", LabelSet(("A", "B"), MULTI), Architecture.toy())
    assert set(card.fusions) == {BOTH, SEEN, HEARD}
    assert card.fusions[BOTH].weights == {"visual": (0.5, 0.5), "audio": (0.5, 0.5)}
    assert card.fusions[HEARD].thresholds == (0.5, 0.5)
    assert CARD.outcomes == 3 and Fusion.plain(["audio"], 2, True).bias == (0, 0, 0)
    with pytest.raises(ModelError, match="only one of a single label a film has an outside"):
        replace(card, outside=True, fusions={})


def test_every_set_of_streams_that_can_be_there_is_a_case() -> None:
    assert Architecture.toy().cases == (BOTH, SEEN, HEARD)
    spoken = replace(Architecture.toy(), dialogue=True)
    assert spoken.networks == ("visual", "audio") and spoken.streams == STREAMS
    assert spoken.cases == (
        *("visual+audio+dialogue", BOTH, "visual+dialogue", "audio+dialogue"),
        *(SEEN, HEARD, "dialogue"),
    )
    card = ModelCard("toy", LABELS, spoken)
    assert tuple(card.fusions) == spoken.cases
    assert card.fusions["audio+dialogue"].weights["dialogue"] == (0.5, 0.5)
    with pytest.raises(ModelError, match="has no dialogue beside it"):
        replace(spoken, network=ZooNetwork("lstm", (40, 8)))


def test_a_still_image_without_a_fusion_of_its_own_counts_as_a_film() -> None:
    assert CARD.fusion(["visual"], still=True) is FUSIONS[STILL]
    others = {case: fusion for case, fusion in FUSIONS.items() if case != STILL}
    assert replace(CARD, fusions=others).fusion(["visual"], still=True) is FUSIONS[SEEN]


def test_a_film_says_what_the_clips_say_that_have_the_stream() -> None:
    means = ClipMeans()
    assert means.means() == {}
    means.add({"audio": np.array([9.0, 0.0])}, 3.0)
    means.add({"visual": np.array([1.0, 0.0]), "audio": np.array([1.0, 4.0])}, 1.0)
    means.add({"visual": np.array([5.0, 2.0])}, 3.0)
    means.add({}, 7.0)
    found = {stream: mean.tolist() for stream, mean in means.means().items()}
    assert found == {"visual": [4.0, 1.5], "audio": [7.0, 1.0]}
    assert list(found) == ["visual", "audio"]


def test_what_is_left_without_a_stream_is_what_the_others_say() -> None:
    opinions = {"visual": np.array([3.0, 0.0, 0.0]), "audio": np.array([0.0, 1.0, 0.0])}
    said = verdict(CARD, opinions)
    for gone, left in (("visual", "audio"), ("audio", "visual")):
        alone = verdict(CARD, {left: opinions[left]})
        assert said["without"][gone] == alone["probabilities"]
        assert alone["without"] == {}
    assert said["opinions"] == {"visual": [3, 0, 0], "audio": [0, 1, 0]}
    assert said["labels"] == ["Action"]
    assert sum(said["probabilities"].values()) + said["outside"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("opinion", "labels"),
    [
        ([0.0, 3.0, 0.0], ["Horror"]),
        ([0.0, 2.0, 2.2], []),  # none of them is likelier than Horror, which reaches its threshold
        ([0.0, 2.0, 1.8], ["Horror"]),
        ([0.6, 0.5, 0.4], []),  # no label reaches it
    ],
)
def test_a_film_that_is_rather_none_of_them_gets_no_label(
    opinion: list[float], labels: list[str]
) -> None:
    plain = Fusion({"visual": (1.0,) * 3}, (0.0,) * 3, (0.4, 0.4))
    card = replace(CARD, fusions=FUSIONS | {SEEN: plain})
    said = verdict(card, {"visual": np.array(opinion)})
    assert said["labels"] == labels
    assert said["outside"] == pytest.approx(quick_softmax(*opinion)[2])
    assert verdict(replace(card, outside=False, fusions={}), {"visual": np.array(opinion[:2])})[
        "outside"
    ] is None  # fmt: skip


FADES = "aevalsrc='0.3*sin(2764*t)*lt(t,9.5)':s=16000:d=20"  # a tone, then silence


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy with a fusion of its own for each set of streams."""
    directory = tmp_path_factory.mktemp("model") / "toy"
    toy_model(directory, outside=True, fusions=FUSIONS)
    return directory


@pytest.fixture(scope="module")
def model(model_folder: Path) -> vgenre.Model:
    """The same, loaded."""
    return vgenre.load_model(model_folder)


@pytest.fixture(scope="module")
def whole(films: Path) -> Path:
    return film(films / "both.mkv", seconds=14)


def without(path: Path, stream: str, to: Path) -> Path:
    """The same film without its picture or its sound, not encoded anew."""
    return render(to / f"no-{stream}.mkv", "-i", path, "-map", "0", "-map", f"-0:{stream}",
                  "-c", "copy")  # fmt: skip


@pytest.mark.parametrize(("gone", "stream"), [("audio", "a"), ("visual", "v")])
def test_leaving_a_stream_out_is_labelling_a_film_without_it(
    model: vgenre.Model, whole: Path, tmp_path: Path, gone: str, stream: str
) -> None:
    both, alone = model.label(whole), model.label(without(whole, stream, tmp_path))
    assert both.streams == {"visual": True, "audio": True, "dialogue": False}
    assert alone.streams == {**both.streams, gone: False}
    assert alone.probabilities == pytest.approx(both.without[gone], abs=0.01)
    assert alone.without == {}
    (left,) = alone.opinions
    assert both.opinions[left] == pytest.approx(alone.opinions[left], abs=0.02)
    found = FUSIONS[case_of(alone.opinions)].probabilities(
        {name: np.array(said) for name, said in alone.opinions.items()}, SINGLE
    )
    assert list(alone.probabilities.values()) == pytest.approx(found.tolist()), "its own case"
    assert both.probabilities != pytest.approx(both.without[gone], abs=0.01)


def test_clips_have_the_case_of_their_own_streams(model: vgenre.Model, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", "-c:a", "flac", seconds=20, sound=FADES)
    label = model.label(path, sampling="full")
    assert label.streams == {"visual": True, "audio": True, "dialogue": False}
    assert len(label.clips) == 2
    with_sound, silent = (model.classify(vgenre.read_clip(path, start)) for start in (0, 10))
    for clip, found in zip((with_sound, silent), label.clips, strict=True):
        assert found.probabilities == pytest.approx(clip.probabilities, abs=0.01)
    seen = {"visual": np.array(model.label(without(path, "a", tmp_path)).opinions["visual"])}
    assert label.opinions["visual"] == pytest.approx(seen["visual"].tolist(), abs=0.02)
    end = vgenre.read_clip(path, 10)
    sequence, mask = model.features(end.frames)[None], np.ones((1, 40), np.float32)
    said = model.engine.see(sequence, mask)[0]
    wanted = FUSIONS[SEEN].probabilities({"visual": said}, SINGLE).tolist()
    assert list(silent.probabilities.values()) == pytest.approx(wanted)


def test_a_still_image_has_its_own_case(model: vgenre.Model, tmp_path: Path) -> None:
    path = render(tmp_path / "a.png", *lavfi("testsrc2=size=160x120"), "-frames:v", 1)
    label = model.label(path)
    opinions = {"visual": np.array(label.opinions["visual"])}
    still, moving = (FUSIONS[case].probabilities(opinions, SINGLE) for case in (STILL, SEEN))
    assert list(label.probabilities.values()) == pytest.approx(still.tolist())
    assert label.clips[0].probabilities == pytest.approx(label.probabilities)
    assert still.tolist() != pytest.approx(moving.tolist(), abs=0.01)
    assert label.without == {} and label.decided_text() == ""


def test_the_command_says_that_a_film_is_none_of_them(
    model_folder: Path, whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(model_folder, tmp_path / "toy")
    none = Fusion({"visual": (0.0,) * 3, "audio": (0.0,) * 3}, (0.0, 0.0, 2.0), (0.0, 0.0))
    replace(read_card(model_folder), fusions=FUSIONS | {BOTH: none}).write(tmp_path / "toy")
    done = CliRunner().invoke(app, ["label", str(whole), "--model", str(tmp_path / "toy")])
    assert done.exit_code == 0, done.output
    assert "uncertain: none of them 79%," in done.stdout


def test_a_clip_of_nothing_has_no_genres(model: vgenre.Model, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at 3 s has neither picture nor sound"):
        model.classify(vgenre.media.Clip.of_arrays(start=3))
    silent = render(tmp_path / "a.wav", *lavfi("anullsrc"), "-t", 5)
    assert "neither picture nor sound" in str(model.label(silent).error)
    # Sound, then silence without a picture: the silent part has no genres, and takes no part.
    half = render(tmp_path / "half.wav", *lavfi(FADES))
    label = model.label(half, sampling="full")
    assert label.status == "ok" and label.decoded_fraction == 1
    assert [clip.start for clip in label.clips] == [0]
    assert label.clips[0].probabilities == pytest.approx(label.probabilities)
