"""How fast vgenre is, beside the pipeline of the literature and the limit of this machine.

    python pipelines/benchmark.py [--film FILM] [--json FILE]

All in one run on one film, because machines differ and are noisy: look at the ratios. The film
is rendered (1080p, 24 frames a second, cut into shots) unless one is given. The pipeline of the
literature writes 4 frames a second and the sound to disk, reads them back, and runs Keras'
`predict` on sequences of 40 frames, then the LSTM, librosa and the audio network. `draw_speed.py`
draws where the time goes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from cut_film import render

import vgenre
from vgenre.batch.plan import plan_run
from vgenre.engines.base import Engine
from vgenre.labelling.features import ClipFeatures
from vgenre.labelling.padding import frame_masks, padded
from vgenre.labelling.unchanged import CLOSE
from vgenre.media.ffmpeg import Reading, decode_args, find_ffmpeg
from vgenre.media.sampling import Sampling
from vgenre.media.types import CLIP_FRAMES, FRAME_RATE, FRAME_SIZE
from vgenre.sound import heard_clips

CORES = len(os.sched_getaffinity(0))
_COLD_RUNS = 7
_SHORT_FILMS, _SHORT_SECONDS = 40, 10
_PARTS_SECONDS = 120  # of the film whose clips are all held in memory


@dataclass
class Stage:
    """One line of the table."""

    name: str
    seconds: float
    cpu_seconds: float
    film_seconds: float  # of the film that were covered
    frames: int = 0
    computed: int = 0  # frames that the network saw
    ratio: float | None = None  # how many times as fast as the literature's pipeline
    share_of_limit: float | None = None


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    usages = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@contextlib.contextmanager
def timed(stages: list[Stage], name: str, film_seconds: float) -> Iterator[Stage]:
    """Time what happens inside."""
    cpu, start = cpu_seconds(), time.perf_counter()
    stage = Stage(name, 0, 0, film_seconds)
    yield stage
    stage.seconds, stage.cpu_seconds = time.perf_counter() - start, cpu_seconds() - cpu
    stages.append(stage)
    print(f"{name}: {stage.seconds:.1f} s", file=sys.stderr)


def literature(film: str, card) -> tuple[int, Callable[[], None]]:
    """The pipeline of the literature; returns the number of frames and what runs it."""
    import cv2
    import keras
    import librosa
    import soundfile

    from vgenre.models.audio import build_audio_stream
    from vgenre.models.body import build_body
    from vgenre.zoo.registry import build

    mel = card.mel
    # Random weights take as long. The whole of InceptionV3 and an LSTM 2,056 wide, as published.
    body = build_body(blocks=("mixed10",))
    lstm = build("cnn-lstm-pool", labels=len(card.labels))
    sound = build_audio_stream(len(card.labels), mel)
    cnn = keras.Model(sound.inputs, sound.output["logits"])

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [
                    find_ffmpeg(), "-nostdin", "-loglevel", "error", "-i", "file:" + film,
                    "-r", str(FRAME_RATE), "-s", f"{FRAME_SIZE}x{FRAME_SIZE}", "-q:v", "2",
                    f"{folder}/%06d.jpg", "-ac", "1", "-ar", str(mel.sample_rate),
                    f"{folder}/sound.wav",
                ],
                check=True,
            )  # fmt: skip
            pictures = sorted(Path(folder).glob("*.jpg"))
            sound, _ = soundfile.read(f"{folder}/sound.wav", dtype="float32")
            for clip, begin in enumerate(range(0, len(pictures), CLIP_FRAMES)):
                frames = np.zeros((CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.float32)
                for i, picture in enumerate(pictures[begin : begin + CLIP_FRAMES]):
                    frames[i] = cv2.imread(str(picture))[..., ::-1]
                features = body.predict(frames, verbose=0)
                lstm.predict(features[None], verbose=0)
                samples = mel.sample_rate * CLIP_FRAMES // FRAME_RATE
                part = np.zeros(samples, np.float32)
                found = sound[clip * samples : (clip + 1) * samples]
                part[: len(found)] = found
                power = librosa.feature.melspectrogram(
                    y=part, sr=mel.sample_rate, n_fft=mel.n_fft, win_length=mel.win_length,
                    hop_length=mel.hop_length, n_mels=mel.n_mels, fmin=mel.fmin, fmax=mel.fmax,
                )  # fmt: skip
                picture = librosa.power_to_db(power)[None, :, : mel.steps]
                cnn.predict([picture, np.ones((1, mel.steps), np.float32)], verbose=0)

    return round(vgenre.probe(film).duration * FRAME_RATE), run


def cold_starts(film: Path, model: str, other: str | None) -> dict[str, float]:
    """Wall time of commands in new processes: the median of seven runs, in seconds.

    Parameters
    ----------
    film : Path
        Of half a minute.
    model : str
    other : str or None
        The Python of an environment with another vgenre, which takes turns with this one.
    """
    commands = {
        "import": ["-c", "import vgenre; print(vgenre.__version__)"],
        "--help": ["-m", "vgenre", "--help"],
        "label": ["-m", "vgenre", "label", str(film), "--model", model, "--restart"],
    }
    pythons = {"": sys.executable} | ({", other": other} if other else {})
    # The other one sees its own vgenre, not the one beside this file.
    environments = {"": None, ", other": {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}}
    times: dict[str, list[float]] = {}
    for name, arguments in commands.items():
        for _ in range(_COLD_RUNS):
            for who, python in pythons.items():
                start = time.perf_counter()
                subprocess.run(
                    [python, *arguments],
                    check=True,
                    capture_output=True,
                    env=environments[who],
                    cwd=film.parent,
                )
                times.setdefault(name + who, []).append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


class Counted:
    """An engine that counts the frames which its network sees."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.frames = engine, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Features of frames."""
        self.frames += len(frames)
        return self._engine.features(frames)


