"""The NFO files of media libraries: which are read, and what changes in them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from vgenre.errors import MediaError
from vgenre.labelling.record import OK, FilmResult, failure
from vgenre.output.nfo import (
    CREATED,
    LEFT,
    MERGED,
    NFO_MODES,
    REFUSED,
    NfoOutcome,
    ShowNfos,
    write_nfo,
)
from vgenre.output.nfo.titles import episode_of, title_and_year

FAILED = failure(MediaError("x", "broken"), "x", "six")


def named(path: Path, *labels: str) -> FilmResult:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(b"film")
    return replace(FAILED, path=str(path), status=OK, labels=list(labels), error=None)


def dvd(folder: Path, *labels: str) -> FilmResult:
    named(folder / "VTS_01_1.VOB")
    return replace(FAILED, path=str(folder), status=OK, labels=list(labels), error=None)


def blu_ray(folder: Path, *labels: str) -> FilmResult:
    named(folder / "STREAM" / "00001.m2ts")
    named(folder / "index.bdmv")
    return replace(FAILED, path=str(folder), status=OK, labels=list(labels), error=None)


def merged(tmp_path: Path, data: bytes, *labels: str, mode: str = "replace") -> bytes:
    """What becomes of an NFO."""
    (tmp_path / "a.nfo").write_bytes(data)
    outcome = write_nfo(named(tmp_path / "a.mkv", *labels), mode)
    assert outcome == NfoOutcome(str(tmp_path / "a.nfo"), MERGED), outcome
    assert (tmp_path / "a.nfo.bak").read_bytes() == data
    (tmp_path / "a.nfo.bak").unlink()
    result = (tmp_path / "a.nfo").read_bytes()
    again = write_nfo(named(tmp_path / "a.mkv", *labels), mode)
    assert again.what == LEFT and (tmp_path / "a.nfo").read_bytes() == result
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mkv", "a.nfo"]
    return result


NFO = """<?xml version="1.0" encoding="{encoding}"?>
<!-- <genre>not this one</genre> -->
<movie>
  <title>Amélie &amp; friends</title>
  <genre>Old</genre>
  <genre clear="true">Older</genre>
  <plot>A <![CDATA[<b>plot</b>]]></plot>
