"""Which engine runs a model here."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from ..errors import ModelError
from ..models.card import ModelCard
from ..models.store import GRAPHS
from .base import Engine

ENGINES = ("auto", "openvino", "tensorflow")


def choose_engine(name: str, card: ModelCard) -> str:
    """The engine that runs a model: ``"openvino"`` or ``"tensorflow"``.

    Parameters
    ----------
    name : {"auto", "openvino", "tensorflow"}
        ``"auto"``: OpenVINO, unless there is an NVIDIA GPU for TensorFlow to use
        or the model has no graphs for OpenVINO.
    card : ModelCard

    Raises
    ------
    ModelError
        If there is no such engine, or it cannot run this model.
    """
    if name not in ENGINES:
        raise ModelError(f"there is no engine {name!r}; there are {', '.join(ENGINES)}")
    has_graphs = all(graph in card.files for graph in GRAPHS)
    if name == "openvino" and not has_graphs:
        raise ModelError(f"model {card.name} has no graphs for OpenVINO; use --engine tensorflow")
    if name != "auto":
        return name
    return "openvino" if has_graphs and not has_gpu() else "tensorflow"


def load_engine(
    name: str, directory: Path, card: ModelCard, *, threads: int | None = None
) -> Engine:
    """An engine with a model in it.

    Parameters
    ----------
    name : {"auto", "openvino", "tensorflow"}
        See `choose_engine`.
    directory : Path
        The model's.
    card : ModelCard
        Read and checked.
    threads : int, optional
        That the engine may use; all cores unless given.

    Raises
    ------
    ModelError
        If there is no such engine, or the weights do not fit.
    """
    if choose_engine(name, card) == "openvino":
        from .openvino import OpenVINOEngine

        return OpenVINOEngine.load(directory, card, threads=threads)
    import_tensorflow()
    from .tensorflow import TensorFlowEngine

    return TensorFlowEngine.load(directory, card, threads=threads)


def has_gpu() -> bool:
    """Whether the driver of an NVIDIA GPU runs; asking TensorFlow would take its import."""
    return os.path.exists("/proc/driver/nvidia/version")


def import_tensorflow() -> None:
    """Import TensorFlow without the greetings that it writes past all of its settings."""
    with tempfile.TemporaryFile() as said:
        stderr = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            import tensorflow

            # The first look for a GPU complains too. Its memory is taken as it is needed.
            for gpu in tensorflow.config.list_physical_devices("GPU"):
                with contextlib.suppress(RuntimeError):  # it is in use already
                    tensorflow.config.experimental.set_memory_growth(gpu, True)
        except BaseException:
            said.seek(0)
            os.write(stderr, said.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
