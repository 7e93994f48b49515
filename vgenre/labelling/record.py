"""The record of one film: the same in the API, JSON and JSONL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from html import escape
from textwrap import shorten
from typing import Any

from ..colours import genre_colour
from ..errors import DataError, VgenreError
from ..media.types import clock

OK, PARTIAL, ERROR = "ok", "partial", "error"

STREAM_WORDS = {"visual": "picture", "audio": "sound", "dialogue": "dialogue"}
"""What streams are called where people read of them."""


def stream_words(streams: Iterable[str]) -> str:
    """Some streams in words.

    Examples
    --------
    >>> stream_words(["visual", "audio", "dialogue"]), stream_words(["audio"])
    ('picture, sound and dialogue', 'sound')
    """
    *others, last = [STREAM_WORDS.get(stream, stream) for stream in streams] or [""]
    return f"{', '.join(others)} and {last}" if others else last


_LONGEST_LINE = 140  # characters of what is said, where it is one line of several


@dataclass(frozen=True)
class ClipResult:
    """The genres of one clip of a film.

    Attributes
    ----------
    start, duration : float
        Seconds.
    probabilities : dict of str to float
        By the picture and sound that are there in the clip.
    pictures : dict of str to str
        Small ones for reports, see `vgenre.media.pictures.clip_pictures`; empty unless they
        were asked for, and not part of the record.
    """

    start: float
    duration: float
    probabilities: dict[str, float]
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
        By the mean opinions of its clips, and that of its dialogue.
    clips : list of ClipResult
        The timeline; clips without picture and sound are left out.
    streams : dict of str to bool
        Whether ``visual``, ``audio`` and ``dialogue`` could be used.
    duration : float or None
        Seconds, as the file says; 0 for a still image.
    decoded_fraction : float or None
        Decoded seconds, of those that were to be read.
    model, engine : str
    error : dict or None
        ``type`` and ``message``.
    seconds : float
        How long it took.
    outside : float or None
        How probable it is that the film is of none of the genres; None where the model does not
        say.
    opinions : dict of str to list of float
        What each stream that is there says of the film: logits of the genres in the order of
        `probabilities`, and of none of them where the model knows that.
    without : dict of str to dict of str to float
        The film's probabilities with one stream left out, as if the film did not have it;
        empty where there is but one.
    explanation : dict or None
        What spoke for the likeliest genre, where it was asked for; see
        `vgenre.labelling.explain.Explanation.to_dict`.
    dialogue : dict or None
        The subtitles that were read, see `vgenre.dialogue.types.Subtitles.to_dict`: where from, in
        which language, how many words, and notes of what was left out. None where none were
        looked for: the model has no head for them, or they were not wanted.
    embedding : str or None
        A vector of the film, as `vgenre.models.embedding.written` writes it; None where the model
        has no space for one. Journals keep it, outputs do not.
    taught : dict of str to float
        Probabilities of genres that the user has taught, where a taxonomy of them was named.
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
    outside: float | None = None
    opinions: dict[str, list[float]] = field(default_factory=dict)
    without: dict[str, dict[str, float]] = field(default_factory=dict)
    explanation: dict[str, Any] | None = None
    dialogue: dict[str, Any] | None = None
    embedding: str | None = field(default=None, repr=False)
    taught: dict[str, float] = field(default_factory=dict)

    def to_dict(self, *, pictures: bool = False, embedding: bool = False) -> dict[str, Any]:
        """As plain values for JSON; figures rounded to what they mean.

        Parameters
        ----------
        pictures : bool
            Whether clips keep their pictures.
        embedding : bool
            Whether the embedding is kept.
        """
        record = _rounded(asdict(self))
        if not embedding or self.embedding is None:
            del record["embedding"]
        if not self.taught:
            del record["taught"]
        if self.explanation is None:
            del record["explanation"]
        if not pictures:
            for part in (*record["clips"], record.get("explanation", {})):
                part.pop("pictures", None)
        return record

    def probability(self, label: str) -> float | None:
        """Of one of the model's genres, or a taught one; None of a genre that is neither."""
        return self.probabilities.get(label, self.taught.get(label))

    @property
    def reason(self) -> str:
        """What went wrong, without the path before it; empty where nothing did."""
        return self.error["message"].removeprefix(f"{self.path}: ") if self.error else ""

    def decided(self, label: str | None = None) -> dict[str, float]:
        """What each stream decided: how much of a genre's probability is lost without it.

        Parameters
        ----------
        label : str, optional
            The likeliest genre unless given.

        Returns
        -------
        dict of str to float
            By stream; below 0 where the stream spoke against the genre. Empty where there is
            but one stream.
        """
        label = label or self._likeliest()
        return {
            stream: self.probabilities[label] - left[label] for stream, left in self.without.items()
        }

    def decided_text(self, label: str | None = None) -> str:
        """The same in words: ``"Horror 83%; without the sound 61%"``; empty for one stream."""
        label = label or self._likeliest()
        left = ", ".join(
            f"without the {STREAM_WORDS.get(stream, stream)} {probabilities[label]:.0%}"
            for stream, probabilities in self.without.items()
        )
        return left and f"{label} {self.probabilities[label]:.0%}; {left}"

    def dialogue_text(self) -> str:
        """Of its subtitles in words: ``"film.srt, 812 words"``, and notes; empty without any."""
        if not self.dialogue:
            return ""
        known = {"source": "", "words": 0, "kind": "", "notes": [], **self.dialogue}
        parts = list(known["notes"])
        if known["source"]:
            kind = "" if known["kind"] in ("", "whole") else f" ({known['kind']})"
            few = "" if self.streams.get("dialogue") else ", which say nothing to the model"
            parts.insert(0, f"{known['source']}, {known['words']} words{kind}{few}")
        return "; ".join(map(str, parts))

    def _likeliest(self) -> str:
        return max(self.probabilities, key=lambda name: self.probabilities[name], default="")

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
        decided = f"<br>What decided: {escape(text)}" if (text := self.decided_text()) else ""
        if text := self.dialogue_text():
            decided += f"<br>Dialogue: {escape(text)}"
        for line in spoken_lines(self.explanation or {}):
            decided += f"<br>{escape(line)}"
        return title + (f"<br>{found}<table>{rows}</table>{decided}" if rows else "")

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


def spoken_lines(explanation: dict[str, Any], cues: int = 3) -> list[str]:
    """What was said that spoke for a genre, a line each: the words, then the strongest cues.

    Parameters
    ----------
    explanation : dict
        Of a record; nothing is told where the dialogue has no part in it.
    cues : int
        How many.

    Returns
    -------
    list of str
        Text as it was written by whoever made the subtitles, without breaks.
    """
    words = ", ".join(str(term) for term, _ in explanation.get("words", [])[:8])
    said = [
        f"{clock(cue['start'])} {shorten(str(cue['text']), _LONGEST_LINE, placeholder=' …')}"
        for cue in explanation.get("cues", [])[:cues]
    ]
    return [f"words that speak for it: {words}", *said] if words else said


def failure(error: VgenreError, path: str, model: str, engine: str = "") -> FilmResult:
    """The record of a film that could not be labelled."""
    return FilmResult(
        path=path,
        status=ERROR,
        labels=[],
        probabilities={},
        clips=[],
        streams=dict.fromkeys(STREAM_WORDS, False),
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
