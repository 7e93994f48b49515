"""Subtitles that come, change and go beside films that are labelled already."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from spoken import ENGLISH, FRENCH, repeated, srt
from test_spoken_films import folder as folder
from test_spoken_films import model as model
from toys import toy_space, without_times
from typer.testing import CliRunner

import vgenre
from vgenre import FilmResult
from vgenre.batch.executors import Task
from vgenre.batch.journal import Journal, JournalReader
from vgenre.batch.keys import film_key, film_of, mixed
from vgenre.batch.known import Relabelling
from vgenre.batch.plan import LabellingRun, plan_run
from vgenre.batch.processes import Workers
from vgenre.batch.run import Batch
from vgenre.cli import app
from vgenre.errors import MediaError
from vgenre.labelling.record import failure
from vgenre.models.embedding import parsed

HARBOUR, DOOR = (
    srt(["They sail to the harbour by boat, and we go with them."] * 2),
    srt(ENGLISH[4:]),
)


@pytest.fixture
def pair(tmp_path: Path, short_film: Path) -> list[str]:
    """Two films that have nothing beside them."""
    (tmp_path / "FILMS").mkdir()
    for name in "ab":
        os.link(short_film, tmp_path / "FILMS" / f"{name}.mkv")
    return [str(tmp_path / "FILMS" / f"{name}.mkv") for name in "ab"]


class Decodes:
    """FFmpeg, with a note of what it was run for."""

    def __init__(self, folder: Path) -> None:
        self._log, program = folder / "ffmpeg.log", folder / "ffmpeg"
        program.write_text(
            f'#!/bin/sh\necho "$*" >> "{self._log}"\nexec "{vgenre.media.find_ffmpeg()}" "$@"\n'
        )
        program.chmod(0o755)
        self.program = str(program)

    def taken(self) -> int:
        """How often picture or sound were decoded since this was asked."""
        runs = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return sum("rawvideo" in run or "f32le" in run for run in runs)


@pytest.fixture
def decodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Decodes:
    counted = Decodes(tmp_path)
    monkeypatch.setenv("VGENRE_FFMPEG", counted.program)
    return counted


def labelled(films: list[str], run: LabellingRun, path: Path) -> dict[str, tuple[FilmResult, bool]]:
    """Records by the films' names, and whether each was known; they are those of the outputs."""
    with Journal(path, run.settings) as journal:
        batch = Batch(films, journal, run)
        told: list[FilmResult] = []
        found = {
            Path(f.result.path).stem: (f.result, f.known) for f in batch.run(finish=told.append)
        }
        assert sorted(record.path for record in told) == sorted(films)
        kept = {Path(record.path).stem: record for record in batch.records()}
    assert {name: record.dialogue for name, (record, _) in found.items()} == {
        name: record.dialogue for name, record in kept.items()
    }
    return found


def same(one: FilmResult, other: FilmResult) -> None:
    """Two records say the same; what is stored has four places behind the point."""
    assert (one.labels, one.streams, one.dialogue) == (other.labels, other.streams, other.dialogue)
    assert one.probabilities == pytest.approx(other.probabilities, abs=2e-4)
    assert one.without.keys() == other.without.keys()
    for stream, left in one.without.items():
        assert left == pytest.approx(other.without[stream], abs=2e-4)


def test_subtitles_that_come_change_and_go_are_heard_without_looking_again(
    model: vgenre.Model, pair: list[str], decodes: Decodes, tmp_path: Path
) -> None:
    run, path, beside = plan_run(model), tmp_path / "j", Path(pair[0]).with_suffix(".srt")
    before = labelled(pair, run, path)
    assert decodes.taken() > 0 and not before["a"][0].streams["dialogue"]
    beside.write_text(HARBOUR)
    arrived = labelled(pair, run, path)
    assert decodes.taken() == 0
    assert [known for _, known in arrived.values()] == [True, False]  # "b" first: it is known
    record = arrived["a"][0]
    assert record.streams["dialogue"] and record.dialogue and record.dialogue["source"] == "a.srt"
    same(record, model.label(pair[0]))
    assert record.opinions["visual"] == pytest.approx(before["a"][0].opinions["visual"], abs=1e-4)
    assert decodes.taken() > 0
    beside.write_text(DOOR)
    changed = labelled(pair, run, path)["a"][0]
    assert decodes.taken() == 0
    assert changed.opinions["dialogue"][1] > changed.opinions["dialogue"][0]
    assert record.opinions["dialogue"][0] > record.opinions["dialogue"][1]
    beside.unlink()
    gone, known = labelled(pair, run, path)["a"]
    assert known and decodes.taken() == 0
    same(gone, before["a"][0])
    found = JournalReader(path)
    last = {record["path"]: record for _, record in found.records()}
    found.close()
    assert last[pair[0]]["streams"]["dialogue"] is False, "what holds now is what is written last"


