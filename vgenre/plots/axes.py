"""Matplotlib, asked for when something is drawn: labelling does without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import needs

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def pyplot() -> Any:
    """Import matplotlib's pyplot.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    with needs("plots", "a plot"):
        import matplotlib.pyplot as plt

    return plt


def new_axes(size: tuple[float, float] = (10, 3)) -> Axes:
    """Make a figure of one plot.

    Parameters
    ----------
    size : (float, float)
        Width and height in inches.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    return pyplot().subplots(figsize=size, layout="constrained")[1]
