"""Films behind URLs: file systems of fsspec, and a web server on this machine."""

from __future__ import annotations

import functools
import http.server
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from rendered import film
from toys import toy_model
from typer.testing import CliRunner

import vgenre
from vgenre.batch.keys import film_key
from vgenre.batch.shards import Shard
from vgenre.cli import app
from vgenre.data.cache import FeatureCache
from vgenre.data.items import Item
from vgenre.data.pixels import collect_pixels
from vgenre.errors import DataError, MediaError
from vgenre.media.find import find_media
from vgenre.media.remote import is_remote, local_copy
from vgenre.media.sampling import Sampling
from vgenre.sound import MelSettings


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> vgenre.Model:
    directory = tmp_path_factory.mktemp("model") / "toy"
    toy_model(directory)
    return vgenre.load_model(directory)


@pytest.fixture
def memory(short_film: Path) -> Iterator[fsspec.AbstractFileSystem]:
    """A store with two films and a text."""
    store = fsspec.filesystem("memory")
    for name in ("films/b.mkv", "films/a/c.mkv"):
        store.pipe(f"/{name}", short_film.read_bytes())
    store.pipe("/films/readme.txt", b"text")
    store.pipe("/films/.hidden.mkv", b"x")
    yield store
    store.rm("/films", recursive=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, list[str]]]:
    """A web server on this machine, its folder, and the paths that it was asked for."""
    folder, asked = tmp_path_factory.mktemp("web"), []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if "elsewhere" in self.path:
                self.send_response(302)
                self.send_header("Location", "file:///etc/hostname")
                self.end_headers()
                return
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}", folder, asked
        found.shutdown()


def left_behind() -> set[str]:
    return {name for name in os.listdir(tempfile.gettempdir()) if name.startswith("vgenre-")}


class Corner:
    """The first pixel of each frame."""

    def features(self, frames: np.ndarray) -> np.ndarray:
        return frames[:, 0, 0].astype(np.float32)


def test_a_store_is_searched_as_a_folder_is(memory) -> None:  # type: ignore[no-untyped-def]
    assert find_media(["memory://films"]) == ["memory:///films/b.mkv", "memory:///films/a/c.mkv"]
    assert find_media(["memory://films/b.mkv"]) == ["memory://films/b.mkv"]
    found = find_media(["memory:///films"])
    shares = [Shard(i, 2).pick(found, ["memory:///films"]) for i in (1, 2)]
    assert sorted(shares[0] + shares[1]) == sorted(found)


def test_a_film_in_a_store_gets_the_label_of_its_copy_here(
    memory,
    model: vgenre.Model,
    short_film: Path,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A folder that the tests of the process beside this one do not write to.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = left_behind()
    there = model.label("memory:///films/b.mkv", explain=True)
    here = model.label(short_film)
    assert there.path == "memory:///films/b.mkv" and there.status == "ok"
    assert there.probabilities == here.probabilities and there.duration == here.duration
    assert there.explanation is not None
    assert left_behind() == before, "the copy is gone"


def test_a_url_of_the_local_file_system(model: vgenre.Model, short_film: Path) -> None:
    assert model.label(f"file://{short_film}").status == "ok"


def test_errors_name_the_url_and_not_the_copy(memory, model: vgenre.Model) -> None:  # type: ignore[no-untyped-def]
    memory.pipe("/films/bad.mkv", b"no film")
    for url, reason in (
        ("memory:///films/bad.mkv", "FFmpeg cannot open it"),
        ("memory:///films/none.mkv", "no such file"),
        ("nosuch://films/a.mkv", "not known"),
        ("zip://a.mkv::memory:///films/b.mkv", "chained"),
    ):
        result = model.label(url)
        assert result.status == "error" and result.error is not None
        assert url in result.error["message"] and reason in result.error["message"], result.error
        assert "/vgenre-" not in result.error["message"]


def test_a_film_on_the_web(
    server: tuple[str, Path, list[str]], model: vgenre.Model, short_film: Path
) -> None:
    url, folder, asked = server
    (folder / "film.mkv").write_bytes(short_film.read_bytes())
    result = model.label(f"{url}/film.mkv?token=1")
    assert result.status == "ok" and result.path == f"{url}/film.mkv?token=1"
    assert result.probabilities == model.label(short_film).probabilities
    assert any("film.mkv" in path for path in asked)
    missing = model.label(f"{url}/none.mkv").error
    assert missing is not None and f"{url}/none.mkv" in missing["message"]
    redirected = model.label(f"{url}/elsewhere.mkv").error
    assert redirected is not None and "elsewhere.mkv" in redirected["message"]


def test_what_a_playlist_on_the_web_names_is_not_fetched(
    server: tuple[str, Path, list[str]], model: vgenre.Model
) -> None:
    url, folder, asked = server
    (folder / "list.m3u8").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}/canary.ts\n#EXT-X-ENDLIST\n"
    )
    (folder / "list.mp4").write_bytes((folder / "list.m3u8").read_bytes())
    for name in ("list.m3u8", "list.mp4"):
        assert model.label(f"{url}/{name}").status == "error"
    assert not any("canary" in path for path in asked)


