"""The page of ``--output report.html`` in a real browser."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rendered import film
from toys import toy_model

import vgenre
from vgenre.dialogue.types import Subtitles
from vgenre.errors import MediaError
from vgenre.labelling.record import FilmResult, failure
from vgenre.media.types import clock
from vgenre.models.embedding import written
from vgenre.output.writers import open_writer
from vgenre.training.embedding import fit_space

GENRES = ("Action", "Horror")
SPOKEN = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
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
    first = replace(
        label,
        labels=["Action"],
        probabilities={"Action": 0.9, "Horror": 0.1},
        without={
            "visual": {"Action": 0.47, "Horror": 0.53},
            "audio": {"Action": 0.95, "Horror": 0.05},
        },
    )
    return [
        replace(first, path=str(folder / "b film.mp4")),
        replace(
            first,
            path=str(folder / HOSTILE),
            labels=["Horror"],
            probabilities={"Action": 0.3, "Horror": 0.7},
        ),
        replace(
            first,
            path=str(folder / "Ünsure.mp4"),
            labels=[],
            probabilities={"Action": 0.2, "Horror": 0.1},
            outside=0.7,
            duration=5000.0,
        ),
        replace(first, path="f/rtl \u202e4pm.png\x07.mp4"),
        replace(first, path="f/Am\udce9lie.mp4"),
        replace(first, path="f/עברית 🎬.mp4"),
        replace(first, path="f/still.png", duration=0.0, clips=first.clips[:1], without={}),
        replace(
            first,
            path="f/explained.mp4",
            explanation={
                "label": "Action",
                "time": 0.0,
                "streams": {"visual": 0.97, "audio": 0.04},
                "pictures": {},
            },
        ),
        replace(
            first,
            path="f/spoken.mp4",
            without={**first.without, "dialogue": {"Action": 0.41, "Horror": 0.59}},
            streams={"visual": True, "audio": True, "dialogue": True},
            dialogue={
                **Subtitles().to_dict(),
                "source": f"{SPOKEN}.srt",
                "words": 812,
                "notes": ["not English, left out: French"],
            },
            explanation={
                "label": "Action",
                "time": 0.0,
                "streams": {"visual": 0.97, "audio": 0.04},
                "words": [["harbour", 0.8], ["a boat", 0.4]],
                "cues": [
                    {"start": 5.0, "end": 6.5, "text": SPOKEN, "weight": 0.8},
                    {"start": 20.0, "end": 21.0, "text": "We take\nthe \u202eboat", "weight": 0.4},
                ],
                "pictures": {},
            },
        ),
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
    assert len(names(page)) == 10
    page.fill("#search", "ÜNS")
    assert names(page) == ["Ünsure.mp4"]
    assert page.inner_text("#count") == "1 of 10 films"
    page.fill("#search", "")
    page.select_option("#genre", "Horror")
    assert names(page) == [HOSTILE]
    page.select_option("#genre", "")
    page.select_option("#status", "error")
    assert names(page) == ["broken.mp4"]
    page.select_option("#status", "")
    page.click("th.sure button")
    assert names(page)[-3:] == [HOSTILE, "Ünsure.mp4", "broken.mp4"]
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
    assert "none of them" not in details.inner_text()
    page.keyboard.press("Enter")
    assert page.locator("div.details").count() == 0


def test_what_picture_and_sound_say_alone_is_shown_where_it_was_measured(page: Any) -> None:
    page.click("text=explained.mp4")
    details = page.locator("div.details")
    assert "Why Action" in details.inner_text()
    alone = details.locator(".bars").last.inner_text().split("\n")
    assert alone == ["by the picture alone", "97 %", "by the sound alone", "4 %"]
    assert "weigh" not in details.inner_text()
    assert details.locator(".mark, .cues").count() == 0 and "Dialogue" not in details.inner_text()


def test_what_decided_is_what_changes_without_a_stream(page: Any) -> None:
    page.click("text=b film.mp4")
    details = page.locator("div.details")
    said = details.locator("p.decided").inner_text()
    assert said == "Action 90 %; without the picture 47 %, without the sound 95 %"
    bars = details.locator("h3:has-text('What decided') ~ .bars").first
    assert bars.inner_text().split("\n") == ["picture", "for it, 43 points", "sound",
                                             "against it, 5 points"]  # fmt: skip
    widths = bars.locator(".bar").evaluate_all("bars => bars.map((b) => b.style.width)")
    assert widths == ["43%", "5%"]
    assert bars.locator(".bar.against").count() == 1
    page.click("text=b film.mp4")
    page.click("text=still.png")
    assert "What decided" not in details.inner_text(), "there is one stream"


def test_what_was_said_is_shown_with_its_time_and_is_text(page: Any) -> None:
    page.click("text=spoken.mp4")
    details = page.locator("div.details")
    said = details.locator("p.decided").inner_text()
    assert said.endswith("without the sound 95 %, without the dialogue 41 %")
    bars = details.locator("h3:has-text('What decided') ~ .bars").first.inner_text().split("\n")
    assert bars[-2:] == ["dialogue", "for it, 49 points"]
    assert details.locator(".cues li").all_inner_texts() == [
        f"0:05\n{SPOKEN}", "0:20\nWe take the \\u202eboat",
    ]  # fmt: skip
    words = details.locator("h3:has-text('Why Action') ~ .bars").last
    assert words.inner_text().split("\n")[:1] == ["harbour"] and "a boat" in words.inner_text()
    assert words.locator(".bar").evaluate_all("b => b.map((e) => e.style.width)") == ["100%", "50%"]
    told = details.locator("h3:has-text('Dialogue') + p").inner_text()
    assert told == f"{SPOKEN}.srt, 812 words; not English, left out: French"
    assert page.locator("img[src=x], .details script").count() == 0


def test_what_is_said_is_marked_on_the_timeline(page: Any) -> None:
    page.click("text=spoken.mp4")
    details, shown = page.locator("div.details"), page.locator("p.said")
    marks = details.locator("button.mark")
    assert marks.evaluate_all("m => m.map((e) => e.style.left)") == ["20%", "80%"]
    assert marks.first.get_attribute("title") == f"0:05 {SPOKEN}"
    marks.first.click()
    assert shown.inner_text() == f"0:05 {SPOKEN}"
    marks.last.focus()
    page.keyboard.press("Enter")
    assert shown.inner_text() == "0:20 We take the \\u202eboat"
    assert marks.evaluate_all("m => m.map((e) => e.ariaPressed)") == ["false", "true"]
    page.keyboard.press("Enter")
    assert shown.inner_text() == ""
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    timeline, last = details.locator("svg.timeline").bounding_box(), marks.last.bounding_box()
    middle = last["x"] + last["width"] / 2
    assert middle == pytest.approx(timeline["x"] + 0.8 * timeline["width"], abs=2)


def test_that_a_film_is_none_of_the_genres_is_shown(page: Any) -> None:
    page.click("text=Ünsure.mp4")
    genres = page.locator("div.details .bars").first.inner_text().split("\n")
    assert genres == ["Action", "20 %", "Horror", "10 %", "none of them", "70 %"]


def test_a_name_that_turns_the_text_around_it_is_shown_as_it_is(page: Any) -> None:
    assert "rtl \\u202e4pm.png\\u0007.mp4" in names(page)
    assert "Am\\xe9lie.mp4" in names(page), "a byte that is no text"
    assert "עברית 🎬.mp4" in names(page), "what is text stays as it is"
    shown = page.inner_text("body")
    assert not set("\u202d\u202e\u2066\u2067\x07") & set(shown)
    button = page.locator("button.open", has_text="4pm")
    assert button.evaluate("b => getComputedStyle(b).unicodeBidi") == "isolate"
    page.fill("#search", "עברית")
    assert names(page) == ["עברית 🎬.mp4"]


def test_lengths_and_moments_have_one_format(page: Any) -> None:
    lengths = [None, 0, 0.4, 9.6, 59.4, 59.6, 600, 3599.4, 3599.6, 5000, 36_000]
    shown = page.evaluate("lengths => lengths.map(clock)", lengths)
    assert shown == [
        *("", "still", "0:00", "0:10", "0:59", "1:00", "10:00", "59:59"),
        *("1:00:00", "1:23:20", "10:00:00"),
    ]
    assert shown[2:] == [clock(seconds) for seconds in lengths[2:] if seconds is not None]
    assert page.evaluate("moment(0)") == clock(0)
    page.click("text=still.png")
    details = page.locator("div.details").inner_text()
    assert "still " in details and "0:00" not in details


def test_a_note_stands_above_the_films(browser: Any, tmp_path: Path) -> None:
    for note, count in (("these are <b>guesses</b>", 1), ("", 0)):
        with open_writer(tmp_path / "o.html", GENRES, note):
            pass
        opened = browser.new_page()
        opened.goto((tmp_path / "o.html").as_uri())
        assert opened.get_by_text("these are <b>guesses</b>").count() == count
        assert opened.inner_text("#count") == "0 films"
        opened.close()


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


def test_films_like_one_and_taught_genres_are_shown_and_lead_there(
    browser: Any, results: list[FilmResult], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    readings = {"visual": rng.normal(size=(30, 8)), "audio": rng.normal(size=(30, 6))}
    space = fit_space(readings, [("a",) if i % 2 else () for i in range(30)])
    near = {"visual": readings["visual"][0], "audio": readings["audio"][1]}
    vectors = [
        space.embedding(near),
        space.embedding({"visual": readings["visual"][0], "audio": readings["audio"][5]}),
        space.embedding({"visual": readings["visual"][9], "audio": readings["audio"][9]}),
    ]
    records = [
        replace(results[i], embedding=written(v), taught={"Heist": 0.71}, labels=["Heist"])
        for i, v in zip((0, 1, 2), vectors, strict=True)
    ]
    page = tmp_path / "alike.html"
    with open_writer(page, (*GENRES, "Heist"), "", space) as writer:
        for record in (records[0], results[-1], *records[1:]):  # one of them has no vector
            writer.write(record)
    opened = browser.new_page()
    opened.goto(page.as_uri())
    opened.get_by_role("button", name="b film.mp4").click()
    details = opened.locator("div.details")
    assert details.locator("h3").all_inner_texts()[:2] == ["Genres", "Taught genres"]
    assert "Heist" in details.inner_text() and "71 %" in details.inner_text()
    first = details.locator("ul.alike li").first
    assert HOSTILE in first.inner_text() and "alike, above all in picture" in first.inner_text()
    opened.locator("#search").fill("b film")
    assert opened.locator("#films > tr").count() == 2
    details.locator("ul.alike button").first.click()
    assert opened.locator("#search").input_value() == ""
    assert opened.locator("div.details").count() == 2
    assert opened.title() != "owned"
    opened.close()
