"""Pictures of how good a model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..colours import genre_colour
from ..errors import needs
from .axes import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..evaluation.films import Films
    from ..labels import LabelSet


def precision_recall(films: Films, labels: LabelSet, *, ax: Axes | None = None) -> Axes:
    """Draw precision over recall for each label that some film has.

    Parameters
    ----------
    films : Films
        Probabilities and the truth, see `vgenre.evaluation.films.Films`.
    labels : LabelSet
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    with needs("train", "this plot"):
        from sklearn.metrics import average_precision_score, precision_recall_curve

    ax = ax or new_axes((5, 4))
    for i, name in enumerate(labels.names):
        known = films.truth[:, i] >= 0
        truth, p = films.truth[known, i], films.probabilities[known, i]
        if truth.any():
            precision, recall, _ = precision_recall_curve(truth, p)
            ap = average_precision_score(truth, p)
            ax.plot(
                recall,
                precision,
                ("-", "--", ":")[i // 7 % 3],
                drawstyle="steps-pre",
                color=genre_colour(name),
                label=f"{name} {ap:.2f}",
            )
    ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
    ax.legend(fontsize=7, loc="lower left", ncols=2 if len(labels) > 8 else 1, title="AP")
    return ax


def calibration(films: Films, labels: LabelSet, *, bins: int = 10, ax: Axes | None = None) -> Axes:
    """Draw how often a model is right over how sure it is, with the number of cases.

    Parameters
    ----------
    films : Films
    labels : LabelSet
    bins : int
        How many groups the probabilities are put into.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    from ..evaluation.measures import calibration_error, reliability

    sure, right = reliability(films, labels)
    which = np.minimum((sure * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    some = count > 0
    x = np.bincount(which, sure, bins)[some] / count[some]
    y = np.bincount(which, right, bins)[some] / count[some]
    ax = ax or new_axes((5, 4))
    ax.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="calibrated")
    error = calibration_error(sure, right, bins=bins)
    ax.plot(x, y, "o-", color="#0072B2", label=f"ECE {error:.3f}")
    for i, n in enumerate(count[some]):
        ax.annotate(str(n), (x[i], y[i]), xytext=(4, -10), textcoords="offset points", fontsize=7)
    ax.set(xlabel="probability given", ylabel="share right", xlim=(0, 1), ylim=(0, 1.02))
    ax.legend(fontsize=8)
    return ax


def confusion(films: Films, labels: LabelSet, *, ax: Axes | None = None) -> Axes:
    """Count films by their main label and by the label that they got.

    Parameters
    ----------
    films : Films
    labels : LabelSet
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    n = len(labels)
    counts = np.zeros((n, n), int)
    np.add.at(counts, (films.primary, films.probabilities.argmax(axis=1)), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = ax or new_axes((5, 4))
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(counts):
        colour = "white" if share[i, j] > 0.6 else "black"
        ax.text(j, i, count, ha="center", va="center", color=colour)
    ax.set_xticks(range(n), labels.names, rotation=30, ha="right")
    ax.set_yticks(range(n), labels.names)
    ax.set(xlabel="labelled", ylabel="is (main genre)")
    return ax