</movie>
<!-- kept -->
"""


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "iso-8859-1", "windows-1252", "utf-16", "utf-16-be"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_genres_change(tmp_path: Path, encoding: str, newline: str) -> None:
    text = NFO.format(encoding=encoding.replace("-sig", "")).replace("\n", newline)
    if encoding == "utf-16-be":
        text = "\ufeff" + text
    result = merged(tmp_path, text.encode(encoding), "Sports", "Horror")
    assert result.decode(encoding) == text.replace("<genre>Old<", "<genre>Sport<").replace(
        '<genre clear="true">Older<', "<genre>Horror<"
    )


# Each with one genre, Drama, or none; KEPT stands where genres may come, all else must stay.
ODD = {
    "empty element": "<movie>\n  <title>A</title>\n  <genre/>\n</movie>\n",
    "empty pair": "<movie><title>A</title><genre></genre></movie>",
    "no genre": "<movie>\n\t<title>A</title>\n</movie>",
    "no children": "<movie>\n</movie>\n",
    "empty document": "<movie/>",
    "one line": "<movie><title>A</title><genre>Drama</genre><year>1</year></movie>",
    "CDATA": "<movie>\n<genre><![CDATA[Drama]]></genre>\n</movie>",
    "space in the end tag": "<movie>\n<genre>Drama</genre >\n</movie >",
    "attribute with a bracket": '<movie>\n<genre a="x>/">Drama</genre>\n</movie>',
    "an address behind": "<movie>\n  <genre>Drama</genre>\n</movie>\nhttps://www.imdb.com/x?a=1&b",
    "no entity": "<movie><title>Tom & Jerry &nbsp; &c;</title>\n<genre>Drama</genre></movie>",
    "blank line before": '\n\n<?xml version="1.0"?>\n<movie><genre>Drama</genre></movie>',
    "plot about genres": "<movie><plot><![CDATA[He wrote <genre>Doom</genre> on it]]></plot>"
    "\n  <genre>Drama</genre>\n</movie>",
    "nested": "<movie><set><genre>Set</genre></set>\n<genre>Drama</genre></movie>",
    "comment within": "<movie>\n<genre>Drama</genre><!-- <genre>no</genre> -->\n</movie>",
    "doctype": "<!DOCTYPE movie>\n<movie><genre>Drama</genre></movie>",
    "instruction": "<?a <genre>?><movie><genre>Drama</genre></movie>",
}


@pytest.mark.parametrize("mode", NFO_MODES)
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_what_libraries_read_is_merged(tmp_path: Path, text: str, mode: str) -> None:
    drama = '<genre a="x>/">Drama</genre>' if "a=" in text.split("http")[0] else ""
    drama = next(
        (
            old
            for old in (
                drama,
                "<genre><![CDATA[Drama]]></genre>",
                "<genre>Drama</genre >",
                "<genre>Drama</genre>",
            )
            if old and old in text
        ),
        "",
    )
    if drama and mode in ("fill", "create"):
        (tmp_path / "a.nfo").write_text(text)
        outcome = write_nfo(named(tmp_path / "a.mkv", "Action"), mode)
        assert outcome.what == LEFT and outcome.reason == "it has genres"
        assert (tmp_path / "a.nfo").read_text() == text
        return
    result = merged(tmp_path, text.encode(), "Action", "Horror", mode=mode).decode()
    for genre in ("Action", "Horror"):
        assert result.count(f"<genre>{genre}</genre>") == 1
    assert (drama in result) == (mode != "replace") or not drama
    # Without the genres, and the white space between elements, it is what it was.
    for genre in ("<genre>Action</genre>", "<genre>Horror</genre>", drama):
        result, text = result.replace(genre, ""), text.replace(genre, "")
    text = text.replace("<genre/>", "").replace("<genre></genre>", "")
    text = text.replace("<movie/>", "<movie></movie>")
    assert "".join(result.split()) == "".join(text.split())


def test_genres_stand_like_those_that_were_there(tmp_path: Path) -> None:
    assert merged(tmp_path, b"<movie>\n\t<title>A</title>\n</movie>", "Action", mode="fill") == (
        b"<movie>\n\t<title>A</title>\n\t<genre>Action</genre>\n</movie>"
    )
    text = b"<movie>\r\n  <genre>Drama</genre>\r\n  <year>1</year>\r\n</movie>\r\n"
    assert merged(tmp_path, text, "Action", "Drama", mode="add") == (
        b"<movie>\r\n  <genre>Drama</genre>\r\n  <genre>Action</genre>\r\n  <year>1</year>\r\n"
        b"</movie>\r\n"
    )
    assert merged(tmp_path, b"<movie>\n</movie>\n", "Action", mode="fill") == (
        b"<movie>\n  <genre>Action</genre>\n</movie>\n"
    )


def test_the_modes_do_what_they_say(tmp_path: Path) -> None:
    text = b"<movie><genre>Comedy / sci-fi</genre><genre>Drama</genre></movie>"
    labels = ("Drama", "Sci-Fi", "Action")
    assert merged(tmp_path, text, *labels, mode="add") == (
        b"<movie><genre>Comedy / sci-fi</genre><genre>Drama</genre><genre>Action</genre></movie>"
    )
    assert merged(tmp_path, text, *labels, mode="replace") == (
        b"<movie><genre>Drama</genre><genre>Science Fiction</genre><genre>Action</genre></movie>"
    )
    (tmp_path / "a.nfo").write_bytes(text)
    assert write_nfo(named(tmp_path / "a.mkv", *labels)).reason == "it has genres"
    with pytest.raises(ValueError, match="'merge' is none of fill, add, replace, create"):
        write_nfo(named(tmp_path / "a.mkv", *labels), "merge")


def test_latin_1_without_a_word_about_it(tmp_path: Path) -> None:
    text = "<movie><title>Amélie</title></movie>".encode("latin-1")
    assert merged(tmp_path, text, "Romance", mode="fill") == text.replace(
        b"</movie>", b"<genre>Romance</genre></movie>"
    )


def test_a_genre_of_ones_own_is_written_in_any_encoding(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="iso-8859-1"?><movie><title>é</title></movie>'
    result = merged(tmp_path, text.encode("latin-1"), "R&B", "Кино", "Café", mode="add")
    assert b"<genre>R&amp;B</genre><genre>&#1050;&#1080;&#1085;&#1086;</genre>" in result
    assert "<genre>Café</genre>".encode("latin-1") in result


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            '<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]><movie>&e;</movie>',
            "it declares entities of its own",
        ),
        (
            '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><movie>&b;</movie>',
            "it declares entities of its own",
        ),
        ("<movie>\n<title>", "its XML is broken: no element found in line 2"),
        ("<movie>\n</movies>", "its XML is broken: mismatched tag in line 2"),
        ("http://www.themoviedb.org/movie/1", "it holds only an address for a scraper"),
        ("<album><genre>Rock</genre></album>", "it describes <album>, which is no film"),
        ("   RELEASE  ░▒▓ group ", "it holds no XML, but text"),
        ("", "it is empty"),
        ('<?xml version="1.0" encoding="klingon"?><movie/>', "nothing is known of its encoding"),
        ("<movie/>" + " " * 10_000_001, "it is too large"),
        ("<movie/>" * 1_000_000, "it holds more than 200 documents"),
    ],
)
@pytest.mark.parametrize("mode", ["replace", "create"])
def test_what_cannot_be_merged_safely_is_left_as_it_is(
    tmp_path: Path, text: str, reason: str, mode: str
) -> None:
    film = named(tmp_path / "a.mkv", "Action")
    (tmp_path / "a.nfo").write_text(text)
    outcome = write_nfo(film, mode)
    assert outcome.what == REFUSED and outcome.reason.startswith(reason)
    assert outcome.path == str(tmp_path / "a.nfo")
    assert (tmp_path / "a.nfo").read_text() == text
    assert not (tmp_path / "a.nfo.bak").exists()


@pytest.mark.parametrize(
    "text",
    [
        "<movie>" + "<a>" * 100_000 + "</a>" * 100_000 + "</movie>",
        "<movie a='" + "x" * 9_000_000 + "'/>",
        "<movie>" + "<genre/>" * 100_000 + "</movie>",
        "<movie>" + "&" * 2_000_000 + "</movie>",
        "<movie>" + "\n" * 2_000_000 + "<genre/></movie>",
    ],
    ids=["deep", "attribute", "many", "signs", "lines"],
)
def test_what_is_made_to_do_harm_is_merged_or_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.nfo").write_text(text)
    outcome = write_nfo(named(tmp_path / "a.mkv", "Action"))
    assert outcome.what == MERGED or "XML" in outcome.reason
    assert outcome.what == REFUSED or genres_in(tmp_path / "a.nfo") == 1


def test_films_without_labels_leave_an_nfo_alone(tmp_path: Path) -> None:
    (tmp_path / "a.nfo").write_text("<movie/>")
    for film, reason in (
        (named(tmp_path / "a.mkv"), "no genre of it is sure enough"),
        (FAILED, "the film could not be labelled"),
    ):
        assert write_nfo(film, "create") == NfoOutcome(film.path, LEFT, reason)
    remote = replace(named(tmp_path / "a.mkv", "Action"), path="s3://films/a.mkv")
    assert write_nfo(remote, "create").what == REFUSED
    assert (tmp_path / "a.nfo").read_text() == "<movie/>"


# --- files ----------------------------------------------------------------------------------


def test_mode_owner_and_link_are_kept(tmp_path: Path) -> None:
    real = tmp_path / "meta" / "a.nfo"
    film = named(tmp_path / "films" / "a.mkv", "Action")
    real.parent.mkdir()
    real.write_text("<movie/>")
    real.chmod(0o664)
    owner = (1000, 1001) if os.getuid() == 0 else (os.getuid(), os.getgid())
    os.chown(real, *owner)
    (tmp_path / "films" / "a.nfo").symlink_to("../meta/a.nfo")
    assert write_nfo(film).what == MERGED
    assert (tmp_path / "films" / "a.nfo").is_symlink()
    state = real.stat()
    assert "Action" in real.read_text()
    assert (state.st_mode & 0o777, state.st_uid, state.st_gid) == (0o664, *owner)


def test_a_folder_or_pipe_of_that_name_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.nfo")
    (tmp_path / "b.nfo").mkdir()
    for name in ("a.mkv", "b.mkv"):
        outcome = write_nfo(named(tmp_path / name, "Action"), "create")
        assert (outcome.what, outcome.reason) == (REFUSED, "it is no plain file")


def test_names_as_long_as_can_be_and_names_that_are_no_text(tmp_path: Path) -> None:
    for stem in ("x" * 251, os.fsdecode(b"Am\xe9lie")):
        film = named(tmp_path / f"{stem}.mkv", "Action")
        assert write_nfo(film, "create").what == CREATED
        assert write_nfo(replace(film, labels=["Horror"]), "replace").what == MERGED
        assert b"<genre>Horror</genre>" in (tmp_path / f"{stem}.nfo").read_bytes()
    assert len(list(tmp_path.glob("*.bak"))) == 2


def test_the_case_of_the_name_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "Film.NFO").write_text("<movie/>")
    assert write_nfo(named(tmp_path / "Film.mkv", "Action"), "create").what == MERGED
    assert sorted(p.name for p in tmp_path.glob("*.[nN]*")) == ["Film.NFO", "Film.NFO.bak"]


# --- which files ----------------------------------------------------------------------------


def genres_in(path: Path) -> int:
    return path.read_text().count("<genre>Action</genre>")


def test_movie_nfo_is_that_of_the_only_film_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "Film (1999)"
    film = named(folder / "film.1999.1080p.mkv", "Action")
    named(folder / "film-trailer.mkv")
    (folder / "movie.nfo").write_text("<movie/>")
    assert write_nfo(film, "create") == NfoOutcome(str(folder / "movie.nfo"), MERGED)
    assert not (folder / "film.1999.1080p.nfo").exists()
    # Which of two is read depends on the library's settings.
    (folder / "film.1999.1080p.nfo").write_text("<movie/>")
    assert write_nfo(film).what == MERGED
    assert genres_in(folder / "film.1999.1080p.nfo") == genres_in(folder / "movie.nfo") == 1


def test_movie_nfo_beside_several_films_is_nobodys(tmp_path: Path) -> None:
    films = [named(tmp_path / name, "Action") for name in ("Alien.mkv", "Brazil.mkv")]
    (tmp_path / "movie.nfo").write_text("<movie/>")
    for film in films:
        outcome = write_nfo(film, "replace")
        assert outcome.what == LEFT and "not clear of which" in outcome.reason
    assert genres_in(tmp_path / "movie.nfo") == 0
    assert write_nfo(films[0], "create") == NfoOutcome(str(tmp_path / "Alien.nfo"), CREATED)


def test_parts_and_versions_share_an_nfo(tmp_path: Path) -> None:
    parts = [named(tmp_path / f"Film-cd{i}.avi", genre) for i, genre in ((1, "Action"), (2, "Old"))]
    (tmp_path / "Film.nfo").write_text("<movie/>")
    assert [write_nfo(part, "replace").what for part in parts] == [MERGED, LEFT]
    folder = tmp_path / "Up (2009)"
    versions = [named(folder / f"Up (2009) - {p}.mkv", "Action") for p in ("1080p", "720p")]
    (folder / "movie.nfo").write_text("<movie/>")
    assert [write_nfo(version, "replace").what for version in versions] == [MERGED, LEFT]
    assert genres_in(tmp_path / "Film.nfo") == genres_in(folder / "movie.nfo") == 1


def test_the_only_nfo_of_a_films_folder_is_its_own(tmp_path: Path) -> None:
    film = named(tmp_path / "a" / "film.1080p.mkv", "Action")
    (tmp_path / "a" / "Film.nfo").write_text("<movie/>", encoding="utf-16")
    assert write_nfo(film).path == str(tmp_path / "a" / "Film.nfo")
    other = named(tmp_path / "b" / "film.1080p.mkv", "Action")
    (tmp_path / "b" / "group.nfo").write_text("░▒▓ RELEASE ▓▒░")
    assert write_nfo(other).reason == "it has no NFO"
    assert write_nfo(other, "create").path == str(tmp_path / "b" / "film.1080p.nfo")


def test_what_is_no_film_gets_no_nfo(tmp_path: Path) -> None:
    named(tmp_path / "F1.mp4")
    (tmp_path / "F1.nfo").write_text("<movie/>")
    (tmp_path / "movie.nfo").write_text("<movie/>")
    for name in (
        "F1.png",
        "F1.mp3",
        "F1-trailer.mp4",
        "F1-short.mp4",
        "extras/a.mp4",
        "f_%03d.jpg",
    ):
        film = named(tmp_path / name, "Action")
        if "%" in name:
            Path(film.path).unlink()
        assert write_nfo(film, "create").what == LEFT, name
    assert genres_in(tmp_path / "F1.nfo") == 0
    assert sorted(p.name for p in tmp_path.rglob("*.nfo")) == ["F1.nfo", "movie.nfo"]


def test_discs(tmp_path: Path) -> None:
    disc = dvd(tmp_path / "A (1999)" / "VIDEO_TS", "Action")
    assert write_nfo(disc).reason == "it has no NFO"
    created = write_nfo(disc, "create")
    assert created == NfoOutcome(str(tmp_path / "A (1999)" / "VIDEO_TS" / "VIDEO_TS.nfo"), CREATED)
    text = Path(created.path).read_text()
    assert "<title>A</title>\n  <year>1999</year>\n  <genre>Action</genre>" in text
    (tmp_path / "B" / "VIDEO_TS").mkdir(parents=True)
    for i, nfo in enumerate(("VIDEO_TS/video_ts.nfo", "B.nfo")):
        (tmp_path / "B" / nfo).write_text("<movie/>")
        write_nfo(dvd(tmp_path / "B" / "VIDEO_TS", "Action"), "create")
        assert genres_in(tmp_path / "B" / nfo) == 1, i
    disc = blu_ray(tmp_path / "C" / "BDMV", "Action")
    assert write_nfo(disc, "create") == NfoOutcome(str(tmp_path / "C" / "C.nfo"), CREATED)
    (tmp_path / "C" / "BDMV" / "index.nfo").write_text("<movie/>")
    assert write_nfo(disc).what == MERGED


# --- shows ----------------------------------------------------------------------------------


def test_an_episode_has_an_nfo_of_its_kind(tmp_path: Path) -> None:
    season = tmp_path / "My Show (2001)" / "Season 1"
    film = named(season / "My Show S01E02 The End.mkv", "Action")
    (season / "movie.nfo").write_text("<movie/>")
    assert write_nfo(film).what == LEFT
    assert write_nfo(film, "create").what == CREATED
    assert (season / "My Show S01E02 The End.nfo").read_text().endswith(
        "<episodedetails>\n  <title>The End</title>\n  <season>1</season>\n  <episode>2</episode>\n"
        "  <genre>Action</genre>\n</episodedetails>\n"
    )  # fmt: skip
    assert genres_in(season / "movie.nfo") == 0


def test_all_episodes_in_a_file_get_the_genres(tmp_path: Path) -> None:
    one = "<episodedetails>\n  <title>{}</title>\n</episodedetails>\n"
    (tmp_path / "S S01E01E02.nfo").write_text(
        '<?xml version="1.0"?>\n' + one.format(1) + one.format(2)
    )
    film = named(tmp_path / "S S01E01E02.mkv", "Action")
    assert write_nfo(film).what == MERGED
    assert (tmp_path / "S S01E01E02.nfo").read_text() == '<?xml version="1.0"?>\n' + "".join(
        one.format(i).replace("</title>\n", "</title>\n  <genre>Action</genre>\n") for i in (1, 2)
    )
    (tmp_path / "S S01E03.nfo").write_text(
        "<xbmcmultiepisode>" + one.format(3) + one.format(4) + "</xbmcmultiepisode>"
    )
    assert write_nfo(named(tmp_path / "S S01E03.mkv", "Action")).what == MERGED
    assert genres_in(tmp_path / "S S01E03.nfo") == 2


def test_a_show_has_the_genres_of_most_of_its_episodes(tmp_path: Path) -> None:
    root = tmp_path / "My Show (2001)"
    (root / "Season 1").mkdir(parents=True)
    (root / "tvshow.nfo").write_text("<tvshow>\n  <title>My Show</title>\n</tvshow>\n")
    shows = ShowNfos("fill")
    genres = (("Action", "Horror"), ("Action",), ("Romance",), ())
    for i, labels in enumerate(genres, 1):
        shows.add(named(root / "Season 1" / f"My Show S01E0{i}.mkv", *labels))
    shows.add(named(root / "Season 1" / "My Show S01E01.jpg", "Romance"))
    shows.add(named(tmp_path / "films" / "film.mkv", "Romance"))
    shows.add(FAILED)
    assert shows.write() == [NfoOutcome(str(root / "tvshow.nfo"), MERGED)]
    assert (root / "tvshow.nfo").read_text() == (
        "<tvshow>\n  <title>My Show</title>\n  <genre>Action</genre>\n</tvshow>\n"
    )
    assert shows.write()[0].what == LEFT


def test_a_show_without_an_nfo_gets_one_only_in_a_folder_of_its_own(tmp_path: Path) -> None:
    for mode, what in (("fill", LEFT), ("create", CREATED)):
        shows = ShowNfos(mode)
        shows.add(named(tmp_path / "Show.2001" / "Season 02" / "Show S02E01.mkv", "Action"))
        assert [outcome.what for outcome in shows.write()] == [what]
    text = (tmp_path / "Show.2001" / "tvshow.nfo").read_text()
    assert "<title>Show</title>\n  <year>2001</year>\n  <genre>Action</genre>\n</tvshow>" in text
    shows = ShowNfos("create")
    for name in ("One S01E01.mkv", "Two S01E01.mkv"):
        shows.add(named(tmp_path / "mixed" / name, "Action"))
    (outcome,) = shows.write()
    assert outcome.what == LEFT and not (tmp_path / "mixed" / "tvshow.nfo").exists()


# --- titles ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "title", "year"),
    [
        ("Created.Film.2019.1080p.BluRay.x264-GRP.mkv", "Created Film", 2019),
        ("Blade.Runner.2049.2017.mkv", "Blade Runner 2049", 2017),
        ("1917 (2019).mkv", "1917", 2019),
        ("2012.mkv", "2012", None),
        ("Charlotte's Web (2006) [imdbid-tt0413895].mkv", "Charlotte's Web", 2006),
        ("Up_[2009]_720p.mkv", "Up", 2009),
        ("Some.Film.720p.WEB-DL.mkv", "Some Film", None),
        ("Mr. Nobody.mkv", "Mr. Nobody", None),
        ("Spider-Man.mkv", "Spider-Man", None),
        ("Limited Partnership.mkv", "Limited Partnership", None),
        ("Film-cd1.avi", "Film", None),
        ("1080p.mkv", "1080p", None),
        ("<b> & c.mkv", "<b> & c", None),
    ],
)
def test_title_and_year_of_a_name(tmp_path: Path, name: str, title: str, year: int | None) -> None:
    named(tmp_path / name)
    assert title_and_year(str(tmp_path / name)) == (title, year)


def test_the_folder_of_one_film_tells_the_year(tmp_path: Path) -> None:
    for name in ("Film (1999)/video.mkv", "Both (1999)/a.mkv", "Both (1999)/b.mkv"):
        named(tmp_path / name)
    assert title_and_year(str(tmp_path / "Film (1999)" / "video.mkv")) == ("Film", 1999)
    assert title_and_year(str(tmp_path / "Both (1999)" / "a.mkv")) == ("a", None)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("My.Show.S01E02.The.End.1080p.WEB-DL.mkv", ("My Show", 1, 2, "The End")),
        ("Show 1x03 - Title.avi", ("Show", 1, 3, "Title")),
        ("S02E10.mkv", ("", 2, 10, "")),
        ("Show s01e01e02.mkv", ("Show", 1, 1, "")),
        ("Show S01E01-E02 Pilot.mkv", ("Show", 1, 1, "Pilot")),
        ("Show - s2020e105 - x.mkv", ("Show", 2020, 105, "x")),
        ("Film 1920x1080.mkv", None),
        ("2x4 (1985).mkv", None),
        ("Film (1999).mkv", None),
    ],
)
def test_episodes_are_known_by_their_names(name: str, told: tuple | None) -> None:
    assert episode_of(name) == told


def test_a_created_nfo_is_escaped(tmp_path: Path) -> None:
    write_nfo(named(tmp_path / "<b> & c\n.mkv", "Science Fiction"), "create")
    (nfo,) = tmp_path.glob("*.nfo")
    assert "<title>&lt;b&gt; &amp; c</title>\n  <genre>Science Fiction</genre>" in nfo.read_text()
