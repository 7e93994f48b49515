"""Data sets as other projects keep them, rendered in exactly their layouts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from rendered import counter, film, frame_number

from vgenre.data.cache import FeatureCache
from vgenre.data.items import limit_labels, split_by_film
from vgenre.data.load import load_items
from vgenre.errors import DataError, MediaError
from vgenre.media.probing import probe
from vgenre.media.reader import iter_clips, read_clip
from vgenre.media.sampling import Sampling
from vgenre.media.sequences import is_sequence, pattern_of, sequence_files
from vgenre.output.extract import extract
from vgenre.sound import MelSettings


def write_frames(folder: Path, stem: str, numbers: range, digits: int = 4) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in numbers:
        cv2.imwrite(
            str(folder / f"{stem}{i:0{digits}d}.jpg"), np.full((30, 40, 3), i % 256, np.uint8)
        )


# --- UCF-101 --------------------------------------------------------------------------------


@pytest.fixture
def ucf(tmp_path: Path, short_film: Path) -> Path:
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "classInd.txt").write_text("1 Archery\n2 Bowling\n")
    train, test = [], []
    for number, name in enumerate(("Archery", "Bowling"), 1):
        (tmp_path / "UCF-101" / name).mkdir(parents=True)
        for group in range(1, 6):
            for clip in (1, 2):
                file = f"{name}/v_{name}_g{group:02d}_c{clip:02d}.avi"
                (tmp_path / "UCF-101" / file).write_bytes(short_film.read_bytes())
                if group == 1:
                    test.append(file)
                else:
                    train.append(f"{file} {number}")
    (lists / "trainlist01.txt").write_text("\r\n".join(train) + "\r\n")
    (lists / "testlist01.txt").write_text("\n".join(test) + "\n")
    return tmp_path


def test_ucf101_is_split_by_its_lists_and_its_groups_stay_whole(ucf: Path) -> None:
    items = load_items(ucf)
    assert Counter(item.split for item in items) == {"train": 12, "val": 4, "test": 4}
    assert {i.film for i in items if i.split == "test"} == {"v_Archery_g01", "v_Bowling_g01"}
    assert {i.labels for i in items} == {("Archery",), ("Bowling",)}
    split_by_film(items)  # would refuse a group that is in two parts
    assert probe(items[0].path).duration > 0
    assert [i.labels for i in limit_labels(items, 1)] == [("Archery",)] * 10


def test_ucf101_may_be_frames_in_folders(ucf: Path) -> None:
    video = ucf / "UCF-101" / "Archery" / "v_Archery_g02_c01.avi"
    video.unlink()
    write_frames(video.with_suffix(""), "frame", range(1, 26))
    item = next(i for i in load_items(ucf) if "v_Archery_g02_c01" in i.path)
    assert item.path.endswith("v_Archery_g02_c01/frame%04d.jpg")
    assert read_clip(item.path).frame_count == 25


def test_a_group_in_both_parts_is_refused(ucf: Path) -> None:
    with open(ucf / "ucfTrainTestlist" / "testlist01.txt", "a") as file:
        file.write("Archery/v_Archery_g03_c01.avi\n")
    with pytest.raises(DataError, match="v_Archery_g03"):
        load_items(ucf)


def test_a_missing_list_and_a_strange_class_are_named(ucf: Path) -> None:
    lists = ucf / "ucfTrainTestlist"
    (lists / "testlist01.txt").write_text("Cricket/v_Cricket_g01_c01.avi\n")
    with pytest.raises(DataError, match="no class 'Cricket'"):
        load_items(ucf)
    (lists / "testlist01.txt").unlink()
    with pytest.raises(DataError, match=r"testlist01\.txt: cannot be read"):
        load_items(ucf)


# --- Moments in Time ------------------------------------------------------------------------


def test_moments_in_time(tmp_path: Path, short_film: Path) -> None:
    for part, file, n in (
        ("training", "trainingSet.csv", 12),
        ("validation", "validationSet.csv", 3),
    ):
        rows = []
        for label in ("adult+male+singing", "bouncing"):
            (tmp_path / part / label).mkdir(parents=True)
            for i in range(n):
                name = f"{label}/flickr-{i}.mp4"
                (tmp_path / part / name).write_bytes(short_film.read_bytes())
                rows.append(f"{name},{label},3,1")
        (tmp_path / file).write_text("\n".join(rows) + "\n")
    items = load_items(tmp_path)
    assert Counter(item.split for item in items) == {"train": 22, "val": 2, "test": 6}
    assert items[0].labels == ("adult+male+singing",)
    assert all(Path(item.path).is_file() for item in items)
    (tmp_path / "validationSet.csv").write_text("only-one-column\n")
    with pytest.raises(DataError, match="line 1: 2 columns"):
        load_items(tmp_path)


# --- data_file.csv --------------------------------------------------------------------------


def test_data_file_of_extracted_frames(tmp_path: Path, short_film: Path) -> None:
    rows = []
    for split, groups in (("train", range(1, 5)), ("test", range(5, 7))):
        for group in groups:
            name = f"v_Archery_g{group:02d}_c01"
            write_frames(tmp_path / split / "Archery", f"{name}-", range(1, 51))
            rows.append(f"{split},Archery,{name},50")
    (tmp_path / "train" / "Archery" / "whole.avi").write_bytes(short_film.read_bytes())
    rows.append("train,Archery,whole,50")
    (tmp_path / "data_file.csv").write_text("\n".join(rows) + "\n")
    for given in (tmp_path, tmp_path / "data_file.csv"):
        items = load_items(given)
        assert Counter(item.split for item in items) == {"train": 4, "val": 1, "test": 2}
        assert items[0].path.endswith("train/Archery/v_Archery_g01_c01-%04d.jpg")
        assert [clip.frame_count for clip in iter_clips(items[0].path)] == [40, 10]
        assert items[-1].path.endswith("whole.avi")
    (tmp_path / "data_file.csv").write_text("dev,Archery,x,3\n")
    with pytest.raises(DataError, match="'dev' is neither train nor test"):
        load_items(tmp_path)


# --- posters --------------------------------------------------------------------------------


def test_posters_with_a_column_a_genre(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(
        "Id,Genre,Action,Comedy,Drama,N/A\n"
        "tt0086425,\"['Comedy', 'Drama']\",0,1,1,0\n"
        "tt0085549,\"['N/A']\",0,0,0,1\n"
    )
    write_frames(tmp_path / "Images", "tt", range(86425, 86426), digits=7)
    items = load_items(tmp_path / "train.csv")
    assert [(i.labels, i.film) for i in items] == [
        (("Comedy", "Drama"), "tt0086425"),
        ((), "tt0085549"),
    ]
    assert probe(items[0].path).is_image
    (tmp_path / "train.csv").write_text("Id,Genre,Action\ntt1,x\n")
    with pytest.raises(DataError, match="line 2"):
        load_items(tmp_path / "train.csv")


# --- frames ---------------------------------------------------------------------------------


def test_what_extract_wrote_is_a_film_of_a_genres_folder(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv", seconds=13, picture=counter(4), sound=None)
    extract(source, tmp_path / "set" / "Horror" / "a")
    (tmp_path / "set" / "Action").mkdir()
    film(tmp_path / "set" / "Action" / "b.mp4", seconds=1)
    items = load_items(tmp_path / "set")
    assert [i.labels for i in items] == [("Action",), ("Horror",)]
    frames = items[1].path
    assert probe(frames).duration == pytest.approx(13, abs=0.3)
    clips = list(iter_clips(frames))
    wanted = list(iter_clips(source))
    assert [c.frame_count for c in clips] == [c.frame_count for c in wanted]
    for clip, other in zip(clips, wanted, strict=True):
        numbers = [frame_number(f) for f in clip.frames[: clip.frame_count]]
        assert numbers == [frame_number(f) for f in other.frames[: other.frame_count]]
    late = read_clip(frames, start=5)
    assert frame_number(late.frames[0]) == 20


def test_single_pictures_are_films_each(tmp_path: Path) -> None:
    write_frames(tmp_path / "Horror", "tt", range(1, 4))
    write_frames(tmp_path / "Action" / "posters", "p", range(1, 10, 4))
    assert [len(i.path.split("%")) for i in load_items(tmp_path)] == [1] * 6


def test_features_of_a_sequence_follow_its_files(tmp_path: Path) -> None:
    class Brightness:
        calls = 0

        def features(self, frames: np.ndarray) -> np.ndarray:
            self.calls += 1
            return frames.mean(axis=(1, 2))

    write_frames(tmp_path, "f", range(10, 20))
    engine = Brightness()
    cache = FeatureCache(
        tmp_path / "cache", engine, "x", mel=MelSettings(), sampling=Sampling(None)
    )
    path = str(tmp_path / "f%04d.jpg")
    first = cache.get(path)
    assert first.features[0, :10, 0] == pytest.approx(np.arange(10, 20), abs=1)
    cache.get(path)
    assert engine.calls == 1
    write_frames(tmp_path, "f", range(20, 22))
    assert cache.get(path).frame_mask.sum() == 12


def test_sequences_by_name(tmp_path: Path) -> None:
    write_frames(tmp_path, "a-", range(8, 12), digits=1)
    path = str(tmp_path / "a-%d.jpg")
    assert is_sequence(path)
    assert [Path(f).name for f in sequence_files(path)] == [f"a-{i}.jpg" for i in range(8, 12)]
    assert pattern_of(["x/1.jpg", "x/3.jpg"]) is None
    assert pattern_of(["x/a.jpg"]) is None
    (tmp_path / "50%d.jpg").write_bytes((tmp_path / "a-8.jpg").read_bytes())
    assert not is_sequence(str(tmp_path / "50%d.jpg"))
    with pytest.raises(MediaError, match="no pictures of this name"):
        probe(str(tmp_path / "b-%d.jpg"))
