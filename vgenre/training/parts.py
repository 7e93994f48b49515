"""The clips of a split, with what is learnt from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.items import Item, film_weights, shared_weights
from ..data.pixels import Clips
from ..errors import DataError
from ..labels import SINGLE, LabelSet

STREAMS = {"visual": "frame_mask", "audio": "mel_mask"}
"""The streams, each with the mask that says where there is something for it."""


def sure_rows(owners: np.ndarray, items: Sequence[Item]) -> np.ndarray:
    """The clips to measure and to decide by, see `Item.is_sure`: indices of int, shape (n,).

    Parameters
    ----------
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    items : sequence of Item
    """
    return np.flatnonzero([items[owner].is_sure for owner in owners])


@dataclass(frozen=True)
class Part:
    """The clips of one split, with what to learn from them.

    Attributes
    ----------
    clips : Clips
    owners : ndarray of int, shape (n_clips,)
        Index into `items`.
    items : list of Item
        Of the whole data set.
    targets : ndarray of float32, shape (n_clips, n_labels)
    weights : ndarray of float32, shape (n_clips,)
        How much each clip counts; with mean 1.
    """

    clips: Clips
    owners: np.ndarray
    items: list[Item]
    targets: np.ndarray
    weights: np.ndarray

    @classmethod
    def make(
        cls,
        name: str,
        clips: Clips,
        owners: np.ndarray,
        items: Sequence[Item],
        labels: LabelSet,
    ) -> Part:
        """The clips of the items whose split is `name`; DataError where there are none."""
        rows = np.flatnonzero([items[owner].split == name for owner in owners])
        if not len(rows):
            raise DataError(f"no film of the {name} part could be read")
        chosen = clips.take(rows)
        owned = [items[owner] for owner in owners[rows]]
        targets = np.stack([labels.target(item.labels, item.known) for item in owned])
        say = film_weights if labels.mode == SINGLE else shared_weights
        # Within its film a clip has a say by its length; a poster has as large a one as a film.
        films = np.unique([item.film for item in owned], return_inverse=True)[1]
        mean_length = np.bincount(films, chosen.seconds) / np.bincount(films)
        weights = (say(owned) * chosen.seconds / mean_length[films]).astype(np.float32)
        return cls(chosen, owners[rows], list(items), targets, weights / weights.mean())

    def where(self, mask: str | None) -> Part:
        """The clips that have a stream: those whose `mask` is not all 0."""
        if mask is None:
            return self
        return self.take(np.flatnonzero(getattr(self.clips, mask).any(axis=1)))

    def sure(self) -> Part:
        """The clips whose label one may decide by; all where there are none of them."""
        rows = sure_rows(self.owners, self.items)
        return self.take(rows) if len(rows) else self

    def take(self, rows: np.ndarray) -> Part:
        """Some of the clips."""
        return Part(
            self.clips.take(rows),
            self.owners[rows],
            self.items,
            self.targets[rows],
            self.weights[rows],
        )

    def films(self) -> tuple[list[str], np.ndarray]:
        """The film of each clip, and each film's target, in order of their first clips."""
        names = [self.items[owner].film for owner in self.owners]
        first = {name: row for row, name in reversed(list(enumerate(names)))}
        return names, self.targets[[first[name] for name in dict.fromkeys(names)]]
