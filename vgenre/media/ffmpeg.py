"""The FFmpeg program: where it is, what it may open, and its command lines.

ffmpeg-python builds the command; it is run here, because success has to be judged by
what was decoded: FFmpeg exits with 0 on a film that stops half-way.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ffmpeg

from ..errors import FFmpegNotFoundError, MediaError, MediaTimeoutError
from .decoder import Pipe, starting
from .discs import main_title
from .types import FRAME_RATE, FRAME_SIZE, SAMPLE_RATE, MediaInfo

TIMEOUT = 120.0
"""Seconds that FFmpeg may go without giving anything before it is stopped."""

NO_REFERENCE, KEY_FRAMES = "noref", "nokey"
"""FFmpeg's ``skip_frame``: pass over frames that no other refers to, or over all but key frames."""
_MOST_THREADS = 16  # that decode one film: beyond them FFmpeg warns

# A film is hostile input. Demuxers that open other files (playlists, concat lists) are not
# among these, so a playlist called film.mp4 reaches nothing.
_DEMUXERS = (
    "aac,ac3,aiff,asf,av1,avi,caf,dv,eac3,flac,flv,gif,h264,hevc,ivf,m4v,matroska,webm,mjpeg,"
    "mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,mpegvideo,mxf,nut,ogg,rm,vc1,w64,wav,yuv4mpegpipe"
)
_PROTOCOLS = "file,pipe"

# A header may claim a picture that no memory holds; 16K film has this many pixels.
MAX_PIXELS = 1 << 27

_INPUT_OPTIONS = {
    "protocol_whitelist": _PROTOCOLS,
    "format_whitelist": _DEMUXERS,
    "max_pixels": str(MAX_PIXELS),
}


def find_ffmpeg() -> str:
    """The FFmpeg program that is used.

    It is looked for in the environment variable ``VGENRE_FFMPEG``, on PATH and
    in the ``imageio-ffmpeg`` package, in this order.

    Returns
    -------
    str
        Path of the program.

    Raises
    ------
    FFmpegNotFoundError
        If there is none, or ``VGENRE_FFMPEG`` names no program.
    """
    if named := os.environ.get("VGENRE_FFMPEG"):
        if found := shutil.which(named):
            return found
        raise FFmpegNotFoundError(
            f"VGENRE_FFMPEG is {named!r}, which is not a program; correct or unset it"
        )
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise FFmpegNotFoundError(
            "FFmpeg was not found. Install it (Debian: apt install ffmpeg; macOS: brew install "
            "ffmpeg; anywhere: pip install imageio-ffmpeg) or name the program in VGENRE_FFMPEG. "
            "The Python package ffmpeg-python alone is not FFmpeg."
        ) from None


def file_url(path: str) -> str:
    """A film as FFmpeg opens it; the files of a disc's main title are one to it.

    Raises
    ------
    MediaError
        If a disc's path cannot be said to FFmpeg.
    """
    # The prefix keeps a leading dash from being an option and a colon from being a protocol.
    files = ["file:" + file for file in main_title(path) or [path]]
    if len(files) == 1:
        return files[0]
    if "|" in path:
        raise MediaError(
            path, "FFmpeg takes no disc below a folder with a | in its name; rename it"
        )
    return "concat:" + "|".join(files)


def _input_options(url: str) -> dict[str, str]:
    # Only what we joined ourselves may be joined: the demuxers that a film can ask for open none.
    joined = {"protocol_whitelist": _PROTOCOLS + ",concat"} if url.startswith("concat:") else {}
    return _INPUT_OPTIONS | joined


def probe_args(path: str) -> list[str]:
    return _args_to_open(file_url(path))


def walk_args(
    path: str, stream: int | None = None, start: float = 0.0, seconds: float | None = None
) -> list[str]:
    """FFmpeg's command to walk through packets without decoding them; it reports how far it came.

    Parameters
    ----------
    path : str
    stream : int, optional
        All streams unless given.
    start : float
        Seconds; what is reported counts from here.
    seconds : float, optional
        To the end of the film unless given.
    """
    span = ["-ss", f"{start:.6f}"] if start else []
    if seconds is not None:
        span += ["-t", f"{seconds:.6f}"]
    chosen = "0" if stream is None else f"0:{stream}"
    opened = _args_to_open(file_url(path), span)
    return [*opened, "-map", chosen, "-c", "copy", "-f", "null", "-"]


