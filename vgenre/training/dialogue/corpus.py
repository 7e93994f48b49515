"""What is said in many films, as numbers: how often each says each term, and what are names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy import sparse

from ...dialogue.types import WORD
from ...models.vocabulary import words_of

_INSIDE = re.compile(rf"(?<=[^\W_] )(?:{WORD.pattern})|(?<=, )(?:{WORD.pattern})")
"""A word inside a sentence: behind another one, or a comma."""
_MOSTLY = 0.85  # of the times inside sentences that a name begins with a capital


@dataclass(frozen=True)
class Corpus:
    """Films as the terms they say.

    Attributes
    ----------
    terms : ndarray of str, shape (n_terms,)
        See `vgenre.models.vocabulary.terms_of`.
    counts : csr_array of float32, shape (n_films, n_terms)
        How often each is said.
    words : ndarray of int, shape (n_films,)
        How many words are said.
    parts : ndarray of int, shape (n_terms, 2)
        The words of a term as columns of `capitals`; -1 for the second of a single word.
    capitals, inside : csr_array of float32, shape (n_films, n_words)
        How often a word stands inside a sentence with a capital, and how often at all; lines that
        are all capitals do not count.
    tokens : list of ndarray of int32
        Of each film the words in order, -1 between cues.
    keys : ndarray of int64, shape (n_terms,)
        The number of each term, rising.
    first_person : ndarray of bool, shape (n_words,)
        Whether a word is "I", alone or contracted, whose capital says nothing.
    """

    terms: np.ndarray
    counts: sparse.csr_array
    words: np.ndarray
    parts: np.ndarray
    capitals: sparse.csr_array
    inside: sparse.csr_array
    tokens: list[np.ndarray]
    keys: np.ndarray
    first_person: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]], least_films: int) -> Corpus:
        """Read texts.

        Parameters
        ----------
        texts : sequence of sequence of str
            Of each film what is said, a cue an entry.
        least_films : int
            Terms that fewer films say are left out.
        """
        index: dict[str, int] = {}
        tokens, capitals, inside = [], [], []
        for cues in texts:
            found: list[int] = []
            for cue in cues:
                found.extend(index.setdefault(word, len(index)) for word in words_of(cue))
                found.append(-1)
            tokens.append(np.array(found, np.int32))
            cased = Counter(
                chain.from_iterable(_INSIDE.findall(cue) for cue in cues if not cue.isupper())
            )
            upper: Counter[int] = Counter()
            both: Counter[int] = Counter()
            for word, count in cased.items():
                for one in words_of(word):
                    if one in index:
                        both[index[one]] += count
                        upper[index[one]] += count * word[0].isupper()
            capitals.append(+upper)
            inside.append(both)
        size = len(index)
        said_by, said = _keys(tokens, size)
        pairs, often = np.unique(said_by * (size + size * size) + said, return_counts=True)
        film, key = np.divmod(pairs, size + size * size)
        kept, place, films = np.unique(key, return_inverse=True, return_counts=True)
        enough = films >= least_films
        kept, row = kept[enough], np.flatnonzero(enough[place])
        counts = sparse.csr_array(
            (often[row].astype(np.float32), (film[row], np.searchsorted(kept, key[row]))),
            shape=(len(texts), len(kept)),
        )
        names = np.array(list(index), object)
        first = np.where(kept < size, kept, (kept - size) // max(1, size))
        second = np.where(kept < size, -1, (kept - size) % max(1, size))
        terms = np.where(kept < size, names[first], names[first] + " " + names[second])
        return cls(
            terms,
            counts,
            np.array([(t >= 0).sum() for t in tokens]),
            np.stack([first, second], axis=1),
            _matrix(capitals, size),
            _matrix(inside, size),
            tokens,
            kept,
            np.array([word == "i" or word.startswith("i'") for word in index], bool),
        )

    def cut(self, most: int) -> sparse.csr_array:
        """Like `counts`, of the first words of each film alone."""
        begun = [t[: np.searchsorted(np.cumsum(t >= 0), most, "right")] for t in self.tokens]
        size = self.capitals.shape[1]
        film, key = _keys(begun, size)
        place = np.searchsorted(self.keys, key).clip(max=max(0, len(self.keys) - 1))
        known = self.keys[place] == key if len(self.keys) else np.zeros(len(key), bool)
        ones = np.ones(known.sum(), np.float32)
        shape = self.counts.shape
        return sparse.coo_array((ones, (film[known], place[known])), shape=shape).tocsr()

    def named(self, rows: np.ndarray) -> np.ndarray:
        """Which terms hold a name, by what some films say: bool, shape (n_terms,).

        A word that nearly always begins with a capital inside sentences is one.
        """
        upper = np.asarray(self.capitals[rows].sum(axis=0)).ravel()
        both = np.asarray(self.inside[rows].sum(axis=0)).ravel()
        name = np.append((upper > _MOSTLY * both) & ~self.first_person, False)
        return name[self.parts].any(axis=1)


def _keys(tokens: Sequence[np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    """The film and the number of each term that is said: words first, then pairs of them."""
    films, keys = [], []
    for i, words in enumerate(tokens):
        first, second = words[:-1].astype(np.int64), words[1:]
        together = (first >= 0) & (second >= 0)
        said = np.concatenate([words[words >= 0], (size + first * size + second)[together]])
        keys.append(said.astype(np.int64))
        films.append(np.full(len(said), i, np.int64))
    empty = np.zeros(0, np.int64)
    return np.concatenate([empty, *films]), np.concatenate([empty, *keys])


def _matrix(counts: Sequence[Counter[int]], size: int) -> sparse.csr_array:
    columns = [np.fromiter(c, np.int64, len(c)) for c in counts]
    values = [np.fromiter(c.values(), np.float32, len(c)) for c in counts]
    starts = np.cumsum([0, *map(len, counts)])
    data = np.concatenate([np.zeros(0, np.float32), *values])
    places = np.concatenate([np.zeros(0, np.int64), *columns])
    return sparse.csr_array((data, places, starts), shape=(len(counts), size))
