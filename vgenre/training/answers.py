"""What systems say of clips that they did not learn from, and films made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.items import Item
from ..evaluation.films import Films, films_of
from ..labels import LabelSet
from ..models.calibration import Calibration
from .calibration import calibrate
from .parts import sure_rows


@dataclass(frozen=True)
class Answers:
    """Logits of clips by several systems.

    Clips whose label is unsure are left out of all that is measured or calibrated.

    Attributes
    ----------
    logits : dict of str to ndarray, shape (n_clips, n_labels)
        Of each system.
    seconds : ndarray, shape (n_clips,)
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    items : sequence of Item
    """

    logits: dict[str, np.ndarray]
    seconds: np.ndarray
    owners: np.ndarray
    items: Sequence[Item]

    def films(
        self,
        calibration: Calibration,
        labels: LabelSet,
        system: str = "fusion",
        *,
        rows: np.ndarray | None = None,
    ) -> Films:
        """Films as a system sees them, by calibrated probabilities.

        Parameters
        ----------
        calibration : Calibration
        labels : LabelSet
        system : str
        rows : ndarray of int, optional
            The clips; all unless given.
        """
        rows = self._sure(rows)
        return films_of(
            calibration.probabilities(self.logits[system][rows], labels.mode),
            self.seconds[rows],
            self.owners[rows],
            self.items,
            labels,
        )

    def calibrate(
        self, labels: LabelSet, system: str = "fusion", *, rows: np.ndarray | None = None
    ) -> tuple[Calibration, tuple[float, ...]]:
        """Calibration and thresholds that suit some clips; parameters as for `films`."""
        rows = self._sure(rows)
        if not len(rows):  # what is unsure is better than nothing
            rows = np.arange(len(self.owners))
        return calibrate(
            self.logits[system][rows], self.seconds[rows], self.owners[rows], self.items, labels
        )

    def _sure(self, rows: np.ndarray | None) -> np.ndarray:
        sure = sure_rows(self.owners, self.items)
        return sure if rows is None else np.intersect1d(rows, sure)
