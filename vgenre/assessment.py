"""A model on labelled films: figures, and a page to look at."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import plots
from .dataset import Item
from .errors import DataError, MediaError
from .evaluation import Films, bootstrap, films_of, majority, measure, outside
from .labels import SINGLE, LabelSet
from .media import read_clip
from .models.card import ModelCard
from .predict import Model
from .result import ERROR, FilmResult
from .sampling import Sampling

_MISTAKES = 10


@dataclass(frozen=True)
class Assessment:
    """A model's answers on labelled films.

    Attributes
    ----------
    card : ModelCard
    films : Films
        Files put together to films; those whose label is unsure are left out.
    baseline : Films
        The same films as the model's training films alone let one guess.
    files : dict of str to FilmResult
        The longest file of each film.
    failed : list of FilmResult
        Files that could not be read.
    """

    card: ModelCard
    films: Films
    baseline: Films
    files: dict[str, FilmResult]
    failed: list[FilmResult]

    def figures(self) -> dict[str, Any]:
        """Figures of the model and of the majority baseline, with 95 % intervals."""
        labels, thresholds = self.card.labels, self.card.thresholds
        labelled = self.films.labelled()
        figures: dict[str, Any] = {
            "model": self.card.name,
            "files_failed": len(self.failed),
            "fusion": measure(labelled, labels, thresholds),
            "majority": measure(self.baseline.labelled(), labels),
        }
        figures["fusion"]["interval_95"] = bootstrap(labelled, labels)
        if labels.mode == SINGLE:
            figures["fusion"]["outside"] = outside(self.films, labels, thresholds)
        return json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 4))


def assess(
    model: Model,
    items: Sequence[Item],
    *,
    sampling: Sampling | None = None,
    progress: Callable[[int], None] | None = None,
) -> Assessment:
    """Label a data set and compare with what is known.

    Parameters
    ----------
    model : Model
    items : sequence of Item
    sampling : Sampling, optional
    progress : callable, optional
        Is told how many files are done.

    Returns
    -------
    Assessment

    Raises
    ------
    DataError
        If a label is not one of the model's, or no file could be read.
    """
    items = [item for item in items if item.measured or not item.labels]
    for item in items:
        model.labels.multi_hot(item.labels)  # a strange label is known before hours of work
    read, failed = [], []
    for done, item in enumerate(items, 1):
        result = model.label(item.path, sampling=sampling)
        if result.status == ERROR:
            failed.append(result)
        else:
            read.append((item, result))
        if progress:
            progress(done)
    if not any(item.labels for item, _ in read):
        raise DataError("none of the labelled files could be read")
    seconds = np.array([sum(c.duration for c in r.clips) for _, r in read])
    films = films_of(
        np.array([list(result.probabilities.values()) for _, result in read]),
        seconds,
        np.arange(len(read)),
        [item for item, _ in read],
        model.labels,
    )
    longest = sorted(range(len(read)), key=lambda i: seconds[i])
    files = {read[i][0].film: read[i][1] for i in longest}
    return Assessment(model.card, films, _majority(films, model.card), files, failed)


def _majority(films: Films, card: ModelCard) -> Films:
    """The baseline, from the counts in the card; from these films where the card has none."""
    counts = card.data.get("train", {}).get("films_per_label")
    if not counts:
        names = card.labels.names
        known = [
            Item("", tuple(n for n, t in zip(names, truth, strict=True) if t > 0), film)
            for film, truth in zip(films.names, films.truth, strict=True)
        ]
        return majority(films, card.labels, known)
    frequency = np.array([counts[name] for name in card.labels.names]) / card.data["train"]["films"]
    probabilities = np.tile(frequency, (len(films.names), 1))
    return Films(films.names, probabilities, films.truth, films.primary)


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
    import jinja2

    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    figures = assessment.figures()
    (directory / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vgenre"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    films, labels = assessment.films.labelled(), assessment.card.labels
    page = environment.get_template("evaluation.html").render(
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
    path.write_text(page, encoding="utf-8")
    return path


def worst(films: Films, labels: LabelSet) -> list[int]:
    """The films that a model is most surely wrong about, the worst first.

    For a single label those whose likeliest genre is none of theirs; for many labels
    those with the largest gap between a probability and the truth.
    """
    p, truth = films.probabilities, films.truth
    if labels.mode == SINGLE:
        best = p.argmax(axis=1)
        rows = np.arange(len(p))
        gap = np.where(truth[rows, best] > 0, -1.0, p[rows, best])
    else:
        gap = np.where(truth < 0, 0.0, np.abs(p - truth)).max(axis=1)
    return [int(i) for i in np.argsort(-gap, kind="stable") if gap[i] > 0]


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
    done, jpeg = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode() if done else None


def _svg(draw: Callable[..., Any], films: Films, labels: LabelSet) -> str:
    """A plot as an element for the page."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), layout="constrained")
    draw(films, labels, ax=figure.subplots())
    sink = io.StringIO()
    figure.savefig(sink, format="svg", metadata={"Date": None})
    text = sink.getvalue()
    return text[text.index("<svg") :]
