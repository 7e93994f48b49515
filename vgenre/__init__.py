"""vgenre names the genres of films from picture, sound and dialogue."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__ as __version__

if TYPE_CHECKING:
    from .batch.folder import label_folder as label_folder
    from .dialogue.read import read_subtitles as read_subtitles
    from .errors import MediaError as MediaError
    from .errors import VgenreError as VgenreError
    from .labelling.load import load_model as load_model
    from .labelling.model import Model as Model
    from .labelling.record import FilmResult as FilmResult
    from .media.probing import probe as probe
    from .media.reader import read_clip as read_clip
    from .sound import log_mel as log_mel

# Loaded on first use: `import vgenre` is instant and brings no TensorFlow.
_PUBLIC = {
    "FilmResult": "labelling.record",
    "MediaError": "errors",
    "Model": "labelling.model",
    "VgenreError": "errors",
    "label_folder": "batch.folder",
    "load_model": "labelling.load",
    "log_mel": "sound",
    "probe": "media.probing",
    "read_clip": "media.reader",
    "read_subtitles": "dialogue.read",
}
__all__ = [
    "FilmResult",
    "MediaError",
    "Model",
    "VgenreError",
    "label_folder",
    "load_model",
    "log_mel",
    "probe",
    "read_clip",
    "read_subtitles",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'vgenre' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"vgenre.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
