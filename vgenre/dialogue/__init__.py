"""What is said in a film: its subtitles, from the container or beside it. Needs the core install.

`vgenre.media` opens the film; here what FFmpeg gives of its tracks, and the files beside it, are
parsed, cleaned and chosen from by their language.
"""

from .read import read_subtitles
from .sidecars import subtitle_state
from .types import Cue, Subtitles

__all__ = ["Cue", "Subtitles", "read_subtitles", "subtitle_state"]
