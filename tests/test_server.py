"""``vgenre serve``: the live page, what it takes, what it refuses, and what ends it."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rendered import film
from test_report_page import browser as browser
from werkzeug.serving import make_server

from vgenre.batch.executors import Executor, Progress, Task
from vgenre.batch.processes import Workers
from vgenre.dialogue.types import Subtitles
from vgenre.errors import MediaError
from vgenre.labelling.record import ClipResult, FilmResult, failure
from vgenre.output.writers import open_writer
from vgenre.serve.app import create_app
from vgenre.serve.hosts import known_names, own_names, pages
from vgenre.serve.live import MOST_DROPPED, LiveBatch

LOCAL = known_names("127.0.0.1", [])
GENRES = ("Action", "Horror")
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(Path(__file__).parent.parent),
    "PYTHONUNBUFFERED": "1",
}


def until(true: Callable[[], Any], seconds: float = 120) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, "this never came to be"
        time.sleep(0.02)
    return value


def record(path: str) -> FilmResult:
    """A record of a film that was read."""
    return FilmResult(
        path=path,
        status="ok",
        labels=["Horror"],
        probabilities={"Action": 0.25, "Horror": 0.75},
        clips=[],
        streams={"visual": True, "audio": False, "dialogue": False},
        duration=5000.0,
        decoded_fraction=1.0,
        model="toy",
        engine="openvino",
        error=None,
        seconds=1.5,
    )


def stored(folder: Path) -> list[Path]:
    """Files that were dropped in and still lie there."""
    # os.walk: a folder that is deleted while it is looked at is no error, as it is for rglob
    found = (Path(at) / name for at, _, names in os.walk(folder) for name in names)
    return [path for path in found if path.name.startswith("film") and path.is_file()]


@pytest.fixture
def live(tmp_path: Path) -> LiveBatch:
    """A batch that is not run: nothing is taken from its queue."""
    return LiveBatch([], tmp_path, "toy")


@pytest.fixture
def client(live: LiveBatch) -> Any:
    return create_app(live, GENRES, hosts=LOCAL, max_bytes=1000).test_client()


@contextmanager
def running(live: LiveBatch, hosts: frozenset[str] = LOCAL, host: str = "127.0.0.1") -> Iterator:
    """A real server of a batch; its port."""
    app = create_app(live, GENRES, hosts=hosts, max_bytes=10_000_000)
    server = make_server(host, 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def labelling(live: LiveBatch, executor: Executor) -> Iterator[None]:
    """A batch that is run in a thread, which has to end when it is stopped."""
    thread = threading.Thread(target=live.run, args=[executor], daemon=True)
    thread.start()
    try:
        yield
    finally:
        live.stop()
        thread.join(30)
    assert not thread.is_alive()


# What it takes and refuses


def test_a_film_is_kept_under_a_name_from_here(client: Any, tmp_path: Path) -> None:
    for name in ("../../up.mp4", "/etc/absolute.MKV", "..\\..\\windows.mp4", "ü" * 300 + ".mp4"):
        answer = client.post("/films", query_string={"name": name}, data=b"x")
        assert answer.status_code == 202
        assert "/" not in answer.get_json()["waiting"]
    kept = stored(tmp_path)
    assert sorted(path.name for path in kept) == ["film.mkv", "film.mp4", "film.mp4", "film.mp4"]
    assert all(path.parent.parent == tmp_path for path in kept)


@pytest.mark.parametrize(
    ("name", "data", "headers", "status"),
    [
        ("a.mp4", b"x" * 1001, {}, 413),
        ("a.mp4", b"", {}, 411),
        ("a.html", b"x", {}, 415),
        ("", b"x", {}, 415),
        ("a\0.mp4", b"x", {}, 415),
        ("a.mp4", b"x", {"Host": "evil.example"}, 403),
        ("a.mp4", b"x", {"Origin": "http://evil.example"}, 403),
        ("a.mp4", b"x", {"Origin": "null"}, 403),
    ],
)
def test_what_is_refused_leaves_nothing(
    client: Any, tmp_path: Path, name: str, data: bytes, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/films", query_string={"name": name}, data=data, headers=headers)
    assert answer.status_code == status
    assert answer.get_json()["error"]
    assert stored(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("film.de.srt", "subtitles"),
        ("film.nfo", "a description"),
        ("film.mp4.part", "not complete"),
        (".DS_Store", "no film, sound or picture"),
    ],
)
def test_what_lies_beside_films_is_refused_with_a_plain_word(
    client: Any, name: str, word: str
) -> None:
    for answer in (
        client.get("/films/room", query_string={"name": name, "bytes": 5}),
        client.post("/films", query_string={"name": name}, data=b"x"),
    ):
        assert answer.status_code == 415
        assert word in answer.get_json()["error"]


def test_too_many_films_have_to_wait_outside(client: Any, tmp_path: Path) -> None:
    answers = [
        client.post("/films?name=a.mp4", data=b"x").status_code for _ in range(MOST_DROPPED + 1)
    ]
    assert answers == [202] * MOST_DROPPED + [429]
    assert client.get("/films/room?name=a.mp4&bytes=5").status_code == 429
    assert len(stored(tmp_path)) == MOST_DROPPED


def test_films_on_their_way_take_places_and_give_them_back_when_they_break_off(
    live: LiveBatch, tmp_path: Path
) -> None:
    with running(live) as port:
        begun = []
        for _ in range(MOST_DROPPED):
            sender = socket.create_connection(("127.0.0.1", port))
            sender.sendall(
                b"POST /films?name=a.mp4 HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Length: 1000\r\n\r\n" + b"x" * 10
            )
            begun.append(sender)

        client = create_app(live, GENRES, hosts=LOCAL, max_bytes=1000).test_client()
        ask = lambda: client.get("/films/room?name=a.mp4&bytes=5").status_code  # noqa: E731
        until(lambda: ask() == 429)
        assert client.post("/films?name=a.mp4", data=b"x").status_code == 429
        for sender in begun:
            sender.close()
        until(lambda: ask() == 200)
        until(lambda: stored(tmp_path) == [])
        assert live.state()["total"] == 0


def test_a_film_that_the_disk_has_no_room_for_is_refused_before_it_is_sent(
    live: LiveBatch, tmp_path: Path
) -> None:
    size = shutil.disk_usage(tmp_path).free
    client = create_app(live, GENRES, hosts=LOCAL, max_bytes=2 * size).test_client()
    answer = client.get("/films/room", query_string={"name": "a.mp4", "bytes": size})
    assert answer.status_code == 507
    assert "TMPDIR" in answer.get_json()["error"]


def test_no_address_names_a_file(client: Any) -> None:
    for path in ("/etc/passwd", "/films/../../etc/passwd", "/static/x", "/%2e%2e/setup.cfg"):
        assert client.get(path).status_code == 404
    assert client.get("/films.py").status_code == 404
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403


# Under which names it may be asked for


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8338", 200),
        ("127.0.0.1:1", 200),
        ("[::1]", 200),
        ("[::1]:8338", 200),
        ("nas:8338", 200),
        ("Nas", 200),
        ("[fd00:0::2]:80", 200),
        ("evil.example", 403),
        ("nas.evil.example", 403),
        ("localhost@evil.example", 403),
        ("127.0.0.1.evil.example:80", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_names_that_it_is_asked_for_by(live: LiveBatch, host: str, status: int) -> None:
    names = known_names("127.0.0.1", ["NAS", "fd00::2"])
    client = create_app(live, GENRES, hosts=names, max_bytes=1000).test_client()
    answer = client.get("/films", headers={"Host": host})
    assert answer.status_code == status
    if status == 403:
        assert "--allow-host" in answer.get_json()["error"]
    read = client.get("/", headers={"Host": "evil.example", "Accept": "text/html,*/*"})
    assert "start it with --allow-host evil.example" in read.get_data(as_text=True)


def test_a_listening_address_lets_in_by_the_machines_own_names(live: LiveBatch) -> None:
    name = socket.gethostname().lower()
    assert name in known_names("0.0.0.0", []) and name not in known_names("127.0.0.1", [])
    assert "192.168.1.5" in known_names("192.168.1.5", [])
    assert f"http://{name}:80/" in pages("0.0.0.0", 80, [])
    own = next((n for n in own_names("0.0.0.0") if re.fullmatch(r"[\d.]+", n)), "127.0.0.2")
    # Even where no list has it: the address at which the request arrives is this machine's.
    with running(live, LOCAL, "0.0.0.0") as port:
        for host, status in ((own, b"200"), ("203.0.113.9", b"403"), ("evil.example", b"403")):
            with socket.create_connection((own, port)) as asking:
                asking.sendall(f"GET /films HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
                assert asking.makefile("rb").readline().split()[1] == status


def test_a_page_under_an_allowed_name_may_send_films(live: LiveBatch) -> None:
    client = create_app(
        live, GENRES, hosts=known_names("0.0.0.0", ["nas"]), max_bytes=1000
    ).test_client()
    for origin, status in (
        ("http://nas:8338", 202),
        ("https://nas:8338", 202),  # a proxy in front of it
        ("http://nas:9999", 403),
        ("http://localhost:8338", 403),
    ):
        headers = {"Host": "nas:8338", "Origin": origin}
        answer = client.post("/films?name=a.mp4", data=b"x", headers=headers)
        assert answer.status_code == status


# Labelling


class Failing:
    """An executor that fails itself at some films, as no executor should."""

    def __init__(self, *bad: str) -> None:
        self.bad = bad

    def run(self, films: Iterable[str], progress: Progress | None = None) -> Iterator[FilmResult]:
        for path in films:
            if Path(path).name in self.bad:
                raise RuntimeError("a fault of its own")
            yield record(path)


def test_a_fault_costs_its_film_and_not_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = LiveBatch(["1.mp4", "2.mp4", "3.mp4", "4.mp4"], tmp_path, "toy")
    live.drop("dropped.mp4", [b"x"], 1)
    with labelling(live, Failing("2.mp4", "film.mp4")):
        until(lambda: len(live.state()["films"]) == 5)
    found = {row["name"]: row["status"] for row in live.state()["films"]}
    assert [name for name, status in found.items() if status == "error"] == [
        "dropped.mp4",
        "2.mp4",
    ]
    first = json.loads(live.records.text(0) or b"")
    assert "a fault of its own" in first["error"]["message"]
    assert str(tmp_path) not in first["error"]["message"]
    assert live.state()["trouble"] is None
    assert "a fault of its own" in capsys.readouterr().err


def test_a_fault_of_every_film_stops_and_takes_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"{i}.mp4" for i in range(9)]
    live = LiveBatch(names, tmp_path, "toy")
    live.run(Failing(*names))
    assert len(live.state()["films"]) == 3
    assert live.state()["total"] == 9
    assert "a fault of its own" in live.state()["trouble"]
    client = create_app(live, GENRES, hosts=LOCAL, max_bytes=1000).test_client()
    answer = client.post("/films?name=a.mp4", data=b"x")
    assert answer.status_code == 503
    assert "labelling has stopped" in answer.get_json()["error"]
    assert stored(tmp_path) == []


def test_stop_ends_it_while_films_wait(tmp_path: Path) -> None:
    live = LiveBatch(["1.mp4", "2.mp4", "3.mp4"], tmp_path, "toy")

    class Stopping(Failing):
        def run(self, films: Iterable[str], progress: Progress | None = None) -> Iterator:
            for path in films:
                live.stop()
                yield record(path)

    live.run(Stopping())
    assert live.state()["total"] == 3
    assert live.trouble is None


def test_a_worker_takes_films_as_they_come(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    live = LiveBatch([], folder, "toy")
    clip = film(tmp_path / "a.mp4", seconds=2).read_bytes()
    with labelling(live, Workers(Task(str(model)), 1)):
        for i in range(2):
            live.drop(f"{i}.mp4", [clip], len(clip))
            until(lambda i=i: len(live.state()["films"]) == i + 1)
    assert {row["status"] for row in live.state()["films"]} <= {"ok", "uncertain"}
    assert stored(folder) == [], "what is labelled was kept"


# What it gives


def test_downloads_are_what_the_writers_write(tmp_path: Path) -> None:
    results = [
        record("Am\udce9lie.mp4"),
        record("=cmd\u202e4pm.mp4"),
        failure(MediaError("broken.mp4", "it is empty"), "broken.mp4", "toy"),
    ]
    folder = tmp_path / "live"
    folder.mkdir()
    live = LiveBatch([], folder, "toy")
    for result in results:
        live.records.add(result)
    client = create_app(live, GENRES, hosts=LOCAL, max_bytes=1000).test_client()
    for suffix in (".csv", ".json", ".jsonl", ".html"):
        with open_writer(tmp_path / f"o{suffix}", GENRES) as writer:
            for result in results:
                writer.write(result)
        answer = client.get(f"/films{suffix}")
        assert answer.status_code == 200
        assert f"filename=films{suffix}" in answer.headers["Content-Disposition"]
        assert answer.data == (tmp_path / f"o{suffix}").read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["records.jsonl"]
    assert client.get("/films.json").json[0]["path"] == "Am\udce9lie.mp4"
    assert client.get("/films/0").json["path"] == "Am\udce9lie.mp4"
    assert client.get("/films/3").status_code == 404


# The whole command, and its page in a real browser


class Served:
    """A running ``vgenre serve``.

    Attributes
    ----------
    process : subprocess.Popen
    url : str
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout
        line = process.stdout.readline()
        found = re.search(r"http://\S+:\d+/", line)
        assert found, line
        self.url = found[0]

    def workers(self) -> list[int]:
        """Its worker processes."""
        root = Path(f"/proc/{self.process.pid}/task")
        children = " ".join(path.read_text() for path in root.glob("*/children")).split()
        return [
            int(child)
            for child in children
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]


