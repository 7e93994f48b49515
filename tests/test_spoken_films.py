"""Films with subtitles: what is said is the third stream of their labels."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest
from rendered import lavfi, render
from spoken import ENGLISH, FRENCH, film_with, repeated, srt
from toys import toy_head, toy_model, toy_model_with_graphs

import vgenre
from vgenre.dialogue.types import Subtitles
from vgenre.errors import MediaError, ModelError
from vgenre.labelling.dialogue import subtitles_coming
from vgenre.models.store import (
    CARD_FILE,
    DIALOGUE_FILE,
    file_hash,
    graphs_of,
    read_card,
    read_head,
    save_model,
)

ENG = ("-metadata:s:s:{}", "language=eng")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a head for the dialogue, which OpenVINO runs."""
    directory = tmp_path_factory.mktemp("model") / "toy"
    toy_model_with_graphs(directory, head=toy_head())
    return directory


@pytest.fixture(scope="module")
def model(folder: Path) -> vgenre.Model:
    return vgenre.load_model(folder, engine="openvino")


@pytest.fixture
def plain(short_film: Path, tmp_path: Path) -> Path:
    """A film without subtitles, in a folder of its own."""
    os.link(short_film, tmp_path / "film.mkv")
    return tmp_path / "film.mkv"


def test_what_is_said_has_a_part_in_the_label(model: vgenre.Model, plain: Path) -> None:
    silent = model.label(plain)
    assert silent.streams == {"visual": True, "audio": True, "dialogue": False}
    assert silent.dialogue == Subtitles().to_dict() and "dialogue" not in silent.opinions
    plain.with_suffix(".srt").write_text(srt(ENGLISH))
    spoken = model.label(plain)
    assert spoken.streams == {"visual": True, "audio": True, "dialogue": True}
    assert spoken.dialogue == vgenre.read_subtitles(plain).to_dict()
    assert spoken.dialogue["source"] == "film.srt" and spoken.dialogue["words"] > 80
    head, card = toy_head(), model.card
    said = head.opinion(vgenre.read_subtitles(plain).cues)
    assert said is not None and spoken.opinions["dialogue"] == pytest.approx(said, abs=0.05)
    opinions = {stream: np.array(logits) for stream, logits in spoken.opinions.items()}
    fused = card.fusion(opinions).probabilities(opinions, card.labels.mode)
    assert list(spoken.probabilities.values()) == pytest.approx(fused.tolist())
    assert list(spoken.without) == ["visual", "audio", "dialogue"]
    assert spoken.without["dialogue"] == pytest.approx(silent.probabilities)
    assert spoken.clips == silent.clips, "clips have picture and sound"
    assert "without the dialogue" in spoken.decided_text()
    assert vgenre.FilmResult.from_dict(spoken.to_dict()).to_dict() == spoken.to_dict()


def test_the_dialogue_can_be_left_out(model: vgenre.Model, plain: Path) -> None:
    silent = model.label(plain)
    plain.with_suffix(".srt").write_text(srt(ENGLISH))
    left_out = model.label(plain, dialogue=False)
    assert left_out.dialogue is None and left_out.streams["dialogue"] is False
    assert left_out.probabilities == silent.probabilities and left_out.opinions == silent.opinions
    (found,) = vgenre.label_folder(plain, model=model, dialogue=False)
    assert found.dialogue is None
    (found,) = vgenre.label_folder(plain, model=model)
    assert found.streams["dialogue"]


@pytest.mark.parametrize(("name", "encoder"), [("f.mkv", "subrip"), ("f.mp4", "mov_text")])
def test_tracks_in_the_film_are_heard_without_sound(
    model: vgenre.Model, tmp_path: Path, name: str, encoder: str
) -> None:
    path = film_with(tmp_path / name, (encoder, srt(ENGLISH), ENG))
    found = model.label(path)
    assert found.streams == {"visual": True, "audio": False, "dialogue": True}
    assert found.dialogue and found.dialogue["source"] == "track 1, eng"
    assert set(found.without) == {"visual", "dialogue"}
    assert found.without["dialogue"] == model.label(path, dialogue=False).probabilities


def test_other_languages_are_noted_and_never_scored(model: vgenre.Model, plain: Path) -> None:
    silent = model.label(plain)
    plain.with_suffix(".fr.srt").write_text(srt(FRENCH), encoding="utf-8")
    foreign = model.label(plain)
    assert foreign.dialogue and foreign.dialogue["source"] == ""
    assert foreign.dialogue["notes"] == ["not English, left out: French"]
    assert not foreign.streams["dialogue"]
    assert foreign.probabilities == silent.probabilities
    assert "Dialogue: not English, left out: French" in foreign._repr_html_()


def test_too_few_words_say_nothing(model: vgenre.Model, plain: Path) -> None:
    plain.with_suffix(".en.srt").write_text(srt(["The harbour."]))
    found = model.label(plain)
    assert found.dialogue and found.dialogue["words"] == 2 and not found.streams["dialogue"]
    assert found.dialogue_text() == "film.en.srt, 2 words, which say nothing to the model"


