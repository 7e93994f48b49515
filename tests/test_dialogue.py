"""What is said and what is not, in any encoding and format, and in which language."""

# ruff: noqa: RUF001 - texts of other languages have letters that look like others

from __future__ import annotations

import codecs
import random
import time
from pathlib import Path

import pytest
from spoken import ENGLISH, FRENCH, clock, repeated, srt

from vgenre.dialogue.cleaning import cleaned, is_advertisement
from vgenre.dialogue.language import language_of_text, plainly_english
from vgenre.dialogue.parsing import MOST_BYTES, MOST_CUES, RawCue, decoded, parsed, read_bytes
from vgenre.dialogue.tags import tags_of
from vgenre.dialogue.types import Cue
from vgenre.errors import MediaError

pytestmark = pytest.mark.quick


def cues_of(text: str, frame_rate: float = 0.0) -> list[Cue]:
    return cleaned(parsed("f.srt", decoded("f.srt", text.encode()), frame_rate))


def said(*texts: str, apart: float = 3.0) -> list[Cue]:
    """What is made of cues with these texts."""
    return cleaned([RawCue(apart * i, apart * i + 2, text) for i, text in enumerate(texts)])


# --- encodings and formats ------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"],
)
def test_every_encoding_gives_the_same_text(encoding: str, ends: str) -> None:
    text = srt(repeated([*ENGLISH, "“The café’s naïve owner…” he said."], 8))
    data = text.replace("\n", ends).encode(encoding)
    assert decoded("f.srt", data) == text


@pytest.mark.parametrize(
    ("encoding", "lines"),
    [
        (
            "cp1251",
            "Где ты был вчера вечером?|Я ждал тебя всю ночь.|Никто не пришёл.|Что мне делать?|"
            "Корабль уже ушёл, а старик остался.|Закрой дверь и никого не впускай!",
        ),
        (
            "cp1250",
            "Gdzie byłeś wczoraj wieczorem?|Czekałem na ciebie całą noc.|Nikt nie przyszedł.|"
            "Jeśli zdążymy do portu przed burzą, będzie jeszcze łódź.|Zamknij drzwi, proszę cię!|"
            "Mój ojciec wiedziałby, co zrobić.|Wszystkie pieniądze były w domu, gdy wyszedł.",
        ),
        (
            "cp1253",
            "Πού ήσουν χθες το βράδυ;|Σε περίμενα όλη τη νύχτα.|Κανείς δεν ήρθε.|Τι να κάνω τώρα;|"
            "Το πλοίο έφυγε και ο γέρος έμεινε.|Κλείσε την πόρτα!",
        ),
        (
            "shift_jis",
            "昨日の夜はどこにいたの?|ずっと待っていたのに。|誰も来なかった。|船はもう出てしまった。|"
            "ドアを閉めて、誰も入れないで!|父なら何をすべきか知っていただろう。|お金は全部家にあった。",
        ),
        (
            "gb18030",
            "你昨天晚上在哪里?|我等了你一整夜。|没有人来。|船已经开走了,老人却留了下来。|"
            "把门锁上,谁也别让进来!|如果是我父亲,他会知道该怎么办。",
        ),
    ],
)
def test_encodings_of_other_languages_are_told(encoding: str, lines: str) -> None:
    text = srt(lines.split("|"))
    assert decoded("f.srt", text.encode(encoding)) == text


def test_a_damaged_byte_costs_one_letter() -> None:
    data = srt(["Für dich, Chloé, und für Zoë."] * 9).encode()
    damaged = data[:300] + b"\xff" + data[301:]
    assert decoded("f.srt", damaged).count("Chloé") >= 8


@pytest.mark.parametrize(
    "data",
    [bytes(range(256)) * 50, random.Random(0).randbytes(9999), b"\x7fELF\2\1\1" + bytes(500), b""],
    ids=["every byte", "noise", "program", "empty"],
)
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film.srt"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"film\.srt: (this is no text|there are no subtitles)"):
        parsed(str(path), decoded(str(path), read_bytes(str(path))))


