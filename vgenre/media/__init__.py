"""Reading films through FFmpeg: probe, decode, sample, find. Needs the core install.

Nothing in it knows of networks.
"""

from .ffmpeg import find_ffmpeg
from .probing import probe
from .reader import iter_clips, read_clip
from .types import Clip, MediaInfo

__all__ = ["Clip", "MediaInfo", "find_ffmpeg", "iter_clips", "probe", "read_clip"]
