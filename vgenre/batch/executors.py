"""What is done with each film, and doing it in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import MediaError
from ..labelling.record import FilmResult

if TYPE_CHECKING:
    from ..labelling.model import Model

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Task:
    """What is done with each film; all that a worker has to know.

    Parameters
    ----------
    model : str
        Name or directory.
    engine : str
    sampling : str or None
        As ``--sampling`` names it.
    threads : int or None
        Of the engine.
    pictures : bool
        Whether the records are to have pictures.
    explain : bool
        Whether the records are to say what spoke for the likeliest genre.
    """

    model: str
    engine: str = "auto"
    sampling: str | None = None
    threads: int | None = None
    pictures: bool = False
    explain: bool = False

    def load(self) -> Model:
        """The model, in this process."""
        from ..labelling.load import load_model

        return load_model(self.model, engine=self.engine, threads=self.threads)

    @property
    def how(self) -> dict[str, Any]:
        """What `Model.label` is told beside the film."""
        return {"sampling": self.sampling, "pictures": self.pictures, "explain": self.explain}


class Executor(Protocol):
    """Labels films."""

    def run(self, films: Iterable[str], progress: Progress | None = None) -> Iterator[FilmResult]:
        """Records of films, in the order in which they are finished."""


class InProcess:
    """Labels films here, one after the other.

    Parameters
    ----------
    model : Model
    **how
        What `Model.label` is told beside the film.
    """

    def __init__(self, model: Model, **how: Any) -> None:
        self._model, self._how = model, how

    def run(self, films: Iterable[str], progress: Progress | None = None) -> Iterator[FilmResult]:
        """Records of films, in their order."""
        for film in films:

            def tell(part: float, film: str = film) -> None:
                if progress:
                    progress(film, part)

            yield self._model.label(film, progress=tell, **self._how)


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
