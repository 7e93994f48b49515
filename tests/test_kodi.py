"""What a real Kodi reads out of NFO files that were merged or created, from its database."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from test_nfo import ODD, blu_ray, dvd, named

from vgenre.output.nfo import CREATED, MERGED, ShowNfos, write_nfo

PROGRAM = next(
    (str(p) for p in Path("/usr").glob("lib*/**/kodi/kodi*.bin"))
    if shutil.which("kodi")
    else iter(()),
    None,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (PROGRAM and shutil.which("Xvfb")), reason="neither Kodi nor Xvfb are installed"
    ),
]

SETTINGS = """<settings version="2">
<setting id="services.webserver">true</setting>
<setting id="services.webserverport">{port}</setting>
<setting id="services.webserverauthentication">false</setting>
<setting id="general.addonupdates">2</setting>
</settings>"""
LONGEST = 120  # seconds that Kodi gets to start, or to scan

Call = Callable[..., Any]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(what: Callable[[], Any]) -> Any:
    """What a function gives as soon as that is true."""
    end = time.monotonic() + LONGEST
    while not (found := what()):
        assert time.monotonic() < end, "Kodi does not come to an end"
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def kodi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Call]]:
    """A Kodi of its own, on a screen of its own: its home, and its JSON-RPC."""
    home, port = tmp_path_factory.mktemp("kodi"), free_port()
    data = home / ".kodi" / "userdata"
    data.mkdir(parents=True)
    (data / "guisettings.xml").write_text(SETTINGS.format(port=port))

    def call(method: str, **parameters: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/jsonrpc",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer).get("result")
        except OSError:
            return None

    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x480x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with open(read) as pipe:
        display = pipe.readline().strip()
    environment = os.environ | {
        "HOME": str(home),
        "DISPLAY": f":{display}",
        "LIBGL_ALWAYS_SOFTWARE": "1",
    }
    program = subprocess.Popen(
        [str(PROGRAM), "--standalone"],
        cwd=home,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: call("JSONRPC.Ping"))
        yield data, call
    finally:
        call("Application.Quit")
        try:
            program.wait(20)
        except subprocess.TimeoutExpired:
            program.kill()
        screen.terminate()
        program.wait()
        screen.wait()


def scan(kodi: tuple[Path, Call], *, movies: Path, flat: Path, shows: Path) -> Call:
    """Let Kodi read three folders by what lies in them alone, and nothing from the net."""
    data, call = kodi
    (file,) = (data / "Database").glob("MyVideos*.db")
    with closing(sqlite3.connect(file, timeout=30)) as database, database:
        for folder, content, deep, own_folders in (
            (movies, "movies", 2**31 - 1, 1),
            (flat, "movies", 2**31 - 1, 0),
            (shows, "tvshows", 0, 0),
        ):
            database.execute(
                "INSERT INTO path (strPath, strContent, strScraper, scanRecursive, useFolderNames,"
                " noUpdate, exclude) VALUES (?, ?, 'metadata.local', ?, ?, 0, 0)",
                (f"{folder}/", content, deep, own_folders),
            )
    call("VideoLibrary.Scan", showdialogs=False)
    time.sleep(2)
    booleans = {"booleans": ["Library.IsScanningVideo"]}
    wait_for(lambda: call("XBMC.GetInfoBooleans", **booleans) == {"Library.IsScanningVideo": False})
    return call


def test_kodi_reads_what_was_written(kodi: tuple[Path, Call], tmp_path: Path) -> None:
    own, flat, shows = tmp_path / "own", tmp_path / "flat", tmp_path / "shows"
    full = "<movie>\n  <title>{}</title>\n  <plot>Kept.</plot>\n</movie>\n"
    labels = ("Sports", "Horror")

    film = named(own / "A (1999)" / "a.1080p.mkv", *labels)
    (own / "A (1999)" / "movie.nfo").write_text(full.format("Movie"))
    disc = dvd(own / "B (2000)" / "VIDEO_TS", *labels)
    named(own / "B (2000)" / "VIDEO_TS" / "VIDEO_TS.IFO")
    (own / "B (2000)" / "VIDEO_TS" / "VIDEO_TS.nfo").write_text(full.format("Disc"))
    bare = dvd(own / "Created Disc (2002)" / "VIDEO_TS", *labels)
    named(own / "Created Disc (2002)" / "VIDEO_TS" / "VIDEO_TS.IFO")
    blue = blu_ray(own / "Created Blue (2003)" / "BDMV", *labels)
    for one, what in ((film, MERGED), (disc, MERGED), (bare, CREATED), (blue, CREATED)):
        assert write_nfo(one, "create").what == what

    new = named(flat / "Created.Film.2019.1080p.BluRay.x264-GRP.mkv", *labels)
    assert write_nfo(new, "create").what == CREATED
    for name, text in ODD.items():
        title = name.replace(" ", "_")
        if "<title>" not in text:  # Kodi wants one
            text = text.replace("<movie>", "<movie><title>A</title>", 1)
            text = text.replace("<movie/>", "<movie><title>A</title></movie>")
        (flat / f"{title}.nfo").write_text(text)
        assert write_nfo(named(flat / f"{title}.mkv", *labels), "replace").what == MERGED

    season = shows / "My Show" / "Season 1"
    episodes = [named(season / f"My Show S01E0{i}.mkv", *labels) for i in (1, 2)]
    double = named(season / "My Show S01E03E04.mkv", *labels)
    (season / "My Show S01E03E04.nfo").write_text(
        "".join(
            f"<episodedetails><title>{i}</title><season>1</season><episode>{i}</episode>"
            "</episodedetails>\n"
            for i in (3, 4)
        )
    )
    (shows / "My Show" / "tvshow.nfo").write_text("<tvshow>\n<title>My Show</title>\n</tvshow>")
    made = named(shows / "New Show" / "Season 1" / "New Show S01E01 Pilot.mkv", *labels)
    found = ShowNfos("create")
    for episode in (*episodes, double, made):
        write_nfo(episode, "create")
        found.add(episode)
    assert [outcome.what for outcome in found.write()] == [MERGED, CREATED]

    call = scan(kodi, movies=own, flat=flat, shows=shows)
    said = call("VideoLibrary.GetMovies", properties=["title", "genre", "year", "plot", "file"])
    movies = {Path(movie["file"]).relative_to(tmp_path): movie for movie in said["movies"]}
    wanted = sorted(["Sport", "Horror"])
    wrong = {
        str(path): movie["genre"]
        for path, movie in movies.items()
        if sorted(movie["genre"]) != wanted
    }
    assert not wrong
    by_title = {movie["title"]: movie for movie in movies.values()}
    assert by_title["Movie"]["plot"] == by_title["Disc"]["plot"] == "Kept."
    for title, year in (("Created Film", 2019), ("Created Disc", 2002), ("Created Blue", 2003)):
        assert by_title[title]["year"] == year
    missing = {name.replace(" ", "_") for name in ODD} - {path.stem for path in movies}
    assert missing == {"instruction"}, "Kodi's parser takes none, with genres or without"

    said = call("VideoLibrary.GetTVShows", properties=["title", "genre"])
    assert {show["title"]: sorted(show["genre"]) for show in said["tvshows"]} == {
        "My Show": wanted,
        "New Show": wanted,
    }
    said = call("VideoLibrary.GetEpisodes", properties=["title", "season", "episode", "showtitle"])
    found_episodes = sorted((e["showtitle"], e["episode"], e["title"]) for e in said["episodes"])
    assert found_episodes == [
        ("My Show", 1, "My Show 1x01"),
        ("My Show", 2, "My Show 1x02"),
        ("My Show", 3, "3"),
        ("My Show", 4, "4"),
        ("New Show", 1, "Pilot"),
    ]
