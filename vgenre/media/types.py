"""What reading a film gives: a clip, what a file says of itself, and the numbers of the method."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

FRAME_RATE = 4  # frames a second
CLIP_FRAMES = 40  # frames in a clip
CLIP_SECONDS = CLIP_FRAMES // FRAME_RATE
FRAME_SIZE = 299  # pixels: InceptionV3's input is 299 x 299
SAMPLE_RATE = 32_000  # Hz, mono

SILENCE = 1e-4
"""Peak amplitude (full scale is 1) below which a clip counts as having no sound."""

VIDEO_SUFFIXES = frozenset(
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .gif .m2ts .m2v .m4v .mkv .mov .mp4 .mpeg .mpg .mts "
    ".mxf .nut .ogm .ogv .rm .rmvb .ts .vob .webm .wmv".split()
)
AUDIO_SUFFIXES = frozenset(
    ".aac .ac3 .aif .aiff .flac .m4a .mka .mp2 .mp3 .oga .ogg .opus .wav .wma".split()
)
IMAGE_SUFFIXES = frozenset(".bmp .jpeg .jpg .png .tif .tiff .webp".split())
MEDIA_SUFFIXES = VIDEO_SUFFIXES | AUDIO_SUFFIXES | IMAGE_SUFFIXES

TEXT_SUBTITLES = frozenset(
    "ass eia_608 jacosub microdvd mov_text mpl2 pjs realtext sami srt ssa stl subrip subviewer "
    "subviewer1 text vplayer webvtt".split()
)
"""FFmpeg's names of the kinds of subtitles that it decodes to text; the others are pictures."""

HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
"""FFmpeg's names of the curves of high dynamic range: PQ (HDR10, Dolby Vision) and HLG."""