def subtitle_args(path: str, pipes: Mapping[int, Pipe]) -> list[str]:
    """FFmpeg's command to write tracks of text, each as an ASS file to a pipe of its own.

    ASS is what FFmpeg makes of every kind of text; nothing else in the film is decoded.

    Parameters
    ----------
    path : str
    pipes : mapping of int to Pipe
        By the index of the stream.
    """
    args = _args_to_open(file_url(path), ["-loglevel", "error", "-vn", "-an", "-dn"])
    for stream, pipe in pipes.items():
        args += ["-map", f"0:{stream}", "-c:s", "ass", "-f", "ass", f"pipe:{pipe.fd}"]
    return args


def _args_to_open(url: str, options: Sequence[str] = ()) -> list[str]:
    args = [find_ffmpeg(), "-hide_banner", "-nostdin"]
    for name, value in _input_options(url).items():
        args += [f"-{name}", value]
    return [*args, *options, "-i", url]


def messages_of(path: str, argv: list[str], timeout: float) -> str:
    """Run FFmpeg for its messages; its exit status says nothing (without an output it is 1)."""
    try:
        with starting(argv[0]):
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
            )
    except subprocess.TimeoutExpired:
        raise MediaTimeoutError(path, f"FFmpeg could not probe it in {timeout:g} s") from None
    return done.stderr.decode("utf-8", "replace")


# FFmpeg enters these formats at any packet, and the picture begins at the next key frame only;
# so they are entered earlier, and what comes before the wanted start is dropped.
_UNINDEXED = frozenset({"mpegts", "mpeg"})
_LEAD = 10.0  # seconds

_HIDES_LOOP_FILTER = 4.0  # times that a picture is scaled down, each way

# ffmpeg-python cannot take a file name that is not UTF-8, so it never gets the name.
_PLACEHOLDER = "film"


