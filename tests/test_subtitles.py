"""The best English subtitles of a film, in it or beside it, and what is noted of the others."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from rendered import X264, film, lavfi, render
from spoken import ENGLISH, FRENCH, film_with, repeated, srt

import vgenre
from vgenre.dialogue import Subtitles, read_subtitles
from vgenre.dialogue.parsing import MOST_BYTES
from vgenre.dialogue.tracks import read_tracks
from vgenre.errors import MediaError
from vgenre.media.ffmpeg import find_ffmpeg, subtitle_args
from vgenre.media.types import SubtitleTrack

ENG = ("-metadata:s:s:{}", "language=eng")
FRE = ("-metadata:s:s:{}", "language=fre")
WHOLE = srt(repeated(ENGLISH, 1))
PARTS = srt(["Only what is written on the wall, and who knows what it is."], start=8)
SOUNDS = srt([f"[door creaks]\n{line}" for line in repeated(ENGLISH, 1)])


@pytest.fixture(scope="module")
def tracks(films: Path) -> Path:
    """An MKV with every kind of text, and pictures."""
    return film_with(
        films / "tracks.mkv",
        ("subrip", srt(FRENCH), FRE),
        ("ass", WHOLE, ENG),
        ("webvtt", SOUNDS, (*ENG, "-disposition:s:{}", "hearing_impaired")),
        ("subrip", PARTS, (*ENG, "-disposition:s:{}", "default+forced")),
        ("subrip", WHOLE * 2, (*ENG, "-metadata:s:s:{}", "title=Director's commentary")),
    )


@pytest.fixture
def silent(films: Path, tmp_path: Path) -> Path:
    """A film without subtitles, in a folder of its own."""
    if not (films / "silent.mkv").exists():
        film(films / "silent.mkv", seconds=1, sound=None)
    return Path(shutil.copy(films / "silent.mkv", tmp_path / "Film.mkv"))


def texts(subtitles: Subtitles) -> list[str]:
    return [cue.text for cue in subtitles.cues]


# --- tracks ---------------------------------------------------------------------------------


def test_probe_tells_the_tracks(tracks: Path, plain_film: Path) -> None:
    found = vgenre.probe(tracks).subtitles
    assert found == (
        SubtitleTrack(1, "subrip", "fre"),
        SubtitleTrack(2, "ass", "eng"),
        SubtitleTrack(3, "webvtt", "eng", "", frozenset({"hearing impaired"})),
        SubtitleTrack(4, "subrip", "eng", "", frozenset({"default", "forced"})),
        SubtitleTrack(5, "subrip", "eng", "Director's commentary"),
    )
    assert all(track.is_text for track in found)
    assert vgenre.probe(plain_film).subtitles == ()


def test_the_best_track_is_read(tracks: Path) -> None:
    found = vgenre.read_subtitles(tracks)
    assert (found.source, found.language, found.kind) == ("track 2, eng", "en", "whole")
    assert texts(found) == repeated(ENGLISH, 1)
    assert [cue.start for cue in found.cues] == pytest.approx([1.0 + 2 * i for i in range(8)])
    assert found.cues[0].end == pytest.approx(2.5)
    assert found and found.words == sum(len(line.split()) - 1 for line in texts(found))
    assert found.notes == (
        "comments on the film, left out: track 5",
        "not English, left out: French",
    )
    record = found.to_dict()
    assert record["words"] == found.words and record["source"] == "track 2, eng"
    assert "cues" not in record


@pytest.mark.parametrize(
    ("container", "encoder"),
    [
        ("mkv", "subrip"), ("mkv", "ass"), ("mkv", "ssa"), ("mkv", "webvtt"), ("mkv", "text"),
        ("mp4", "mov_text"), ("mov", "mov_text"), ("webm", "webvtt")
    ],
)  # fmt: skip
def test_every_kind_of_text_is_read(tmp_path: Path, container: str, encoder: str) -> None:
    video = ("-c:v", "libvpx") if container == "webm" else ()
    path = film_with(tmp_path / f"f.{container}", (encoder, SOUNDS, ENG), video=video)
    found = read_subtitles(path)
    assert found.source == "track 1, eng"
    assert texts(found) == repeated(ENGLISH, 1) and found.effects == 8


def test_sounds_are_kept_where_nothing_else_is(tmp_path: Path) -> None:
    sdh = (*ENG, "-disposition:s:{}", "hearing_impaired")
    found = read_subtitles(film_with(tmp_path / "f.mkv", ("subrip", SOUNDS, sdh)))
    assert found.kind == "hearing impaired" and found.effects == 8 and found.songs == 0
    assert {cue.effect for cue in found.cues} == {"door creaks"}


def test_forced_ones_are_taken_where_there_are_no_others(tmp_path: Path) -> None:
    forced = (*ENG, "-disposition:s:{}", "forced")
    path = film_with(tmp_path / "f.mkv", ("subrip", PARTS, forced), ("subrip", srt(FRENCH), FRE))
    found = read_subtitles(path)
    assert found.kind == "forced" and found.source == "track 1, eng" and len(found.cues) == 1


def test_the_whole_is_told_by_its_length_where_no_flag_tells(tmp_path: Path) -> None:
    path = film_with(tmp_path / "f.mkv", ("subrip", PARTS, ENG), ("subrip", WHOLE, ENG))
    assert read_subtitles(path).source == "track 2, eng"


def test_the_text_counts_for_more_than_the_tag(tmp_path: Path) -> None:
    path = film_with(tmp_path / "f.mkv", ("subrip", srt(FRENCH), ENG), ("subrip", WHOLE, ()))
    found = read_subtitles(path)
    assert found.source == "track 2"
    assert found.notes[0] == "track 1, eng: not English as its name says, but French"


def test_other_languages_are_left_out_with_a_note(tmp_path: Path) -> None:
    found = read_subtitles(film_with(tmp_path / "f.mkv", ("subrip", srt(FRENCH), FRE)))
    assert not found and found.cues == () and found.words == 0 and found.source == ""
    assert found.notes == ("not English, left out: French",)


def test_files_of_pictures_are_named(tmp_path: Path, silent: Path) -> None:
    (tmp_path / "Film.idx").write_text("# VobSub index file, v7\nid: en, index: 0\n")
    (tmp_path / "Film.sub").write_bytes(b"\0\0\1\xba" + bytes(2044))
    found = read_subtitles(silent)
    assert not found
    assert found.notes == ("pictures of text (VobSub) cannot be read: Film.sub, Film.idx",)


def test_tracks_of_pictures_are_named(tmp_path: Path) -> None:
    # A composition without objects, and its end: the least that PGS may hold.
    segments = ((0x16, struct.pack(">HHBHBBBB", 64, 48, 0x10, 0, 0x80, 0, 0, 0)), (0x80, b""))
    pictures = tmp_path / "pictures.sup"
    pictures.write_bytes(
        b"".join(
            struct.pack(">2sIIBH", b"PG", 90_000, 0, kind, len(data)) + data
            for kind, data in segments
        )
    )
    path = render(
        tmp_path / "f.mkv", *lavfi("testsrc2=size=64x48:rate=5"), "-f", "sup", "-i", pictures,
        "-f", "sup", "-i", pictures, "-map", 0, "-map", 1, "-map", 2, "-t", 2, *X264,
        "-c:s", "copy", "-metadata:s:s:0", "language=eng",
    )  # fmt: skip
    first, second = vgenre.probe(path).subtitles
    assert first.codec == second.codec == "hdmv_pgs_subtitle" and first.language == "eng"
    assert not first.is_text
    found = read_subtitles(path)
    assert not found
    assert found.notes == ("pictures of text (PGS) cannot be read: track 1, track 2",)


def test_a_film_without_any(plain_film: Path) -> None:
    assert read_subtitles(plain_film) == Subtitles()


def test_a_film_of_one_frame(tmp_path: Path) -> None:
    picture = render(tmp_path / "f.png", *lavfi("testsrc2=size=64x48"), "-frames:v", 1)
    (tmp_path / "f.srt").write_text(WHOLE)
    assert read_subtitles(picture) == Subtitles()


def test_a_film_behind_a_url(tracks: Path) -> None:
    found = read_subtitles(f"file://{tracks}", info=vgenre.probe(tracks))
    assert found.source == "track 2, eng" and len(found.cues) == 8


def test_what_is_no_film_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"none\.mkv: there is no such file"):
        read_subtitles(tmp_path / "none.mkv")


def test_a_cut_off_film_gives_what_it_has(tracks: Path, tmp_path: Path) -> None:
    data = tracks.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    found = read_subtitles(tmp_path / "cut.mkv")
    assert 0 < len(found.cues) < 8 and texts(found)[0] == ENGLISH[0] + " 0"


def test_times_count_from_the_beginning_of_the_film(tmp_path: Path) -> None:
    later = film_with(tmp_path / "f.mkv", ("subrip", WHOLE, (*ENG, "-output_ts_offset", "100")))
    report = subprocess.run([find_ffmpeg(), "-i", later], capture_output=True, text=True).stderr
    assert "start: 100" in report or "start: 101" in report
    assert read_subtitles(later).cues[0].start == pytest.approx(1.0, abs=0.3)


# --- files ----------------------------------------------------------------------------------


def test_a_file_is_read(silent: Path) -> None:
    silent.with_name("Film.en.srt").write_text("\ufeff" + WHOLE.replace("\n", "\r\n"))
    found = read_subtitles(os.fsencode(silent))
    assert (found.source, found.kind, found.notes) == ("Film.en.srt", "whole", ())
    assert texts(found) == repeated(ENGLISH, 1)


def test_the_best_file_is_read(silent: Path) -> None:
    folder = silent.parent
    (folder / "Film.en.forced.srt").write_text(PARTS)
    (folder / "Film.en.sdh.srt").write_text(SOUNDS)
    (folder / "Film.fr.srt").write_text(srt(FRENCH))
    assert read_subtitles(silent).source == "Film.en.sdh.srt"
    (folder / "Subs").mkdir()
    (folder / "Subs" / "2_English.srt").write_text(WHOLE)
    found = read_subtitles(silent)
    assert found.source == "2_English.srt" and found.notes == ("not English, left out: French",)
    (folder / "Film.srt").write_text(srt(FRENCH))
    (folder / "Film.en.srt").write_text(srt(FRENCH))
    assert read_subtitles(silent).source == "2_English.srt"


def test_a_film_is_not_read_through_where_the_file_beside_it_is_whole(
    tracks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.copy(tracks, tmp_path / "Film.mkv"))
    (tmp_path / "Film.srt").write_text(srt(repeated(ENGLISH, 8)))
    info = vgenre.probe(path)
    monkeypatch.setenv("VGENRE_FFMPEG", "/no/such/program")
    found = read_subtitles(path, info=info)
    assert found.source == "Film.srt" and len(found.cues) == 64


def test_a_short_file_is_weighed_against_the_tracks(tracks: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(tracks, tmp_path / "Film.mkv"))
    (tmp_path / "Film.en.srt").write_text(PARTS)
    assert read_subtitles(path).source == "track 2, eng"
    (tmp_path / "Film.en.srt").write_text(WHOLE)
    assert read_subtitles(path).source == "Film.en.srt"


def test_files_that_cannot_be_read_are_noted(silent: Path) -> None:
    folder = silent.parent
    (folder / "Film.en.srt").write_bytes(bytes(range(256)) * 9)
    with (folder / "Film.en.sdh.srt").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    (folder / "Film.eng.vtt").write_text("")
    os.mkfifo(folder / "Film.eng.ass")
    (folder / "Film.English.srt").symlink_to("nowhere")
    (folder / "Film.srt").mkdir()
    found = read_subtitles(silent)
    assert not found
    assert {note.split(": ")[0] for note in found.notes} == {
        "Film.en.srt", "Film.en.sdh.srt", "Film.eng.vtt", "Film.eng.ass", "Film.English.srt",
    }  # fmt: skip


def test_a_link_to_something_else_gives_nothing_away(silent: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("user:password\n" * 9)
    silent.with_name("Film.en.srt").symlink_to(secret)
    found = read_subtitles(silent)
    assert not found and "password" not in repr(found)


def test_many_files_are_not_all_read(silent: Path) -> None:
    for i in range(40):
        silent.with_name(f"Film.en.{i:02}.srt").write_text(WHOLE)
    found = read_subtitles(silent)
    assert found.source == "Film.en.00.srt" and found.notes == ("40 files, of which 12 were read",)


def test_files_and_names_in_any_letters(silent: Path) -> None:
    name = os.fsdecode(b"Am\xe9lie")
    path = silent.rename(silent.with_name(f"{name}.mkv"))
    path.with_name(f"{name}.en.srt").write_text(WHOLE)
    assert read_subtitles(path).source == f"{name}.en.srt"


def test_frames_of_microdvd_are_the_films(tmp_path: Path) -> None:
    path = film(tmp_path / "f.mkv", seconds=1, rate=10, sound=None)
    (tmp_path / "f.sub").write_text("{100}{120}Hello there|and you\n")
    (cue,) = read_subtitles(path).cues
    assert (cue.start, cue.end, cue.text) == (10.0, 12.0, "Hello there\nand you")


# --- malice ---------------------------------------------------------------------------------


def test_no_file_of_subtitles_reaches_the_network(silent: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/canary"
        for name, text in {
            "Film.en.srt": f"#EXTM3U\n#EXTINF:5,\n{url}.ts\n",
            "Film.vtt": f"WEBVTT\n\nSTYLE\n@import url({url});\n\n00:01.000 --> 00:02.000\n{url}",
            "Film.ass": f"[Script Info]\n[Fonts]\nfontname: {url}\n[Events]\n",
            "Film.idx": f"{url}\n",
        }.items():
            silent.with_name(name).write_text(text)
        assert not read_subtitles(silent)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_track_that_never_ends_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(
        '#!/bin/sh\nfor last; do :; done\nexec yes Dialogue > "/dev/fd/${last#pipe:}"\n'
    )
    program.chmod(0o755)
    path = film(tmp_path / "f.mkv", seconds=1, sound=None)
    info = vgenre.probe(path)
    monkeypatch.setenv("VGENRE_FFMPEG", str(program))
    track = SubtitleTrack(1, "subrip", "eng")
    (data,) = read_tracks(info, [track], timeout=20).values()
    assert MOST_BYTES <= len(data) < 2 * MOST_BYTES
    found = read_subtitles(path, info=replace(info, subtitles=(track,)))
    assert found.notes == ("track 1, eng: there are no subtitles in it",)


def test_a_track_that_gives_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    path = film(tmp_path / "f.mkv", seconds=1, sound=None)
    info = replace(vgenre.probe(path), subtitles=(SubtitleTrack(1, "subrip", "eng"),))
    monkeypatch.setenv("VGENRE_FFMPEG", str(program))
    (note,) = read_subtitles(path, info=info, timeout=0.5).notes
    assert "gave nothing" in note


def test_a_track_that_cannot_be_decoded_costs_no_other(tracks: Path) -> None:
    info = vgenre.probe(tracks)
    # FFmpeg gives nothing at all where one of the tracks that it is asked for is not there.
    wanted = [info.subtitles[1], SubtitleTrack(77, "subrip", "eng")]
    texts_of = read_tracks(info, wanted)
    assert b"Where were you last night?" in texts_of[wanted[0]] and not texts_of[wanted[1]]
    with pytest.raises(MediaError, match="FFmpeg cannot read its subtitles"):
        read_tracks(info, wanted[1:])


def test_ffmpeg_opens_a_film_for_its_subtitles_as_for_all_else(tracks: Path) -> None:
    args = subtitle_args(str(tracks), {})
    assert args[args.index("-protocol_whitelist") + 1] == "file,pipe"
    assert "srt" not in args[args.index("-format_whitelist") + 1].split(",")
    assert "-nostdin" in args and args[args.index("-i") + 1] == f"file:{tracks}"
