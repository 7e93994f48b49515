"""The space in which films are compared: what a film shows, sounds like and says, as one vector.

Each stream's reading of a film is projected by arrays that were fitted on the training films. They
are all that is kept of them: means, directions, and how far films usually lie from the mean.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ..dialogue.types import Cue, count_words
from ..errors import DataError, ModelError
from ..output.atomic import write_atomic
from .fusion import STREAMS
from .maps import Expected, StreamMap
from .vocabulary import Vocabulary

LEAST_WORDS = 300
"""Of dialogue, for a film to have a part for it."""

_MOST_VALUES = 6000  # of a film: 12 kB
_DIALOGUE = STREAMS[-1]


@dataclass(frozen=True)
class EmbeddingSpace:
    """The space of a model; a vector of it is called a film's embedding.

    An embedding is float16 of the shape (`size`,): the parts of the streams one after the other
    (`parts`), each of length 1. Those of streams that the film has not are NaN.

    Parameters
    ----------
    maps : dict of str to StreamMap
        By stream, in the order of `vgenre.models.fusion.STREAMS`.
    vocabulary : Vocabulary or None
        The terms that the map of the dialogue takes; None where there is none.
    expected : Expected or None
        None where nothing was measured.
    digest : str
        SHA-256 of the file, which identifies the space.
    """

    maps: dict[str, StreamMap]
    vocabulary: Vocabulary | None = None
    expected: Expected | None = None
    digest: str = field(default="", compare=False)

    @cached_property
    def parts(self) -> dict[str, slice]:
        """Where each stream's part lies in a vector."""
        ends = np.cumsum([0, *(found.size for found in self.maps.values())]).tolist()
        return {
            stream: slice(*bounds) for stream, bounds in zip(self.maps, pairwise(ends), strict=True)
        }

    @property
    def size(self) -> int:
        """How many values a vector has."""
        return sum(found.size for found in self.maps.values())

    @cached_property
    def weights(self) -> np.ndarray:
        """How much each stream counts where films are compared: float32, shape (n_streams,)."""
        return np.array([found.weight for found in self.maps.values()], np.float32)

    def by_stream(self, vector: np.ndarray, films: np.ndarray) -> np.ndarray:
        """The product of a vector with films, by stream: the cosines, where it is a film too.

        Parameters
        ----------
        vector : ndarray, shape (size,)
        films : ndarray, shape (n, size)

        Returns
        -------
        ndarray of float32, shape (n, n_streams)
            NaN where either lacks the stream.
        """
        found = [films[:, part] @ vector[part] for part in self.parts.values()]
        return np.stack(found, axis=1)

    def joined(self, cosines: np.ndarray) -> np.ndarray:
        """How like films are: the weighted mean over the streams that both have.

        Parameters
        ----------
        cosines : ndarray, shape (n, n_streams)
            As `by_stream` gives them.

        Returns
        -------
        ndarray of float64, shape (n,)
            NaN where no stream is in both.
        """
        weights = np.isfinite(cosines) * self.weights.astype(np.float64)
        length = weights.sum(axis=1)
        total = (np.nan_to_num(cosines) * weights).sum(axis=1)
        return np.divide(total, length, out=np.full(len(total), np.nan), where=length > 0)

    def embedding(self, readings: Mapping[str, np.ndarray]) -> np.ndarray:
        """The vector of a film.

        Parameters
        ----------
        readings : mapping of str to ndarray, shape (width,)
            By each stream that the film has; those that the space does not know are passed over.

        Returns
        -------
        ndarray of float16, shape (size,)

        Raises
        ------
        ModelError
            If a reading is of another width than the space was made for.
        """
        found = np.full(self.size, np.nan, np.float16)
        for stream, reading in readings.items():
            if (known := self.maps.get(stream)) is None:
                continue
            if np.shape(reading) != known.mean.shape:
                raise ModelError(
                    f"the {stream} stream gives {np.shape(reading)} values of a film, the "
                    f"embedding takes {known.mean.shape}: they are not of one model; copy the "
                    "model again"
                )
            found[self.parts[stream]] = known.of(reading)
        return found

    def dialogue(self, cues: Sequence[Cue]) -> dict[str, np.ndarray]:
        """What is said in a film, as a reading for `embedding`.

        Parameters
        ----------
        cues : sequence of Cue

        Returns
        -------
        dict of str to ndarray of float32, shape (n_terms,)
            Empty where fewer than `LEAST_WORDS` words are said, or the space has no dialogue.
        """
        texts = [cue.text for cue in cues if cue.text]
        if self.vocabulary is None or sum(map(count_words, texts)) < LEAST_WORDS:
            return {}
        places, values = self.vocabulary.weighed(texts)
        if not len(places):
            return {}
        reading = np.zeros(len(self.vocabulary.terms), np.float32)
        reading[places] = values
        return {_DIALOGUE: reading}

    def with_dialogue(self, embedding: np.ndarray, cues: Sequence[Cue]) -> np.ndarray:
        """An embedding with the dialogue as it is now: what is seen and heard stays.

        Parameters
        ----------
        embedding : ndarray of float16, shape (size,)
        cues : sequence of Cue
            Empty where nothing is said.

        Returns
        -------
        ndarray of float16, shape (size,)
        """
        if _DIALOGUE not in self.parts:
            return embedding
        found, part = embedding.copy(), self.parts[_DIALOGUE]
        found[part] = self.embedding(self.dialogue(cues))[part]
        return found

    def write(self, path: Path) -> None:
        """Write it as arrays, the large ones in half precision; nothing in the file can run."""
        arrays = {
            f"{stream}.{name}": array
            for stream, known in self.maps.items()
            for name, array in known.arrays().items()
        }
        if self.vocabulary:
            arrays |= {f"vocabulary.{k}": v for k, v in self.vocabulary.arrays().items()}
        if self.expected:
            arrays["expected"] = self.expected.array()
        write_atomic(path, save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))

    @classmethod
    def read(cls, path: Path, digest: str = "") -> EmbeddingSpace:
        """Read what `write` wrote.

        Parameters
        ----------
        path : Path
        digest : str
            Of the file.

        Raises
        ------
        ModelError
            If the file cannot be read, or its arrays do not fit one another.
        """
        try:
            arrays = load_file(path)
        # Types that NumPy has not are a TypeError, or an AttributeError in older versions.
        except (OSError, SafetensorError, LookupError, TypeError, AttributeError) as error:
            raise ModelError(f"{path}: cannot be read: {error}") from None
        try:
            if not all(np.isfinite(array).all() for array in arrays.values()):
                raise ValueError("numbers that are none")
            expected = arrays.pop("expected", None)
            by_part: dict[str, dict[str, np.ndarray]] = {}
            for name, array in arrays.items():
                part, _, rest = name.partition(".")
                by_part.setdefault(part, {})[rest] = array
            terms = by_part.pop("vocabulary", None)
            return cls(
                {s: StreamMap.read(by_part.pop(s)) for s in STREAMS if s in by_part},
                Vocabulary.read(terms) if terms else None,
                None if expected is None else Expected.read(expected),
                digest,
            )._checked(by_part)
        except (KeyError, ValueError):
            raise ModelError(
                f"{path}: its arrays do not fit one another; copy the model again"
            ) from None

    def _checked(self, left: Mapping[str, object]) -> EmbeddingSpace:
        """Itself; ValueError where something is left of a file, or its parts do not fit."""
        if left or not self.maps or self.size > _MOST_VALUES:
            raise ValueError("other arrays than those of a space")
        terms = len(self.vocabulary.terms) if self.vocabulary else 0
        if terms != (len(self.maps[_DIALOGUE].mean) if _DIALOGUE in self.maps else 0):
            raise ValueError("a map of other terms")
        return self


def written(embedding: np.ndarray) -> str:
    """An embedding as text, for a record: float16, least byte first, in base64."""
    return base64.b64encode(np.asarray(embedding, "<f2").tobytes()).decode()


def parsed(text: str, space: EmbeddingSpace) -> np.ndarray:
    """The embedding that `written` wrote.

    Raises
    ------
    DataError
        If it is none, or of another size than the space.
    """
    try:
        found = np.frombuffer(base64.b64decode(text, validate=True), "<f2")
    except (binascii.Error, ValueError):
        raise DataError("a record holds an embedding that is none; label with --restart") from None
    if found.shape != (space.size,):
        raise DataError(
            f"a record holds an embedding of {found.size} values, the model gives {space.size}; "
            "label with --restart"
        )
    return found.astype(np.float16)
