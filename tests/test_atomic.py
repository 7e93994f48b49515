"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vgenre.output.atomic import atomic, atomic_path, write_atomic

pytestmark = pytest.mark.quick


def test_a_file_is_written_with_the_rights_that_any_new_file_has(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", "Amélie")
    (tmp_path / "plain").touch()
    assert (tmp_path / "a").read_bytes() == "Amélie".encode()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert sorted(os.listdir(tmp_path)) == ["a", "plain"]


def test_mode_and_owner_of_a_replaced_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "film.nfo"
    path.write_text("old")
    path.chmod(0o664)
    if os.geteuid() == 0:
        os.chown(path, 1000, 1001)
    before = path.stat()
    os.utime(path, (0, 0))
    write_atomic(path, b"new")
    after = path.stat()
    assert path.read_text() == "new"
    assert stat.S_IMODE(after.st_mode) == 0o664
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert after.st_mtime > 1e9, "it has changed, and says so"


def test_extended_attributes_stay(tmp_path: Path) -> None:
    path = tmp_path / "film.nfo"
    path.write_text("old")
    try:
        os.setxattr(path, "user.seen", b"yes")
    except OSError:
        pytest.skip("this file system has no attributes")
    write_atomic(path, b"new")
    assert os.getxattr(path, "user.seen") == b"yes"


@pytest.mark.parametrize("exists", [True, False])
def test_the_file_behind_a_symlink_is_written(tmp_path: Path, exists: bool) -> None:
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "film.nfo"
    if exists:
        target.write_text("old")
    (tmp_path / "link.nfo").symlink_to("there/film.nfo")
    write_atomic(tmp_path / "link.nfo", b"new")
    assert (tmp_path / "link.nfo").is_symlink() and target.read_text() == "new"


def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic(path, "w", encoding="utf-8") as file:
        file.write("half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a"]


def test_libraries_that_take_a_name_get_one_with_the_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.npz") as temporary:
        assert temporary.suffix == ".npz" and temporary.parent == tmp_path
        temporary.write_bytes(b"new")
    assert (tmp_path / "a.npz").read_bytes() == b"new"


def test_a_name_as_long_as_names_can_be_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".nfo")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"


def test_folders_and_devices_are_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="this is a folder"):
        write_atomic(tmp_path, b"")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no plain file"):
        write_atomic(tmp_path / "pipe", b"")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_writers_at_once_leave_one_of_their_files_whole(tmp_path: Path) -> None:
    texts = [str(i) * 300_000 for i in range(6)]
    threads = [threading.Thread(target=write_atomic, args=(tmp_path / "a", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_text() in texts and os.listdir(tmp_path) == ["a"]


def test_a_writer_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    code = (
        "import os, signal, sys\n"
        "from vgenre.output.atomic import atomic\n"
        "with atomic(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False)
    assert path.read_text() == "old"
