"""How fast vgenre is, beside the pipeline of the literature and the limit of this machine.

    python pipelines/benchmark.py [--film FILM] [--json FILE]

All in one run on one film, because machines differ and are noisy: look at the ratios. The film
is rendered (1080p, 24 frames a second) unless one is given. The pipeline of the literature
writes 4 frames a second and the sound to disk, reads them back, and runs Keras' `predict` on
sequences of 40 frames, then the LSTM, librosa and the audio network.
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
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import vgenre
from vgenre.media.ffmpeg import find_ffmpeg
from vgenre.media.sampling import Sampling
from vgenre.media.types import CLIP_FRAMES, FRAME_RATE, FRAME_SIZE
from vgenre.sound import heard_clips

CORES = len(os.sched_getaffinity(0))
_COLD_RUNS = 7


@dataclass
class Stage:
    """One line of the table."""

    name: str
    seconds: float
    cpu_seconds: float
    film_seconds: float  # of the film that were covered
    frames: int = 0
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


def render(path: Path, seconds: int) -> Path:
    """A film with much motion and some grain, as H.264 with B-frames and AAC."""
    subprocess.run(
        [
            find_ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y",
            "-f", "lavfi", "-i", "testsrc2=size=960x540:rate=24",
            "-f", "lavfi", "-i", "anoisesrc=amplitude=0.2:color=pink",
            "-vf", "scale=1920:1080,noise=alls=6:allf=t", "-t", str(seconds),
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-pix_fmt", "yuv420p",
            "-c:a", "aac", "file:" + str(path),
        ],
        check=True,
    )  # fmt: skip
    return path


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
    body = build_body()
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
    for name, sampling in (("full", full), ("key frames", Sampling.parse("keyframes"))):
        with timed(stages, f"vgenre, {name}", length) as stage:
            result = loaded.label(film, sampling=sampling)
            stage.frames = round(sum(c.duration for c in result.clips) * FRAME_RATE)
    stages[-2].share_of_limit = limit / stages[-2].seconds

    hours = max(1, round(3600 / length))
    long = repeated(Path(film), length, hours, folder)
    with timed(stages, "vgenre, default, an hour", length * hours) as stage:
        result = loaded.label(long)
        stage.frames = round(sum(c.duration for c in result.clips) * FRAME_RATE)

    n_frames, run = literature(film, card)
    with timed(stages, "the literature's pipeline", length) as stage:
        run()
        stage.frames = n_frames
    speed = stage.film_seconds / stage.seconds
    for stage in stages:
        if stage.name.startswith("vgenre"):
            stage.ratio = stage.film_seconds / stage.seconds / speed

    ten_minutes = repeated(Path(film), length, max(1, round(600 / length)), folder)
    three_hours = repeated(Path(film), length, max(1, round(10_800 / length)), folder)
    return {
        "cores": CORES,
        "film_seconds": length,
        "picture": f"{info.width}x{info.height} {info.video_codec}",
        "model": read_card(find_model(model)).name,
        "stages": [asdict(stage) for stage in stages],
        "cold_seconds": cold_starts(half_a_minute(film, folder), model, other),
        "peak_memory_MB": {
            "10 minutes": peak_memory(ten_minutes, "--model", model),
            "3 hours": peak_memory(three_hours, "--model", model),
        },
    }


def print_table(found: dict) -> None:
    """The table, and what comes after it."""
    print(f"{found['film_seconds']:.0f} s of {found['picture']}, {found['cores']} cores")
    titles = ("s", "CPU s", "frames/s", "x time", "ratio", "limit")
    widths = (7, 7, 8, 7, 6, 6)
    print(f"{'stage':32}", *(f"{t:>{w}}" for t, w in zip(titles, widths, strict=True)))
    for s in found["stages"]:
        ratio = "" if s["ratio"] is None else f"{s['ratio']:.1f}"
        share = "" if s["share_of_limit"] is None else f"{s['share_of_limit']:.0%}"
        print(
            f"{s['name']:32} {s['seconds']:7.1f} {s['cpu_seconds']:7.1f} "
            f"{s['frames'] / s['seconds']:8.1f} {s['film_seconds'] / s['seconds']:7.1f} "
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
