"""Mutated files: whatever is in them, each gets a record, and soon."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest
from rendered import film, has_encoder, lavfi, render
from toys import toy_model

import vgenre
from vgenre.labelling.record import ERROR, OK, PARTIAL

LONGEST = 40.0  # seconds that a mutant may take


def originals(folder: Path) -> list[Path]:
    """A short film in every container, a sound file and a still image."""
    made = [film(folder / f"f.{suffix}", seconds=2) for suffix in ("mp4", "mkv", "avi", "ts")]
    if has_encoder("libvpx-vp9"):
        made.append(film(folder / "f.webm", seconds=1, video=("-c:v", "libvpx-vp9")))
    made.append(render(folder / "f.mp3", *lavfi("sine=frequency=440"), "-t", 3))
    made.append(render(folder / "f.jpg", *lavfi("testsrc2=size=160x120"), "-frames:v", 1))
    return made


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Some bytes flipped, a piece cut out, repeated, zeroed or the end cut off."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not changed:
            break
        # Headers are at the beginning or the end more often than in the middle.
        span = len(changed) if rng.random() < 0.5 else min(len(changed), 2048)
        at = rng.randrange(span)
        if rng.random() < 0.2:
            at = len(changed) - 1 - at
        size = rng.choice((1, 2, 4, 16, 256, 4096))
        kind = rng.randrange(6)
        if kind == 0:
            for i in range(at, min(len(changed), at + size)):
                changed[i] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at : at + size] = rng.randbytes(size)
        elif kind == 2:
            changed[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4)))
        elif kind == 3:
            del changed[at : at + size]
        elif kind == 4:
            changed[at:at] = changed[at : at + size]
        else:
            del changed[at:]
    return bytes(changed)


@pytest.mark.parametrize("mutants", [42, pytest.param(3000, marks=pytest.mark.slow)])
def test_every_mutant_gets_a_record(tmp_path: Path, mutants: int) -> None:
    toy_model(tmp_path / "toy")
    model = vgenre.load_model(tmp_path / "toy")
    files = originals(tmp_path)
    statuses: Counter[str] = Counter()
    rng = random.Random(mutants)
    for i in range(mutants):
        source = files[i % len(files)]
        mutant = tmp_path / f"mutant{source.suffix}"
        mutant.write_bytes(mutate(source.read_bytes(), rng))
        started = time.monotonic()
        result = model.label(mutant, sampling=2, timeout=LONGEST / 4)
        assert time.monotonic() - started < LONGEST, f"mutant {i} of {source.name}"
        assert result.status in (OK, PARTIAL, ERROR)
        assert (result.error is None) == (result.status == OK)
        if result.error:
            assert str(mutant) in result.error["message"]
        statuses[result.status] += 1
    assert statuses[OK] and statuses[ERROR], statuses
