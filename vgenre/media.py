"""The FFmpeg stage: find FFmpeg, probe a film, read its clips.

A clip is what the networks see at once: 40 RGB frames (4 a second for 10 s) and
the mono sound under them. One FFmpeg process reads both, whether it is asked for
one clip or for a whole film in sequence. ffmpeg-python builds the command; it is
run here, because success has to be judged by what was decoded: FFmpeg exits with
0 on a film that stops half-way.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from dataclasses import dataclass, field, replace

import ffmpeg
import numpy as np

from .decoder import Decoder, Pipe
from .errors import FFmpegNotFoundError, MediaError, MediaTimeoutError
from .report import MediaInfo, last_message, last_time, parse_report
from .sequences import is_sequence, sequence_files

FRAME_RATE = 4  # frames a second
CLIP_FRAMES = 40  # frames in a clip
CLIP_SECONDS = CLIP_FRAMES // FRAME_RATE
FRAME_SIZE = 299  # pixels: InceptionV3's input is 299 x 299
SAMPLE_RATE = 16_000  # Hz, mono

SILENCE = 1e-4
"""Peak amplitude (full scale is 1) below which a clip counts as having no sound."""

TIMEOUT = 120.0
"""Seconds that FFmpeg may go without giving anything before it is stopped."""

VIDEO_SUFFIXES = frozenset(
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .gif .m2ts .m2v .m4v .mkv .mov .mp4 .mpeg .mpg .mts "
    ".mxf .nut .ogm .ogv .rm .rmvb .ts .vob .webm .wmv".split()
)
AUDIO_SUFFIXES = frozenset(
    ".aac .ac3 .aif .aiff .flac .m4a .mka .mp2 .mp3 .oga .ogg .opus .wav .wma".split()
)
IMAGE_SUFFIXES = frozenset(".bmp .jpeg .jpg .png .tif .tiff .webp".split())
MEDIA_SUFFIXES = VIDEO_SUFFIXES | AUDIO_SUFFIXES | IMAGE_SUFFIXES

# A film is hostile input. Demuxers that open other files (playlists, concat lists) are not
# among these, so a playlist called film.mp4 reaches nothing.
_DEMUXERS = (
    "aac,ac3,aiff,asf,av1,avi,caf,dv,eac3,flac,flv,gif,h264,hevc,ivf,m4v,matroska,webm,mjpeg,"
    "mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,mpegvideo,mxf,nut,ogg,rm,vc1,w64,wav,yuv4mpegpipe"
)
_PROTOCOLS = "file,pipe"


@dataclass(frozen=True, eq=False)
class Clip:
    """Ten seconds of a film as the networks take them.

    Arrays always have their full shape; what lies behind the end of the film is
    zero and not counted. Frame ``i`` shows the film at ``start + (i + 0.5) / 4`` s.

    Attributes
    ----------
    start : float
        Where the clip begins in the film, in seconds.
    frames : ndarray of uint8, shape (40, 299, 299, 3)
        RGB, the whole picture scaled to a square.
    frame_count : int
        How many of ``frames`` were decoded; the rest is padding.
    waveform : ndarray of float32, shape (160000,)
        Mono sound, full scale 1.
    sample_count : int
        How many samples of ``waveform`` were decoded; the rest is padding.
    sample_rate : int
        Hz.
    """

    start: float
    frames: np.ndarray = field(repr=False)
    frame_count: int
    waveform: np.ndarray = field(repr=False)
    sample_count: int
    sample_rate: int = SAMPLE_RATE

    @property
    def has_picture(self) -> bool:
        """Whether any frame was decoded."""
        return self.frame_count > 0

    @property
    def has_sound(self) -> bool:
        """Whether there is sound above digital silence."""
        return bool(self.sample_count) and float(np.abs(self.waveform).max()) >= SILENCE

    @property
    def seconds(self) -> float:
        """Length of what was decoded: of the picture, without one of the sound."""
        if self.frame_count:
            return self.frame_count / FRAME_RATE
        return self.sample_count / self.sample_rate

    def _repr_html_(self) -> str:
        """What Jupyter shows: where it is, a strip of frames, the sound to play."""
        from .pictures import clip_html

        return clip_html(self)


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


def probe(path: str | os.PathLike[str], *, timeout: float = TIMEOUT) -> MediaInfo:
    """Read what a media file says of itself.

    Works with the ``ffmpeg`` program alone, as some machines have no ``ffprobe``.

    Parameters
    ----------
    path : str or os.PathLike
    timeout : float
        Seconds after which FFmpeg is stopped.

    Returns
    -------
    MediaInfo

    Raises
    ------
    MediaError
        If the file is missing, empty, or neither film, sound nor picture.
    FFmpegNotFoundError

    Examples
    --------
    >>> vgenre.probe("film.mkv").duration  # doctest: +SKIP
    5843.7
    """
    path = os.fspath(path)
    if is_sequence(path):
        return _probe_sequence(path)
    _check_file(path)
    if _is_image(path):
        height, width = _read_image(path).shape[:2]
        return MediaInfo(path, "image", 0.0, True, video_stream=0, width=width, height=height)
    info = parse_report(path, _run(path, _probe_args(path), timeout))
    if info.duration == 0:
        # No length in the header (a cut-off or streamed file): walk through the packets.
        report = _run(
            path, [*_probe_args(path), "-map", "0", "-c", "copy", "-f", "null", "-"], timeout
        )
        info = replace(info, duration=last_time(report))
    return info


def read_clip(
    path: str | os.PathLike[str],
    start: float = 0.0,
    *,
    info: MediaInfo | None = None,
    sample_rate: int = SAMPLE_RATE,
    timeout: float = TIMEOUT,
) -> Clip:
    """Read ten seconds of a film.

    Parameters
    ----------
    path : str or os.PathLike
    start : float
        Where the clip begins, in seconds from the beginning of the film.
    info : MediaInfo, optional
        Saves the probing where it has been done.
    sample_rate : int
        Of the waveform, in Hz.
    timeout : float
        Seconds that FFmpeg may go without giving anything.

    Returns
    -------
    Clip

    Raises
    ------
    MediaError
        If nothing could be decoded there.

    Examples
    --------
    >>> clip = vgenre.read_clip("film.mkv", start=60)  # doctest: +SKIP
    >>> clip.frames.shape, clip.waveform.shape  # doctest: +SKIP
    ((40, 299, 299, 3), (160000,))
    """
    clips = iter_clips(
        path, start, seconds=CLIP_SECONDS, info=info, sample_rate=sample_rate, timeout=timeout
    )
    clip = next(clips, None)
    clips.close()
    if clip is None:
        raise MediaError(path, f"nothing could be decoded at {start:g} s")
    return clip


def iter_clips(
    path: str | os.PathLike[str],
    start: float = 0.0,
    *,
    seconds: float | None = None,
    info: MediaInfo | None = None,
    sample_rate: int = SAMPLE_RATE,
    skip_frame: str | None = None,
    timeout: float = TIMEOUT,
) -> Generator[Clip, None, None]:
    """Read a film clip after clip in one pass.

    Memory does not grow with the length of the film: FFmpeg waits while the
    caller is busy with a clip.

    Parameters
    ----------
    path, start, info, sample_rate, timeout
        As in `read_clip`.
    seconds : float, optional
        How much to read; to the end of the film unless given.
    skip_frame : str, optional
        Frames that are not decoded, in FFmpeg's words: ``"noref"`` or ``"nokey"``.
        The frame before stands in for one that is missing.

    Yields
    ------
    Clip
        Consecutive clips; the last one may be shorter. None where nothing is left.

    Raises
    ------
    MediaError
        If FFmpeg fails before anything was decoded. What was decoded before a
        later failure is given out; compare its length with what was expected.
    MediaTimeoutError
        If FFmpeg gives nothing for `timeout` seconds.
    """
    path = os.fspath(path)
    if is_sequence(path):
        yield from _sequence_clips(path, start, seconds, sample_rate)
        return
    if _is_image(path):
        yield _image_clip(path, sample_rate)
        return
    info = info or probe(path, timeout=timeout)
    limit = None if seconds is None else round(seconds * FRAME_RATE)
    clip_start, decoded = start, False
    with Decoder(info.path, timeout) as decoder:
        video = decoder.open_pipe() if info.video_stream is not None else None
        audio = decoder.open_pipe() if info.audio_stream is not None else None
        decoder.run(_decode_args(info, start, seconds, sample_rate, skip_frame, video, audio))
        while limit is None or limit > 0:
            frames = np.zeros((CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
            waveform = np.zeros(CLIP_SECONDS * sample_rate, np.float32)
            # FFmpeg may round up to one frame more than was asked for.
            wanted = CLIP_FRAMES if limit is None else min(CLIP_FRAMES, limit)
            n_frames = video.read_into(frames[:wanted]) // frames[0].nbytes if video else 0
            n_samples = audio.read_into(waveform) // waveform.itemsize if audio else 0
            rest = max(n_frames / FRAME_RATE, n_samples / sample_rate)
            if not rest or (decoded and rest <= 1 / FRAME_RATE):
                break  # the end, or so little behind full clips that it is rounding
            decoded = True
            # A damaged track can decode to NaN, which would spread through the networks.
            np.nan_to_num(waveform, copy=False, posinf=0.0, neginf=0.0)
            yield Clip(clip_start, frames, n_frames, waveform, n_samples, sample_rate)
            clip_start += CLIP_SECONDS
            limit = None if limit is None else limit - CLIP_FRAMES
        if not decoded and decoder.wait():
            raise MediaError(path, f"FFmpeg cannot decode it: {last_message(decoder.messages)}")


def _check_file(path: str) -> None:
    if not os.path.exists(path):
        raise MediaError(path, "there is no such file")
    if os.path.isdir(path):
        raise MediaError(path, "this is a folder, not a film")
    if not os.access(path, os.R_OK):
        raise MediaError(path, "no permission to read it; check its owner and mode")
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        raise MediaError(path, "the file is empty; copy or download it again")


def _is_image(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES


def _read_image(path: str) -> np.ndarray:
    """A still image as OpenCV gives it: BGR, turned the way its EXIF data says."""
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(_MAX_PIXELS))
    import cv2

    _check_file(path)
    if not os.path.isfile(path):
        raise MediaError(path, "a picture has to be a plain file")
    try:
        with open(path, "rb") as file:
            picture = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:  # more pixels than OpenCV takes, for one
        raise MediaError(path, f"OpenCV cannot read this picture: {error.err}") from None
    if picture is None:
        raise MediaError(path, "this is no picture that OpenCV can read; copy or export it again")
    return picture


def _image_clip(path: str, sample_rate: int) -> Clip:
    import cv2

    frames = np.zeros((CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
    picture = cv2.resize(_read_image(path), (FRAME_SIZE, FRAME_SIZE), interpolation=cv2.INTER_AREA)
    frames[0] = picture[..., ::-1]
    return Clip(0.0, frames, 1, np.zeros(CLIP_SECONDS * sample_rate, np.float32), 0, sample_rate)


def _probe_sequence(path: str) -> MediaInfo:
    files = sequence_files(path)
    height, width = _read_image(files[0]).shape[:2]
    seconds = len(files) / FRAME_RATE
    return MediaInfo(path, "sequence", seconds, video_stream=0, width=width, height=height)


def _sequence_clips(
    path: str, start: float, seconds: float | None, sample_rate: int
) -> Generator[Clip, None, None]:
    import cv2

    first = round(start * FRAME_RATE)
    files = sequence_files(path)[first:]
    if seconds is not None:
        files = files[: round(seconds * FRAME_RATE)]
    for begin in range(0, len(files), CLIP_FRAMES):
        some = files[begin : begin + CLIP_FRAMES]
        frames = np.zeros((CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
        for frame, file in zip(frames, some, strict=False):
            size = (FRAME_SIZE, FRAME_SIZE)
            picture = cv2.resize(_read_image(file), size, interpolation=cv2.INTER_AREA)
            frame[:] = picture[..., ::-1]
        silence = np.zeros(CLIP_SECONDS * sample_rate, np.float32)
        clip_start = (first + begin) / FRAME_RATE
        yield Clip(clip_start, frames, len(some), silence, 0, sample_rate)


def _url(path: str) -> str:
    # The prefix keeps a leading dash from being an option and a colon from being a protocol.
    return "file:" + path


# A header may claim a picture that no memory holds; 16K film has this many pixels.
_MAX_PIXELS = 1 << 27

_INPUT_OPTIONS = {
    "protocol_whitelist": _PROTOCOLS,
    "format_whitelist": _DEMUXERS,
    "max_pixels": str(_MAX_PIXELS),
}


def _probe_args(path: str) -> list[str]:
    args = [find_ffmpeg(), "-hide_banner", "-nostdin"]
    for name, value in _INPUT_OPTIONS.items():
        args += [f"-{name}", value]
    return [*args, "-i", _url(path)]


def _run(path: str, argv: list[str], timeout: float) -> str:
    """FFmpeg's messages; its exit status says nothing (without an output it is 1)."""
    try:
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


