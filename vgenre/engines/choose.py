"""Which engine runs a model here."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..errors import MissingExtra, ModelError, needs
from ..models.card import ModelCard
from ..models.store import graphs_of
from .base import Engine

log = logging.getLogger(__name__)

ENGINES = ("auto", "openvino", "tensorflow")
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
"""Is there where the driver of an NVIDIA GPU runs; says nothing of what may use the GPU."""

_GPU_SECONDS = 120.0  # that TensorFlow may take to start and look for a GPU


def choose_engine(name: str, card: ModelCard) -> str:
    """The engine that runs a model on this machine: ``"openvino"`` or ``"tensorflow"``.

    Parameters
    ----------
    name : {"auto", "openvino", "tensorflow"}
        ``"auto"``: OpenVINO, unless TensorFlow has a GPU here or the model has no graphs
        for OpenVINO.
    card : ModelCard

    Raises
    ------
    ModelError
        If there is no such engine, or it cannot run this model.
    MissingExtra
        If it is TensorFlow and that is not installed.
    """
    engine = engine_by_rule(name, card, has_gpu)
    if engine == "tensorflow" and not is_installed("tensorflow"):
        what = "--engine tensorflow"
        if name == "auto":
            what = f"the model {card.name}, which has no graphs for OpenVINO,"
        raise MissingExtra(what, "tensorflow", "train")
    return engine


def engine_by_rule(name: str, card: ModelCard, gpu: Callable[[], bool]) -> str:
    """The engine that `choose_engine` chooses where `gpu` tells whether TensorFlow has a GPU."""
    if name not in ENGINES:
        raise ModelError(f"there is no engine {name!r}; there are {', '.join(ENGINES)}")
    has_graphs = all(graph in card.files for graph in graphs_of(card))
    if name == "openvino" and not has_graphs:
        raise ModelError(f"model {card.name} has no graphs for OpenVINO; use --engine tensorflow")
    if name != "auto":
        return name
    return "openvino" if has_graphs and not gpu() else "tensorflow"


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
    engine = choose_engine(name, card)
    log.info("%s runs on %s", card.name, engine)
    if engine == "openvino":
        from .openvino import OpenVINOEngine

        return OpenVINOEngine.load(directory, card, threads=threads)
    with needs("train", "--engine tensorflow"):
        import_tensorflow()
        from .tensorflow import TensorFlowEngine
    return TensorFlowEngine.load(directory, card, threads=threads)


def is_installed(library: str) -> bool:
    """Whether a library could be imported, by its name; it is not imported."""
    return importlib.util.find_spec(library) is not None


def has_gpu() -> bool:
    """Whether TensorFlow can use a GPU on this machine.

    Without the driver of an NVIDIA GPU, or without TensorFlow, the answer costs nothing.
    With both TensorFlow is asked, by a process of its own unless it is imported already: a
    driver is to be seen where TensorFlow lacks the CUDA libraries or the container has no GPU.
    """
    if not NVIDIA_DRIVER.exists() or not is_installed("tensorflow"):
        return False
    if tensorflow := sys.modules.get("tensorflow"):
        return bool(tensorflow.config.list_physical_devices("GPU"))
    return _tensorflow_says_gpu()


@functools.cache
def _tensorflow_says_gpu() -> bool:
    code = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')), 'GPUs')"
    try:
        said = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GPU_SECONDS,
            check=True,
        ).stdout.splitlines()[-1]
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        log.warning("TensorFlow does not start, so no GPU is used: %s", error)
        return False
    return said.endswith(" GPUs") and not said.startswith("0 ")


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
