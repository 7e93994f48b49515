"""The page of ``--output report.html`` in a real browser."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rendered import film
from toys import toy_model

import vgenre
from vgenre.errors import MediaError
from vgenre.labelling.record import FilmResult, failure
from vgenre.output.writers import open_writer

GENRES = ("Action", "Horror")
HOSTILE = "<img src=x onerror=document.title='owned'>.mp4"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on PATH to open the page in")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[FilmResult]:
    folder = tmp_path_factory.mktemp("films")
    toy_model(folder / "toy", GENRES)
    model = vgenre.load_model(folder / "toy")
    label = model.label(film(folder / "a.mp4", seconds=25), pictures=True)
    first = replace(label, labels=["Action"], probabilities={"Action": 0.9, "Horror": 0.1})
    return [
        replace(first, path=str(folder / "b film.mp4")),
        replace(
            first,
            path=str(folder / HOSTILE),
            labels=["Horror"],
            probabilities={"Action": 0.3, "Horror": 0.7},
        ),
        replace(first, path=str(folder / "Ünsure.mp4"), labels=[], duration=5000.0),
        failure(MediaError("broken.mp4", "the file is <b>empty</b>"), "broken.mp4", "toy"),
    ]


@pytest.fixture(scope="module")
def page_file(results: list[FilmResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    with open_writer(path, GENRES) as writer:
        for result in results:
            writer.write(result)
    return path


@pytest.fixture
def page(browser: Any, page_file: Path) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 390, "height": 800})
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda r: problems.append(r.url) if r.url.startswith("http") else None)
    opened.goto(page_file.as_uri())
    yield opened
    assert problems == []
    assert opened.title() == "vgenre: genres of films"
    opened.close()


def names(page: Any) -> list[str]:
    return page.locator("button.open").all_inner_texts()


def test_text_of_a_file_name_is_text_and_nothing_else(page: Any) -> None:
    assert HOSTILE in names(page)
    assert page.locator("img[src=x]").count() == 0


def test_search_filter_and_sort(page: Any) -> None:
    assert len(names(page)) == 4
    page.fill("#search", "ÜNS")
    assert names(page) == ["Ünsure.mp4"]
    assert page.inner_text("#count") == "1 of 4 films"
    page.fill("#search", "")
    page.select_option("#genre", "Horror")
    assert names(page) == [HOSTILE]
    page.select_option("#genre", "")
    page.select_option("#status", "error")
    assert names(page) == ["broken.mp4"]
    page.select_option("#status", "")
    page.click("th.sure button")
    assert names(page)[0] in ("b film.mp4", "Ünsure.mp4") and names(page)[-1] == "broken.mp4"
    page.click("th.sure button")
    assert names(page)[0] == "broken.mp4"
    assert page.get_attribute("th.sure", "aria-sort") == "ascending"


def test_a_film_opens_by_keyboard_to_its_pictures_and_timeline(page: Any) -> None:
    button = page.locator("button.open", has_text="b film.mp4")
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    details = page.locator("div.details")
    assert details.locator("img[alt^='frame at']").count() == 3
    assert details.locator("img[alt^='mel']").first.evaluate("i => i.naturalWidth") == 112
    assert details.locator("svg.timeline polyline").count() == 2
    assert "picture" in details.inner_text() and "sound" in details.inner_text()
    page.keyboard.press("Enter")
    assert page.locator("div.details").count() == 0


def test_an_error_is_shown_in_plain_words(page: Any) -> None:
    page.click("text=broken.mp4")
    assert "the file is <b>empty</b>" in page.inner_text("div.details")


def test_the_page_fits_a_phone(page: Any) -> None:
    page.click("text=b film.mp4")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


@pytest.mark.slow
def test_two_thousand_films_open_within_two_seconds(
    browser: Any, results: list[FilmResult], tmp_path: Path
) -> None:
    path = tmp_path / "many.html"
    with open_writer(path, GENRES) as writer:
        for i in range(2000):
            writer.write(replace(results[0], path=f"/films/{i}.mp4"))
    opened = browser.new_page()
    started = time.monotonic()
    opened.goto(path.as_uri())
    assert opened.locator("button.open").count() == 2000
    assert time.monotonic() - started < 2
    opened.close()


def test_records_in_files_have_no_pictures(results: list[FilmResult], tmp_path: Path) -> None:
    assert any(clip.pictures for clip in results[0].clips)
    with open_writer(tmp_path / "o.jsonl", GENRES) as writer:
        writer.write(results[0])
    text = (tmp_path / "o.jsonl").read_text()
    assert "pictures" not in text and "data:image" not in text