def _decode_args(
    info: MediaInfo,
    start: float,
    seconds: float | None,
    sample_rate: int,
    skip_frame: str | None,
    video: Pipe | None,
    audio: Pipe | None,
) -> list[str]:
    """FFmpeg's command: frames to one pipe, samples to the other."""
    options = dict(_INPUT_OPTIONS)
    lead = min(start, _LEAD) if info.format in _UNINDEXED else 0.0
    if start > lead:
        options["ss"] = f"{start - lead:.6f}"
    if seconds is not None:
        options["t"] = f"{seconds + lead:.6f}"
    if skip_frame:
        options["skip_frame"] = skip_frame
    source = ffmpeg.input(_url(info.path), **options)
    outputs = []
    # Each output has a filter chain of its own. In one common graph FFmpeg would keep all
    # pictures in memory until the first sound comes.
    if video:
        # start_time drops the lead, and repeats the first frame where the picture begins later;
        # eof_action=pass keeps the one frame of a film shorter than a quarter second.
        steps = [
            f"fps={FRAME_RATE}:start_time={lead:.6f}:eof_action=pass,setpts=PTS-STARTPTS",
            f"scale={FRAME_SIZE}:{FRAME_SIZE}:flags=area",
        ]
        if skip_frame == "nokey":  # fewer come in than go out: each is scaled once
            steps.reverse()
        chain = ",".join(steps)
        picture = source[str(info.video_stream)]
        outputs.append(
            picture.output(f"pipe:{video.fd}", vf=chain, format="rawvideo", pix_fmt="rgb24")
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
                ar=sample_rate,
                acodec="pcm_f32le",
            )
        )
    command = ffmpeg.merge_outputs(*outputs) if len(outputs) > 1 else outputs[0]
    command = command.global_args("-hide_banner", "-nostdin", "-loglevel", "error")
    return list(ffmpeg.compile(command, cmd=find_ffmpeg()))
