"""Genres of the user's own and films like one, on the command line and in every output."""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from rendered import film
from test_server import refused, serving, until
from toys import toy_model, toy_space
from typer.testing import CliRunner

import vgenre
from vgenre.batch.keeping import journals_folder
from vgenre.cli import main
from vgenre.errors import MediaError, ModelError
from vgenre.labelling.model import Model
from vgenre.models.embedding import EmbeddingSpace, parsed
from vgenre.models.spaces import add_space
from vgenre.models.store import EMBEDDING_FILE, read_card
from vgenre.taught.taxonomy import Taxonomy

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def embedding(model_with_graphs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy model that embeds."""
    directory = tmp_path_factory.mktemp("embedding") / "toy"
    shutil.copytree(model_with_graphs, directory)
    toy_space(directory)
    return directory


@pytest.fixture(scope="module")
def space(embedding: Path) -> EmbeddingSpace:
    found = vgenre.load_model(embedding).space
    assert found is not None
    return found


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight short films: dark ones that hum, and bright ones that hiss."""
    folder = tmp_path_factory.mktemp("library")
    dark = ("000050", "500000", "004000", "303010")
    bright = ("testsrc2", "smptebars", "rgbtestsrc", "yuvtestsrc")
    for i in range(4):
        film(
            folder / f"dark {i}.mkv",
            seconds=2,
            picture=f"color=0x{dark[i]}:size=64x48:rate=4,noise=alls={10 + 20 * i}:allf=t",
            sound=f"sine=frequency={100 * 2**i}",
        )
        film(
            folder / f"bright {i}.mkv",
            seconds=2,
            picture=f"{bright[i]}=size=64x48:rate=4",
            sound=f"anoisesrc=seed={i}:colour={('white', 'pink', 'brown', 'blue')[i]}",
        )
    return folder


@pytest.fixture
def run(
    embedding: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Run:
    """Runs a command of the toy model with a cache of its own, in a folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def command(name: str, *arguments: object, model: Path = embedding) -> tuple[int, str, str]:
        words = ["vgenre", name, *map(str, arguments), "--model", str(model)]
        monkeypatch.setattr("sys.argv", words)
        capsys.readouterr()
        status = main()
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which films are opened by a model, in this process."""
    opened: list[str] = []
    label = Model.label

    def spy(self: Model, path: str, **how: object) -> vgenre.FilmResult:
        opened.append(str(path))
        return label(self, path, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Model, "label", spy)
    monkeypatch.setattr("vgenre.cli.taught.planned", _in_process)
    return opened


def _in_process(count: int, model: str, policy: object, engine: str, jobs: object) -> object:
    from vgenre.batch.plan import plan_run

    return plan_run(model, engine=engine, sampling=policy)  # type: ignore[arg-type]


def dark(library: Path, *numbers: int) -> list[Path]:
    return [library / f"dark {i}.mkv" for i in numbers]


# --- embedding ------------------------------------------------------------------------------


def test_a_film_s_vector_is_the_same_by_api_command_and_worker(
    run: Run, embedding: Path, space: EmbeddingSpace, library: Path, tmp_path: Path
) -> None:
    model = vgenre.load_model(embedding)
    paths = sorted(library.iterdir())
    wanted = {str(path): model.embed(path) for path in paths}
    one = wanted[str(paths[0])]
    assert one.shape == (space.size,) and space.size <= 28 and one.dtype == np.float16
    assert np.isfinite(one).all()
    for jobs in (1, 2):
        journal = tmp_path / f"{jobs}.jsonl.journal"
        run("label", library, "--output", journal.with_suffix(""), "--jobs", jobs, "--quiet")
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        records = [line["record"] for line in lines if "record" in line]
        assert {r["path"] for r in records} == wanted.keys()
        for record in records:
            found = parsed(record["embedding"], space)
            np.testing.assert_array_equal(found, wanted[record["path"]])
        assert "embedding" not in journal.with_suffix("").read_text()


def test_a_silent_film_and_a_graph_without_the_ear_s_embedding_leave_the_sound_out(
    embedding: Path, space: EmbeddingSpace, tmp_path: Path
) -> None:
    model = vgenre.load_model(embedding)
    silent = model.embed(film(tmp_path / "silent.mp4", seconds=2, sound=None))
    assert np.isnan(silent[space.parts["audio"]]).all()
    assert np.isfinite(silent[space.parts["visual"]]).all()
    sounding = film(tmp_path / "f.mp4", seconds=2)
    whole, listen = model.embed(sounding), model.engine.listen
    model.engine.listen = lambda mel, mask: (listen(mel, mask)[0], None)  # type: ignore[method-assign]
    deaf = model.embed(sounding)
    np.testing.assert_array_equal(deaf[space.parts["visual"]], whole[space.parts["visual"]])
    assert np.isnan(deaf[space.parts["audio"]]).all()


def test_what_cannot_be_embedded_says_so(
    run: Run, embedding: Path, model_with_graphs: Path, library: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.mkv").write_bytes(b"no film")
    with pytest.raises(MediaError, match=r"text\.mkv: "):
        vgenre.load_model(embedding).embed(tmp_path / "text.mkv")
    plain = vgenre.load_model(model_with_graphs)
    assert plain.label(dark(library, 0)[0]).embedding is None
    with pytest.raises(ModelError, match="the model toy cannot embed films"):
        plain.embed(dark(library, 0)[0])
    for command in (
        ["teach", "Heist", *dark(library, 0, 1, 2)],
        ["similar", *dark(library, 0), library],
    ):
        status, _, said = run(*command, model=model_with_graphs)
        assert status == 1 and "cannot embed films, as it has no embedding.safetensors" in said


def test_a_damaged_space_is_told_of_and_one_of_another_body_too(
    embedding: Path, library: Path, tmp_path: Path
) -> None:
    shutil.copytree(embedding, tmp_path / "m")
    (tmp_path / "m" / EMBEDDING_FILE).write_bytes(b"?")
    with pytest.raises(ModelError, match=r"embedding\.safetensors: damaged: its SHA-256"):
        vgenre.load_model(tmp_path / "m")
    toy_model(tmp_path / "plain")
    assert EMBEDDING_FILE not in read_card(tmp_path / "plain").files
    add_space(tmp_path / "plain", toy_space(embedding))
    assert EMBEDDING_FILE in read_card(tmp_path / "plain").files


# --- teaching -------------------------------------------------------------------------------


def test_a_genre_is_taught_and_told_in_every_output(
    run: Run,
    embedding: Path,
    space: EmbeddingSpace,
    library: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vgenre.taught.telling.THRESHOLD", 0.12)  # a toy is sure of little
    (library / "dark 3.nfo").write_text("<movie><title>Dark</title></movie>")
    status, out, err = run(
        "teach", "Night", *dark(library, 0, 1, 2), "--not", library / "bright 0.mkv"
    )
    assert status == 0, err
    assert out.splitlines()[0] == "Night: taught from 3 films, against 1"
    assert "told by picture and sound" in out and "taxonomy" in out.splitlines()[-1]
    taxonomy = Taxonomy.read(tmp_path / "taxonomy", space)
    (genre,) = taxonomy.genres
    assert [Path(e.path).name for e in genre.films] == ["dark 0.mkv", "dark 1.mkv", "dark 2.mkv"]
    outputs = [tmp_path / f"out.{suffix}" for suffix in ("csv", "json", "jsonl", "html")]
    named = [word for path in outputs for word in ("--output", path)]
    status, out, err = run(
        "label", library, "--taxonomy", "taxonomy", *named, "--nfo", "fill",
        "--sort-into", tmp_path / "sorted",
    )  # fmt: skip
    assert status == 0, err
    with open(outputs[0], newline="") as file:
        rows = {Path(row["path"]).name: row for row in csv.DictReader(file)}
    wanted = taxonomy.probabilities(vgenre.load_model(embedding).embed(library / "dark 3.mkv"))
    assert float(rows["dark 3.mkv"]["Night"]) == pytest.approx(wanted["Night"], abs=1e-3)
    told = {name for name, row in rows.items() if "Night" in row["labels"].split("|")}
    assert {"dark 0.mkv", "dark 1.mkv", "dark 2.mkv"} <= told
    assert not any(name.startswith("bright") for name in told)
    records = json.loads(outputs[1].read_text())
    lines = [json.loads(line) for line in outputs[2].read_text().splitlines()]
    for record in (*records, *lines):
        name = Path(record["path"]).name
        assert record["taught"]["Night"] == pytest.approx(float(rows[name]["Night"]), abs=1e-3)
        assert ("Night" in record["labels"]) == (name in told)
        assert "embedding" not in record and "Night" not in record["probabilities"]
    assert {p.name for p in (tmp_path / "sorted" / "Night").iterdir()} == told
    nfo = (library / "dark 3.nfo").read_text()
    assert ("<genre>Night</genre>" in nfo) == ("dark 3.mkv" in told)
    assert out.count("Night") >= 3
    page = outputs[3].read_text()
    assert "<option>Night</option>" in page and '"taught": {"Night"' in page
    found = re.search(r'id="alike">(.*?)</script>', page)
    alike = json.loads(found[1]) if found else []
    assert len(alike) == 8 and all(len(others) == 5 for others in alike)
    assert all(i not in [place for place, *_ in others] for i, others in enumerate(alike))
    # The journal is of the model alone: without the taxonomy nothing is labelled anew.
    status, _, err = run("label", library, "--output", tmp_path / "plain.csv")
    assert status == 0 and "8 known from before" in err
    assert "Night" not in (tmp_path / "plain.csv").read_text()


def test_no_film_is_opened_twice(
    run: Run, looked: list[str], library: Path, tmp_path: Path
) -> None:
    run("teach", "Night", *dark(library, 0, 1, 2))
    assert len(looked) == 3
    run("teach", "Night", *dark(library, 3))
    assert len(looked) == 4, "the others are known from before"
    run(
        "teach", "Day", *[library / f"bright {i}.mkv" for i in range(3)], "--not", *dark(library, 0)
    )
    assert len(looked) == 7
    status, _, err = run("similar", *dark(library, 0), library)
    assert status == 0, err
    assert len(looked) == 8, "only the one that nothing was taught from"
    before = {p: p.stat().st_mtime_ns for p in journals_folder().iterdir()}
    run("similar", *dark(library, 1), library)
    assert len(looked) == 8
    assert {p: p.stat().st_mtime_ns for p in journals_folder().iterdir()} == before
    run("label", library, "--output", tmp_path / "l.csv")
    assert "8 known from before" in run("label", library, "--output", tmp_path / "m.csv")[2]


def test_teaching_takes_what_labelling_knows(
    run: Run, looked: list[str], library: Path, tmp_path: Path
) -> None:
    assert run("label", library, "--output", tmp_path / "l.csv")[0] == 0
    looked.clear()
    status, _, err = run("teach", "Night", *dark(library, 0, 1, 2))
    assert status == 0 and looked == [], err
    assert run("similar", *dark(library, 0), library)[0] == 0 and looked == []


def test_films_are_added_moved_and_forgotten(
    run: Run, space: EmbeddingSpace, library: Path, tmp_path: Path
) -> None:
    def known() -> tuple[list[str], list[str]]:
        (genre,) = Taxonomy.read(tmp_path / "taxonomy", space).genres
        return [Path(e.path).name for e in genre.films], [Path(e.path).name for e in genre.others]

    run("teach", "Night", *dark(library, 0, 1, 2))
    assert run("teach", "NIGHT", *dark(library, 3), library / "bright 0.mkv")[0] == 0
    assert known()[0] == [*(f"dark {i}.mkv" for i in range(4)), "bright 0.mkv"]
    assert run("teach", "Night", "--not", library / "bright 0.mkv")[0] == 0
    assert known() == ([f"dark {i}.mkv" for i in range(4)], ["bright 0.mkv"])
    status, _, err = run("teach", "Night", *dark(library, 1), "--forget")
    assert status == 0 and "1 forgotten" in err
    assert known()[0] == ["dark 0.mkv", "dark 2.mkv", "dark 3.mkv"]
    before = (tmp_path / "taxonomy" / "card.json").read_text()
    status, _, err = run("teach", "Night", *dark(library, 0), "--forget")
    assert status == 1 and "2 different films" in err
    status, _, err = run("teach", "Night", *dark(library, 1), "--forget")
    assert status == 1 and "was not taught from all of these films" in err
    status, _, err = run("teach", "Day", "--forget")
    assert status == 1 and "there are Night" in err
    assert (tmp_path / "taxonomy" / "card.json").read_text() == before
    assert run("teach", "Night", "--forget")[0] == 0
    assert Taxonomy.read(tmp_path / "taxonomy", space).names == ()


def test_what_cannot_be_taught_changes_nothing(run: Run, library: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mkv").write_bytes(b"no film")
    shutil.copy(library / "dark 0.mkv", tmp_path / "copy.mkv")
    for arguments, said in (
        (["Night", *dark(library, 0, 1)], "Night: 2 different films"),
        (
            ["Night", *dark(library, 0), tmp_path / "copy.mkv", *dark(library, 0)],
            "1 different film;",
        ),
        (["Night", *dark(library, 0, 1), tmp_path / "text.mkv"], "text.mkv"),
        (["Night", tmp_path / "nowhere.mkv"], "nowhere.mkv"),
        (["Action", *dark(library, 0, 1, 2)], "'Action' is called like one of the model toy"),
        (["a/b", *dark(library, 0, 1, 2)], "can be no genre's name"),
        (["Night"], "name films of it"),
    ):
        status, _, err = run("teach", *arguments)
        assert status == 1 and said in err, (arguments, err)
        assert not (tmp_path / "taxonomy").exists()
    (tmp_path / "taxonomy").mkdir()
    (tmp_path / "taxonomy" / "holiday.jpg").touch()
    status, _, err = run("teach", "Night", *dark(library, 0, 1, 2))
    assert status == 1 and "holds other things" in err
    assert [p.name for p in (tmp_path / "taxonomy").iterdir()] == ["holiday.jpg"]


def test_films_that_cannot_be_read_are_told_of_and_the_rest_taught(
    run: Run, space: EmbeddingSpace, library: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.mkv").write_bytes(b"no film")
    status, out, err = run("teach", "Night", *dark(library, 0, 1, 2), tmp_path / "text.mkv")
    assert status == 3 and "text.mkv" in err and "without 1 film that could not be read" in err
    assert out.startswith("Night: taught from 3 films")
    assert len(Taxonomy.read(tmp_path / "taxonomy", space).genres[0].films) == 3


def test_a_taxonomy_of_another_model_is_refused(
    run: Run, embedding: Path, library: Path, tmp_path: Path
) -> None:
    run("teach", "Night", *dark(library, 0, 1, 2))
    shutil.copytree(embedding, tmp_path / "other")
    toy_space(tmp_path / "other", seed=1)
    before = (tmp_path / "taxonomy" / "card.json").read_text()
    for command in (
        ["label", library, "--taxonomy", "taxonomy"],
        ["teach", "Day", *[library / f"bright {i}.mkv" for i in range(3)]],
        ["teach", "Night", "--forget"],
    ):
        status, _, err = run(*command, model=tmp_path / "other")
        assert status == 1 and "taught with another model (toy)" in err
    status, _, err = run("label", library, "--taxonomy", "nowhere")
    assert status == 1 and "no taxonomy here" in err
    assert (tmp_path / "taxonomy" / "card.json").read_text() == before


# --- joined shares and the served page ------------------------------------------------------


def outputs_of(name: str) -> dict[str, Path]:
    return {kind: Path(f"{name}.{kind}") for kind in ("csv", "json", "jsonl", "html")}


def naming(outputs: dict[str, Path]) -> list[object]:
    return [word for path in outputs.values() for word in ("--output", path)]


def test_joined_shares_tell_what_one_run_tells(
    run: Run, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgenre.taught.telling.THRESHOLD", 0.12)  # a toy is sure of little
    run("teach", "Night", *dark(library, 0, 1, 2))
    one, joined = outputs_of("one"), outputs_of("joined")
    run("label", library, "--taxonomy", "taxonomy", *naming(one))
    for i in (1, 2):  # without the taxonomy
        run("label", library, "--shard", f"{i}/2", "--output", f"share {i}.html")
    merging = ("merge", library, "--journal", "share*.journal")
    status, _, err = run(*merging, "--taxonomy", "taxonomy", *naming(joined))
    assert status == 0 and "8 films joined from 2 journals" in err, err
    for kind in ("csv", "json", "jsonl"):
        assert joined[kind].read_text() == one[kind].read_text()
    labels = [
        label for record in json.loads(joined["json"].read_text()) for label in record["labels"]
    ]
    assert labels.count("Night") >= 3
    page = joined["html"].read_text()
    assert "<option>Night</option>" in page and page.count('"taught": {"Night"') == 8
    run(*merging, *naming(joined))
    assert all("Night" not in path.read_text() for path in joined.values())


def test_the_served_page_and_what_it_saves_tell_taught_genres(
    run: Run, embedding: Path, library: Path, tmp_path: Path
) -> None:
    run("teach", "Night", *dark(library, 0, 1, 2))
    one = outputs_of("one")
    run("label", library, "--taxonomy", "taxonomy", *naming(one))
    with serving(
        library, "--model", embedding, "--taxonomy", "taxonomy",
        temporary=tmp_path, end=signal.SIGINT,
    ) as served:  # fmt: skip

        def get(address: str) -> str:
            with urllib.request.urlopen(f"{served.url}{address}") as answer:
                return answer.read().decode()

        until(lambda: len(json.loads(get("films"))["films"]) == 8)
        page, report = get(""), get("films.html")
        assert get("films.csv").splitlines() == one["csv"].read_text().splitlines()
        saved = json.loads(get("films.json"))
        assert [json.loads(line) for line in get("films.jsonl").splitlines()] == saved
        opened = [json.loads(get(f"films/{i}")) for i in range(8)]
        rows = json.loads(get("films"))["films"]
    wanted = json.loads(one["json"].read_text())
    assert all(record["taught"].keys() == {"Night"} for record in wanted)
    for found in (saved, opened):
        assert [record["taught"] for record in found] == [record["taught"] for record in wanted]
    for found in (saved, opened, rows):
        assert [record["labels"] for record in found] == [record["labels"] for record in wanted]
    assert "<option>Night</option>" in page and "<option>Night</option>" in report
    assert report.count('"taught": {"Night"') == 8


def test_what_is_no_taxonomy_of_the_model_is_refused_alike_and_nothing_written(
    run: Run, embedding: Path, library: Path, tmp_path: Path
) -> None:
    run("teach", "Night", *dark(library, 0, 1, 2))
    shutil.copytree(tmp_path / "taxonomy", tmp_path / "damaged")
    (arrays,) = (tmp_path / "damaged").glob("*.safetensors")
    arrays.write_bytes(b"?")
    other = tmp_path / "other"
    shutil.copytree(embedding, other)
    toy_space(other, seed=1)
    (dim,) = dark(library, 0)
    for name, model in (("own", embedding), ("else", other)):
        assert run("label", dim, "--output", f"{name}.csv", model=model)[0] == 0
    for name, model, taxonomy, said in (
        ("else", other, "taxonomy", "taught with another model (toy)"),
        ("own", embedding, "nowhere", "no taxonomy here"),
        ("own", embedding, "damaged", "damaged; take it from a backup"),
    ):
        options = ("--taxonomy", taxonomy, "--output", "x.csv")
        status, _, told = run("label", dim, *options, model=model)
        assert status == 1 and said in told
        journal = f"{name}.csv.journal"
        assert run("merge", dim, "--journal", journal, *options, model=model) == (1, "", told)
        assert refused("--model", str(model), "--port", "0", "--taxonomy", taxonomy) == told
        assert not (tmp_path / "x.csv").exists()


def test_shares_are_told_by_the_model_that_labelled_them_and_no_other(
    run: Run, embedding: Path, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vgenre.cli import app

    (dim,) = dark(library, 0)
    run("teach", "Night", *dark(library, 0, 1, 2))
    run("label", dim, "--output", "own.csv")
    shutil.copytree(embedding, tmp_path / "other")
    toy_space(tmp_path / "other", seed=1)
    merging = ("merge", dim, "--journal", "own.csv.journal", "--taxonomy", "taxonomy",
               "--output", "x.csv")  # fmt: skip
    status, _, err = run(*merging, model=tmp_path / "other")
    assert status == 1 and f"labelled the films (toy) is not {tmp_path / 'other'}; name its" in err
    said = str(CliRunner().invoke(app, [str(word) for word in merging]).exception)
    assert "(toy) is not among those that ship; name its directory with --model" in said
    assert not (tmp_path / "x.csv").exists()
    shutil.copytree(embedding, tmp_path / "weights" / "toy")
    monkeypatch.setattr("vgenre.models.store.SHIPPED", tmp_path / "weights")
    assert CliRunner().invoke(app, [str(word) for word in merging]).exit_code == 0
    assert (tmp_path / "x.csv").read_text().startswith("path,status,labels,Action,Horror,Night,")


# --- films like one -------------------------------------------------------------------------


def test_the_films_most_like_one_are_shown_with_the_stream_that_says_so(
    run: Run, library: Path
) -> None:
    status, out, err = run("similar", library / "dark 0.mkv", library, "--top", "3")
    assert status == 0, err
    head, *rows = out.splitlines()
    assert head == f"most like {library / 'dark 0.mkv'}, of 7 films:"
    assert len(rows) == 3
    found = [row.split(maxsplit=2) for row in rows]
    assert {Path(path).name for _, _, path in found} == {f"dark {i}.mkv" for i in (1, 2, 3)}
    assert {word for _, word, _ in found} <= {"picture", "sound"}
    likeness = [float(value) for value, _, _ in found]
    assert likeness == sorted(likeness, reverse=True) and likeness[0] > 0.5


def test_a_film_from_elsewhere_and_films_that_cannot_be_read(
    run: Run, library: Path, tmp_path: Path
) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for path in dark(library, 0, 1):
        shutil.copy(path, mixed)
    (mixed / "text.mkv").write_bytes(b"no film")
    status, out, err = run("similar", library / "bright 0.mkv", mixed)
    assert status == 3 and "of 2 films" in out and "text.mkv" in err
    status, _, err = run("similar", mixed / "text.mkv", library)
    assert status == 1 and "no film is like it" in err
    status, _, err = run("similar", library, library)
    assert status == 1 and "name one film" in err
    (mixed / "dark 1.mkv").unlink()
    status, _, err = run("similar", mixed / "dark 0.mkv", mixed)
    assert status == 1 and "no other film" in err


def test_help_needs_neither_model_nor_films() -> None:
    from vgenre.cli import app

    for command in ("teach", "similar"):
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0
