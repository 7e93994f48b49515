"""The record of one film: the same in the API, JSON and JSONL."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from html import escape
from typing import Any

from ..colours import genre_colour
from ..errors import DataError, VgenreError

OK, PARTIAL, ERROR = "ok", "partial", "error"


@dataclass(frozen=True)
class ClipResult:
    """The genres of one clip of a film.

    Attributes
    ----------
    start, duration : float
        Seconds.
    probabilities : dict of str to float
    gate : dict of str to float
        What ``visual`` and ``audio`` weighed in it.
    pictures : dict of str to str
        Small ones for reports, see `vgenre.media.pictures.clip_pictures`; empty unless they
        were asked for, and not part of the record.
    """

    start: float
    duration: float
    probabilities: dict[str, float]
    gate: dict[str, float]
    pictures: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class FilmResult:
    """The genres of one film.

    Attributes
    ----------
    path : str
    status : {"ok", "partial", "error"}
        ``"partial"``: less could be decoded than the file says it holds.
    labels : list of str
        Most probable first. Empty: no genre is probable enough.
    probabilities : dict of str to float
        The mean over the clips.
    clips : list of ClipResult
        The timeline.
    streams : dict of str to bool
        Whether ``visual`` and ``audio`` could be used.
    duration : float or None
        Seconds, as the file says; 0 for a still image.
    decoded_fraction : float or None
        Decoded seconds, of those that were to be read.
    model, engine : str
    error : dict or None
        ``type`` and ``message``.
    seconds : float
        How long it took.
    explanation : dict or None
        What spoke for the likeliest genre, where it was asked for; see
        `vgenre.labelling.explain.Explanation.to_dict`.
    """

    path: str
    status: str
    labels: list[str]
    probabilities: dict[str, float]
    clips: list[ClipResult]
    streams: dict[str, bool]
    duration: float | None
    decoded_fraction: float | None
    model: str
    engine: str
    error: dict[str, str] | None
    seconds: float
    explanation: dict[str, Any] | None = None

    def to_dict(self, *, pictures: bool = False) -> dict[str, Any]:
        """As plain values for JSON; figures rounded to what they mean.

        Parameters
        ----------
        pictures : bool
            Whether clips keep their pictures.
        """
        record = _rounded(asdict(self))
        if self.explanation is None:
            del record["explanation"]
        if not pictures:
            for part in (*record["clips"], record.get("explanation", {})):
                part.pop("pictures", None)
        return record

    def called(self, path: str) -> FilmResult:
        """The same record of a film that goes by another path."""
        error = self.error
        if error and self.path != path:
            error = {**error, "message": error["message"].replace(self.path, path)}
        return replace(self, path=path, error=error)

    def _repr_html_(self) -> str:
        """What Jupyter shows: the film's name, its genres as bars, what went wrong."""
        title = f"<b>{escape(self.path)}</b>"
        if self.error:
            title += f"<br>{escape(self.error['message'])}"
        rows = "".join(
            f"<tr><td style='text-align:left'>{escape(name)}</td><td>{p:.0%}</td>"
            f"<td style='width:16em;text-align:left'><div style='width:{100 * p:.1f}%;height:.8em;"
            f"background:{genre_colour(name)}'></div></td></tr>"
            for name, p in sorted(self.probabilities.items(), key=lambda item: -item[1])[:6]
        )
        found = ", ".join(map(escape, self.labels)) or "uncertain"
        return title + (f"<br>{found}<table>{rows}</table>" if rows else "")

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> FilmResult:
        """A record that `to_dict` gave, here or in a newer version with further fields.

        Parameters
        ----------
        record : dict
            Fields that this version does not know are passed over.

        Raises
        ------
        DataError
            If a field is missing.
        """
        try:
            clips = [ClipResult(**_known(ClipResult, clip)) for clip in record["clips"]]
            return cls(**{**_known(cls, record), "clips": clips})
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{record.get('path', 'a film')}: this is no record of vgenre ({error})"
            ) from None


def failure(error: VgenreError, path: str, model: str, engine: str = "") -> FilmResult:
    """The record of a film that could not be labelled."""
    return FilmResult(
        path=path,
        status=ERROR,
        labels=[],
        probabilities={},
        clips=[],
        streams={"visual": False, "audio": False},
        duration=None,
        decoded_fraction=None,
        model=model,
        engine=engine,
        error={"type": type(error).__name__, "message": str(error)},
        seconds=0.0,
    )


def _known(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
