"""The page of an evaluation: figures, plots, and what went most surely wrong."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import plots
from ..errors import MediaError
from ..labels import SINGLE, LabelSet
from ..media.pictures import data_uri
from ..media.reader import read_clip
from ..output.atomic import write_atomic
from ..output.pages import render
from .assess import Assessment, worst
from .films import Films

_MISTAKES = 10


def write_report(assessment: Assessment, directory: str | os.PathLike[str]) -> Path:
    """Write ``metrics.json`` and ``index.html``.

    Parameters
    ----------
    assessment : Assessment
    directory : path
        Made where it does not exist.

    Returns
    -------
    Path
        Of the page: one file that needs no other and no network.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    figures = assessment.figures()
    write_atomic(directory / "metrics.json", json.dumps(figures, indent=2) + "\n")
    films, labels = assessment.films.labelled(), assessment.card.labels
    page = render(
        "evaluation.html",
        card=assessment.card,
        figures=figures,
        single=labels.mode == SINGLE,
        precision_recall=_svg(plots.precision_recall, films, labels),
        reliability=_svg(plots.calibration, films, labels),
        confusion=_svg(plots.confusion, films, labels) if labels.mode == SINGLE else None,
        mistakes=[_mistake(assessment, i) for i in worst(films, labels)[:_MISTAKES]],
        failed=assessment.failed,
    )
    path = directory / "index.html"
    write_atomic(path, page)
    return path


def _mistake(assessment: Assessment, row: int) -> dict[str, Any]:
    films, names = assessment.films.labelled(), assessment.card.labels.names
    film = films.names[row]
    p = films.probabilities[row]
    result = assessment.files[film]
    surest = max(result.clips, key=lambda clip: clip.probabilities[names[int(p.argmax())]])
    return {
        "film": film,
        "is": [name for name, t in zip(names, films.truth[row], strict=True) if t > 0],
        "said": [(names[i], float(p[i])) for i in np.argsort(-p)[:3]],
        "at": surest.start,
        "frame": _frame(result.path, surest.start + surest.duration / 2),
    }


def _frame(path: str, seconds: float) -> str | None:
    """One frame as a data URI; None where the file has no picture."""
    import cv2

    try:
        clip = read_clip(path, seconds)
    except MediaError:
        return None
    if not clip.has_picture:
        return None
    small = cv2.resize(clip.frames[0], (240, 135), interpolation=cv2.INTER_AREA)
    return data_uri(small[..., ::-1], 80)


def _svg(draw: Callable[..., Any], films: Films, labels: LabelSet) -> str:
    """A plot as an element for the page."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), layout="constrained")
    draw(films, labels, ax=figure.subplots())
    sink = io.StringIO()
    figure.savefig(sink, format="svg", metadata={"Date": None})
    text = sink.getvalue()
    return text[text.index("<svg") :]