def clock(seconds: float) -> str:
    """A time or a length in a film as people write it, to the nearest second.

    Parameters
    ----------
    seconds : float
        Not negative.

    Returns
    -------
    str
        ``h:mm:ss`` from an hour on, else ``m:ss``.

    Examples
    --------
    >>> clock(7.6), clock(754), clock(5843.7)
    ('0:08', '12:34', '1:37:24')
    """
    minutes, rest = divmod(math.floor(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass(frozen=True, eq=False)
class Clip:
    """Ten seconds of a film as the networks take them.

    Arrays always have their full shape; what lies behind the end of the film is
    zero and is not counted. Frame ``i`` shows the film at ``start + (i + 0.5) / 4`` s.

    Attributes
    ----------
    start : float
        Where the clip begins in the film, in seconds.
    frames : ndarray of uint8, shape (40, 299, 299, 3)
        RGB, the whole picture scaled to a square.
    frame_count : int
        How many of ``frames`` were decoded; the rest is padding.
    waveform : ndarray of float32, shape (320000,)
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

    @classmethod
    def of_arrays(
        cls,
        frames: np.ndarray | None = None,
        waveform: np.ndarray | None = None,
        *,
        start: float = 0.0,
        sample_rate: int = SAMPLE_RATE,
    ) -> Clip:
        """A clip from arrays that were read by other means.

        Parameters
        ----------
        frames : ndarray of uint8, shape (n, 299, 299, 3), optional
            RGB, 4 a second, at most 40.
        waveform : ndarray of float, shape (n_samples,), optional
            Mono, full scale 1, at most ten seconds.
        start : float
            Where the clip begins in the film, in seconds.
        sample_rate : int
            Of the waveform, in Hz; what the model's card says.

        Raises
        ------
        ValueError
            If an array has another shape or type.

        Examples
        --------
        >>> white = np.full((8, 299, 299, 3), 255, np.uint8)
        >>> Clip.of_arrays(white).seconds
        2.0
        """
        all_frames = np.zeros((CLIP_FRAMES, FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
        samples = np.zeros(CLIP_SECONDS * sample_rate, np.float32)
        n_frames = n_samples = 0
        if frames is not None:
            n_frames = len(frames)
            if frames.dtype != np.uint8 or frames.shape[1:] != all_frames.shape[1:]:
                raise ValueError(
                    f"frames are {frames.dtype} of shape {frames.shape}; they have to be uint8, "
                    f"(n, {FRAME_SIZE}, {FRAME_SIZE}, 3)"
                )
            if n_frames > CLIP_FRAMES:
                raise ValueError(f"a clip has {CLIP_FRAMES} frames at most, not {n_frames}")
            all_frames[:n_frames] = frames
        if waveform is not None:
            n_samples = len(waveform)
            if waveform.ndim != 1 or not np.issubdtype(waveform.dtype, np.floating):
                raise ValueError(
                    f"the waveform is {waveform.dtype} of shape {waveform.shape}; it has to be "
                    "floating point and mono, (n_samples,)"
                )
            if n_samples > len(samples):
                raise ValueError(f"a clip has {len(samples)} samples at most, not {n_samples}")
            samples[:n_samples] = waveform
        return cls(start, all_frames, n_frames, samples, n_samples, sample_rate)

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
        from .pictures import player_html, strip_html

        parts = [f"{self.start:g} s, {self.seconds:g} s long: {self.frame_count} frames"]
        if self.has_picture:
            parts.append(strip_html(self.frames[: self.frame_count]))
        if self.has_sound:
            parts.append(player_html(self.waveform[: self.sample_count], self.sample_rate))
        return "<br>".join(filter(None, parts))


@dataclass(frozen=True)
class SubtitleTrack:
    """A track of subtitles in a film, as the container describes it.

    Attributes
    ----------
    stream : int
        Index of the stream.
    codec : str
        FFmpeg's name of what is in it, as ``"subrip"`` or ``"hdmv_pgs_subtitle"``.
    language : str
        As the container has it, mostly three letters; empty where it says none.
    title : str
    flags : frozenset of str
        FFmpeg's names of what the track is for: ``"captions"``, ``"comment"``, ``"default"``,
        ``"forced"``, ``"hearing impaired"``, ``"lyrics"``.
    """

    stream: int
    codec: str
    language: str = ""
    title: str = ""
    flags: frozenset[str] = frozenset()

    @property
    def is_text(self) -> bool:
        """Whether FFmpeg decodes it to text."""
        return self.codec in TEXT_SUBTITLES


@dataclass(frozen=True)
class MediaInfo:
    """What a film says of itself before anything of it is decoded.

    Attributes
    ----------
    path : str
    format : str
        FFmpeg's name of the container.
    duration : float
        Seconds; 0 for a still image.
    is_image : bool
        A still image: a film of one frame and no sound.
    video_stream, audio_stream : int or None
        Index of the stream that is read; None where there is none. Cover art
        in a music file is no video. Of several the default one is taken.
    width, height : int
        Size in pixels as stored, before any rotation; 0 without video.
    rotation : int
        Degrees by which a player turns the picture clockwise, 0 to 359. Frames are
        turned already.
    sample_aspect : float
        Width of a pixel divided by its height; 1 for square pixels.
    transfer, primaries : str
        FFmpeg's names of the picture's transfer curve and primary colours, as
        ``"smpte2084"`` and ``"bt2020"``; empty where the film does not say.
    frame_rate : float
        Frames a second as the container says; 0 where it does not.
    video_codec, audio_codec : str
    sample_rate : int
        Hz; 0 without sound.
    audio_tracks : int
    subtitles : tuple of SubtitleTrack
        In the order of the container.
    """

    path: str
    format: str
    duration: float
    is_image: bool = False
    video_stream: int | None = None
    audio_stream: int | None = None
    width: int = 0
    height: int = 0
    rotation: int = 0
    sample_aspect: float = 1.0
    transfer: str = ""
    primaries: str = ""
    frame_rate: float = 0.0
    video_codec: str = ""
    audio_codec: str = ""
    sample_rate: int = 0
    audio_tracks: int = 0
    subtitles: tuple[SubtitleTrack, ...] = ()

    @property
    def is_hdr(self) -> bool:
        """Whether the picture is of high dynamic range; its frames are mapped to standard range."""
        return self.transfer in HDR_TRANSFERS

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as shown: turned upright, in square pixels; (0, 0) if not known."""
        width = round(self.width * max(1.0, self.sample_aspect))
        height = round(self.height / min(1.0, self.sample_aspect))
        return (height, width) if self.rotation in (90, 270) else (width, height)

    @property
    def aspect(self) -> float:
        """Width of the picture as shown, divided by its height; 16:9 if not known."""
        width, height = self.display_size
        return width / height if width and height else 16 / 9
