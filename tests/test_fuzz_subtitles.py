"""Mutated subtitles: whatever is in them, they give cues that make sense or an error, and soon."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest
from spoken import ENGLISH, film_with, repeated, srt
from test_dialogue import FORMATS

from vgenre.dialogue import Subtitles, read_subtitles
from vgenre.errors import MediaError
from vgenre.media.probing import probe

LONGEST = 20.0  # seconds that a mutant may take
PIECES = (
    b"\n", b"\r", b"\0", b"{", b"}", b"{\\p1}", b"<", b">", b"<i>", b"[", b"]", b"(", b"#",
    b"&amp;", b"&#x110000;", b"-->", b"00:00:01,000 --> 00:00:02,000\n", b"WEBVTT\n", b"[Events]\n",
    b"{1}{1}nan\n", b"[1][2]", b"Dialogue: ", b"99:99:99,999", b"\xff\xfe", b"\xfe\xff",
    b"\xef\xbb\xbf", b"\xe2\x99\xaa", b"\xc3", b"\xed\xb0\x80", "\u202e".encode(), b"9" * 5000,
    b" " * 5000, b"a" * 5000, b"\\N" * 500,
)  # fmt: skip


def originals() -> list[bytes]:
    """Subtitles in every format and in several encodings."""
    whole = srt(repeated([*ENGLISH, "[door creaks]", "♪ Sail away ♪", "JOHN: Café?"], 3))
    texts = [text.encode() for text in FORMATS.values()]
    return [*texts, *(whole.encode(e, "replace") for e in ("utf-8", "utf-16", "cp1252", "cp1251"))]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, pieces put in, repeated, cut out, and the end cut off."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(changed) + 1)
        size = rng.choice((1, 2, 16, 300))
        kind = rng.randrange(5)
        if kind == 0:
            changed[at : at + size] = rng.randbytes(size)
        elif kind == 1:
            changed[at:at] = rng.choice(PIECES)
        elif kind == 2:
            changed[at:at] = changed[at : at + size] * rng.choice((1, 50))
        elif kind == 3:
            del changed[at : at + size]
        elif rng.random() < 0.2:
            del changed[at:]
    return bytes(changed)


def check(found: Subtitles) -> None:
    assert isinstance(found, Subtitles)
    times = [cue.start for cue in found.cues]
    assert times == sorted(times)
    for cue in found.cues:
        assert 0 <= cue.start <= cue.end < 1e9
        assert cue.text or cue.effect or cue.song
        assert not set("\0\r\x1b\u202e") & set(cue.text + cue.effect + cue.song)
    assert bool(found) == bool(found.source) and found.words >= 0
    assert all(note and "\n" not in note for note in found.notes)


@pytest.mark.parametrize("mutants", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_every_mutant_of_a_file_gives_cues_or_a_note(tmp_path: Path, mutants: int) -> None:
    rng = random.Random(mutants)
    film = film_with(tmp_path / "f.mkv", seconds=1)
    info = probe(film)
    files, results = originals(), Counter[bool]()
    for i in range(mutants):
        mutant = mutate(files[i % len(files)], rng)
        (tmp_path / "f.en.srt").write_bytes(mutant)
        started = time.monotonic()
        found = read_subtitles(film, info=info)
        assert time.monotonic() - started < LONGEST, i
        check(found)
        assert found or found.notes, i
        results[bool(found)] += 1
    assert min(results.values()) > 0 and len(results) == 2, results


@pytest.mark.parametrize("mutants", [24, pytest.param(2_000, marks=pytest.mark.slow)])
def test_every_mutant_of_a_film_gives_cues_or_an_error(tmp_path: Path, mutants: int) -> None:
    rng = random.Random(mutants)
    whole = srt(repeated(ENGLISH, 2), every=0.2)
    english = ("-metadata:s:s:{}", "language=eng")
    films = [
        film_with(tmp_path / f"f.{suffix}", (kind, whole, english), ("text", whole, ()), seconds=4)
        if suffix == "mkv"
        else film_with(tmp_path / f"f.{suffix}", (kind, whole, english), seconds=4)
        for suffix, kind in (("mkv", "ass"), ("mp4", "mov_text"))
    ]
    for i in range(mutants):
        source = films[i % len(films)]
        mutant = tmp_path / f"mutant{source.suffix}"
        mutant.write_bytes(mutate(source.read_bytes(), rng))
        started = time.monotonic()
        try:
            check(read_subtitles(mutant, timeout=LONGEST / 4))
        except MediaError as error:
            assert str(mutant) in str(error)
        assert time.monotonic() - started < LONGEST, i
