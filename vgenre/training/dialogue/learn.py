"""Learning a head for dialogue: what is chosen, is chosen by folds inside the films to learn from.

A film's held-out logits are those of a head that was chosen, fitted and made sure without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse

from ...data.items import Item
from ...errors import DataError
from ...labels import MULTI, LabelSet
from ...models.dialogue import DialogueHead, in_8_bits
from .figures import mean_precision
from .lessons import Basis, Lessons
from .space import Dual, Space, Weighing, products, relevance_of, ridge
from .sure import Sureness, fit_sureness

STRENGTHS = (0.1, 0.4, 1.6)
WEIGHINGS = (Weighing(), Weighing(relevance=0.5))


@dataclass(frozen=True)
class LearntDialogue:
    """What was learnt of films' dialogue.

    Attributes
    ----------
    head : DialogueHead
        Fitted to all films.
    held_out : ndarray, shape (n_films, n_outcomes)
        Logits of each film by a head that learnt without it; NaN where too little is said.
    by_words : dict of int to ndarray, shape (n_films, n_outcomes)
        The same of the first so many words of each film.
    tried : list of dict
        What was chosen from, for `head`, with the figures of the inner folds.
    chosen : list of dict
        What was chosen for each fold of `held_out`.
    """

    head: DialogueHead
    held_out: np.ndarray
    by_words: dict[int, np.ndarray]
    tried: list[dict[str, Any]]
    chosen: list[dict[str, Any]]


@dataclass(frozen=True)
class _Fitted:
    space: Space
    kernel: np.ndarray
    bias: np.ndarray
    sureness: Sureness
    tried: list[dict[str, Any]]

    def logits(self, counts: sparse.csr_array, words: np.ndarray) -> np.ndarray:
        """Of films by what they say."""
        vectors = self.space.vectors(counts)
        logits = self.sureness.logits(vectors @ self.kernel + self.bias, words)
        return np.where((np.diff(vectors.indptr) > 0)[:, None], logits, np.nan)

    def head(self, terms: np.ndarray) -> DialogueHead:
        """As it ships."""
        s = self.sureness
        arrays = {
            "idf": self.space.idf,
            "kernel": self.kernel * s.slope,
            "offset": self.bias * s.slope + s.shift - s.prior,
            "prior": s.prior,
            "lengths": s.lengths,
            "trust": s.trust,
        }
        said = tuple(terms[self.space.columns])
        return DialogueHead(said, **{k: np.asarray(v, np.float32) for k, v in arrays.items()})

    @property
    def chosen(self) -> dict[str, Any]:
        """The best of what was tried."""
        return max(self.tried, key=lambda entry: entry["figure"])


def learn_dialogue(
    texts: Sequence[Sequence[str]],
    items: Sequence[Item],
    labels: LabelSet,
    outside: bool,
    *,
    folds: Sequence[int] | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> LearntDialogue:
    """Learn a head from what is said in films.

    Parameters
    ----------
    texts : sequence of sequence of str
        Of each film what is said, a cue an entry, as `vgenre.dialogue` cleans it.
    items : sequence of Item
        The films. Those whose label is unsure teach, and nothing is decided by them.
    labels : LabelSet
        All labels of a film are learnt in both modes; in ``single`` mode the probabilities of a
        film sum to 1.
    outside : bool
        Whether none of the labels is an outcome.
    folds : sequence of int, optional
        Of each film; made by film unless given.
    seed : int
        Of the folds that are made.
    jobs : int
        How many folds are learnt at a time.

    Returns
    -------
    LearntDialogue

    Raises
    ------
    DataError
        If fewer than four films of two folds have enough dialogue, or no term is said by several.
    """
    return learn(Lessons.of(texts, items, folds, seed), items, labels, outside, jobs=jobs)


def learn(
    lessons: Lessons,
    items: Sequence[Item],
    labels: LabelSet,
    outside: bool,
    *,
    weighings: Sequence[Weighing] = WEIGHINGS,
    strengths: Sequence[float] = STRENGTHS,
    jobs: int = 1,
) -> LearntDialogue:
    """The same from films that are ready to learn from.

    Parameters
    ----------
    lessons : Lessons
    items, labels, outside, jobs
        As of `learn_dialogue`.
    weighings : sequence of Weighing
        What is chosen from ...
    strengths : sequence of float
        ... with each of these.
    """
    targets = targets_of(items, labels, outside)
    sure = np.array([item.is_sure for item in items])

    def fit(without: int | None) -> _Fitted:
        return _fit(lessons, without, targets, sure, labels.mode, weighings, strengths)

    outer = [int(fold) for fold in np.unique(lessons.folds)]
    whole, *others = Parallel(n_jobs=jobs, prefer="threads")(
        delayed(fit)(without) for without in (None, *outer)
    )
    corpus = lessons.corpus
    held_out = np.full(targets.shape, np.nan)
    by_words = {n: held_out.copy() for n in lessons.cuts}
    for fold, part in zip(outer, others, strict=True):
        test = np.flatnonzero(lessons.folds == fold)
        held_out[test] = part.logits(corpus.counts[test], corpus.words[test])
        for n, counts in lessons.cuts.items():
            by_words[n][test] = part.logits(counts[test], np.minimum(corpus.words[test], n))
    chosen = [part.chosen for part in others]
    return LearntDialogue(whole.head(corpus.terms), held_out, by_words, whole.tried, chosen)


def targets_of(items: Sequence[Item], labels: LabelSet, outside: bool) -> np.ndarray:
    """1, 0 or `vgenre.labels.UNKNOWN` of each film and outcome: shape (n_films, n_outcomes)."""
    many = LabelSet(labels.names, MULTI)
    targets = np.stack([many.target(item.labels, item.known) for item in items])
    if not outside:
        return targets
    return np.column_stack([targets, [float(not item.labels) for item in items]])


def _fit(
    lessons: Lessons,
    without: int | None,
    targets: np.ndarray,
    sure: np.ndarray,
    mode: str,
    weighings: Sequence[Weighing],
    strengths: Sequence[float],
) -> _Fitted:
    """A head of the films outside a fold: all is chosen by folds inside them."""
    rows = lessons.rows(without)
    targets, sure, folds = targets[rows], sure[rows], _inner(lessons.folds[rows])
    everything = np.ones(len(rows), bool)
    tried: list[dict[str, Any]] = []
    best: _Choice | None = None
    for weighing in weighings:
        basis = lessons.basis(without, weighing)
        if not len(basis.space.columns):
            continue
        found = [
            _Choice(basis, weighing, strength, {}, np.zeros(targets.shape))
            for strength in strengths
        ]
        for fold in np.unique(folds):
            train, test = folds != fold, folds == fold
            inner = basis.inner
            if weighing.relevance:
                inner = products(_weighed(basis, weighing, targets, train)[1])
            duals = ridge(inner[np.ix_(train, train)], targets[train], strengths)
            for choice, dual in zip(found, duals, strict=True):
                choice.duals[fold] = dual
                choice.scores[test] = dual.scores(inner[np.ix_(test, train)])
        for choice in found:
            figure = mean_precision(choice.scores[sure], targets[sure])
            tried.append({**asdict(weighing), "strength": choice.strength, "figure": figure})
            if figure >= max(entry["figure"] for entry in tried):
                best = choice
    if best is None:
        raise DataError("no term is said in several films, so dialogue cannot be learnt from")
    at = {0: best.scores, **{n: np.zeros(targets.shape) for n in lessons.cuts}}
    for fold, dual in best.duals.items():
        train, test = folds != fold, folds == fold
        space, vectors = _weighed(best.basis, best.weighing, targets, train)
        kernel = vectors[train].T @ dual.weights
        for n, counts in lessons.cuts.items():
            at[n][test] = space.vectors(counts[rows[test]]) @ kernel + dual.bias
    words = lessons.corpus.words[rows]
    sureness = fit_sureness({n: s[sure] for n, s in at.items()}, words[sure], targets[sure], mode)
    space, vectors = _weighed(best.basis, best.weighing, targets, everything)
    inner = products(vectors) if best.weighing.relevance else best.basis.inner
    (dual,) = ridge(inner, targets, (best.strength,))
    rounded, scale = in_8_bits(vectors.T @ dual.weights)  # it is measured as it ships
    return _Fitted(space, rounded * scale, dual.bias, sureness, tried)


@dataclass(frozen=True)
class _Choice:
    """A way of learning, with the layers of each inner fold and what they say without it."""

    basis: Basis
    weighing: Weighing
    strength: float
    duals: dict[int, Dual]
    scores: np.ndarray


def _weighed(
    basis: Basis, weighing: Weighing, targets: np.ndarray, train: np.ndarray
) -> tuple[Space, sparse.csr_array]:
    """The space as the labels of some of the films weigh it, and all films in it."""
    if not weighing.relevance:
        return basis.space, basis.vectors
    factor = relevance_of(basis.vectors[train], targets[train]) ** weighing.relevance
    return basis.space.weighed(basis.vectors, factor)


def _inner(folds: np.ndarray) -> np.ndarray:
    """Folds, or halves where there is only one."""
    return folds if len(np.unique(folds)) > 1 else np.arange(len(folds)) % 2