def folder_of_clips(film: str, length: float, folder: Path) -> Path:
    """Short films cut out of one, each encoded again in a size as clips have it."""
    clips = folder / "clips"
    clips.mkdir()
    for i in range(_SHORT_FILMS):
        subprocess.run(
            [
                find_ffmpeg(), "-nostdin", "-loglevel", "error", "-y",
                "-ss", str(i * max(0.0, length - _SHORT_SECONDS) / _SHORT_FILMS),
                "-t", str(_SHORT_SECONDS), "-i", "file:" + film, "-vf", "scale=-2:480",
                "-preset", "veryfast", f"file:{clips / f'{i:02}.mp4'}",
            ],
            check=True,
        )  # fmt: skip
    return clips


def batches(film: str, length: float, model: str, folder: Path) -> list[Stage]:
    """A folder of short clips by one process of one thread, and by as many as there is room for."""
    films = sorted(map(str, folder_of_clips(film, length, folder).iterdir()))
    stages: list[Stage] = []
    for name, jobs in (("one thread", 1), ("--jobs auto", "auto")):
        run = plan_run(model, jobs=jobs, isolated=True, films=len(films))
        if jobs == 1:
            run = replace(run, task=replace(run.task, threads=1))
        with timed(stages, f"{len(films)} clips, {name}", _SHORT_SECONDS * len(films)) as stage:
            found = list(run.executor().run(films))
            stage.frames = round(sum(f.duration or 0 for f in found) * FRAME_RATE)
    stages[1].ratio = stages[0].seconds / stages[1].seconds
    return stages


