"""One film in, its genres out."""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ..dialogue.types import Subtitles
from ..engines.base import Engine
from ..errors import DataError, MediaError, UnreadableFilm, VgenreError
from ..labels import LabelSet
from ..media.ffmpeg import TIMEOUT
from ..media.probing import probe
from ..media.remote import is_remote, local_copy
from ..media.sampling import Sampling
from ..media.types import Clip, MediaInfo
from ..models.card import ModelCard
from ..models.dialogue import DialogueHead
from ..models.embedding import EmbeddingSpace, parsed
from ..models.fusion import STREAMS
from ..models.spaces import need_space
from ..sound import heard_clips, sound_input
from .dialogue import opinion_of, subtitles_coming
from .explain import Explanation
from .explain import explain as explain_film
from .features import ClipFeatures, features_of
from .looking import Looked, completeness, look_at_film, looked_at, nothing_said
from .previews import preview, with_fewer_previews
from .record import ERROR, ClipResult, FilmResult, failure
from .summary import FilmReading, embedded
from .unchanged import CLOSE
from .verdict import ClipMeans, named, verdict


class Model:
    """A loaded model.

    Threads may share it: its networks run for one of them at a time, FFmpeg for all. It can be
    pickled, for a pool of processes that are spawned: what travels is where it was loaded from,
    and each process loads it once.

    Parameters
    ----------
    card : ModelCard
    engine : Engine
    read_head : callable, optional
        Reads the head for the dialogue, where the model has one.
    read_space : callable, optional
        Reads the space of embeddings, where the model has one.

    Attributes
    ----------
    card : ModelCard
    engine : Engine
    """

    reload: tuple[Callable[..., Model], tuple] | None = None
    """A function that loads it anew and its arguments; set by `load_model`."""

    threads: int | None = None
    """That decode a film, beside those of the engine; set by `load_model`."""

    def __init__(
        self,
        card: ModelCard,
        engine: Engine,
        read_head: Callable[[], DialogueHead | None] | None = None,
        read_space: Callable[[], EmbeddingSpace | None] | None = None,
    ) -> None:
        self.card, self.engine = card, engine
        self._read_head, self._read_space = read_head, read_space

    def __reduce__(self) -> tuple:
        if self.reload is None:
            raise pickle.PicklingError("only a model that load_model gave can be pickled")
        return self.reload

    def __repr__(self) -> str:
        return f"<vgenre.Model {self.card.name}: {', '.join(self.labels.names)}>"

    @property
    def labels(self) -> LabelSet:
        """The genres it knows."""
        return self.card.labels

    @cached_property
    def head(self) -> DialogueHead | None:
        """Its head for the dialogue, read when it is first wanted; None where it has none."""
        return self._read_head() if self._read_head else None

    @cached_property
    def space(self) -> EmbeddingSpace | None:
        """The space of its embeddings, read when it is first wanted; None where it has none."""
        return self._read_space() if self._read_space else None

    def label(
        self,
        path: str | os.PathLike[str],
        *,
        sampling: Sampling | int | str | None = None,
        pictures: bool = False,
        explain: bool = False,
        dialogue: bool = True,
        exact: bool = False,
        hwaccel: str | None = None,
        timeout: float = TIMEOUT,
        progress: Callable[[float], None] | None = None,
    ) -> FilmResult:
        """Name the genres of a film.

        Parameters
        ----------
        path : str or path
            A film, a sound file or a still image; a URL that fsspec knows is fetched first.
        sampling : Sampling, int or str, optional
            How many evenly spaced clips are looked at, ``"full"`` or ``"keyframes"``.
        pictures : bool
            Whether some of the clips are to have small pictures, for reports.
        explain : bool
            Whether the record is to say what spoke for the likeliest genre.
        dialogue : bool
            Whether the subtitles are read, where the model has a head for them. Of a URL those
            inside the film are.
        exact : bool
            Whether the network sees every frame, also those that have hardly changed.
        hwaccel : str, optional
            A decoder in hardware, as of `vgenre.media.reader.iter_clips`.
        timeout : float
            Seconds that FFmpeg may go without giving anything.
        progress : callable, optional
            Is told after each clip how much of the film is done, 0 to 1.

        Returns
        -------
        FilmResult
            A file that cannot be read gives one with status ``"error"``.
        """
        started = time.perf_counter()
        path = os.fsdecode(path)
        if is_remote(path):
            try:
                with local_copy(path) as copy:
                    film = self.label(
                        copy,
                        sampling=sampling,
                        pictures=pictures,
                        explain=explain,
                        dialogue=dialogue,
                        exact=exact,
                        hwaccel=hwaccel,
                        timeout=timeout,
                        progress=progress,
                    ).called(path)
            except VgenreError as problem:
                film = failure(problem, path, self.card.name, self.engine.name)
            return replace(film, seconds=time.perf_counter() - started)
        policy = Sampling.of(sampling)
        head = self.head if dialogue else None  # a damaged one is no film's fault
        info, record, error = None, None, None
        try:
            info = probe(path, timeout=timeout)
            with subtitles_coming(head, info, timeout) as subtitles:
                how: Any = {"hwaccel": hwaccel, "threads": self.threads, "timeout": timeout}
                clips = heard_clips(info, policy, self.card.mel, **how)
                seen = ClipFeatures(self.engine, None if exact else CLOSE).of(clips)
                looked = look_at_film(self.engine, self.card, seen)
                record = self._look(info, policy, looked, progress, pictures, subtitles)
        except MediaError as problem:
            error = problem
        except OSError as problem:  # it vanished, or its disk failed, while it was read
            error = MediaError(path, problem.strerror or str(problem))
        if record is None:
            assert error is not None
            film = failure(error, path, self.card.name, self.engine.name)
            length = info.duration if info else None
            return replace(film, duration=length, seconds=time.perf_counter() - started)
        film = FilmResult(
            path=path,
            duration=info.duration if info else None,
            model=self.card.name,
            engine=self.engine.name,
            seconds=0.0,
            **record,
        )
        if explain:
            with contextlib.suppress(MediaError):  # the file went away since; its label stands
                found = explain_film(self, film, subtitles=subtitles())
                film = replace(film, explanation=found.to_dict())
        return replace(film, seconds=time.perf_counter() - started)

    def embed(self, path: str | os.PathLike[str], **how: Any) -> np.ndarray:
        """One vector of a film, for telling which films are alike.

        Parameters
        ----------
        path : str or path
        **how
            What `label` takes beside it, ``sampling`` for one; the film is looked at as for that.

        Returns
        -------
        ndarray of float16, shape (size,)
            The parts of picture, sound and dialogue, each of length 1, those of missing streams
            NaN. Size and parts are those of `space`.

        Raises
        ------
        MediaError
            If the film cannot be read.
        ModelError
            If the model cannot embed.
        """
        space = need_space(self.space, self.card)
        film = self.label(path, **how)
        if film.status == ERROR or film.embedding is None:
            raise MediaError(film.path, film.reason or "nothing of it could be embedded")
        return parsed(film.embedding, space)

    def explain(self, film: FilmResult, label: str | None = None) -> Explanation:
        """Find what spoke for a genre: which clip, stream, part of frame and sound, which words.

        Parts are hidden one after the other and the loss is measured, which takes
        about 200 runs of the networks. Subtitles that were read are read once more.

        Parameters
        ----------
        film : FilmResult
            As `label` gave it; its strongest clip is read once more.
        label : str, optional
            The genre that is explained; the likeliest one unless given.

        Returns
        -------
        Explanation

        Raises
        ------
        MediaError
            If the film cannot be read any more, or could not be labelled.
        """
        return explain_film(self, film, label)

    def _look(
        self,
        info: MediaInfo,
        sampling: Sampling,
        looked_at_clips: Iterator[Looked],
        progress: Callable[[float], None] | None,
        pictures: bool,
        subtitles: Callable[[], Subtitles | None],
    ) -> dict[str, Any]:
        """What a film's record says of its clips."""
        wanted = sum(span.seconds for span in sampling.spans(info))
        clips: list[ClipResult] = []
        means, reading, decoded = ClipMeans(), FilmReading(), 0.0
        for looked in looked_at_clips:
            clip = looked.clip
            decoded += clip.seconds
            if looked.opinions:
                means.add(looked.opinions, clip.seconds)
                reading.add(looked.readings, clip.seconds)
                found = self._clip_result(clip, looked.opinions, still=info.is_image)
                if pictures:
                    found = replace(found, pictures=preview(clip, looked.sound, info.aspect))
                clips.append(found)
            if progress and wanted:
                progress(min(1.0, decoded / wanted))
        film = means.means()
        if not film:
            raise UnreadableFilm(info.path, nothing_said(self.card, decoded > 0))
        said = subtitles()
        film |= opinion_of(self.head, said) if said else {}
        return {
            **verdict(self.card, film, still=info.is_image),
            **completeness(info, decoded, wanted),
            "clips": with_fewer_previews(clips),
            "streams": {stream: stream in film for stream in STREAMS},
            "dialogue": None if said is None else said.to_dict(),
            "embedding": embedded(self.space, reading, said),
        }

    def classify(self, clip: Clip) -> ClipResult:
        """Name the genres of one clip.

        Parameters
        ----------
        clip : Clip
            As `vgenre.read_clip` gives it, or `vgenre.media.Clip.of_arrays`.

        Returns
        -------
        ClipResult

        Raises
        ------
        DataError
            If the clip has neither picture nor sound, or none that the model looks at.
        """
        if opinions := self.opinions(clip):
            return self._clip_result(clip, opinions)
        uses_sound = self.card.architecture.uses_sound
        what = "neither picture nor sound" if uses_sound else "no picture"
        raise DataError(f"the clip at {clip.start:g} s has {what}")

    def opinions(self, clip: Clip) -> dict[str, np.ndarray]:
        """What each stream says of a clip; `vgenre.models.fusion` makes probabilities of it.

        Parameters
        ----------
        clip : Clip

        Returns
        -------
        dict of str to ndarray of float32, shape (n_outcomes,)
            Logits by each stream that the clip has.
        """
        return looked_at(self.engine, self.card, clip, sound_input(clip, self.card.mel)).opinions

    def _clip_result(
        self, clip: Clip, opinions: dict[str, np.ndarray], *, still: bool = False
    ) -> ClipResult:
        fusion = self.card.fusion(opinions, still=still)
        found = fusion.probabilities(opinions, self.labels.mode)
        return ClipResult(clip.start, clip.seconds, named(self.card, found))

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Features of frames, those of a frame like the one before it computed once.

        Parameters
        ----------
        frames : ndarray of uint8, shape (n, 299, 299, 3)

        Returns
        -------
        ndarray of float32, shape (n, width)

        Raises
        ------
        DataError
            If the frames have another shape or type.
        """
        return features_of(self.engine, frames)
