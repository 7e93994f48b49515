"""Data sets: what is found, what manifests say, how films are split."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rendered import frame_number, lavfi, render

from vgenre.data.frames import film_frames
from vgenre.data.items import Item, film_weights, split_by_film
from vgenre.data.load import load_items
from vgenre.errors import DataError, MediaError
from vgenre.media.find import find_media
from vgenre.media.sampling import Sampling


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def films(n_a: int, n_b: int, files: int = 2) -> list[Item]:
    """Films of two genres, several files of each."""
    genres = {f"a{i:03d}": "A" for i in range(n_a)} | {f"b{i:03d}": "B" for i in range(n_b)}
    return [Item(f"{f}-{k}.mp4", (g,), f) for k in range(files) for f, g in genres.items()]


# --- files ----------------------------------------------------------------------------------


def test_folders_are_searched_recursively_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.mkv", "a/z.MP4", "a/deep/er/x.jpg", "c/song.flac", "a.txt", "film.mkv.part")
    found = [str(Path(p).relative_to(tmp_path)) for p in find_media([tmp_path])]
    assert found == ["b.mkv", "a/z.MP4", "a/deep/er/x.jpg", "c/song.flac"]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, ".a.mkv", ".trash/b.mkv", "._c.mp4", "d.mp4")
    assert find_media([tmp_path]) == [str(tmp_path / "d.mp4")]


def test_named_file_is_taken_whatever_its_name_and_once(tmp_path: Path) -> None:
    touch(tmp_path, "film", "b.mkv", "a.mkv")
    given = [tmp_path / "film", tmp_path / "b.mkv", tmp_path, tmp_path / "missing.mp4"]
    assert [Path(p).name for p in find_media(given)] == ["film", "b.mkv", "a.mkv", "missing.mp4"]


# --- data sets ------------------------------------------------------------------------------


def test_folder_per_genre_gives_each_file_its_folders_name(tmp_path: Path) -> None:
    touch(tmp_path, "Science Fiction/x.mkv", "Action/sub/y.mp4", "Action/notes.txt", "stray.mkv")
    touch(tmp_path, ".cache/z.mkv")
    assert load_items(tmp_path) == [
        Item(str(tmp_path / "Action/sub/y.mp4"), ("Action",), "Action/sub/y.mp4"),
        Item(
            str(tmp_path / "Science Fiction/x.mkv"), ("Science Fiction",), "Science Fiction/x.mkv"
        ),
    ]


def test_a_copy_in_two_genre_folders_is_one_film_of_two_genres(tmp_path: Path) -> None:
    touch(tmp_path, "Action/001.mp4", "Horror/001.mp4", "Horror/002.mp4")
    (tmp_path / "Horror/002.mp4").write_bytes(b"another film")
    items = load_items(tmp_path)
    assert [(item.film, item.labels) for item in items] == [
        ("Action/001.mp4", ("Action", "Horror")),
        ("Horror/002.mp4", ("Horror",)),
    ]


def test_files_of_one_name_but_another_size_are_different_films(tmp_path: Path) -> None:
    touch(tmp_path, "Action/001.mp4", "Horror/001.mp4")
    (tmp_path / "Horror/001.mp4").write_bytes(b"another film")
    assert len({item.film for item in load_items(tmp_path)}) == 2


def test_manifest_is_read(tmp_path: Path) -> None:
    manifest = tmp_path / "set.csv"
    manifest.write_text(
        "\ufeffpath,labels,film,split,measured\n"
        'clips/a1.mp4,Action|Horror,"A, the film",train,\n'
        "/abs/b.mp4,,,val,0\n",
        encoding="utf-8",
    )
    assert load_items(manifest) == [
        Item(str(tmp_path / "clips/a1.mp4"), ("Action", "Horror"), "A, the film", "train"),
        Item("/abs/b.mp4", (), "b", "val", measured=False),
    ]


def test_a_manifest_can_hold_urls_and_absolute_paths(tmp_path: Path) -> None:
    manifest = tmp_path / "set.csv"
    manifest.write_text(
        "path,labels\ns3://archive/old/film.mkv,Action\nhttps://host/a%20b.mp4?v=1,Horror\n"
        "/abs/c.mp4,Action\n"
    )
    assert load_items(manifest) == [
        Item("s3://archive/old/film.mkv", ("Action",), "film"),
        Item("https://host/a%20b.mp4?v=1", ("Horror",), "a%20b"),
        Item("/abs/c.mp4", ("Action",), "c"),
    ]


def test_manifest_needs_only_path_and_labels(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("labels,path\nAction,a.mp4\n")
    assert load_items(str(tmp_path / "set.csv")) == [
        Item(str(tmp_path / "a.mp4"), ("Action",), "a")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "set.csv: the manifest lacks the column labels and path"),
        ("path,genre\na.mp4,Action\n", "set.csv: the manifest lacks the column labels"),
        ("path,labels\n", "set.csv: the manifest is empty"),
        ("path,labels\na.mp4,Action\n,Horror\n", "set.csv, line 3: the path is empty"),
        ("path,labels,split\na.mp4,A,train\nb.mp4,A,dev\n", "set.csv, line 3: split 'dev'"),
        ("path,labels\na.mp4\n", None),  # a short row has no labels
    ],
)
def test_wrong_manifest_is_refused_by_file_and_line(
    tmp_path: Path, text: str, message: str | None
) -> None:
    manifest = tmp_path / "set.csv"
    manifest.write_text(text)
    if message is None:
        assert load_items(manifest)[0].labels == ()
        return
    with pytest.raises(DataError, match=message):
        load_items(manifest)


def test_manifest_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_bytes(b"path,labels\n\xff\xfe\x80.mp4,Action\n")
    with pytest.raises(DataError, match=r"set\.csv"):
        load_items(tmp_path / "set.csv")


def test_missing_data_and_folder_without_films_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: there is no such folder or manifest"):
        load_items(tmp_path / "nowhere")
    (tmp_path / "Action").mkdir()
    with pytest.raises(DataError, match="no films found"):
        load_items(tmp_path)


# --- splits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_a", "n_b"), [(50, 50), (95, 12), (7, 3), (2, 1)])
def test_split_holds_out_tenths_and_keeps_films_whole(n_a: int, n_b: int) -> None:
    items = split_by_film(films(n_a, n_b))
    splits = {item.film: item.split for item in items}
    assert all(item.split == splits[item.film] for item in items)
    count, n = Counter(splits.values()), n_a + n_b
    assert count["val"] == count["test"] == max(1, round(n / 10))
    assert count["train"] == n - 2 * count["val"]
    assert [i.path for i in items] == [i.path for i in films(n_a, n_b)]


def test_split_spreads_each_genre() -> None:
    splits = {item.film: item.split for item in split_by_film(films(60, 30))}
    for genre, n in (("a", 60), ("b", 30)):
        count = Counter(split for film, split in splits.items() if film[0] == genre)
        assert count["val"] == pytest.approx(n / 10, abs=1)
        assert count["test"] == pytest.approx(n / 10, abs=1)


def test_split_depends_on_the_seed_alone() -> None:
    items = films(30, 30)
    split = {i.path: i.split for i in split_by_film(items)}
    assert {i.path: i.split for i in split_by_film(items[::-1])} == split
    assert {i.path: i.split for i in split_by_film(items, seed=1)} != split


def test_given_split_is_kept() -> None:
    items = [Item("a1", ("A",), "a", "test"), Item("b", ("A",), "b", "train")]
    assert split_by_film(items) == items


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "train"), ("a", "test"), ("b", "val")], "film 'a' is in two splits"),
        ([("a", "train"), ("b", None), ("c", "val")], "some films have a split"),
        ([("a", None), ("b", None)], "at least 3"),
    ],
)
def test_wrong_split_is_refused(rows: list[tuple[str, str | None]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_by_film([Item(f"{i}.mp4", ("A",), film, s) for i, (film, s) in enumerate(rows)])


def test_weights_give_genres_and_films_the_same_say() -> None:
    items = [Item(f"a{k}", ("A",), "a") for k in range(6)]
    items += [Item("c", ("A", "B"), "c"), Item("b", ("B",), "b"), Item("n", (), "n")]
    weights = film_weights(items)
    assert weights.mean() == pytest.approx(1)
    by_film = Counter[str]()
    for item, weight in zip(items, weights, strict=True):
        by_film[item.film] += weight
    assert by_film["a"] == pytest.approx(by_film["c"])
    assert by_film["a"] + by_film["c"] == pytest.approx(by_film["b"])
    assert by_film["b"] == pytest.approx(by_film["n"])


# --- frames ---------------------------------------------------------------------------------


def test_frames_to_learn_from_are_those_of_sampled_clips(
    tmp_path: Path, counter_film: Path
) -> None:
    items = [Item(str(counter_film), ("A",), "a")]  # 14 s at 25 fps
    file = tmp_path / "cache" / "frames.raw"
    frames, owners = film_frames(items, file, Sampling(1))
    assert frames.shape == (20, 299, 299, 3) and isinstance(frames, np.memmap)
    assert owners.tolist() == [0] * 20
    numbers = [frame_number(frame) for frame in frames]
    # One clip of 10 s from the middle, two frames a second.
    assert numbers[0] == pytest.approx(2 * 25, abs=7)
    assert np.diff(numbers) == pytest.approx(12.5, abs=7)
    whole, _ = film_frames(items, file, Sampling(None))
    assert len(whole) == 28


def test_frames_of_a_film_are_capped_and_spread_over_it(tmp_path: Path, counter_film: Path) -> None:
    items = [Item(str(counter_film), ("A",), "a")]
    frames, _ = film_frames(items, tmp_path / "frames.raw", Sampling(None), most=7)
    numbers = [frame_number(frame) for frame in frames]
    assert len(numbers) == 7 and np.diff(numbers) == pytest.approx(50, abs=7)
    two_files = [*items, *items]
    _, owners = film_frames(two_files, tmp_path / "frames.raw", Sampling(None), most=8)
    assert owners.tolist() == [0] * 4 + [1] * 4, "the files of a film share"


def test_frames_are_read_past_bad_films_and_nothing_of_them_stays(
    tmp_path: Path, short_film: Path
) -> None:
    (tmp_path / "bad.mp4").write_text("no film")
    heard = render(tmp_path / "a.wav", *lavfi("sine=frequency=440"), "-t", 3)
    items = [
        Item(str(tmp_path / "bad.mp4"), ("A",), "bad"),
        Item(str(heard), ("A",), "heard"),
        Item(short_film.as_uri(), ("B",), "short"),
    ]
    skipped: list[MediaError] = []
    frames, owners = film_frames(
        items, tmp_path / "frames.raw", Sampling(4), skipped=skipped.append
    )
    assert [error.path for error in skipped] == [items[0].path]
    assert set(owners.tolist()) == {2} and len(frames) == len(owners) == 6
    with pytest.raises(MediaError, match=r"no file could be read"):
        film_frames(items[:1], tmp_path / "none.raw", Sampling(4), skipped=skipped.append)


def test_frames_are_decoded_once_and_anew_when_a_film_changed(
    tmp_path: Path, short_film: Path
) -> None:
    copy = tmp_path / "film.mkv"
    copy.write_bytes(short_film.read_bytes())
    items = [Item(str(copy), ("A",), "a")]
    file = tmp_path / "frames.raw"

    def written() -> int:
        film_frames(items, file, Sampling(4))
        return file.stat().st_mtime_ns

    first = written()
    assert written() == first
    os.utime(copy, (1, 1))
    assert written() != first
