"""Label sets: the names of the genres and how many of them a film can have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import DataError

SIX_GENRES = ("Action", "Animation", "Horror", "Romance", "Sports", "Science Fiction")
"""The six genres of the method, taken there as mutually exclusive."""

UNKNOWN = -1.0
"""Target of a label about which a film's source says nothing."""

SINGLE, MULTI = "single", "multi"
_MODES = (SINGLE, MULTI)


@dataclass(frozen=True)
class LabelSet:
    """The names a model can give, in the order of its outputs.

    Parameters
    ----------
    names : tuple of str
        Genre names, unique, in the order of the model's outputs.
    mode : {"single", "multi"}
        ``"single"``: one label a film, probabilities by softmax.
        ``"multi"``: any number of labels, probabilities by sigmoid.

    Raises
    ------
    DataError
        If there are no names, a name occurs twice or cannot be the name of a folder, or the
        mode is unknown.
    """

    names: tuple[str, ...]
    mode: str = SINGLE

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if not self.names:
            raise DataError("a label set needs at least one label")
        if len(set(self.names)) != len(self.names):
            raise DataError(f"a label occurs twice in {', '.join(self.names)}")
        # Films are sorted into folders of these names, and a model may come from anywhere.
        for name in self.names:
            if name.strip() in ("", ".", "..") or "\0" in name:
                raise DataError(f"{name!r} cannot be the name of a genre; rename it")
        if self.mode not in _MODES:
            raise DataError(f"label mode {self.mode!r} is not one of {', '.join(_MODES)}")

    def __len__(self) -> int:
        return len(self.names)

    def multi_hot(self, labels: Iterable[str]) -> np.ndarray:
        """Labels as a 0/1 vector.

        Parameters
        ----------
        labels : iterable of str

        Returns
        -------
        ndarray of float32, shape (n_labels,)

        Raises
        ------
        DataError
            If a label is not in the set.
        """
        vector = np.zeros(len(self.names), np.float32)
        for label in labels:
            try:
                vector[self.names.index(label)] = 1
            except ValueError:
                raise DataError(
                    f"unknown label {label!r}; the labels are {', '.join(self.names)}"
                ) from None
        return vector

    def target(self, labels: Iterable[str], known: Sequence[str] | None = None) -> np.ndarray:
        """What a network is trained to give for a film with these labels.

        In ``single`` mode a film of several genres shares its mass among them,
        and one of none spreads it evenly, which teaches the network to be
        unsure of films outside its label set (Hendrycks et al., *Deep Anomaly
        Detection with Outlier Exposure*, 2019).

        Parameters
        ----------
        labels : iterable of str
        known : sequence of str, optional
            The labels of which the film's source can tell, in ``multi`` mode.

        Returns
        -------
        ndarray of float32, shape (n_labels,)
            In ``single`` mode a distribution, in ``multi`` mode 0 or 1, or
            `UNKNOWN` for labels that are not in `known`.

        Examples
        --------
        >>> LabelSet(("Action", "Horror")).target(["Action", "Horror"]).tolist()
        [0.5, 0.5]
        >>> LabelSet(("Action", "Horror"), "multi").target(["Action"], known=["Action"]).tolist()
        [1.0, -1.0]
        """
        hot = self.multi_hot(labels)
        if self.mode == MULTI:
            if known is not None:
                hot[[name not in known for name in self.names]] = UNKNOWN
            return hot
        return hot / hot.sum() if hot.any() else np.full_like(hot, 1 / len(hot))

    def choose(self, probabilities: np.ndarray, thresholds: Sequence[float]) -> tuple[str, ...]:
        """The labels that a film with these probabilities is given.

        Parameters
        ----------
        probabilities : ndarray, shape (n_labels,)
            In ``single`` mode they may sum to less than 1; the rest is for none of the labels.
        thresholds : sequence of float, shape (n_labels,)

        Returns
        -------
        tuple of str
            Most probable first; at most one in ``single`` mode, and none where no label is more
            probable than that rest. Empty: uncertain.

        Examples
        --------
        >>> genres = LabelSet(("Action", "Horror", "Romance"), "multi")
        >>> genres.choose(np.array([0.5, 0.7, 0.1]), thresholds=(0.4, 0.4, 0.4))
        ('Horror', 'Action')
        >>> LabelSet(("Action", "Horror")).choose(np.array([0.1, 0.4]), thresholds=(0, 0))
        ()
        """
        order = np.argsort(-probabilities, kind="stable")
        if self.mode == SINGLE:
            order = order[:1] if probabilities[order[0]] > 1 - probabilities.sum() else order[:0]
        return tuple(self.names[i] for i in order if probabilities[i] >= thresholds[i])


SEPARATOR = "|"  # between the labels of one film