def test_large_files_and_what_is_no_file_are_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.srt"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    for path, reason in (
        (large, "100 MB are too much"),
        (tmp_path / "none.srt", "No such file"),
        (tmp_path, "no plain file|Is a directory"),
        (Path("/dev/zero"), "no plain file"),
    ):
        with pytest.raises(MediaError, match=reason):
            read_bytes(str(path))


FORMATS = {
    "srt": srt(["First <i>line</i>\nand second", "Third"]),
    "srt with dots and one digit": "1\n0:0:1.0 -> 0:0:2.5\nFirst line\nand second\n\n\n\n"
    "0:00:03.000  -->  00:00:04.500 X1:10 X2:20\nThird",
    "vtt": "WEBVTT - a title\nKind: captions\n\nSTYLE\n::cue { color: lime }\n\nNOTE\nnot said\n\n"
    "intro\n00:01.000 --> 00:02.500 line:0 align:start\n<v Ann>First <00:00:01.500><c.x>line</c>\n"
    "and second\n\nNOTE nor this\n\nsecond-cue\n00:00:03.000 --> 00:00:04.500\nThird\n\nNOTE\nend",
    "ass": "[Script Info]\nTitle: x\n[V4+ Styles]\nStyle: broken,&Hxyz,,\n[Fonts]\nfontname: a\n"
    "!!9!!(([\n[Events]\nFormat: Layer, Start\n"
    "Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,no\n"
    "Dialogue: 0,0:00:01.00,0:00:02.50,Default,Ann,0,0,0,,"
    "{\\an8\\i1}First line{\\i0}\\Nand second\n"
    "Dialogue: 0,bad,0:00:02.50,Default,,0,0,0,,never\n"
    "Dialogue: 0,0:00:03.00,0:00:04.50,Default,,0,0,0,,Third\n"
    "Dialogue: 1,0:00:03.00,0:00:04.50,Default,,0,0,0,fx,Thi\n",
    "ssa": "[Script Info]\n[Events]\n"
    "Dialogue: Marked=0,0:00:01.00,0:00:02.50,*Default,NTP,0000,0000,0000,,First line"
    "\\Nand second\n"
    "Dialogue: Marked=1,0:00:03.00,0:00:04.50,*Default,NTP,0000,0000,0000,!Effect,Third\n",
    "microdvd": "{1}{1}25.000\n{25}{62}{Y:i}First line|and second\n{75}{112}Third\n",
    "microdvd of the film's rate": "{25}{62}First line|{y:b}and second\n{75}{112}Third\n",
    "mpl2": "[10][25]/First line|and second\n[30][45]Third\n",
    "subviewer": "[INFORMATION]\n[TITLE]x\n00:00:01.00,00:00:02.50\nFirst line[br]and second\n\n"
    "00:00:03.00,00:00:04.50\nThird\n",
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_cues(name: str) -> None:
    first, third = cues_of(FORMATS[name], frame_rate=25.0)
    assert (first.text, third.text) == ("First line\nand second", "Third")
    assert (first.start, first.end) == pytest.approx((1.0, 2.5), abs=0.03)
    assert (third.start, third.end) == pytest.approx((3.0, 4.5), abs=0.03)


def test_times_that_cannot_be_meant() -> None:
    text = "\n\n".join(
        f"{times}\n{name}"
        for times, name in (
            ("00:00:20,000 --> 00:00:21,000", "Third."),
            ("-00:00:05,000 --> 00:00:01,000", "First."),
            ("00:00:10,000 --> 00:00:08,000", "Second."),
            ("00:00:20,500 --> 00:00:22,000", "Fourth, over the third."),
            ("00:00:23,000 --> 00:00:23,000", "Fifth."),
        )
    )
    cues = cues_of(text)
    assert [c.text.split(".")[0].split(",")[0] for c in cues] == [
        "First", "Second", "Third", "Fourth", "Fifth",
    ]  # fmt: skip
    assert all(0 <= cue.start <= cue.end for cue in cues)
    assert (cues[1].start, cues[1].end) == (10.0, 10.0)


def test_frame_rates_that_cannot_be_meant() -> None:
    for first in ("{1}{1}nan\n", "{1}{1}0\n", "{1}{1}1e9\n", "{1}{1}-25\n", ""):
        cues = cues_of(f"{first}{{250}}{{300}}Hello there\n", frame_rate=25.0)
        assert cues[-1].text == "Hello there" and cues[-1].start == pytest.approx(10, abs=0.1)
    assert cues_of("{2400}{2500}Hello")[0].start == pytest.approx(100.1, abs=0.1)


# --- what is said ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "text", "effect", "song"),
    [
        ("<i>Hello</i> <font color='red'>there</font>", "Hello there", "", ""),
        ("{\\an8}Up {\\b1}here{\\b0}\\hnow", "Up here now", "", ""),
        ("Fish &amp; chips &lt;now&gt;", "Fish & chips", "", ""),
        ("2 &lt; 3", "2 < 3", "", ""),
        ("&lt;b&gt;Bold&lt;/b&gt;", "Bold", "", ""),
        ("{\\p1}m 0 0 l 100 0 100 100{\\p0}Words", "Words", "", ""),
        ("- Yes.\n- No.", "Yes.\nNo.", "", ""),
        (">> GOOD EVENING.", "GOOD EVENING.", "", ""),
        ("[door creaks]", "", "door creaks", ""),
        ("(SIGHS) All right.", "All right.", "SIGHS", ""),
        ("[wind\nhowling] Who's there? (dog barks)", "Who's there?", "wind howling\ndog barks", ""),
        ("[gunshots", "", "gunshots", ""),
        ("[This is what they told us.]", "This is what they told us.", "", ""),
        ("♪ Sail away, sail away ♪", "", "", "Sail away, sail away"),
        (
            "♪ Sail away\nand never return ♪\nStop that!",
            "Stop that!",
            "",
            "Sail away\nand never return",
        ),
        ("# Sail away", "", "", "Sail away"),
        ("¶ Sail away ¶", "", "", "Sail away"),
        ("â™ª Sail away â™ª", "", "", "Sail away"),
        ("♪♪", "", "music", ""),
        ("We're #1 in the #metoo vote", "We're #1 in the #metoo vote", "", ""),
        ("JOHN: Come here!", "Come here!", "", ""),
        ("- MRS. O'HARA: Come here!", "Come here!", "", ""),
        ("Note: come at 10:30", "Note: come at 10:30", "", ""),
        ("a\u202eb\u200bc \ufeffd", "abc d", "", ""),
    ],
)
def test_what_is_said_and_what_is_not(written: str, text: str, effect: str, song: str) -> None:
    (cue,) = said(written)
    assert (cue.text, cue.effect, cue.song) == (text, effect, song)