@contextmanager
def serving(*arguments: str | Path, temporary: Path, end: signal.Signals) -> Iterator[Served]:
    command = [sys.executable, "-m", "vgenre", "serve", *map(str, arguments), "--port", "0"]
    environment = ENVIRONMENT | {"TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Served(process)
            process.send_signal(end)
            assert process.wait(30) == 0
        finally:
            process.kill()  # it lives on only where the test failed
    assert not list(temporary.glob("vgenre-*")), "what was dropped in stays behind"


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A folder with one film."""
    folder = tmp_path / "FILMS"
    folder.mkdir()
    film(folder / "first.mp4", seconds=2)
    return folder


@pytest.fixture
def served(model: Path, films: Path, tmp_path: Path) -> Iterator[Served]:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with serving(films, "--model", model, temporary=temporary, end=signal.SIGINT) as served:
        yield served


@pytest.fixture
def page(browser: Any, served: Served) -> Iterator[Any]:
    opened = browser.new_page(accept_downloads=True)
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(served.url)
    yield opened
    assert problems == []
    opened.close()


@pytest.fixture
def bad_films(films: Path) -> None:
    """Beside the film one whose name is no text, and a file that is no film."""
    (films / "broken.mp4").write_text("this is no film\n")
    os.link(films / "first.mp4", os.fsencode(films) + b"/Am\xe9lie.mp4")


@pytest.mark.usefixtures("bad_films")
def test_films_appear_as_they_are_labelled_and_can_be_taken_home(page: Any) -> None:
    first = page.get_by_role("button", name="first.mp4")
    first.wait_for(timeout=120_000)
    first.click()
    page.get_by_text("Why ").wait_for()
    page.get_by_role("button", name="Am\\xe9lie.mp4").wait_for()
    assert page.locator("#films .error").all_inner_texts() == ["could not be read"]
    assert page.locator("#count").inner_text() == "3 films"
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(download.value.path().open(newline="", encoding="utf-8")))
    assert {Path(row["path"]).name for row in rows} == {
        "Am\\udce9lie.mp4",
        "broken.mp4",
        "first.mp4",
    }
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON", exact=True).click()
    assert len(json.loads(download.value.path().read_text(encoding="utf-8"))) == 3


def test_each_dropped_file_gets_its_answer_and_a_dead_worker_ends_nothing(
    page: Any, served: Served, tmp_path: Path
) -> None:
    page.get_by_role("button", name="first.mp4").wait_for(timeout=120_000)
    page.get_by_role("button", name="first.mp4").click()
    page.get_by_text("Why ").wait_for()
    (worker,) = served.workers()
    os.kill(worker, signal.SIGKILL)
    one = film(tmp_path / "<b>one.mkv", seconds=2)
    two = film(tmp_path / "two.mp4", seconds=2)
    notes, empty = tmp_path / "notes.srt", tmp_path / "empty.mp4"
    notes.write_text("1\n")
    empty.touch()
    page.locator("#files").set_input_files([notes, one, empty, two])
    page.get_by_role("button", name="<b>one.mkv").wait_for(timeout=120_000)
    page.get_by_role("button", name="two.mp4").wait_for(timeout=120_000)
    lines = page.locator("#sent li")
    until(lambda: "labelled" in lines.nth(3).inner_text())
    said = [" ".join(text.split()) for text in lines.all_inner_texts()]
    assert said == [
        "notes.srt not taken: subtitles",
        "<b>one.mkv labelled, see below",
        "empty.mp4 not taken: it is empty",
        "two.mp4 labelled, see below",
    ]
    assert page.get_by_text("Why ").count() == 1, "what was open was closed"
    assert page.locator("#count").inner_text() == "3 films"


def test_a_dropped_folder_gives_its_films(page: Any, tmp_path: Path) -> None:
    folder = tmp_path / "A Film (1984)"
    (folder / "extras").mkdir(parents=True)
    film(folder / "a film.mp4", seconds=2)
    film(folder / "extras" / "making of.mp4", seconds=2)
    (folder / "a film.nfo").write_text("<movie/>")
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 50, "y": 50, "data": data})
    page.get_by_role("button", name="a film.mp4").wait_for(timeout=120_000)
    page.get_by_role("button", name="making of.mp4").wait_for(timeout=120_000)
    refused = page.locator("#sent li.refused")
    assert " ".join(refused.inner_text().split()) == "a film.nfo not taken: a description"


def test_the_page_waits_until_there_is_room(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    live = LiveBatch([], tmp_path / "live", "toy")
    files = [tmp_path / f"{i}.mp4" for i in range(MOST_DROPPED + 3)]
    for file in files:
        file.write_bytes(b"x")
    with running(live) as port:
        page = browser.new_page()
        page.goto(f"http://localhost:{port}/")
        page.locator("#files").set_input_files(files)
        page.get_by_text("waits until there is room").wait_for()
        with labelling(live, Failing()):
            page.get_by_role("button", name=files[-1].name).wait_for(timeout=120_000)
        assert page.locator("#count").inner_text() == f"{len(files)} films"
        assert page.locator("#sent li.refused").count() == 0
        page.close()


def test_the_film_at_hand_is_shown_with_what_is_done_of_it(browser: Any, tmp_path: Path) -> None:
    live = LiveBatch(["/f/rtl \u202e4pm.mp4", "/f/b.mp4", "/f/c.mp4"], tmp_path, "toy")
    go_on = threading.Event()

    class Slow(Failing):
        def run(self, films: Iterable[str], progress: Progress | None = None) -> Iterator:
            for path in films:
                assert progress
                progress(path, 0.4)
                go_on.wait(60)
                yield record(path)

    with running(live) as port, labelling(live, Slow()):
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto(f"http://localhost:{port}/")
        try:
            page.get_by_text("40 %, 2 wait").wait_for()
            assert page.locator("#current").inner_text() == "rtl \\u202e4pm.mp4"
            assert page.locator("#part").evaluate("bar => bar.value") == 0.4
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        finally:
            go_on.set()
        page.get_by_role("button", name="rtl \\u202e4pm.mp4").wait_for()
        page.locator("#now").wait_for(state="hidden")
        page.close()


def test_what_is_said_in_a_film_is_text_on_the_page(browser: Any, tmp_path: Path) -> None:
    said = "<img src=x onerror=document.title='owned'></script><script>document.title='owned'"
    live = LiveBatch([], tmp_path, "toy")
    clips = [ClipResult(start, 10.0, {"Action": 0.2, "Horror": 0.8}) for start in (0.0, 10.0)]
    explanation = {
        "label": "Horror",
        "time": 0.0,
        "streams": {"visual": 0.9},
        "words": [["door", 0.5]],
        "cues": [{"start": 2500.0, "end": 2501.0, "text": said, "weight": 0.5}],
    }
    dialogue = {**Subtitles().to_dict(), "source": "<b>.srt", "words": 9, "notes": [said]}
    spoken = replace(
        record("f/spoken.mp4"), clips=clips, explanation=explanation, dialogue=dialogue
    )
    live.records.add(spoken)
    with running(live) as port:
        page = browser.new_page()
        page.goto(f"http://localhost:{port}/")
        page.get_by_role("button", name="spoken.mp4").click()
        page.locator("button.mark").click()
        assert page.locator("p.said").inner_text() == f"41:40 {said}"
        assert page.locator(".cues li").inner_text() == f"41:40\n{said}"
        shown = page.locator("h3:has-text('Dialogue') + p").inner_text()
        assert shown == f"<b>.srt, 9 words, which say nothing to the model; {said}"
        assert page.locator("img[src=x], .details script, .details b").count() == 0
        assert page.title() == "vgenre: genres of films"
        page.close()


def test_its_end_by_the_system_leaves_neither_films_nor_workers(
    model: Path, tmp_path: Path
) -> None:
    with serving(
        film(tmp_path / "a.mp4", seconds=20),
        "--model",
        model,
        "--host",
        "0.0.0.0",
        "--allow-host",
        "NAS",
        temporary=tmp_path,
        end=signal.SIGTERM,
    ) as served:
        assert served.url.startswith("http://localhost:")
        (worker,) = until(served.workers)
        assert served.process.stdout
        told = [served.process.stdout.readline() for _ in own_names("0.0.0.0")]
        told.append(served.process.stdout.readline())
        assert re.search(r"http://nas:\d+/", told[-1])
    until(lambda: not Path(f"/proc/{worker}").exists())


def refused(*arguments: str, **environment: str) -> str:
    """What a ``vgenre serve`` says that cannot start."""
    done = subprocess.run(
        [sys.executable, "-m", "vgenre", "serve", *arguments],
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_taken_port_is_said(model: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused("--model", str(model), "--port", port)
    assert said.count("\n") == 1
    assert f"127.0.0.1:{port} cannot be listened on" in said


def test_an_allowed_host_has_to_be_a_name(model: Path) -> None:
    assert "--allow-host" in refused("--model", str(model), "--allow-host", "http://nas/")


def test_a_missing_ffmpeg_is_said_before_anything_is_served(model: Path, tmp_path: Path) -> None:
    said = refused("--model", str(model), VGENRE_FFMPEG=str(tmp_path / "none"))
    assert "VGENRE_FFMPEG" in said


def test_a_missing_flask_is_told_with_the_line_that_installs_it(tmp_path: Path) -> None:
    for name in ("flask", "werkzeug"):
        (tmp_path / f"{name}.py").write_text(
            f"raise ModuleNotFoundError('No module named {name}', name='{name}')\n"
        )
    path = os.pathsep.join([str(tmp_path), ENVIRONMENT["PYTHONPATH"]])
    said = refused(PYTHONPATH=path)
    assert said == (
        "vgenre: vgenre serve needs Flask, which is not installed: pip install 'vgenre[serve]'\n"
    )