def test_ffmpeg_is_never_given_a_url(server: tuple[str, Path, list[str]]) -> None:
    url, _, asked = server
    count = len(asked)
    for given in (f"{url}/film.mkv", "memory:///films/b.mkv"):
        with pytest.raises(MediaError, match="there is no such file"):
            vgenre.probe(given)
    assert len(asked) == count


def test_a_copy_that_is_cut_short_is_an_error(
    memory,
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[no-untyped-def]
) -> None:
    whole = type(memory).info

    def larger(self, path, **more):  # type: ignore[no-untyped-def]
        found = dict(whole(self, path, **more))
        return found | {"size": found["size"] + 1}

    monkeypatch.setattr(type(memory), "info", larger)
    with pytest.raises(MediaError, match="bytes came"), local_copy("memory:///films/b.mkv"):
        pass
    monkeypatch.setattr(type(memory), "info", lambda *_, **__: {"size": 1 << 60})
    with pytest.raises(MediaError, match="no room"), local_copy("memory:///films/b.mkv"):
        pass


def test_a_changed_film_has_another_key(memory) -> None:  # type: ignore[no-untyped-def]
    url = "memory:///films/b.mkv"
    first = film_key(url, "s")
    assert film_key(url, "s") == first
    memory.pipe("/films/b.mkv", b"other")
    assert film_key(url, "s") != first


def test_features_of_a_film_in_a_store(memory, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cache = FeatureCache(tmp_path, Corner(), "x", mel=MelSettings(), sampling=Sampling(None))
    assert cache.get("memory:///films/b.mkv").frame_mask.sum() == 12
    memory.pipe("/films/bad.mkv", b"no film")
    for name in ("none", "bad"):
        with pytest.raises(MediaError, match=f"^memory:///films/{name}.mkv"):
            cache.get(f"memory:///films/{name}.mkv")


def test_pixels_of_a_film_in_a_store(memory, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    items = [Item("memory:///films/b.mkv", ("A",), "b")]
    pixels, _ = collect_pixels(items, Corner(), Sampling(None), tmp_path / "pixels.raw", "x")
    assert pixels.counts.tolist() == [12]


def test_the_command_labels_a_store(tmp_path: Path) -> None:
    toy_model(tmp_path / "toy")
    (tmp_path / "films").mkdir()
    film(tmp_path / "films" / "a.mp4", seconds=1)
    output = tmp_path / "o.jsonl"
    command = ["label", f"file://{tmp_path}/films", "--model", str(tmp_path / "toy")]
    done = CliRunner().invoke(app, [*command, "--output", str(output), "--nfo", "create"])
    assert done.exit_code == 0, done.output
    (record,) = map(json.loads, output.read_text().splitlines())
    assert is_remote(record["path"]) and record["status"] == "ok"
    assert "no .nfo" in done.output
    assert (
        "1 known from before" in CliRunner().invoke(app, [*command, "--output", str(output)]).output
    )


def test_a_store_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(DataError, match="nosuch"):
        find_media(["nosuch://films"])