@pytest.mark.parametrize(
    "written", ["", " ", "-", "...", "{\\an8}", "<i></i>", "{\\p1}m 0 0 l 9 9", "&nbsp;"]
)
def test_what_holds_no_words_is_no_cue(written: str) -> None:
    assert said(written) == []


def test_names_of_speakers_are_told_by_how_often_they_stand() -> None:
    lines = ["Ann: I know.", "Remember: nothing.", "[Ben] Who's there?", "[laughs] No."]
    cues = said(*lines, *(f"Ann: Say {word}." for word in "abc"), "[Ben] Go.", "[laughs]")
    assert [cue.text for cue in cues] == [
        "I know.", "Remember: nothing.", "Who's there?", "No.",
        "Say a.", "Say b.", "Say c.", "Go.", "",
    ]  # fmt: skip
    assert [cue.effect for cue in cues if cue.effect] == ["laughs", "laughs"]


@pytest.mark.parametrize(
    "line",
    [
        "Subtitles by SomeBody", "Synced and corrected by x_y", "Downloaded from www.example.org",
        "== sync by Somebody ==".strip("= "), "Support us and become VIP member",
        "Advertise your product or brand here", "Captioning made possible by somebody",
        "OpenSubtitles recommends something", "English subtitles: Somebody", "DIRECTED BY",
        "Encoded by somebody", "Translated by somebody",
    ],
)  # fmt: skip
def test_advertisements_and_credits_are_left_out(line: str) -> None:
    assert is_advertisement([line]) and is_advertisement(["Hello", line])
    assert [cue.text for cue in said(line, "We have to go.")] == ["We have to go."]