def test_the_embedding_hears_what_comes_changes_and_goes(
    folder: Path, pair: list[str], decodes: Decodes, tmp_path: Path
) -> None:
    directory = tmp_path / "embedding"
    shutil.copytree(folder, directory)
    space = toy_space(directory, words=("boat", "harbour", "door", "house"))
    model, beside = vgenre.load_model(directory), Path(pair[0]).with_suffix(".srt")
    run, path, part = plan_run(model), tmp_path / "j", space.parts["dialogue"]
    silent = parsed(labelled(pair, run, path)["a"][0].embedding or "", space)
    assert np.isnan(silent[part]).all() and np.isfinite(silent[: part.start]).all()
    assert decodes.taken() > 0
    found = []
    for lines in (["We go to the harbour"], ENGLISH[4:5]):
        beside.write_text(srt(repeated([*ENGLISH, *lines * 8], 5)))
        record = labelled(pair, run, path)["a"][0]
        assert decodes.taken() == 0
        found.append(parsed(record.embedding or "", space))
        np.testing.assert_array_equal(found[-1][: part.start], silent[: part.start])
        assert np.isfinite(found[-1]).all()
    assert not np.array_equal(*found)
    np.testing.assert_allclose(found[-1], model.embed(pair[0]), atol=2e-3)
    assert np.isnan(model.embed(pair[0], dialogue=False)[part]).all()
    assert decodes.taken() > 0
    beside.write_text(srt(ENGLISH))  # too few words
    few = parsed(labelled(pair, run, path)["a"][0].embedding or "", space)
    np.testing.assert_array_equal(few, silent)
    beside.unlink()
    gone = parsed(labelled(pair, run, path)["a"][0].embedding or "", space)
    np.testing.assert_array_equal(gone, silent)
    assert decodes.taken() == 0


def test_foreign_subtitles_that_come_leave_a_note_and_the_explanation(
    model: vgenre.Model, pair: list[str], decodes: Decodes, tmp_path: Path
) -> None:
    run, path = plan_run(model, explain=True, pictures=True), tmp_path / "j"
    before = labelled(pair[:1], run, path)["a"][0]
    assert before.explanation and decodes.taken() > 0
    Path(pair[0]).with_suffix(".fr.srt").write_text(srt(FRENCH), encoding="utf-8")
    foreign, known = labelled(pair[:1], run, path)["a"]
    # A name that says another language is not read, and does not count.
    assert known and foreign.to_dict() == FilmResult.from_dict(before.to_dict()).to_dict()
    Path(pair[0]).with_suffix(".srt").write_text(srt(FRENCH), encoding="utf-8")
    foreign, known = labelled(pair[:1], run, path)["a"]
    assert not known and decodes.taken() == 0
    assert foreign.dialogue and foreign.dialogue["notes"] == ["not English, left out: French"]
    kept = FilmResult.from_dict(before.to_dict(pictures=True)).explanation
    assert not foreign.streams["dialogue"] and foreign.explanation == kept
    assert foreign.probabilities == pytest.approx(before.probabilities, abs=1e-4)


def test_pictures_stay_and_the_explanation_is_made_anew(
    model: vgenre.Model, pair: list[str], tmp_path: Path
) -> None:
    run, path = plan_run(model, explain=True, pictures=True), tmp_path / "j"
    before = labelled(pair[:1], run, path)["a"][0]
    Path(pair[0]).with_suffix(".srt").write_text(HARBOUR + DOOR)
    record, known = labelled(pair[:1], run, path)["a"]
    assert not known and record.clips == FilmResult.from_dict(before.to_dict(pictures=True)).clips
    assert record.clips[0].pictures
    assert before.explanation and before.explanation["words"] == []
    assert record.explanation and record.explanation["words"]
    label = record.explanation["label"]
    assert record.explanation["without"]["dialogue"] == record.without["dialogue"][label]
    bare = labelled(pair[:1], plan_run(model), path)["a"]
    assert bare[0].explanation is None and bare[1]


def test_a_run_without_dialogue_has_records_of_its_own(
    model: vgenre.Model, pair: list[str], decodes: Decodes, tmp_path: Path
) -> None:
    path = tmp_path / "j"
    Path(pair[0]).with_suffix(".srt").write_text(HARBOUR)
    heard = labelled(pair, plan_run(model), path)["a"][0]
    assert heard.streams["dialogue"] and decodes.taken() > 0
    deaf = plan_run(model, dialogue=False)
    record, known = labelled(pair, deaf, path)["a"]
    assert not known and record.dialogue is None and not record.streams["dialogue"]
    assert decodes.taken() == 0
    same(record, model.label(pair[0], dialogue=False))
    Path(pair[0]).with_suffix(".srt").write_text(DOOR)
    assert labelled(pair, deaf, path)["a"][1], "subtitles do not count there"
    again, known = labelled(pair, plan_run(model), path)["a"]
    assert not known and again.streams["dialogue"]


