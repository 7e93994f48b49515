"""Pictures of clips, films and figures, for notebooks. Needs ``[plots]``."""

from .clips import clip, frames, spectrogram, waveform
from .films import contact_sheet, explanation, film, timeline
from .measures import calibration, confusion, precision_recall

__all__ = [
    "calibration",
    "clip",
    "confusion",
    "contact_sheet",
    "explanation",
    "film",
    "frames",
    "precision_recall",
    "spectrogram",
    "timeline",
    "waveform",
]