@pytest.mark.parametrize("line", ENGLISH)
def test_dialogue_is_no_advertisement(line: str) -> None:
    assert not is_advertisement([line])
    assert not is_advertisement(["He was a submarine captain, sub rosa.", "I wrote it by myself."])


def test_lines_that_are_shown_on_count_once() -> None:
    rolling = [
        RawCue(0.0, 2.0, "Captions that roll"),
        RawCue(2.0, 4.0, "Captions that roll\nshow a line"),
        RawCue(4.0, 6.0, "show a line\ntwice"),
    ]
    assert [c.text for c in cleaned(rolling)] == ["Captions that roll", "show a line", "twice"]
    layers = [RawCue(1.0, 3.0, "{\\blur5}Once"), RawCue(1.0, 3.0, "{\\bord2}Once")]
    assert [c.text for c in cleaned(layers)] == ["Once"]
    assert [c.text for c in said("No!", "No!", apart=30)] == ["No!", "No!"]


def test_signs_and_songs_of_ass_are_told_by_their_style() -> None:
    cues = cleaned(
        [
            RawCue(0, 1, "{\\pos(10,10)}POST OFFICE", "Signs"),
            RawCue(2, 3, "{\\k20}Sail {\\k30}away", "Default"),
            RawCue(4, 5, "and never return", "OP - Romaji"),
            RawCue(6, 7, "That's all.", "Default-alt"),
        ]
    )
    assert [(c.text, c.song) for c in cues] == [
        ("", "Sail away"), ("", "and never return"), ("That's all.", ""),
    ]  # fmt: skip


def test_no_markup_of_the_simple_kind_survives() -> None:
    hostile = "<script>alert(1)</script>Hi <img src=x onerror=alert(1)> {\\fn</style>}<<b>i>you"
    (cue,) = said(hostile)
    assert "<script" not in cue.text and "<img" not in cue.text and "onerror" not in cue.text


# --- languages ------------------------------------------------------------------------------

OTHERS = {
    "fr": " ".join(FRENCH),
    "de": "Wo warst du gestern Abend? Ich habe die ganze Nacht auf dich gewartet, und niemand ist "
    "gekommen. Was soll ich denn jetzt mit dem alten Mann machen, wenn das Schiff weg ist?",
    "es": "¿Dónde estabas anoche? Te estuve esperando durante horas y nadie vino. Si llegamos al "
    "puerto antes de la tormenta, todavía hay un barco para nosotros.",
    "nl": "Waar was je gisteravond? Ik heb de hele nacht op je gewacht en er kwam niemand. "
    "Wat moet ik nu met die oude man doen als de boot al weg is?",
    "ru": "Где ты был вчера вечером? Я ждал тебя всю ночь, и никто не пришёл. "
    "Что мне теперь делать?",
    "ja": "昨日の夜はどこにいたの? ずっと待っていたのに、誰も来なかった。船はもう出てしまった。",
}  # fmt: skip


@pytest.mark.parametrize("language", OTHERS)
def test_languages_are_told_whatever_the_name_says(language: str) -> None:
    text = OTHERS[language]
    assert language_of_text(text) == language_of_text(text, "en") == language


def test_english_is_told_whatever_the_name_says() -> None:
    text = " ".join(ENGLISH)
    for written in (text, text.upper(), text.replace("'", "’")):
        assert language_of_text(written) == language_of_text(written, "fr") == "en"
        assert plainly_english(f"{written} {written}")
    assert not plainly_english("you " * 99) and plainly_english("you " * 100)


