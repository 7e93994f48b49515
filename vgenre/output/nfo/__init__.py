"""Genres in the NFO files that Kodi and Jellyfin read. Needs the core install."""

from .shows import ShowNfos
from .write import CREATED, LEFT, MERGED, NFO_MODES, REFUSED, NfoOutcome, write_nfo

__all__ = [
    "CREATED",
    "LEFT",
    "MERGED",
    "NFO_MODES",
    "REFUSED",
    "NfoOutcome",
    "ShowNfos",
    "write_nfo",
]
