"""What is done with each film, doing it in this process, and what is said where it fails."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import MediaError, VgenreError
from ..labelling.record import FilmResult, failure
from ..media.ffmpeg import find_ffmpeg

if TYPE_CHECKING:
    from ..labelling.model import Model

Progress = Callable[[str, float], None]

FILM_TIMEOUT = 3600.0
"""Seconds that a film may go without progress before its process is ended. Generous: a film
behind a slow network is fetched in them, or the slowest machine explains one."""

LOAD_TIMEOUT = 600.0
"""Seconds that a process may take to load the model."""


@dataclass(frozen=True)
class Task:
    """What is done with each film; all that a worker has to know.

    Parameters
    ----------
    model : str
        Name or directory.
    engine : {"auto", "openvino", "tensorflow"}
    sampling : str or None
        As ``--sampling`` names it.
    threads : int or None
        Of the engine.
    pictures : bool
        Whether the records are to have pictures.
    explain : bool
        Whether the records are to say what spoke for the likeliest genre.
    dialogue : bool
        Whether subtitles are read, where the model has a head for them.
    exact : bool
        Whether the network sees every frame.
    hwaccel : str or None
        A decoder in hardware.
    film_timeout : float or None
        Seconds that a film may go without progress (a clip that is done) before the process
        that labels it is ended; None: for ever. Nothing ends a film in this process.
    """

    model: str
    engine: str = "auto"
    sampling: str | None = None
    threads: int | None = None
    pictures: bool = False
    explain: bool = False
    dialogue: bool = True
    exact: bool = False
    hwaccel: str | None = None
    film_timeout: float | None = FILM_TIMEOUT

    def load(self, *, check: bool = True) -> Model:
        """Load the model into this process.

        Parameters
        ----------
        check : bool
            Whether the model's files are compared with its card; see `load_model`.

        Raises
        ------
        FFmpegNotFoundError
            If no film could be read here.
        ModelError
            If the model cannot be loaded.
        """
        from ..labelling.load import load_model

        find_ffmpeg()
        return load_model(self.model, engine=self.engine, threads=self.threads, check=check)

    @property
    def how(self) -> dict[str, Any]:
        """What `Model.label` is told beside the film."""
        return {
            "sampling": self.sampling,
            "pictures": self.pictures,
            "explain": self.explain,
            "dialogue": self.dialogue,
            "exact": self.exact,
            "hwaccel": self.hwaccel,
        }


class Executor(Protocol):
    """Labels films."""

    def run(self, films: Iterable[str], progress: Progress | None = None) -> Iterator[FilmResult]:
        """Records of films, in the order in which they are finished."""


class InProcess:
    """Labels films in this process, one after the other.

    Parameters
    ----------
    model : Model
    **how
        What `Model.label` is told beside the film.
    """

    def __init__(self, model: Model, **how: Any) -> None:
        self._model, self._how = model, how

    def run(self, films: Iterable[str], progress: Progress | None = None) -> Iterator[FilmResult]:
        """Records of films, in their order.

        Raises
        ------
        VgenreError
            If no film can be labelled, as FFmpeg is missing.
        """
        for film in films:

            def label(film: str) -> FilmResult:
                tell = (lambda part: progress(film, part)) if progress else None
                return self._model.label(film, progress=tell, **self._how)

            end, value = attempt(label, film)
            if end == REFUSED:
                raise value
            if end == FAILED:
                value = value.record(film, self._model.card.name)
            yield value


DONE, FAILED, REFUSED = "done", "failed", "refused"
"""How an attempt at a film ends: with a result, with a `Fault`, or with an error that every
other film would end with too."""


@dataclass(frozen=True)
class Fault:
    """An exception that one film ended with, in words that travel between processes.

    Parameters
    ----------
    kind : str
        Its type.
    message : str
        What it says, where it was raised and what to do.
    """

    kind: str
    message: str

    @classmethod
    def of(cls, film: str, error: Exception) -> Fault:
        """The words for an exception that was caught."""
        kind = type(error).__name__
        if isinstance(error, MediaError):
            return cls(kind, str(error))
        if isinstance(error, MemoryError):
            return cls(kind, f"{film}: there is not enough memory to label it; try fewer --jobs")
        return cls(
            kind,
            f"{film}: a fault in vgenre while labelling it: {kind}: {error}"
            f"{_place_of(error)}; report it",
        )

    def record(self, film: str, model: str, engine: str = "") -> FilmResult:
        """The film's record."""
        record = failure(MediaError(film, self.message), film, model, engine)
        return replace(record, error={"type": self.kind, "message": self.message})


def attempt(do: Callable[[str], Any], film: str) -> tuple[str, Any]:
    """Do something with a film, whatever comes of it.

    Parameters
    ----------
    do : callable
    film : str

    Returns
    -------
    end : {"done", "failed", "refused"}
    value : object
        The result, a `Fault`, or a `VgenreError` that ends the run.
    """
    try:
        return DONE, do(film)
    except MediaError as error:
        return FAILED, Fault.of(film, error)
    except VgenreError as error:
        return REFUSED, portable(error)
    except Exception as error:
        return FAILED, Fault.of(film, error)


def portable(error: VgenreError) -> VgenreError:
    """The error, or one of the same words where it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:  # whatever a class raises that does not expect to be pickled
        return VgenreError(str(error))


def load_error(error: Exception) -> VgenreError:
    """What ends a run where a model cannot be loaded: a `VgenreError` as it is, others in words."""
    if isinstance(error, VgenreError):
        return portable(error)
    if isinstance(error, MemoryError):
        return VgenreError("there is not enough memory to load the model; try fewer --jobs")
    return VgenreError(
        f"the model cannot be loaded: {type(error).__name__}: {error}{_place_of(error)}"
    )


def _place_of(error: Exception) -> str:
    """The last line of this package that an exception came through, those of batches left out."""
    package, batch = Path(__file__).parents[1], Path(__file__).parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if package in file.parents and batch not in file.parents:
            return f" ({file.relative_to(package)}, line {frame.lineno})"
    return ""


class WorkerDied(MediaError):
    """The process that labelled a film died, twice."""

    @classmethod
    def of(cls, film: str, cause: str) -> WorkerDied:
        """The error for a film, and what its process died of."""
        return cls(
            film,
            f"the process that labelled it died twice ({cause}); the file may be made to do harm, "
            "or need more memory than there is",
        )


class FilmTimeout(MediaError):
    """The process that labelled a film made no progress for too long and was ended."""

    @classmethod
    def of(cls, film: str, seconds: float) -> FilmTimeout:
        """The error for a film, and how long its process was waited for."""
        return cls(
            film,
            f"its process made no progress for {seconds:g} s and was ended; the file may be made "
            "to do harm, or the machine or network be slow: then try a longer --film-timeout",
        )