@dataclass(frozen=True)
class Reading:
    """What is to be read of a film.

    Parameters
    ----------
    start : float
        Seconds from the beginning of the film.
    seconds : float, optional
        How much to read; to the end of the film unless given.
    sample_rate : int
        Of the sound, in Hz.
    skip_frame : {"noref", "nokey"}, optional
        Frames that are not decoded: those that no other refers to, or all but key frames.
        The frame before stands in for one that is missing.
    size : (int, int)
        Width and height to which the whole picture is scaled.
    timeout : float
        Seconds that FFmpeg may go without giving anything.
    hwaccel : str, optional
        A decoder in hardware, as FFmpeg's ``-hwaccel`` names it, or ``"auto"``.
    threads : int, optional
        That decode a stream; unless given four a core where frames are passed over, else as many
        as FFmpeg thinks best.

    Raises
    ------
    ValueError
        If a number is not one that can be meant.
    """

    start: float = 0.0
    seconds: float | None = None
    sample_rate: int = SAMPLE_RATE
    skip_frame: str | None = None
    size: tuple[int, int] = (FRAME_SIZE, FRAME_SIZE)
    timeout: float = TIMEOUT
    hwaccel: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and self.start >= 0):
            raise ValueError(f"start is {self.start} s; it has to be 0 or more")
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ValueError(f"seconds is {self.seconds}; it has to be more than 0, or None")
        if self.sample_rate != int(self.sample_rate) or self.sample_rate <= 0:
            raise ValueError(
                f"sample_rate is {self.sample_rate}; it has to be a whole number of Hz"
            )
        if self.skip_frame not in (None, NO_REFERENCE, KEY_FRAMES):
            raise ValueError(
                f"skip_frame is {self.skip_frame!r}, which is neither {NO_REFERENCE!r} nor "
                f"{KEY_FRAMES!r} nor None"
            )
        if min(self.size) < 1:
            raise ValueError(f"size is {self.size}; width and height have to be at least 1")
        if not self.timeout > 0:
            raise ValueError(f"timeout is {self.timeout} s; it has to be more than 0")
        if self.hwaccel is not None and not self.hwaccel.isalnum():
            raise ValueError(f"hwaccel is {self.hwaccel!r}; see ffmpeg -hwaccels, or 'auto'")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads is {self.threads}; it has to be at least 1, or None")

    def hides_loop_filter(self, info: MediaInfo) -> bool:
        """Whether the picture becomes so small that what the loop filter smooths is not seen."""
        width, height = self.size
        return (info.width or 0) * (info.height or 0) >= _HIDES_LOOP_FILTER**2 * width * height


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def decode_args(
    info: MediaInfo, reading: Reading, video: Pipe | None, audio: Pipe | None
) -> list[str]:
    """FFmpeg's command: frames to one pipe, samples to the other.

    Frames are RGB of 8 bits; of 16 bits, little endian, where the film is HDR.
    """
    url = file_url(info.path)
    options: dict[str, str | None] = dict(_input_options(url))
    lead = min(reading.start, _LEAD) if info.format in _UNINDEXED else 0.0
    if reading.start > lead:
        options["ss"] = f"{reading.start - lead:.6f}"
    if reading.seconds is not None:
        options["t"] = f"{reading.seconds + lead:.6f}"
    if reading.skip_frame:
        options["skip_frame"] = reading.skip_frame
    if reading.skip_frame == KEY_FRAMES:
        options["noaccurate_seek"] = None  # the key frame before the start is the one shown there
    if video and reading.hides_loop_filter(info):
        options["skip_loop_filter"] = "all"
    if reading.skip_frame == KEY_FRAMES:
        options["threads"] = "1"  # each is by itself; more threads cost a third more time
    elif reading.threads:
        options["threads"] = str(reading.threads)
    elif reading.skip_frame:  # frames that are passed over take up threads and no time
        options["threads"] = str(min(_MOST_THREADS, 4 * _cores()))
    if video and reading.hwaccel:
        options["hwaccel"] = reading.hwaccel
    source = ffmpeg.input(_PLACEHOLDER, **options)
    outputs = []
    # Each output has a filter chain of its own. In one common graph FFmpeg would keep all
    # pictures in memory until the first sound comes.
    if video:
        # start_time drops the lead, and repeats the first frame where the picture begins later;
        # eof_action=pass keeps the one frame of a film shorter than a quarter second.
        steps = [
            f"fps={FRAME_RATE}:start_time={lead:.6f}:eof_action=pass,setpts=PTS-STARTPTS",
            f"scale={reading.size[0]}:{reading.size[1]}:flags=area",
        ]
        if reading.skip_frame == KEY_FRAMES:  # fewer come in than go out: each is scaled once
            steps.reverse()
        chain = ",".join(steps)
        picture = source[str(info.video_stream)]
        pixels = "rgb48le" if info.is_hdr else "rgb24"
        outputs.append(
            picture.output(f"pipe:{video.fd}", vf=chain, format="rawvideo", pix_fmt=pixels)
        )
    if audio:
        # first_pts=0 puts silence where the sound begins after the picture.
        chain = "aresample=async=1:first_pts=0"
        if lead:
            chain += f",atrim=start={lead:.6f},asetpts=PTS-STARTPTS"
        sound = source[str(info.audio_stream)]
        outputs.append(
            sound.output(
                f"pipe:{audio.fd}",
                af=chain,
                format="f32le",
                ac=1,
                ar=reading.sample_rate,
                acodec="pcm_f32le",
            )
        )
    command = ffmpeg.merge_outputs(*outputs) if len(outputs) > 1 else outputs[0]
    command = command.global_args("-hide_banner", "-nostdin", "-loglevel", "error")
    argv = list(ffmpeg.compile(command, cmd=find_ffmpeg()))
    argv[argv.index("-i") + 1] = url
    return argv
