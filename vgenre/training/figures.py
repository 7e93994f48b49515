"""What the procedure chose, and how its systems do, for the card."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from ..evaluation.intervals import paired_bootstrap, sureness
from ..evaluation.measures import majority, measure, outside, rounded
from ..labels import SINGLE
from .nested import Measured
from .readings import Readings
from .streams import Learnt


def told(learnt: Learnt) -> dict[str, Any]:
    """What the procedure chose of what, for the card: nats a film in the inner folds."""
    found: dict[str, Any] = {
        stream: {
            "chosen": [
                {**asdict(reading), "counts": round(weight, 3)}
                for reading, weight in learnt.chosen[stream].items()
            ],
            "tried": [
                {**asdict(reading), "nats": round(nats, 4)}
                for reading, nats in sorted(tried.items(), key=lambda entry: entry[1])
            ],
        }
        for stream, tried in learnt.tried.items()
    }
    if learnt.recurrent:
        without, with_it = learnt.recurrent.nats
        found["lstm"] = {
            "units": learnt.recurrent.lstm.units,
            "nats": round(with_it, 4),
            "nats_without": round(without, 4),
            "left_out": learnt.recurrent.network is None,
        }
    return found


def figures_of(measured: Measured, readings: Readings, taught: np.ndarray) -> dict[str, Any]:
    """Figures of every system, beside the majority baseline.

    Where there are few films there is a ``warning`` beside the figures, and no interval.

    Parameters
    ----------
    measured : Measured
    readings : Readings
    taught : ndarray of int
        The clips that taught, for the baseline.
    """
    labels = readings.labels
    found: dict[str, Any] = {}
    for system, films in measured.films.items():
        labelled = films.labelled()
        if not labelled.names:
            continue
        rows = np.flatnonzero(films.primary >= 0)
        found[system] = measure(labelled, labels, measured.thresholds[system][rows])
        found[system] |= sureness(labelled, labels)
        if labels.mode == SINGLE:
            found[system]["outside"] = outside(films, labels, measured.thresholds[system])
    if "fusion" in found:
        fusion = measured.films["fusion"].labelled()
        owned = {readings.owners[row] for row in taught}
        baseline = majority(fusion, labels, [readings.items[owner] for owner in sorted(owned)])
        found["majority"] = measure(baseline, labels)
        for stream in set(found) - {"fusion", "majority"}:
            alone = measured.films[stream].labelled()
            both = fusion.take(np.flatnonzero(np.isin(fusion.names, alone.names)))
            order = [alone.names.index(name) for name in both.names]
            if "warning" not in found["fusion"]:
                over = paired_bootstrap(both, alone.take(np.array(order)), labels)
                found["fusion"]["over_" + stream] = over
    return rounded(found)
