"""One film in, its genres out."""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np

from ..engines.base import Engine
from ..errors import DataError, MediaError, UnreadableFilm, VgenreError
from ..labels import LabelSet
from ..media.ffmpeg import TIMEOUT
from ..media.probing import probe
from ..media.remote import is_remote, local_copy
from ..media.sampling import Sampling
from ..media.types import FRAME_SIZE, Clip, MediaInfo
from ..models.card import ModelCard
from ..sound import SoundInput, heard_clips, sound_input
from .explain import Explanation, explain
from .padding import frame_masks, padded
from .previews import preview, with_fewer_previews
from .record import OK, PARTIAL, ClipResult, FilmResult, failure

# What may be missing of a film that counts as whole: containers round, tracks end apart.
_MISSING_SECONDS, _MISSING_FRACTION = 1.0, 0.02


class Model:
    """A loaded model.

    Threads may share it: its networks run for one of them at a time, FFmpeg for all. It can be
    pickled, for a pool of processes that are spawned: what travels is where it was loaded from,
    and each process loads it once.

    Parameters
    ----------
    card : ModelCard
    engine : Engine

    Attributes
    ----------
    card : ModelCard
    engine : Engine
    """

    reload: tuple[Callable[..., Model], tuple] | None = None
    """A function that loads it anew and its arguments; set by `load_model`."""

    def __init__(self, card: ModelCard, engine: Engine) -> None:
        self.card, self.engine = card, engine

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

    def label(
        self,
        path: str | os.PathLike[str],
        *,
        sampling: Sampling | int | str | None = None,
        pictures: bool = False,
        explain: bool = False,
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
                        timeout=timeout,
                        progress=progress,
                    ).called(path)
            except VgenreError as problem:
                film = failure(problem, path, self.card.name, self.engine.name)
            return replace(film, seconds=time.perf_counter() - started)
        policy = Sampling.of(sampling)
        info, record, error = None, None, None
        try:
            info = probe(path, timeout=timeout)
            record = self._look(info, policy, timeout, progress, pictures)
        except MediaError as problem:
            error = problem
        except OSError as problem:  # it vanished, or its disk failed, while it was read
            error = MediaError(path, problem.strerror or str(problem))
        if record is None:
            assert error is not None
            known = failure(error, path, self.card.name, self.engine.name)
            return replace(
                known,
                duration=info.duration if info else None,
                seconds=time.perf_counter() - started,
            )
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
                film = replace(film, explanation=self.explain(film).to_dict())
        return replace(film, seconds=time.perf_counter() - started)

    def explain(self, film: FilmResult, label: str | None = None) -> Explanation:
        """Find what spoke for a genre: which clip, which stream, which part of frame and sound.

        Parts are hidden one after the other and the loss is measured, which takes
        about 200 runs of the networks.

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
        return explain(self, film, label)

    def _look(
        self,
        info: MediaInfo,
        sampling: Sampling,
        timeout: float,
        progress: Callable[[float], None] | None,
        pictures: bool,
    ) -> dict[str, Any]:
        """What a film's record says of its clips."""
        wanted = sum(span.seconds for span in sampling.spans(info))
        clips: list[ClipResult] = []
        weights: list[float] = []
        streams = {"visual": False, "audio": False}
        for clip, sound, found in self._opinions(info, sampling, timeout):
            streams["visual"] |= clip.has_picture
            streams["audio"] |= clip.has_sound and self.card.architecture.uses_sound
            if pictures:
                found = replace(found, pictures=preview(clip, sound, info.aspect))
            clips.append(found)
            weights.append(clip.seconds)
            if progress and wanted:
                progress(min(1.0, sum(weights) / wanted))
        if not any(streams.values()):
            if clips and not self.card.architecture.uses_sound:
                raise UnreadableFilm(
                    info.path,
                    f"there is no picture, and the model {self.card.name} looks at nothing else",
                )
            what = "neither picture nor sound" if clips else "nothing"
            raise UnreadableFilm(
                info.path, f"{what} could be decoded; the file is damaged or silent"
            )
        # Clips weigh by their length: the last one may hold a single frame.
        matrix = np.array([list(clip.probabilities.values()) for clip in clips])
        mean = np.average(matrix, axis=0, weights=weights)
        fraction = 1.0 if info.is_image else min(1.0, sum(weights) / max(wanted, 1e-9))
        missing = wanted - sum(weights)
        whole = missing <= max(_MISSING_SECONDS, _MISSING_FRACTION * wanted)
        return {
            "status": OK if whole else PARTIAL,
            "labels": list(self.labels.choose(mean, self.card.thresholds)),
            "probabilities": dict(zip(self.labels.names, mean.tolist(), strict=True)),
            "clips": with_fewer_previews(clips),
            "streams": streams,
            "decoded_fraction": fraction,
            "error": None
            if whole
            else {
                "type": "IncompleteFilm",
                "message": f"{info.path}: only {fraction:.0%} of what was to be read could be "
                "decoded; the file is cut off or damaged, copy or download it again",
            },
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
        """
        features = self.features(clip.frames[: clip.frame_count])
        return self._opinion(clip, features, sound_input(clip, self.card.mel))

    def _opinions(
        self, info: MediaInfo, sampling: Sampling, timeout: float
    ) -> Iterator[tuple[Clip, SoundInput, ClipResult]]:
        """Each clip, its sound and its genres.

        One clip late: the image network is at the next one while this one's sound comes,
        which takes a second for a process's first clip.
        """
        seen: deque[tuple[Clip, Future[SoundInput], np.ndarray]] = deque()

        def oldest() -> tuple[Clip, SoundInput, ClipResult]:
            clip, coming, features = seen.popleft()
            sound = coming.result()
            return clip, sound, self._opinion(clip, features, sound)

        for clip, sound in heard_clips(info, sampling, self.card.mel, timeout=timeout):
            seen.append((clip, sound, self.features(clip.frames[: clip.frame_count])))
            if len(seen) > 1:
                yield oldest()
        if seen:
            yield oldest()

    def _opinion(self, clip: Clip, features: np.ndarray, sound: SoundInput) -> ClipResult:
        output = self.engine.classify(
            padded(features)[None],
            frame_masks([clip.frame_count]),
            sound.mel[None],
            sound.mask[None],
        )
        probabilities = self.card.calibration.probabilities(output.logits, self.labels.mode)[0]
        return ClipResult(
            start=clip.start,
            duration=clip.seconds,
            probabilities=dict(zip(self.labels.names, probabilities.tolist(), strict=True)),
            gate=dict(zip(("visual", "audio"), output.gate[0].tolist(), strict=True)),
        )

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
        dtype, shape = getattr(frames, "dtype", type(frames).__name__), np.shape(frames)
        if dtype != np.uint8 or len(shape) != 4 or shape[1:] != (FRAME_SIZE, FRAME_SIZE, 3):
            raise DataError(
                f"frames are uint8 of the shape (n, {FRAME_SIZE}, {FRAME_SIZE}, 3), as those of "
                f"vgenre.read_clip; these are {dtype} of the shape {shape}"
            )
        new = np.ones(len(frames), bool)
        new[1:] = (frames[1:] != frames[:-1]).any(axis=(1, 2, 3))
        if new.all():
            return self.engine.features(frames)
        return self.engine.features(frames[new])[np.cumsum(new) - 1]
