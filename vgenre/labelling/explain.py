"""Why a film got its genre: which moment, which stream, which part of frame and sound, which words.

Parts are hidden one after the other, and what is lost is measured (occlusion; Zeiler and
Fergus, *Visualizing and Understanding Convolutional Networks*, 2014). The networks need only
answer, so this works in the same way with every engine and architecture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..dialogue.types import Subtitles
from ..engines.base import Engine
from ..errors import MediaError
from ..media.pictures import explanation_pictures
from ..media.probing import probe
from ..media.reader import read_clip
from ..media.types import CLIP_FRAMES, FRAME_RATE, Clip
from ..models.card import ModelCard
from ..models.dialogue import DialogueHead, Spoke
from ..sound import SoundInput, sound_input
from .dialogue import subtitles_of
from .padding import frame_masks, padded
from .record import FilmResult

_FRAME_CELLS = (8, 8)
_MEL_CELLS = (8, 20)  # bands, time
_WINDOW = 2  # cells that are hidden at once, each way
_CLIPS_AT_ONCE = 16
_LONGEST_CUE = 300  # characters; what is said at once is a line or two


class Networks(Protocol):
    """The part of `vgenre.Model` that is needed here."""

    @property
    def card(self) -> ModelCard:
        """The model's labels, fusions and mel settings."""

    @property
    def engine(self) -> Engine:
        """What runs the networks."""

    @property
    def head(self) -> DialogueHead | None:
        """What hears the dialogue."""

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Compute features of frames, uint8 (n, 299, 299, 3): float32 (n, width)."""


@dataclass(frozen=True)
class Explanation:
    """What spoke for one genre in a film.

    Attributes
    ----------
    label : str
    probability : float
        The genre's, of the film.
    without : dict of str to float
        What is left of it where the film is labelled without ``visual``, ``audio`` or
        ``dialogue``; empty where there is but one of them.
    shares : tuple of float
        Each clip's part of the genre's probabilities in all clips; they sum to 1.
    clip : Clip
        The clip that speaks for the genre most.
    time : float
        Where the most telling frame is in the film, in seconds; the clip's start
        where there is no picture.
    streams : dict of str to float
        The genre's probability in that clip by ``visual`` and ``audio`` alone; a
        stream that is missing is left out.
    frame : ndarray of uint8, shape (299, 299, 3), or None
        The most telling frame; None without picture.
    aspect : float
        Width of the film's picture divided by its height, as shown.
    frame_map : ndarray of float32, shape (8, 8), or None
        How much of the genre's probability by that frame alone is lost where a
        part is hidden; negative where it speaks against the genre.
    mel : ndarray of float32, shape (n_mels, steps), or None
        The clip's sound in dB; None without sound.
    mel_map : ndarray of float32, shape (8, 20), or None
        The same of the sound: low bands first, over time.
    words : list of tuple of str and float
        Words and pairs of words that are said and speak for the genre, the strongest first, with
        what they add to its logit; empty where the dialogue had no part in the label.
    cues : list of tuple of float, float, str and float
        What is said that speaks for it, likewise: start and end in seconds of the film, text, and
        what it adds. The text is what somebody wrote into a file; who shows it has to escape it.
    """

    label: str
    probability: float
    without: dict[str, float]
    shares: tuple[float, ...]
    clip: Clip
    time: float
    streams: dict[str, float]
    frame: np.ndarray | None
    aspect: float
    frame_map: np.ndarray | None
    mel: np.ndarray | None
    mel_map: np.ndarray | None
    words: list[tuple[str, float]] = field(default_factory=list)
    cues: list[tuple[float, float, str, float]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Turn it into plain values for a film's record, the maps into small pictures."""
        return {
            "label": self.label,
            "time": self.time,
            "streams": self.streams,
            "without": self.without,
            "shares": list(self.shares),
            "words": [[term, weight] for term, weight in self.words],
            "cues": [
                {"start": start, "end": end, "text": text, "weight": weight}
                for start, end, text, weight in self.cues
            ],
            "pictures": explanation_pictures(
                self.frame, self.aspect, self.frame_map, self.mel, self.mel_map
            ),
        }