def parts(film: str, loaded: vgenre.Model) -> dict[str, dict[str, float]]:
    """CPU seconds of an hour of film by what they are spent on, before and after.

    Before: the picture is decoded in full, and every frame goes through the network.
    """
    info, card = vgenre.probe(film), loaded.card
    policy, an_hour = Sampling.parse("full"), 3600 / vgenre.probe(film).duration
    found: dict[str, dict[str, float]] = {"before": {}, "after": {}}
    nowhere: Any = SimpleNamespace(fd=1)
    for when in found:
        reading = Reading(skip_frame=policy.skip_frame(info), sample_rate=card.mel.sample_rate)
        for what, video, audio in (("picture", nowhere, None), ("sound", None, nowhere)):
            argv = decode_args(info, reading, video, audio)
            if when == "before" and "-skip_loop_filter" in argv:
                at = argv.index("-skip_loop_filter")
                del argv[at : at + 2]
            cpu = cpu_seconds()
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
            found[when][f"decoding the {what}"] = (cpu_seconds() - cpu) * an_hour
    cpu = cpu_seconds()
    clips = [(clip, sound.result()) for clip, sound in heard_clips(info, policy, card.mel)]
    decoding = sum(found["after"].values()) / an_hour
    heard = max(0.0, cpu_seconds() - cpu - decoding) * an_hour
    for when, close in (("before", None), ("after", CLOSE)):
        found[when]["reading, spectrograms"] = heard
        cpu = cpu_seconds()
        seen = list(ClipFeatures(loaded.engine, close).of(clips))
        found[when]["InceptionV3"] = (cpu_seconds() - cpu) * an_hour
        cpu = cpu_seconds()
        for clip, sound, features in seen:
            loaded.engine.see(padded(features)[None], frame_masks([clip.frame_count]))
            loaded.engine.hear(sound.mel[None], sound.mask[None])
        found[when]["opinions of picture and sound"] = (cpu_seconds() - cpu) * an_hour
    return found


def half_a_minute(film: str, folder: Path) -> Path:
    """The beginning of a film, without encoding it again."""
    short = folder / "short.mp4"
    subprocess.run(
        [
            find_ffmpeg(), "-nostdin", "-loglevel", "error", "-y", "-i", "file:" + film,
            "-t", "30", "-c", "copy", "file:" + str(short),
        ],
        check=True,
    )  # fmt: skip
    return short


