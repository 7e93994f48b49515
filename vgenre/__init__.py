"""vgenre names the genres of films from picture and sound."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .batch import label_folder as label_folder
    from .errors import MediaError as MediaError
    from .errors import VgenreError as VgenreError
    from .media import probe as probe
    from .media import read_clip as read_clip
    from .predict import Model as Model
    from .predict import load_model as load_model
    from .result import FilmResult as FilmResult
    from .spectrogram import log_mel as log_mel

# Loaded on first use: `import vgenre` is instant and brings no TensorFlow.
_PUBLIC = {
    "FilmResult": "result",
    "MediaError": "errors",
    "Model": "predict",
    "VgenreError": "errors",
    "label_folder": "batch",
    "load_model": "predict",
    "log_mel": "spectrogram",
    "probe": "media",
    "read_clip": "media",
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
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'vgenre' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"vgenre.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
