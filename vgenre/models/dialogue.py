"""The dialogue stream: what the words of a film's subtitles say of its genres, in plain numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..dialogue.types import Cue, count_words
from ..errors import ModelError
from ..output.atomic import atomic_path
from .vocabulary import Vocabulary, terms_of

_ARRAYS = ("terms", "idf", "kernel", "scale", "offset", "prior", "lengths", "trust")
_MOST_TERMS, _MOST_BYTES = 1 << 20, 1 << 27


@dataclass(frozen=True)
class Spoke:
    """What of a film's dialogue spoke for a genre.

    Attributes
    ----------
    terms : list of tuple of str and float
        The strongest first: a term, and what it adds to the genre's logit, beyond what it adds
        to the mean of all.
    cues : list of tuple of Cue and float
        Likewise the cues, in which those terms are said.
    """

    terms: list[tuple[str, float]]
    cues: list[tuple[Cue, float]]


@dataclass(frozen=True)
class DialogueHead:
    """A linear layer over the weighed terms of a film's dialogue.

    Terms are weighed by tf-idf with sublinear counts, the vector has length 1 (Salton and Buckley,
    *Term-weighting approaches in automatic text retrieval*, 1988). What the layer says counts less
    where little is said: the logits go from those of a film of which nothing is known to the
    layer's as `trust` goes to 1.

    Parameters
    ----------
    terms : tuple of str
        The vocabulary; see `terms_of`.
    idf : ndarray of float32, shape (n_terms,)
    kernel : ndarray of float32, shape (n_terms, n_outcomes)
    offset : ndarray of float32, shape (n_outcomes,)
    prior : ndarray of float32, shape (n_outcomes,)
        The logits of a film of which nothing is known.
    lengths : ndarray of float32, shape (k,)
        Numbers of words, rising.
    trust : ndarray of float32, shape (k,)
        How much the layer counts at them.
    """

    terms: tuple[str, ...]
    idf: np.ndarray
    kernel: np.ndarray
    offset: np.ndarray
    prior: np.ndarray
    lengths: np.ndarray
    trust: np.ndarray

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.terms, self.idf)

    @property
    def outcomes(self) -> int:
        """How many logits an opinion has."""
        return len(self.prior)

    def opinion(self, cues: Iterable[Cue]) -> np.ndarray | None:
        """What the dialogue says of a film.

        Parameters
        ----------
        cues : iterable of Cue

        Returns
        -------
        ndarray of float64, shape (n_outcomes,), or None
            Logits; None where too little is said to hear anything in it.
        """
        texts = [cue.text for cue in cues if cue.text]
        words = sum(map(count_words, texts))
        places, values = self._vocabulary.weighed(texts)
        if words < self.lengths[0] or not len(places):
            return None
        said = values @ self.kernel[places] + self.offset
        return self.prior + self._trust(words) * said.astype(np.float64)

    def spoke(self, cues: Sequence[Cue], outcome: int, *, most: int = 12) -> Spoke:
        """What spoke for an outcome.

        Parameters
        ----------
        cues : sequence of Cue
        outcome : int
            Index of the genre.
        most : int
            How many terms, and how many cues.
        """
        texts = [cue.text for cue in cues]
        places, values = self._vocabulary.weighed(texts)
        if not len(places):
            return Spoke([], [])
        weights = self.kernel[places, outcome] - self.kernel[places].mean(axis=1)
        adds = self._trust(sum(map(count_words, texts))) * values * weights
        by_term = dict(zip((self.terms[place] for place in places), adds.tolist(), strict=True))
        counts = Counter(term for text in texts for term in terms_of(text) if term in by_term)
        by_cue = [
            sum(by_term.get(term, 0.0) / counts[term] for term in terms_of(text) if counts[term])
            for text in texts
        ]
        strongest = sorted(by_term.items(), key=lambda item: -item[1])[:most]
        telling = sorted(range(len(cues)), key=lambda i: (-by_cue[i], cues[i].start))[:most]
        return Spoke(
            [(term, add) for term, add in strongest if add > 0],
            [(cues[i], by_cue[i]) for i in telling if by_cue[i] > 0],
        )

    def _trust(self, words: int) -> float:
        return float(np.interp(np.log1p(words), np.log1p(self.lengths), self.trust))

    def write(self, path: Path) -> None:
        """Write it as arrays, the layer in 8 bits a weight; nothing in the file can run."""
        kernel, scale = in_8_bits(self.kernel)
        arrays: dict[str, np.ndarray] = {
            **self._vocabulary.arrays(),
            "kernel": kernel,
            "scale": scale,
            "offset": self.offset,
            "prior": self.prior,
            "lengths": self.lengths,
            "trust": self.trust,
        }
        plain = {k: v if v.dtype.itemsize <= 2 else v.astype(np.float32) for k, v in arrays.items()}
        with atomic_path(path) as temporary:
            save_file({k: np.ascontiguousarray(v) for k, v in plain.items()}, temporary)

    @classmethod
    def read(cls, path: Path) -> DialogueHead:
        """Read what `write` wrote.

        Raises
        ------
        ModelError
            If the file cannot be read, or its arrays do not fit one another.
        """
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ModelError(f"{path}: too large for what is learnt of dialogue")
            arrays = load_file(path)
            terms = tuple(arrays["terms"].tobytes().decode().split("\n"))
        # Types that NumPy has not are a TypeError, or an AttributeError in older versions.
        except (OSError, SafetensorError, LookupError, TypeError, AttributeError, ValueError) as e:
            raise ModelError(f"{path}: cannot be read: {e}") from None
        if set(arrays) != set(_ARRAYS) or not _fit_one_another(arrays, len(terms)):
            raise ModelError(f"{path}: its arrays do not fit one another; install vgenre again")
        kernel = arrays.pop("kernel").astype(np.float32) * arrays.pop("scale").astype(np.float32)
        del arrays["terms"]
        values = {name: array.astype(np.float32) for name, array in arrays.items()}
        if not all(np.isfinite(array).all() for array in (kernel, *values.values())):
            raise ModelError(f"{path}: it holds numbers that are none; install vgenre again")
        lengths = values["lengths"]
        if len(set(terms)) < len(terms) or lengths[0] < 0 or (np.diff(lengths) <= 0).any():
            raise ModelError(f"{path}: its terms or lengths are not in order; install vgenre again")
        return cls(terms, kernel=kernel, **values)


def in_8_bits(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights as they are written: int8, and the step of each outcome's."""
    scale = np.maximum(np.abs(kernel).max(axis=0), 1e-12) / 127
    return np.rint(kernel / scale).astype(np.int8), scale


def _fit_one_another(arrays: dict[str, np.ndarray], n: int) -> bool:
    k, points = arrays["prior"].size, arrays["lengths"].size
    shapes = {
        "idf": (n,), "kernel": (n, k), "scale": (k,), "offset": (k,), "prior": (k,),
        "lengths": (points,), "trust": (points,),
    }  # fmt: skip
    return (
        k > 0
        and points > 0
        and n <= _MOST_TERMS
        and all(arrays[name].shape == shape for name, shape in shapes.items())
        and all(array.dtype.kind in "fiu" for array in arrays.values())
    )
