"""The genres of shows, which libraries keep in ``tvshow.nfo``: those of most of the episodes."""

from __future__ import annotations

import os
from collections import Counter, defaultdict

from ...labelling.record import ERROR, FilmResult
from ...media.remote import is_remote
from ...media.types import AUDIO_SUFFIXES, IMAGE_SUFFIXES
from .places import SHOW, Listing, Places, is_episode, show_folder
from .titles import episode_of
from .write import FILL, LEFT, REFUSED, NfoOutcome, library_names, write_into

_SHARE = 0.5  # of a show's episodes that have a genre, for it to be the show's


class ShowNfos:
    """Collects the genres of episodes, and writes those of their shows at the end.

    Parameters
    ----------
    mode : {"fill", "add", "replace", "create"}
        As of `write_nfo`.
    """

    def __init__(self, mode: str = FILL) -> None:
        self.mode = mode
        self._labels: dict[str, Counter[str]] = defaultdict(Counter)  # by folders of shows
        self._episodes: Counter[str] = Counter()
        self._names: dict[str, set[str]] = defaultdict(set)
        self._refused: dict[str, NfoOutcome] = {}

    def add(self, film: FilmResult) -> None:
        """Take an episode into account; any other film is passed over."""
        suffix = os.path.splitext(film.path)[1].lower()
        if (
            film.status == ERROR
            or is_remote(film.path)
            or suffix in AUDIO_SUFFIXES | IMAGE_SUFFIXES
        ):
            return
        folder = show_folder(film.path)
        try:
            if not is_episode(film.path):
                return
        except OSError as error:
            self._refused[folder] = NfoOutcome(folder, REFUSED, f"cannot be read: {error.strerror}")
            return
        self._episodes[folder] += 1
        self._labels[folder].update(library_names(film.labels))
        told = episode_of(film.path)
        self._names[folder].add(told[0].lower() if told else "")

    def write(self) -> list[NfoOutcome]:
        """Write the ``tvshow.nfo`` of each show.

        Returns
        -------
        list of NfoOutcome
            One a show, in the order of their folders.
        """
        outcomes = dict(self._refused)
        for folder, episodes in self._episodes.items():
            counts = self._labels[folder].most_common()
            genres = [name for name, n in counts if n >= _SHARE * episodes]
            if not genres:
                outcomes[folder] = NfoOutcome(folder, LEFT, "its episodes have no genre in common")
                continue
            try:
                places = self._places(folder)
            except OSError as error:
                reason = f"its folder cannot be read: {error.strerror}"
                outcomes[folder] = NfoOutcome(folder, REFUSED, reason)
                continue
            outcomes[folder] = write_into(places, folder, genres, self.mode)
        return [outcomes[folder] for folder in sorted(outcomes)]

    def _places(self, folder: str) -> Places:
        listing = Listing(folder)
        places = Places(SHOW, reason="it has no tvshow.nfo")
        listing.add(places, "tvshow.nfo")
        if len(self._names[folder]) == 1:  # a folder of several shows is none's
            places.new = listing.folder / "tvshow.nfo"
        return places