def peak_memory(film: Path, *options: str) -> float:
    """MB of the largest process of ``vgenre label``, FFmpeg's apart."""
    program = (
        "import sys; from vgenre.cli import main; sys.argv[0] = 'vgenre'; main(); "
        # Not ru_maxrss: that begins with the memory of the process that started this one.
        "status = dict(line.split(':', 1) for line in open('/proc/self/status')); "
        "print(int(status['VmHWM'].split()[0]) / 1024, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "label", "-q", *options, str(film)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stderr.split()[-1])


def repeated(film: Path, seconds: float, times: int, folder: Path) -> Path:
    """The film several times over, without encoding it again."""
    path = folder / f"times-{times}.mkv"
    subprocess.run(
        [
            find_ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y",
            "-stream_loop", str(times - 1), "-i", "file:" + str(film), "-c", "copy",
            "-t", str(seconds * times), "file:" + str(path),
        ],
        check=True,
    )  # fmt: skip
    return path


def measure(film: str, model: str, folder: Path, other: str | None) -> dict:
    """All measurements on one film."""
    from vgenre.models.store import find_model, read_card

    stages: list[Stage] = []
    info = vgenre.probe(film)
    length = info.duration
    loaded = vgenre.load_model(model)
    counted = Counted(loaded.engine)
    loaded = vgenre.Model(loaded.card, counted)  # the films have no subtitles
    card, full = loaded.card, Sampling.parse("full")
    loaded.label(film, sampling=1)  # warm

    with timed(stages, "decode and mel alone", length) as stage:
        for clip, sound in heard_clips(info, full, card.mel):
            sound.result()
            stage.frames += clip.frame_count
    frames = vgenre.read_clip(film, length / 2).frames
    n_clips = max(1, stage.frames // CLIP_FRAMES)
    with timed(stages, f"network alone ({loaded.engine.name})", length) as stage:
        for _ in range(n_clips):
            loaded.engine.features(frames)
        stage.frames = n_clips * CLIP_FRAMES
    limit = sum(s.cpu_seconds for s in stages) / CORES
    keyframes = Sampling.parse("keyframes")
    for name, sampling, exact in (
        ("full", full, False), ("full, exact", full, True), ("key frames", keyframes, False)
    ):  # fmt: skip
        counted.frames = 0
        with timed(stages, f"vgenre, {name}", length) as stage:
            result = loaded.label(film, sampling=sampling, exact=exact)
            stage.frames = round(sum(c.duration for c in result.clips) * FRAME_RATE)
            stage.computed = counted.frames
        if sampling is full:
            stage.share_of_limit = limit / stage.seconds

    hours = max(1, round(3600 / length))
    long, counted.frames = repeated(Path(film), length, hours, folder), 0
    with timed(stages, "vgenre, default, an hour", length * hours) as stage:
        result = loaded.label(long)
        stage.frames = round(sum(c.duration for c in result.clips) * FRAME_RATE)
        stage.computed = counted.frames

    n_frames, run = literature(film, card)
    with timed(stages, "the literature's pipeline", length) as stage:
        run()
        stage.frames = n_frames
    speed = stage.film_seconds / stage.seconds
    for stage in stages:
        if stage.name.startswith("vgenre"):
            stage.ratio = stage.film_seconds / stage.seconds / speed
    stages += batches(film, length, model, folder)

    start = repeated(Path(film), min(length, _PARTS_SECONDS), 1, folder)
    ten_minutes = repeated(Path(film), length, max(1, round(600 / length)), folder)
    three_hours = repeated(Path(film), length, max(1, round(10_800 / length)), folder)
    return {
        "cores": CORES,
        "film_seconds": length,
        "picture": f"{info.width}x{info.height} {info.video_codec}",
        "model": read_card(find_model(model)).name,
        "stages": [asdict(stage) for stage in stages],
        "cpu_seconds_an_hour": parts(str(start), loaded),
        "cold_seconds": cold_starts(half_a_minute(film, folder), model, other),
        "peak_memory_MB": {
            "10 minutes": peak_memory(ten_minutes, "--model", model),
            "3 hours": peak_memory(three_hours, "--model", model),
        },
    }


def print_table(found: dict) -> None:
    """The table, and what comes after it."""
    print(f"{found['film_seconds']:.0f} s of {found['picture']}, {found['cores']} cores")
    titles = ("s", "CPU s", "frames/s", "saved", "x time", "ratio", "limit")
    widths = (7, 7, 8, 6, 7, 6, 6)
    print(f"{'stage':32}", *(f"{t:>{w}}" for t, w in zip(titles, widths, strict=True)))
    for s in found["stages"]:
        ratio = "" if s["ratio"] is None else f"{s['ratio']:.1f}"
        share = "" if s["share_of_limit"] is None else f"{s['share_of_limit']:.0%}"
        saved = f"{1 - s['computed'] / s['frames']:.0%}" if s["computed"] else ""
        print(
            f"{s['name']:32} {s['seconds']:7.1f} {s['cpu_seconds']:7.1f} "
            f"{s['frames'] / s['seconds']:8.1f} {saved:>6} {s['film_seconds'] / s['seconds']:7.1f} "
            f"{ratio:>6} {share:>6}"
        )
    for name in ("cold_seconds", "peak_memory_MB"):
        values = ", ".join(f"{k}: {v:.3g}" for k, v in found[name].items())
        print(f"{name.replace('_', ' ')}: {values}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--film", help="rendered unless given")
    parser.add_argument("--seconds", type=int, default=120, help="of the rendered film")
    parser.add_argument("--model", default="six")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--cold", action="store_true", help="only the cold starts")
    parser.add_argument(
        "--other",
        metavar="PYTHON",
        type=os.path.abspath,
        help="compare with the vgenre of this Python",
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        film = args.film or str(render(Path(folder) / "film.mp4", args.seconds))
        if args.cold:
            print(cold_starts(half_a_minute(film, Path(folder)), args.model, args.other))
            return
        found = measure(film, args.model, Path(folder), args.other)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n")
    print_table(found)


if __name__ == "__main__":
    main()