def test_what_cannot_be_read_is_not_tried_again_for_its_subtitles(
    model: vgenre.Model, tmp_path: Path, decodes: Decodes
) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    films, run, path = [str(tmp_path / "text.mp4")], plan_run(model), tmp_path / "j"
    assert labelled(films, run, path)["text"][0].status == "error"
    (tmp_path / "text.srt").write_text(HARBOUR)
    record, known = labelled(films, run, path)["text"]
    assert known and record.status == "error" and record.dialogue is None


def test_a_film_that_failed_for_another_reason_is_looked_at_again(
    model: vgenre.Model, pair: list[str], decodes: Decodes, tmp_path: Path
) -> None:
    run, path = plan_run(model), tmp_path / "j"
    with Journal(path, run.settings) as journal:
        stuck = failure(MediaError(pair[0], "FFmpeg gave nothing"), pair[0], "toy")
        journal[film_key(pair[0], run.key, subtitles=True)] = stuck.to_dict()
    Path(pair[0]).with_suffix(".srt").write_text(HARBOUR)
    record, known = labelled(pair[:1], run, path)["a"]
    assert not known and record.status == "ok" and decodes.taken() > 0


def test_records_of_an_earlier_version_are_made_anew(
    model: vgenre.Model, pair: list[str], decodes: Decodes, tmp_path: Path
) -> None:
    run, path = plan_run(model), tmp_path / "j"
    old = model.label(pair[0]).to_dict()
    decodes.taken()
    del old["opinions"], old["without"]
    with Journal(path, run.settings) as journal:
        journal[film_of(film_key(pair[0], run.key))] = old
    record, known = labelled(pair[:1], run, path)["a"]
    assert not known and record.opinions and decodes.taken() > 0


def test_subtitles_that_come_while_a_film_is_labelled_are_heard_next_time(
    model: vgenre.Model, pair: list[str], tmp_path: Path
) -> None:
    beside, path = Path(pair[0]).with_suffix(".srt"), tmp_path / "j"
    seen = []

    class Meanwhile(LabellingRun):
        def executor(self):  # type: ignore[no-untyped-def]
            return self

        def run(self, films, progress=None):  # type: ignore[no-untyped-def]
            for name in films:
                seen.append(name)
                record = model.label(name)
                beside.write_text(HARBOUR)
                yield record

    run = Meanwhile(**vars(plan_run(model)))
    record, known = labelled(pair[:1], run, path)["a"]
    assert record.status == "ok" and not known and not record.streams["dialogue"]
    record, known = labelled(pair[:1], run, path)["a"]
    assert record.streams["dialogue"] and not known and seen == pair[:1]
    beside.unlink()
    record, known = labelled(pair[:1], run, path)["a"]
    assert not record.streams["dialogue"] and not known and seen == pair[:1]


def test_keys_tell_the_film_from_its_subtitles(pair: list[str]) -> None:
    bare, silent = (film_key(pair[0], "s", subtitles=said) for said in (False, True))
    Path(pair[0]).with_suffix(".srt").write_text(HARBOUR)
    spoken = film_key(pair[0], "s", subtitles=True)
    assert len({bare, silent, spoken, mixed(spoken)}) == 4
    assert {film_of(key) for key in (bare, silent, spoken, mixed(silent))} == {bare}
    assert film_key(pair[0], "s") == bare
    Path(pair[0]).unlink()
    assert film_of(film_key(pair[0], "s", subtitles=True)) != bare


def test_a_process_that_dies_of_subtitles_costs_no_label(
    folder: Path, model: vgenre.Model, pair: list[str], tmp_path: Path
) -> None:
    run, path = plan_run(model), tmp_path / "j"
    before = labelled(pair[:1], run, path)["a"][0]
    Path(pair[0]).with_suffix(".srt").write_text(HARBOUR)

    class Deadly(LabellingRun):
        def relabeller(self):  # type: ignore[no-untyped-def]
            return self

        def run(self, films, progress=None):  # type: ignore[no-untyped-def]
            for name in films:
                yield failure(MediaError(name, "the process died twice"), name, "toy")

    record = labelled(pair[:1], Deadly(**vars(run)), path)["a"][0]
    assert record.status == "ok" and record.probabilities == pytest.approx(
        before.probabilities, abs=1e-4
    )
    assert record.dialogue and record.dialogue["notes"] == ["the process died twice"]


