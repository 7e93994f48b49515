"""The figures of `measures.measure` for many resamplings of the same films at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..labels import SINGLE, UNKNOWN, LabelSet
from .films import Films
from .measures import reliability

_BINS = 10  # of the calibration error


class ResampledFigures:
    """Figures of films that are drawn several times or not at all.

    Everything that does not depend on the drawing, the order of the scores above all, is worked
    out once. A label of which a drawing holds no film takes its figure of all films, so that
    every drawing has the mean over the same labels.

    Parameters
    ----------
    films : Films
    labels : LabelSet

    Attributes
    ----------
    names : list of str
        The figures, as `vgenre.evaluation.measures.measure` calls them.
    width : int
        Numbers that the widest step of one drawing takes.
    """

    def __init__(self, films: Films, labels: LabelSet) -> None:
        p, truth = films.probabilities, films.truth
        known = truth != UNKNOWN
        self.width = p.size
        self._figures: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
        present = [i for i in range(len(labels)) if (truth[known[:, i], i] > 0).any()]
        curves = [_Curve(np.flatnonzero(known[:, i]), p[known[:, i], i], truth[known[:, i], i])
                  for i in present]  # fmt: skip
        if curves:
            self._figures["mAP"] = lambda n: _mean_over_labels([c.precision for c in curves], n)
        if both := [curve for curve in curves if curve.has_negatives]:
            self._figures["macro_AUC"] = lambda n: _mean_over_labels([c.area for c in both], n)
        if curves:
            film = np.nonzero(known)[0]
            all_labels = _Curve(film, p[known], truth[known])
            self._figures["micro_AP"] = all_labels.precision
        if len(truth):
            self._figures["ECE"] = _calibration_error(films, labels)
        has = np.flatnonzero(films.primary >= 0)
        if labels.mode == SINGLE and len(has):
            self._add_single(p, truth, films.primary, has)
        self.names = list(self._figures)

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        """The figures of some drawings.

        Parameters
        ----------
        counts : ndarray, shape (n, n_films)
            How often each film is drawn.

        Returns
        -------
        ndarray, shape (n_figures, n)
            In the order of `names`.
        """
        return np.stack([figure(counts) for figure in self._figures.values()])

    def _add_single(
        self, p: np.ndarray, truth: np.ndarray, primary: np.ndarray, has: np.ndarray
    ) -> None:
        """The figures of the likeliest label of films that have one."""
        best, main = p[has].argmax(axis=1), primary[has]
        right = (best == main).astype(float)
        any_label = truth[has, best].astype(float)
        one_hot = (main[:, None] == np.unique(main)).astype(float)
        given = (best[:, None] == np.unique(main)).astype(float)

        def share(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
            return lambda n: _ratio(n[:, has] @ values, n[:, has].sum(axis=1), values.mean())

        def per_label(n: np.ndarray, of_given: bool) -> np.ndarray:
            there, hits = n[:, has] @ one_hot, n[:, has] @ (one_hot * given)
            divisor = (there + n[:, has] @ given) / 2 if of_given else there
            return np.where(there > 0, hits / np.maximum(divisor, 0.5), np.nan)

        def mean(of_given: bool) -> Callable[[np.ndarray], np.ndarray]:
            whole = per_label(np.ones((1, len(primary))), of_given)
            return lambda n: _or_whole(per_label(n, of_given), whole).mean(axis=1)

        self._figures |= {
            "top1": share(right),
            "any_label": share(any_label),
            "macro_F1": mean(True),
            "balanced_accuracy": mean(False),
        }


class _Curve:
    """The ranking of some answers, from which average precision and area under ROC follow.

    Parameters
    ----------
    films : ndarray of int, shape (n,)
        The film of each answer.
    scores, truth : ndarray, shape (n,)
    """

    def __init__(self, films: np.ndarray, scores: np.ndarray, truth: np.ndarray) -> None:
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        self._films, self._true = films[order], (truth[order] > 0).astype(float)
        # Answers of one score come together: only behind the last of them a threshold can be.
        self._ends = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
        self.has_negatives = bool((self._true == 0).any())
        everything = np.ones((1, int(films.max()) + 1))
        self._whole_precision = self._whole_area = np.array([np.nan])
        self._whole_precision = self.precision(everything)
        self._whole_area = self.area(everything)

    def _cumulated(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Right and all answers down to each threshold, each shape (n, n_thresholds)."""
        drawn = counts[:, self._films]
        right = np.cumsum(drawn * self._true, axis=1)[:, self._ends]
        return right, np.cumsum(drawn, axis=1)[:, self._ends]

    def precision(self, counts: np.ndarray) -> np.ndarray:
        """Average precision of each drawing."""
        right, given = self._cumulated(counts)
        gained = np.diff(right, axis=1, prepend=0.0)
        total = (gained * right / np.maximum(given, 1)).sum(axis=1)
        return _ratio(total, right[:, -1], self._whole_precision[0])

    def area(self, counts: np.ndarray) -> np.ndarray:
        """Area under the ROC curve of each drawing."""
        right, given = self._cumulated(counts)
        wrong = given - right
        # Of answers with one score half of the pairs are right.
        middle = right - np.diff(right, axis=1, prepend=0.0) / 2
        total = (np.diff(wrong, axis=1, prepend=0.0) * middle).sum(axis=1)
        return _ratio(total, right[:, -1] * wrong[:, -1], self._whole_area[0])


def _calibration_error(films: Films, labels: LabelSet) -> Callable[[np.ndarray], np.ndarray]:
    sure, right = reliability(films, labels)
    known = films.truth != UNKNOWN
    film = np.arange(len(sure)) if labels.mode == SINGLE else np.nonzero(known)[0]
    which = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    gaps = np.zeros((len(films.names), _BINS))
    np.add.at(gaps, (film, which), sure - right)
    answers = np.bincount(film, minlength=len(films.names))
    return lambda n: np.abs(n @ gaps).sum(axis=1) / np.maximum(n @ answers, 1)


def _mean_over_labels(
    figures: list[Callable[[np.ndarray], np.ndarray]], counts: np.ndarray
) -> np.ndarray:
    return np.mean([figure(counts) for figure in figures], axis=0)


def _ratio(value: np.ndarray, divisor: np.ndarray, otherwise: float) -> np.ndarray:
    """A quotient, and what stands for it where nothing was drawn that it is about."""
    return np.where(divisor > 0, value / np.maximum(divisor, 0.5), otherwise)


def _or_whole(found: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(found), whole, found)
