"""Shares of a folder, and their journals joined into what one run writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendered import film
from toys import toy_model, without_times
from typer.testing import CliRunner

from vgenre.batch.shards import Shard
from vgenre.cli import app
from vgenre.media.find import find_media


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films on two levels, in an order that sorting by path would not give."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "a").mkdir()
    for i, name in enumerate(("z.mp4", "b.mp4", "a/x.mp4", "a/c.mp4", "k.mp4")):
        film(folder / name, seconds=1 + i / 4)
    (folder / "text.mp4").write_text("no film")
    return folder


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def test_shares_are_disjoint_whole_and_even() -> None:
    names = [f"folder/{i}.mkv" for i in range(4000)]
    of = [[i for i in range(1, 9) if Shard(i, 8).holds(name)] for name in names]
    assert all(len(found) == 1 for found in of)
    sizes = [sum(found == [i] for found in of) for i in range(1, 9)]
    assert min(sizes) > 400 and max(sizes) < 600
    assert Shard(3, 3).holds("a/film.mkv"), "the same for ever, whatever the machine"


def share(index: int, root: Path) -> list[str]:
    """One half of a folder's films."""
    return Shard(index, 2).pick(find_media([root]), [str(root)])


def test_a_film_that_is_named_and_one_below_a_folder_are_shared_by_their_names() -> None:
    names = [f"{i}.mkv" for i in range(50)]
    below = [[f"FILMS/{name}" for name in names], ["FILMS"]]
    named = [[f"/films/{name}" for name in names], [f"/films/{name}" for name in names]]
    remote = [[f"s3:///a/FILMS/{name}" for name in names], ["s3://a/FILMS/"]]
    for i in (1, 2):
        shares = [
            [film.rpartition("/")[2] for film in Shard(i, 2).pick(films, paths)]
            for films, paths in (below, named, remote)
        ]
        assert shares[0] == shares[1] == shares[2] and 0 < len(shares[0]) < 50


def test_a_share_does_not_depend_on_where_the_folder_is(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "else").symlink_to(folder)
    for root in (folder, tmp_path / "else"):
        films = [Path(f).relative_to(root) for f in share(1, root)]
        assert films == [Path(f).relative_to(folder) for f in share(1, folder)]
    shares = [share(i, folder) for i in (1, 2)]
    assert sorted(shares[0] + shares[1]) == sorted(find_media([folder]))


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"])
def test_what_is_no_share_is_refused(text: str, folder: Path) -> None:
    with pytest.raises(ValueError, match="is no share as 1/8"):
        Shard.parse(text)
    status, said = run("label", folder, "--shard", text)
    assert status == 2 and "--shard" in said


def test_joined_shares_are_what_one_run_writes(folder: Path, model: Path, tmp_path: Path) -> None:
    outputs = {kind: tmp_path / f"one.{kind}" for kind in ("jsonl", "csv")}
    written = [part for path in outputs.values() for part in ("--output", path)]
    assert run("label", folder, "--model", model, *written)[0] == 3
    for i in (1, 2, 3):
        status, said = run(
            "label",
            folder,
            "--model",
            model,
            "--shard",
            f"{i}/3",
            "--output",
            tmp_path / f"s{i}.csv",
        )
        assert status in (0, 1, 3), said  # a share may hold the bad file, alone
    merged = {kind: tmp_path / f"all.{kind}" for kind in outputs}
    written = [part for path in merged.values() for part in ("--output", path)]
    journals = ("--journal", tmp_path / "s*.journal")
    status, said = run("merge", folder, *journals, *written)
    assert status == 3 and "6 films joined from 3 journals, 1 of them failed" in said
    assert without_times(merged["jsonl"]) == without_times(outputs["jsonl"])
    assert merged["csv"].read_text().count("\n") == outputs["csv"].read_text().count("\n")

    (tmp_path / "s2.csv.journal").unlink()
    status, said = run("merge", folder, *journals, *written)
    assert status == 3 and "are in none of them" in said


def test_strange_journals_are_refused(folder: Path, model: Path, tmp_path: Path) -> None:
    nothing = run("merge", folder, "--journal", tmp_path / "no*.journal", "--output", "x.csv")
    assert nothing[0] == 1
    other = tmp_path / "other"
    toy_model(other, ("Drama", "Western"))
    for i, which in ((1, model), (2, other)):
        output = tmp_path / f"s{i}.csv"
        run("label", folder, "--model", which, "--shard", f"{i}/2", "--output", output)
    found = CliRunner().invoke(
        app,
        ["merge", str(folder), "--journal", str(tmp_path / "s*.journal"), "--output",
         str(tmp_path / "x.csv")],
    )  # fmt: skip
    assert "differ in the genres: Action, Horror and Drama, Western" in str(found.exception)
    assert "s1.csv.journal" in str(found.exception) and "s2.csv.journal" in str(found.exception)
    assert not (tmp_path / "x.csv").exists()


def refused(*arguments: object) -> str:
    """What a command that cannot be done says."""
    return str(CliRunner().invoke(app, [str(argument) for argument in arguments]).exception)


def test_shares_of_different_settings_are_refused_by_name(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    for i, clips in ((1, 4), (2, 10)):
        run("label", folder, "--model", model, "--shard", f"{i}/2", "--sampling", clips,
            "--output", tmp_path / f"s{i}.csv")  # fmt: skip
    said = refused("merge", folder, "--journal", tmp_path / "s*.journal", "--output",
                   tmp_path / "x.csv")  # fmt: skip
    assert "differ in --sampling: 4 and 10" in said
    assert str(tmp_path / "s1.csv.journal") in said and str(tmp_path / "s2.csv.journal") in said
    assert not (tmp_path / "x.csv").exists()


def test_of_a_journal_the_records_of_its_last_settings_are_taken(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    film(tmp_path / "f.mp4", seconds=25)
    one = tmp_path / "one.jsonl"
    for clips in (1, 2, 1):  # the third finds all known, and writes no record
        run("label", tmp_path / "f.mp4", "--model", model, "--sampling", clips, "--output", one)
    status, said = run("merge", tmp_path / "f.mp4", "--journal", f"{one}.journal", "--output",
                       tmp_path / "all.jsonl")  # fmt: skip
    assert status == 0 and "1 film joined from 1 journal," in said
    assert without_times(tmp_path / "all.jsonl") == without_times(one)
    assert len(without_times(one)[0]["clips"]) == 1


def test_merging_leaves_other_files_as_they_are(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "out" / "notes.json"
    other.parent.mkdir()
    other.write_text('{"one": "line, and no end of it"}')
    said = refused("merge", folder, "--journal", tmp_path / "out" / "*", "--output",
                   tmp_path / "x.csv")  # fmt: skip
    assert f"{other}: this is no journal of vgenre" in said
    assert other.read_text() == '{"one": "line, and no end of it"}'


def test_a_report_of_shares_without_pictures_says_so(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    options = ("--model", model, "--sampling", 1)
    merging = ("merge", folder, "--journal", tmp_path / "*.journal", "--output",
               tmp_path / "all" / "all.html")  # fmt: skip
    run("label", folder, *options, "--output", tmp_path / "s.jsonl")
    said = run(*merging)[1]
    assert "5 films without pictures" in said and "labels nothing anew" in said
    run("label", folder, *options, "--output", tmp_path / "s.jsonl", "--output",
        tmp_path / "s.html")  # fmt: skip
    assert "without pictures" not in run(*merging)[1]
    assert (tmp_path / "all" / "all.html").read_text().count("data:image") == 10