def test_processes_hear_anew_without_an_engine(
    folder: Path, model: vgenre.Model, pair: list[str], tmp_path: Path
) -> None:
    known = [model.label(name) for name in pair]
    for name in pair:
        Path(name).with_suffix(".srt").write_text(HARBOUR)
    from vgenre.batch.additions import LabelledFilm

    task = Relabelling.for_task(Task(str(folder), "openvino"))
    found = list(Workers(task, 2).run(map(LabelledFilm.of, known)))
    assert sorted(str(record.path) for record in found) == pair
    for record in found:
        same(replace(record, path=str(record.path)), model.label(record.path))


# --- the command ----------------------------------------------------------------------------


def command(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_hears_what_came_since(
    folder: Path, pair: list[str], decodes: Decodes, tmp_path: Path
) -> None:
    out, report = tmp_path / "o.jsonl", tmp_path / "o.html"
    label = ("label", Path(pair[0]).parent, "--model", folder, "--output", out,
             "--output", report, "--jobs", 2)  # fmt: skip
    command(*label)
    assert decodes.taken() > 0
    Path(pair[1]).with_suffix(".srt").write_text(HARBOUR)
    said = command(*label, "--verbose")
    assert decodes.taken() == 0
    assert "2 labelled (1 known from before)" in said
    assert "picture, sound and dialogue, openvino" in said
    assert "dialogue: b.srt, 24 words" in said
    one, other = without_times(out)
    assert (one["streams"]["dialogue"], other["streams"]["dialogue"]) == (False, True)
    assert report.read_text().count("data:image") == 4, "the pictures are kept"
    said = command(*label, "--no-dialogue", "--verbose")
    assert decodes.taken() == 0 and "dialogue" not in said
    assert [record["dialogue"] for record in without_times(out)] == [None, None]
    table = command(*label, "--output", tmp_path / "o.csv")
    assert "(2 known from before)" in table
    assert (tmp_path / "o.csv").read_text().startswith("path,status,labels,Action,Horror,error")


def test_joined_shares_have_the_dialogue_that_is_there(
    folder: Path, pair: list[str], decodes: Decodes, tmp_path: Path
) -> None:
    place, beside = Path(pair[0]).parent, Path(pair[0]).with_suffix(".srt")

    def label(share: int, *more: str) -> None:
        output = tmp_path / f"s{share}.jsonl"
        options = ("--model", folder, "--shard", f"{share}/2", "--output", output, *more)
        CliRunner().invoke(app, [str(option) for option in ("label", place, *options)])

    def joined() -> list[dict]:
        label(1)
        label(2)
        output = tmp_path / "all.jsonl"
        command("merge", place, "--journal", tmp_path / "s*.journal", "--output", output)
        return without_times(output)

    silent = joined()
    assert decodes.taken() > 0
    beside.write_text(HARBOUR)
    spoken = joined()
    assert [record["streams"]["dialogue"] for record in spoken] == [True, False]
    assert spoken[1] == silent[1]
    beside.unlink()
    assert joined() == silent and decodes.taken() == 0
    label(1, "--no-dialogue")
    refused = CliRunner().invoke(
        app, ["merge", str(place), "--journal", str(tmp_path / "s*.journal"), "--output",
              str(tmp_path / "x.csv")],
    )  # fmt: skip
    assert "differ in whether the dialogue is read: no and yes" in str(refused.exception)


HOSTILE = (
    "We go to the harbour\x1b]0;owned\x07 by [bold red]boat[/bold red], to the very end of it."
)


def test_what_was_said_is_told_in_80_columns(
    folder: Path, short_film: Path, tmp_path: Path
) -> None:
    os.link(short_film, tmp_path / "film.mkv")
    lines = [HOSTILE, *ENGLISH, "The boat in the harbour is the boat that " + "sails " * 40]
    (tmp_path / "film.srt").write_text(srt(lines))
    said = command("label", tmp_path / "film.mkv", "--model", folder, "--output",
                   tmp_path / "o.jsonl", "--explain")  # fmt: skip
    record = json.loads((tmp_path / "o.jsonl").read_text())
    (label,) = record["labels"]
    words = ", ".join(term for term, _ in record["explanation"]["words"])
    assert f"  words that speak for it: {words}\n" in said and words
    left = record["without"]["dialogue"][label]
    decided = " ".join(said.split())
    assert f"without the dialogue {left:.0%}" in decided
    # How long the path of what was written is, is the user's.
    lines = [line for line in said.splitlines() if not line.startswith("written:")]
    assert all(len(line) <= 80 for line in lines)
    assert not {"\x1b", "\x07"} & set(said)
    cue = record["explanation"]["cues"][0]
    assert f"  {vgenre.media.types.clock(cue['start'])} {cue['text'][:40]}" in said
    if label == "Action":
        assert "[bold red]boat[/bold red]" in said or "sails" in said


def test_help_names_the_option(tmp_path: Path) -> None:
    for name in ("label", "serve"):
        assert "--no-dialogue" in CliRunner().invoke(app, [name, "--help"]).output
