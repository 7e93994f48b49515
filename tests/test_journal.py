"""The journal: what it keeps, and what it leaves alone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from vgenre.batch.journal import Journal, JournalReader
from vgenre.batch.keys import film_key
from vgenre.errors import DataError

pytestmark = pytest.mark.quick

SETTINGS = {"version": "1", "sampling": "4"}


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, cut: int) -> None:
    with Journal(tmp_path / "j") as journal:
        journal["a"], journal["b"] = {"n": 1}, {"n": 2}
    data = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(data[:-cut])
    with Journal(tmp_path / "j") as journal:
        assert "a" in journal and "b" not in journal
        journal["c"] = {"n": 3}
        assert journal["c"] == {"n": 3}
    with Journal(tmp_path / "j") as journal:
        assert journal["a"] == {"n": 1} and journal["c"] == {"n": 3}


@pytest.mark.parametrize("torn", [0, 1, 10, 40])
def test_a_torn_header_is_begun_anew(tmp_path: Path, torn: int) -> None:
    with Journal(tmp_path / "j", SETTINGS):
        pass
    (tmp_path / "j").write_bytes((tmp_path / "j").read_bytes()[:torn])
    with Journal(tmp_path / "j", SETTINGS) as journal:
        journal["a"] = {"n": 1}
    with Journal(tmp_path / "j", SETTINGS) as journal:
        assert journal["a"] == {"n": 1}


def test_two_runs_on_one_journal_are_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "j"), pytest.raises(DataError, match="another run is writing"):
        Journal(tmp_path / "j")
    with Journal(tmp_path / "j"), pytest.raises(DataError, match="another run is writing"):
        JournalReader(tmp_path / "j")


FOREIGN = ["Dear Sir\n", '{"one": "line"}', "x" * 100_000, '{"vgenre journal": 99}\n', "null\n"]


@pytest.mark.parametrize("text", FOREIGN)
@pytest.mark.parametrize("restart", [False, True])
def test_a_file_that_is_no_journal_is_refused_and_left(
    tmp_path: Path, text: str, restart: bool
) -> None:
    path = tmp_path / "letter"
    path.write_text(text)
    os.utime(path, (1, 1))
    with pytest.raises(DataError, match="no journal of vgenre"):
        Journal(path, SETTINGS, restart=restart)
    with pytest.raises(DataError, match="no journal of vgenre"):
        JournalReader(path)
    assert path.read_text() == text and path.stat().st_mtime == 1


def test_a_journal_of_the_first_format_is_read_and_continued(tmp_path: Path) -> None:
    lines = [{"vgenre journal": 1}, {"key": "a", "record": {"n": 1}}]
    (tmp_path / "j").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert JournalReader(tmp_path / "j").settings is None
    with Journal(tmp_path / "j", SETTINGS) as journal:
        assert journal["a"] == {"n": 1}
        journal["b"] = {"n": 2}
    reader = JournalReader(tmp_path / "j")
    assert reader.settings == SETTINGS and dict(reader.records()) == {"a": {"n": 1}, "b": {"n": 2}}
    reader.close()


def test_the_records_of_the_last_settings_are_told_apart(tmp_path: Path) -> None:
    for settings, key, n in ((SETTINGS, "a", 1), ({"sampling": "10"}, "b", 2)):
        with Journal(tmp_path / "j", settings) as journal:
            journal[key] = {"n": n}
    with Journal(tmp_path / "j", SETTINGS) as journal:
        assert "a" in journal and "b" in journal
    reader = JournalReader(tmp_path / "j")
    assert reader.settings == SETTINGS and dict(reader.records()) == {"a": {"n": 1}}
    reader.close()


def test_reading_changes_nothing_and_needs_no_right_to_write(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", SETTINGS) as journal:
        journal["a"] = {"n": 1}
    data = (tmp_path / "j").read_bytes() + b'{"key": "torn'
    (tmp_path / "j").write_bytes(data)
    (tmp_path / "j").chmod(stat.S_IRUSR)
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    reader = JournalReader(tmp_path / "j")
    assert dict(reader.records()) == {"a": {"n": 1}}
    reader.close()
    tmp_path.chmod(0o700)
    assert (tmp_path / "j").read_bytes() == data


def test_a_journal_takes_what_another_one_knows(tmp_path: Path) -> None:
    with Journal(tmp_path / "old", SETTINGS) as old:
        old["a"] = {"n": 1}
    with Journal(tmp_path / "new", SETTINGS) as journal:
        journal.look_into(tmp_path / "none")
        journal.look_into(tmp_path / "old")
        assert not journal.adopt("b") and journal.adopt("a")
        with Journal(tmp_path / "old", restart=True):
            pass  # another run may write it meanwhile
        assert journal["a"] == {"n": 1} and not journal.adopt("b")
    with Journal(tmp_path / "new") as journal:
        assert journal["a"] == {"n": 1}


class Listed(MemoryFileSystem):
    """A store that answers from a listing that it read before, as S3 does."""

    protocol = "listed"
    cachable = False
    listing: ClassVar[dict[str, dict]] = {}

    def __init__(self, use_listings_cache: bool = True) -> None:
        super().__init__()
        self.listed = use_listings_cache

    def info(self, path: str, **options: object) -> dict:
        path = path.rpartition("://")[2]
        known = {**super().info(path), "ETag": str(super().info(path)["size"])}
        return self.listing.setdefault(path, known) if self.listed else known


def test_a_remote_film_that_changed_behind_its_listing_is_seen() -> None:
    fsspec.register_implementation("listed", Listed, clobber=True)
    store = MemoryFileSystem()
    store.pipe("/films/a.mkv", b"one")
    url = "listed:///films/a.mkv"
    first, fresh = film_key(url, "s"), film_key(url, "s", fresh=True)
    assert first == fresh
    store.pipe("/films/a.mkv", b"another")
    assert film_key(url, "s") == first and film_key(url, "s", fresh=True) != fresh
    store.rm("/films", recursive=True)


def test_a_film_has_another_key_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    keys = {film_key(str(path), "s")}
    path.write_text("a")
    keys.add(film_key(str(path), "s"))
    path.write_text("ab")
    keys.add(film_key(str(path), "s"))
    keys.add(film_key(str(path), "t"))
    assert len(keys) == 4
