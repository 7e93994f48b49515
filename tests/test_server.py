"""``vgenre serve``: the live page, what it takes and what it refuses."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rendered import film
from test_report_page import browser as browser
from toys import toy_model

from vgenre.batch.executors import Task
from vgenre.serve.app import create_app
from vgenre.serve.live import MOST_WAITING, LabellingThread

LOCAL = frozenset({"localhost", "127.0.0.1"})


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    toy_model(folder / "toy")
    return folder / "toy"


@pytest.fixture
def client(toy: Path, tmp_path: Path) -> Any:
    live = LabellingThread(
        Task(str(toy)), [], tmp_path
    )  # not started: nothing is taken from the queue
    return create_app(live, ("Action", "Horror"), hosts=LOCAL, max_bytes=1000).test_client()


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_film_is_kept_under_no_name_but_its_last(client: Any, tmp_path: Path) -> None:
    for name in ("../../up.mp4", "/etc/absolute.mp4", "..\\..\\windows.mp4"):
        assert client.post("/films", query_string={"name": name}, data=b"x").status_code == 202
    kept = stored(tmp_path)
    assert {path.name for path in kept} == {"up.mp4", "absolute.mp4", "windows.mp4"}
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
    ],
)
def test_what_is_refused_leaves_nothing(
    client: Any, tmp_path: Path, name: str, data: bytes, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/films", query_string={"name": name}, data=data, headers=headers)
    assert answer.status_code == status
    assert answer.get_json()["error"]
    assert stored(tmp_path) == []


def test_too_many_films_have_to_wait_outside(client: Any, tmp_path: Path) -> None:
    answers = [
        client.post("/films?name=a.mp4", data=b"x").status_code for _ in range(MOST_WAITING + 1)
    ]
    assert answers == [202] * MOST_WAITING + [429]
    assert len(stored(tmp_path)) == MOST_WAITING


def test_no_address_names_a_file(client: Any) -> None:
    for path in ("/etc/passwd", "/films/../../etc/passwd", "/static/x", "/%2e%2e/setup.cfg"):
        assert client.get(path).status_code == 404
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403


@pytest.fixture
def served(toy: Path, tmp_path: Path) -> Iterator[str]:
    films = tmp_path / "FILMS"
    films.mkdir()
    film(films / "first.mp4", seconds=3)
    (films / "broken.mp4").write_text("this is no film\n")
    command = [sys.executable, "-m", "vgenre", "serve", str(films), "--model", str(toy)]
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(
        [*command, "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert found
        yield found[0]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_films_appear_as_they_are_labelled_and_one_can_be_dropped_in(
    browser: Any,
    served: str,
    tmp_path: Path,
) -> None:
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(served)
    page.get_by_role("button", name="first.mp4").wait_for(timeout=60_000)
    page.get_by_role("button", name="first.mp4").click()
    page.get_by_text("Why ").wait_for()
    dropped = film(tmp_path / "<b>dropped.mkv", seconds=2)
    page.get_by_label("Add a film").set_input_files(dropped)
    page.get_by_role("button", name="<b>dropped.mkv").wait_for(timeout=60_000)
    assert page.get_by_text("Why ").count() == 1, "what was open was closed"
    assert page.get_by_text("could not be read").count() >= 1
    assert page.locator("#count").inner_text() == "3 films"
    page.get_by_label("Add a film").set_input_files(
        {"name": "page.html", "mimeType": "text/html", "buffer": b"<b>"}
    )
    page.get_by_text("no name of a film").wait_for()
    assert problems == []
    page.close()


def test_a_taken_port_is_said(toy: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        done = subprocess.run(
            [sys.executable, "-m", "vgenre", "serve", "--model", str(toy), "--port", port],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on" in done.stderr
    assert "Traceback" not in done.stderr