def explain(
    model: Networks,
    film: FilmResult,
    label: str | None = None,
    *,
    subtitles: Subtitles | None = None,
) -> Explanation:
    """Find what spoke for a genre, see `vgenre.Model.explain`.

    Parameters
    ----------
    model : Networks
        The model that labelled the film.
    film : FilmResult
    label : str, optional
        The likeliest one unless given.
    subtitles : Subtitles, optional
        Of the film; they are read unless given, where they had a part in its label.

    Returns
    -------
    Explanation

    Raises
    ------
    MediaError
        If the film cannot be read any more, or could not be labelled.
    ValueError
        If the model, or the film's record, does not know the label.
    """
    if not film.clips:
        raise MediaError(film.path, "nothing of it could be labelled, so nothing can be explained")
    label = label or max(film.probabilities, key=lambda name: film.probabilities[name])
    if label not in model.card.labels.names:
        raise ValueError(
            f"the model {model.card.name} knows no {label!r}; it knows "
            f"{', '.join(model.card.labels.names)}"
        )
    if label not in film.probabilities:
        raise ValueError(
            f"{film.path} was labelled by another model, which knows no {label!r}; label it again"
        )
    column = model.card.labels.names.index(label)
    strongest = max(film.clips, key=lambda found: found.probabilities[label])
    info = probe(film.path)
    # Key frames stand for more seconds than a clip has; its beginning stands for it.
    clip = read_clip(film.path, strongest.start, sample_rate=model.card.mel.sample_rate, info=info)
    sound = sound_input(clip, model.card.mel)
    ask = _Genre(model, column, still=info.is_image)
    time, streams = clip.start, {}
    frame = frame_map = mel = mel_map = None
    if clip.has_picture:
        features = model.features(clip.frames[: clip.frame_count])
        streams["visual"] = float(ask.seen(padded(features)[None], [clip.frame_count])[0])
        # Each frame as if it filled the clip: what it says by itself.
        alone = ask.seen(np.repeat(features[:, None], CLIP_FRAMES, axis=1))
        telling = int(np.argmax(alone))
        frame, time = clip.frames[telling], clip.start + telling / FRAME_RATE
        frame_map = _frame_map(model, ask, frame, float(alone[telling]))
    if clip.has_sound and model.card.architecture.uses_sound:
        mel = sound.mel[:, : int(sound.mask.sum())]
        streams["audio"] = float(ask.heard(sound.mel[None], sound.mask)[0])
        mel_map = _mel_map(ask, sound, streams["audio"])
    spoke = Spoke([], [])
    if model.head and "dialogue" in film.opinions:
        said = subtitles or subtitles_of(info)
        spoke = model.head.spoke(said.cues, column) if said else spoke
    weighted = np.array([found.probabilities[label] * found.duration for found in film.clips])
    total = float(weighted.sum())
    shares = weighted / total if total else np.full(len(weighted), 1 / len(weighted))
    return Explanation(
        label=label,
        probability=film.probabilities[label],
        without={stream: left[label] for stream, left in film.without.items()},
        shares=tuple(shares.tolist()),
        clip=clip,
        time=time,
        streams=streams,
        frame=frame,
        aspect=info.aspect,
        frame_map=frame_map,
        mel=mel,
        mel_map=mel_map,
        words=spoke.terms,
        cues=[(cue.start, cue.end, _cut(cue.text), weight) for cue, weight in spoke.cues],
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CUE else text[: _LONGEST_CUE - 1] + "…"


class _Genre:
    """Asks one stream alone how probable one genre is."""

    def __init__(self, model: Networks, column: int, *, still: bool) -> None:
        self._model, self._column, self._still = model, column, still

    def seen(self, sequences: np.ndarray, frame_counts: list[int] | None = None) -> np.ndarray:
        """The genre's probability by frame features (n, 40, width): (n,)."""
        masks = frame_masks(frame_counts or [CLIP_FRAMES] * len(sequences))
        return self._answers("visual", self._model.engine.see, sequences, masks)

    def heard(self, mels: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The genre's probability by mels (n, n_mels, steps) of one mask: (n,)."""
        masks = np.repeat(mask[None], len(mels), axis=0)
        return self._answers("audio", self._model.engine.hear, mels, masks)

    def _answers(
        self, stream: str, ask: Callable[..., np.ndarray], *inputs: np.ndarray
    ) -> np.ndarray:
        card = self._model.card
        fusion = card.fusion([stream], still=self._still)
        parts = []
        for begin in range(0, len(inputs[0]), _CLIPS_AT_ONCE):
            some = (array[begin : begin + _CLIPS_AT_ONCE].astype(np.float32) for array in inputs)
            said = fusion.probabilities({stream: ask(*some)}, card.labels.mode)
            parts.append(said[:, self._column])
        return np.concatenate(parts)


def _frame_map(model: Networks, ask: _Genre, frame: np.ndarray, whole: float) -> np.ndarray:
    windows = _windows(_FRAME_CELLS, frame.shape[:2])
    hidden = np.repeat(frame[None], len(windows), axis=0)
    grey = frame.mean(axis=(0, 1))
    for one, (rows, columns) in zip(hidden, windows, strict=True):
        one[rows, columns] = grey
    features = model.features(hidden)
    left = ask.seen(np.repeat(features[:, None], CLIP_FRAMES, axis=1))
    return _map_of(_FRAME_CELLS, whole - left)


def _mel_map(ask: _Genre, sound: SoundInput, whole: float) -> np.ndarray:
    steps = int(sound.mask.sum())
    windows = _windows(_MEL_CELLS, (sound.mel.shape[0], steps))
    hidden = np.repeat(sound.mel[None], len(windows), axis=0)
    usual = sound.mel[:, :steps].mean(axis=1, keepdims=True)  # what a band sounds like throughout
    for one, (bands, times) in zip(hidden, windows, strict=True):
        one[bands, times] = usual[bands]
    return _map_of(_MEL_CELLS, whole - ask.heard(hidden, sound.mask))


def _windows(cells: tuple[int, int], shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Overlapping windows over an array, in the order of the cell at their upper left."""
    edges = [
        np.linspace(0, n, c + 1).round().astype(int) for n, c in zip(shape, cells, strict=True)
    ]
    return [
        (slice(edges[0][i], edges[0][i + _WINDOW]), slice(edges[1][j], edges[1][j + _WINDOW]))
        for i in range(cells[0] - _WINDOW + 1)
        for j in range(cells[1] - _WINDOW + 1)
    ]


def _map_of(cells: tuple[int, int], losses: np.ndarray) -> np.ndarray:
    """A cell's loss: the mean of the windows that hide it."""
    total, count = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    losses = losses.reshape(cells[0] - _WINDOW + 1, cells[1] - _WINDOW + 1)
    for (i, j), loss in np.ndenumerate(losses):
        total[i : i + _WINDOW, j : j + _WINDOW] += loss
        count[i : i + _WINDOW, j : j + _WINDOW] += 1
    return total / count
