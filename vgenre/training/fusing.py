"""Late fusion, fitted: what each stream counts for, how sure to be, and when to give a label.

One for each set of streams that a film can have, on opinions of films that the streams did not
learn from.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from ..labels import MULTI, SINGLE, UNKNOWN
from ..models.fusion import Fusion, case_of, sigmoid, softmax
from .readings import FilmOpinions

_MOST_WEIGHT = 8.0
_PRIOR = 1.0  # films' worth of say that biases are 0 and that streams weigh what they do together
_LABELLED_OUTSIDE = 0.25
"""Share of the films of none of the labels that may get one: a reader who gets a wrong label loses
more than one who gets none."""
_UNTOLD = 6.0  # the logit below 0 of an outcome of which no stream knows anything
_ENOUGH = 10  # films of a label, for a threshold of its own


def fit_fusion(
    films: FilmOpinions, streams: tuple[str, ...], mode: str, untold: np.ndarray | None = None
) -> Fusion:
    """Fit the fusion of some streams.

    Parameters
    ----------
    films : FilmOpinions
        By streams that did not learn from them; those without one of the streams, and those whose
        label is unsure, are left out.
    streams : tuple of str
    mode : {"single", "multi"}
    untold : ndarray of bool, shape (n_outcomes,), optional
        The outcomes of which the streams know nothing, as no film that they learnt from has
        them: they are not asked about these.

    Returns
    -------
    Fusion
        Plain where there is no film to fit it on.
    """
    films = films.having(streams)
    films = films.take(np.flatnonzero(films.sure))
    n_labels = films.truth.shape[1]
    n_outcomes = films.opinions[streams[0]].shape[1]
    if len(films.names) < 2 or not (films.truth > 0).any():
        return Fusion.plain(streams, n_labels, n_outcomes > n_labels, mode)
    weights, bias = _best_weights(films, streams, mode)
    if mode == SINGLE:
        scale = _confidence(films, streams, weights, bias)
        weights, bias = weights * scale, bias * scale
    if untold is None:
        untold = np.zeros(n_outcomes, bool)
    bias = np.where(untold, -_UNTOLD, bias)
    by_stream = {
        stream: tuple(np.round(np.where(untold, 0.0, weight), 4).tolist())
        for stream, weight in zip(streams, weights, strict=True)
    }
    fitted = Fusion(by_stream, tuple(np.round(bias, 4).tolist()), (0.0,) * n_labels)
    p = fitted.probabilities(films.opinions, mode)
    return Fusion(fitted.weights, fitted.bias, thresholds_of(p, films, mode))


def weights_of(films: FilmOpinions, streams: tuple[str, ...], mode: str) -> np.ndarray:
    """What each of some opinions counts when they are added up: shape (n_streams,).

    Parameters
    ----------
    films : FilmOpinions
        As for `fit_fusion`.
    streams : tuple of str
    mode : {"single", "multi"}

    Returns
    -------
    ndarray
        Alike where there is no film to tell.
    """
    films = films.having(streams)
    films = films.take(np.flatnonzero(films.sure))
    if len(films.names) < 2 or not (films.truth > 0).any():
        return np.full(len(streams), 1 / len(streams))
    return _best_weights(films, streams, mode)[0]


def _best_weights(
    films: FilmOpinions, streams: tuple[str, ...], mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """A weight for each stream and a bias for each outcome that make the films likeliest."""
    said = np.stack([films.opinions[stream] for stream in streams])  # (streams, films, outcomes)
    truth = films.truth
    n_streams, n_films, n_outcomes = said.shape
    right = np.zeros((n_films, n_outcomes))
    if mode == SINGLE:
        right[:, : truth.shape[1]] = truth > 0
        if n_outcomes > truth.shape[1]:
            right[:, -1] = films.primary < 0
    asked = np.asarray(right.any(axis=1))
    known = truth != UNKNOWN

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        weights, bias = x[:n_streams], x[n_streams:]
        total = np.tensordot(weights, said, 1) + bias
        off = weights - 1 / n_streams
        prior = _PRIOR * (np.sum(bias**2) / 8 + np.sum(off**2))
        if mode == SINGLE:
            # How much of the probability goes to genres that the film has.
            p = softmax(total)
            mass = np.maximum((p * right).sum(axis=1, keepdims=True), 1e-9)
            nats = -np.log(mass[asked]).sum()
            slope = (p - p * right / mass) * asked[:, None]
        else:
            p = np.clip(sigmoid(total), 1e-7, 1 - 1e-7)
            nats = -(np.where(truth > 0, np.log(p), np.log(1 - p)) * known).sum()
            slope = (p - (truth > 0)) * known
        by_weight = np.tensordot(said, slope, ([1, 2], [0, 1])) + 2 * _PRIOR * off
        return nats + prior, np.concatenate([by_weight, slope.sum(axis=0) + _PRIOR * bias / 4])

    begin = np.concatenate([np.full(n_streams, 1 / n_streams), np.zeros(n_outcomes)])
    bounds = [(0.02, _MOST_WEIGHT)] * n_streams + [(-8, 8)] * n_outcomes
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x[:n_streams], found.x[n_streams:]


def _confidence(
    films: FilmOpinions, streams: tuple[str, ...], weights: np.ndarray, bias: np.ndarray
) -> float:
    """The factor at which the likeliest label is right as often as its probability says.

    The likelihood asks for probabilities that share themselves out among the labels of a film, so
    that a film of two is never sure of either; a reader takes the likeliest one's probability for
    the chance that it is one of the film's.
    """
    n_labels = films.truth.shape[1]
    total = sum(w * films.opinions[s] for w, s in zip(weights, streams, strict=True)) + bias
    has = films.primary >= 0

    def loss(log_scale: float) -> float:
        p = softmax(np.exp(log_scale) * total)[has, :n_labels]
        sure = np.clip(p.max(axis=1), 1e-6, 1 - 1e-6)
        right = films.truth[has, p.argmax(axis=1)] > 0
        n = right.sum()
        # Platt's targets (1999): where all of a few films are right, the next may not be.
        target = np.where(right, (n + 1) / (n + 2), 1 / (len(right) - n + 2))
        return -float(np.mean(target * np.log(sure) + (1 - target) * np.log(1 - sure)))

    return float(np.exp(minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded").x))


def thresholds_of(p: np.ndarray, films: FilmOpinions, mode: str) -> tuple[float, ...]:
    """When a label is given.

    Parameters
    ----------
    p : ndarray, shape (n_films, n_labels)
    films : FilmOpinions
    mode : {"single", "multi"}

    Returns
    -------
    tuple of float, shape (n_labels,)
        ``"multi"``: for each label the one of best F1, for labels of few films that of all labels
        together where it is higher. ``"single"``: one for all, the least at which a quarter
        of the films of none of the labels get one, and at most one half: a genre more probable than
        all else together is never withheld.
    """
    n_labels = p.shape[1]
    if mode == MULTI:
        known = films.truth != UNKNOWN
        few = [i for i in range(n_labels) if (films.truth[:, i] > 0).sum() < _ENOUGH]
        shared = _best_f1(p[known], films.truth[known] > 0)
        own = [
            _best_f1(p[known[:, i], i], films.truth[known[:, i], i] > 0) for i in range(n_labels)
        ]
        return tuple(max(shared, own[i]) if i in few else own[i] for i in range(n_labels))
    top, none = p.max(axis=1), films.primary < 0
    if none.sum() < 4:
        return (0.0,) * n_labels
    # Those in which none of the labels is likelier get no label whatever the threshold.
    tops = np.sort(np.where(top > 1 - p.sum(axis=1), top, 0)[none])[::-1]
    threshold = tops[min(int(_LABELLED_OUTSIDE * len(tops)), len(tops) - 1)]
    return (round(float(min(0.5, threshold + 1e-3)), 3),) * n_labels


def _best_f1(p: np.ndarray, truth: np.ndarray) -> float:
    """The threshold of best F1, of 37; 0.5 where nothing is true."""
    if not truth.any():
        return 0.5
    candidates = np.linspace(0.05, 0.95, 37)
    given = p >= candidates[:, None]
    scores = 2 * (given & truth).sum(axis=1) / (given.sum(axis=1) + truth.sum())
    return round(float(candidates[int(np.argmax(scores))]), 3)


def fit_fusions(
    films: FilmOpinions,
    cases: tuple[tuple[str, ...], ...],
    mode: str,
    untold: np.ndarray | None = None,
) -> dict[str, Fusion]:
    """A fusion for each set of streams; see `fit_fusion`."""
    return {case_of(streams): fit_fusion(films, streams, mode, untold) for streams in cases}


def fused(films: FilmOpinions, fusions: dict[str, Fusion], mode: str) -> np.ndarray:
    """Each film by the fusion of the streams that it has: shape (n_films, n_labels).

    Raises
    ------
    KeyError
        If there is no fusion of a film's streams.
    """
    n_labels = films.truth.shape[1]
    p = np.zeros((len(films.names), n_labels))
    for row in range(len(films.names)):
        there = [s for s, said in films.opinions.items() if not np.isnan(said[row]).any()]
        fusion = fusions[case_of(there)]
        p[row] = fusion.probabilities({s: films.opinions[s][row] for s in there}, mode)
    return p


def film_loss(p: np.ndarray, films: FilmOpinions, mode: str) -> float:
    """Nats a film, by which choices are compared.

    Parameters
    ----------
    p : ndarray, shape (n_films, n_labels)
    films : FilmOpinions
        In ``single`` mode what is left of 1 is for none of the labels.
    mode : {"single", "multi"}
    """
    if mode == SINGLE:
        has = films.primary >= 0
        mass = np.where(has, (p * (films.truth > 0)).sum(axis=1), 1 - p.sum(axis=1))
        if np.allclose(p.sum(axis=1), 1):  # none of the labels is no outcome
            mass = mass[has]
        return float(-np.log(np.clip(mass, 1e-6, 1)).mean())
    known = films.truth != UNKNOWN
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    each = np.where(films.truth > 0, np.log(clipped), np.log(1 - clipped)) * known
    return float(-each.sum() / len(p))


def stream_loss(films: FilmOpinions, stream: str, mode: str) -> float:
    """`film_loss` of a stream alone, with the weight and biases that suit it best."""
    sure = films.take(np.flatnonzero(films.sure))
    weights, bias = _best_weights(sure, (stream,), mode)
    n = (1.0,) * sure.truth.shape[1]
    plain = Fusion({stream: tuple(np.full(len(bias), weights[0]))}, tuple(bias), n)
    return film_loss(plain.probabilities(sure.opinions, mode), sure, mode)