def test_a_name_decides_where_there_is_little_text() -> None:
    assert language_of_text("Non!", "en") == "en"
    assert language_of_text("", "de") == "de" and language_of_text("", "") == ""


@pytest.mark.parametrize(
    ("name", "language", "kind"),
    [
        ("", "", "whole"), (".en", "en", "whole"), (".eng", "en", "whole"), (".ENG", "en", "whole"),
        (".english", "en", "whole"), (".en-US", "en", "whole"), (".en_GB", "en", "whole"),
        ("2_English", "en", "whole"), (" (English)", "en", "whole"), ("_eng", "en", "whole"),
        (".en.forced", "en", "forced"), (".forced.en", "en", "forced"),
        (".default.en.forced", "en", "forced"), (".en.sdh", "en", "hearing impaired"),
        (".eng.cc", "en", "hearing impaired"), (".en.hi", "en", "hearing impaired"),
        ("SDH.eng.HI", "en", "hearing impaired"), (".hi", "hi", "whole"),
        (".Directors Commentary.en", "en", "commentary"), (".ger", "de", "whole"),
        (".deu", "de", "whole"), (".pt-BR", "pt", "whole"), (".pob", "pt", "whole"),
        (".zh-Hans", "zh", "whole"), (".es-419", "es", "whole"),
        ("Latin American.spa", "es", "whole"),
        ("It.Is.no", "no", "whole"), ("So.It.Is.Me", "", "whole"), ("Full Signs", "", "whole"),
        ("Signs & Songs", "", "forced"), ("Français (forcé)", "fr", "whole"),
    ],
)  # fmt: skip
def test_what_a_name_says(name: str, language: str, kind: str) -> None:
    assert tags_of(name)[:2] == (language, kind)


# --- bombs ----------------------------------------------------------------------------------

_TIMES = "00:00:01,000 --> 00:00:02,000\n"
BOMBS = {
    "cues": srt(["Hello you"] * 3) * 7_000,
    "times": _TIMES * 20_500,
    "a line": _TIMES + "a " * 500_000,
    "lines": _TIMES + "a\n" * 500_000,
    "empty lines": _TIMES + "a" + "\n" * 1_000_000 + "b",
    **{
        repr(part): (_TIMES + part * (1900 // len(part)) + "\n\n") * 200
        for part in (
            "<a",
            "<",
            "{",
            "{\\p1",
            "&amp;",
            "[a",
            "(a",
            "#",
            "a-",
            "A :",
            "[br]",
            " \t",
            "1",
        )
    },
    "ass": "[Script Info]\n" + ("Dialogue: 0,0:00:01.00,0:00:02.00," + "," * 1900 + "\n") * 400,
    "frames": ("{99999999}{99999999}" + "{y:" * 600 + "\n") * 400,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_take_little_time(name: str) -> None:
    started = time.process_time()
    try:
        raw = parsed("f.srt", decoded("f.srt", BOMBS[name].encode()[:MOST_BYTES]))
    except MediaError:
        raw = []
    assert len(raw) <= MOST_CUES
    cleaned(raw)
    assert time.process_time() - started < 10  # some tenths of a second; squares take minutes


def test_two_hours_are_read_in_a_moment() -> None:
    lines = repeated(ENGLISH, 225)
    data = "".join(
        f"{i}\n{clock(4 * i)} --> {clock(4 * i + 2)}\n{line}\n\n" for i, line in enumerate(lines)
    ).encode()
    parsed("f.srt", decoded("f.srt", data))  # imports pysubs2
    started = time.process_time()
    cues = cleaned(parsed("f.srt", decoded("f.srt", data)))
    assert language_of_text("\n".join(cue.text for cue in cues)) == "en"
    assert time.process_time() - started < 1.0  # a tenth of it where nothing else runs
    assert len(cues) == 1800


def test_marks_of_order_of_bytes() -> None:
    assert decoded("f", codecs.BOM_UTF16_BE + "Hé".encode("utf-16-be")) == "Hé"