FAULTS = {
    "FFmpeg cannot read its subtitles: no": MediaError("film.mkv", "FFmpeg cannot read its "
                                                       "subtitles: no"),
    "they could not be read: IndexError: 7": IndexError("7"),
}  # fmt: skip


@pytest.mark.parametrize("note", FAULTS)
def test_what_is_wrong_with_subtitles_is_a_note(
    model: vgenre.Model, plain: Path, monkeypatch: pytest.MonkeyPatch, note: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise FAULTS[note]

    monkeypatch.setattr("vgenre.labelling.dialogue.read_subtitles", broken)
    found = model.label(plain)
    assert found.status == "ok" and found.error is None
    assert found.dialogue and found.dialogue["notes"] == [note]


def test_who_interrupts_does_not_wait_and_who_fails_does(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, read = threading.Event(), []

    def slow(*_: object) -> Subtitles:
        go_on.wait(60)
        read.append(True)
        return Subtitles()

    monkeypatch.setattr("vgenre.labelling.dialogue.subtitles_of", slow)
    info = vgenre.probe(plain)
    with pytest.raises(KeyboardInterrupt), subtitles_coming(toy_head(), info):
        raise KeyboardInterrupt
    assert not read
    with pytest.raises(MediaError), subtitles_coming(toy_head(), info):
        go_on.set()
        raise MediaError(plain, "it ended")
    assert read


def test_rubbish_beside_a_film_costs_nothing(model: vgenre.Model, plain: Path) -> None:
    plain.with_suffix(".srt").write_bytes(os.urandom(5000))
    found = model.label(plain)
    assert found.status == "ok" and not found.streams["dialogue"]
    assert found.dialogue and "film.srt" in found.dialogue["notes"][0]


def test_subtitles_alone_are_no_film(model: vgenre.Model, tmp_path: Path) -> None:
    text = tmp_path / "t.tmp"
    text.write_text(srt(ENGLISH))
    path = render(tmp_path / "film.mkv", "-f", "srt", "-i", text, "-c:s", "subrip")
    found, without = model.label(path), model.label(path, dialogue=False)
    assert found.status == "error" and found.error == without.error
    assert found.dialogue is None and found.opinions == {}


def test_sound_files_have_sidecars_and_pictures_have_none(
    model: vgenre.Model, tmp_path: Path
) -> None:
    for name in ("a.srt", "b.srt"):
        (tmp_path / name).write_text(srt(ENGLISH))
    heard = model.label(render(tmp_path / "a.mp3", *lavfi("sine"), "-t", 4))
    assert heard.streams == {"visual": False, "audio": True, "dialogue": True}
    still = model.label(render(tmp_path / "b.png", *lavfi("testsrc2"), "-frames:v", 1))
    assert still.streams == {"visual": True, "audio": False, "dialogue": False}
    assert still.dialogue is None


def test_of_a_url_the_tracks_are_read(model: vgenre.Model, tmp_path: Path) -> None:
    path = film_with(tmp_path / "f.mkv", ("subrip", srt(ENGLISH), ENG))
    store = fsspec.filesystem("memory")
    store.pipe("/spoken/f.mkv", path.read_bytes())
    store.pipe("/spoken/f.srt", srt(repeated(ENGLISH, 9)).encode())
    try:
        found = model.label("memory:///spoken/f.mkv", explain=True)
    finally:
        store.rm("/spoken", recursive=True)
    assert found.status == "ok" and found.dialogue
    assert found.dialogue["source"] == "track 1, eng" and found.streams["dialogue"]
    assert found.explanation and found.explanation["words"]


# --- what spoke for a genre -----------------------------------------------------------------


def test_the_words_and_cues_that_spoke_for_a_genre(model: vgenre.Model, plain: Path) -> None:
    text = srt(ENGLISH, every=5)
    plain.with_suffix(".srt").write_text(text)
    label = model.label(plain, explain=True)
    found = model.explain(label, "Action")
    assert [term for term, _ in found.words] == ["harbour", "boat"]
    assert found.words[0][1] > found.words[1][1] > 0
    ((start, end, said, weight),) = found.cues
    assert (start, end) == pytest.approx((16, 17.5)) and said == ENGLISH[3] and weight > 0
    assert found.without["dialogue"] == label.without["dialogue"]["Action"]
    horror = model.explain(label, "Horror")
    assert [term for term, _ in horror.words] == ["door", "lock the"]
    likeliest = max(label.probabilities, key=lambda name: label.probabilities[name])
    explained = model.explain(label, likeliest).to_dict()
    assert label.explanation == explained, "what was read once is what is read anew"
    assert explained["cues"][0].keys() == {"start", "end", "text", "weight"}
    quiet = model.label(plain, explain=True, dialogue=False)
    assert quiet.explanation and quiet.explanation["words"] == quiet.explanation["cues"] == []


def test_an_explanation_outlives_its_subtitles(model: vgenre.Model, plain: Path) -> None:
    plain.with_suffix(".srt").write_text(srt(ENGLISH))
    label = model.label(plain)
    plain.with_suffix(".srt").unlink()
    assert model.explain(label).words == []


HOSTILE = "<img src=x onerror=alert(1)> the harbour & the boat\nand <b>more</b> \x1b[31m[bold]"


def test_what_is_said_is_text_in_notebooks(model: vgenre.Model, plain: Path) -> None:
    label = model.label(plain)
    hostile = replace(
        label,
        dialogue={**Subtitles().to_dict(), "source": "<script>.srt", "words": 9},
        explanation={
            "label": "Action",
            "words": [["<i>harbour", 0.5]],
            "cues": [{"start": 1.0, "end": 2.0, "text": HOSTILE, "weight": 0.5}],
        },
    )
    page = hostile._repr_html_()
    assert "<img" not in page and "<script" not in page and "<i>" not in page
    assert "0:01 &lt;img src=x" in page and "&lt;script&gt;.srt, 9 words" in page


# --- models with a head ---------------------------------------------------------------------


def test_the_head_needs_no_tensorflow_and_is_read_when_it_is_wanted(
    folder: Path, plain: Path
) -> None:
    plain.with_suffix(".srt").write_text(srt(ENGLISH))
    code = (
        "import sys, vgenre; from vgenre.models.dialogue import DialogueHead; read = []\n"
        "real = DialogueHead.read; DialogueHead.read = lambda p: read.append(p) or real(p)\n"
        f"model = vgenre.load_model({str(folder)!r}, engine='openvino')\n"
        f"film = model.label({str(plain)!r}, dialogue=False); print(len(read))\n"
        f"film = model.label({str(plain)!r}); film = model.label({str(plain)!r})\n"
        "print(len(read), film.streams['dialogue'], 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.stdout.split() == ["0", "1", "True", "False"], done.stderr


def test_both_engines_hear_the_same(folder: Path, model: vgenre.Model, plain: Path) -> None:
    plain.with_suffix(".srt").write_text(srt(ENGLISH))
    other = vgenre.load_model(folder, engine="tensorflow").label(plain)
    assert other.opinions["dialogue"] == model.label(plain).opinions["dialogue"]


def test_a_model_keeps_its_head(folder: Path, tmp_path: Path) -> None:
    card = read_card(folder)
    assert card.architecture.dialogue and DIALOGUE_FILE in card.files
    assert not any("dialogue" in name for name in graphs_of(card))
    written, given = read_head(folder, card), toy_head()
    assert written is not None and written.terms == given.terms
    np.testing.assert_allclose(written.kernel, given.kernel, atol=0.02)
    toy_model(tmp_path / "deaf")
    assert read_head(tmp_path / "deaf", read_card(tmp_path / "deaf")) is None
    with pytest.raises(ModelError, match="has a head for the dialogue, but there is none"):
        save_model(tmp_path / "x", card, None, None, audio=object())  # type: ignore[arg-type]
    deaf = read_card(tmp_path / "deaf")
    with pytest.raises(ModelError, match="has no head for the dialogue, but there is one"):
        save_model(tmp_path / "x", deaf, None, None, object(), given)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="3 outcomes, the card of the model toy has 2"):
        toy_model(tmp_path / "y", head=toy_head(3))


def changed(folder: Path, to: Path, data: bytes | None) -> Path:
    """A copy of a model with another head, which its card lists."""
    to.mkdir()
    for file in folder.iterdir():
        os.link(file, to / file.name)
    (to / DIALOGUE_FILE).unlink()
    if data is not None:
        (to / DIALOGUE_FILE).write_bytes(data)
        card = read_card(folder, files=())
        (to / CARD_FILE).unlink()
        files = card.files | {DIALOGUE_FILE: file_hash(to / DIALOGUE_FILE)}
        replace(card, files=files).write(to)
    return to


def test_a_damaged_head_is_said(folder: Path, tmp_path: Path, plain: Path) -> None:
    data = bytearray((folder / DIALOGUE_FILE).read_bytes())
    missing = changed(folder, tmp_path / "missing", None)
    with pytest.raises(ModelError, match=rf"{DIALOGUE_FILE}: this file of the model is missing"):
        vgenre.load_model(missing, engine="openvino")
    data[-1] ^= 1
    (missing / DIALOGUE_FILE).write_bytes(data)
    with pytest.raises(ModelError, match=rf"{DIALOGUE_FILE}: damaged: its SHA-256"):
        vgenre.load_model(missing, engine="openvino")
    torn = vgenre.load_model(changed(folder, tmp_path / "torn", bytes(data[:99])), check=False)
    with pytest.raises(ModelError, match=rf"{DIALOGUE_FILE}: cannot be read"):
        torn.label(plain)
    assert torn.label(plain, dialogue=False).status == "ok"
    toy_head(3).write(tmp_path / "three")
    three = changed(folder, tmp_path / "other", (tmp_path / "three").read_bytes())
    with pytest.raises(ModelError, match="3 outcomes, the card of the model toy has 2"):
        next(iter(vgenre.label_folder(plain, model=three)))
