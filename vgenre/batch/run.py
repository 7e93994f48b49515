"""Many films: each gets a record, one bad file never stops the rest, nothing is done twice."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from ..errors import DataError
from ..labelling.record import ERROR, FilmResult
from ..media.remote import is_remote
from .additions import LabelledFilm, lacks
from .executors import Progress
from .interrupts import held_back
from .journal import Journal
from .keys import film_key, film_of, mixed
from .known import can_be_fused_anew, changed, is_lasting, without_subtitles
from .plan import LabellingRun


@dataclass(frozen=True)
class Finished:
    """A film's record, and whether an earlier run had made it."""

    result: FilmResult
    known: bool


class Batch:
    """Films and their journal.

    Parameters
    ----------
    films : iterable of str
        Each is looked up when its turn comes, so that a long list costs nothing at the start.
    journal : Journal
    run : LabellingRun
    """

    def __init__(self, films: Iterable[str], journal: Journal, run: LabellingRun) -> None:
        self._films, self.journal, self._run = list(films), journal, run
        self._keys: dict[str, str] = {}
        self._before: dict[str, str] = {}

    def run(
        self,
        progress: Progress | None = None,
        finish: Callable[[FilmResult], None] | None = None,
    ) -> Generator[Finished, None, None]:
        """Label the films that the journal does not know, and put each record into it.

        A film that failed is tried again, unless what is wrong lies in the file itself. Pictures
        and explanations that known records lack are added when all films have labels. A film of
        which only the subtitles have changed is labelled by them and by what its record says of
        picture and sound, when those that have to be looked at are done.

        Parameters
        ----------
        progress : callable, optional
            Is told of a film and how much of it is done.
        finish : callable, optional
            Is given each film's record as soon as its genres stand. Signals that end the run
            wait until it returns, so that no film is in the journal and missing here.

        Yields
        ------
        Finished
            Each record is on disk when it is given.

        Raises
        ------
        VgenreError
            If no film can be labelled: the model, FFmpeg or the cluster is not there.
        DataError
            If the journal cannot be written.
        """
        known: deque[Finished] = deque()
        spoken_anew: list[str] = []
        incomplete: list[str] = []

        def is_known(film: str) -> bool:
            if (record := self._find(film)) is None:
                earlier = self._of_other_subtitles(film)
                if earlier is None or not can_be_fused_anew(earlier):
                    return False
                spoken_anew.append(film)
                return True
            if finish:
                with held_back():
                    finish(self._shown(record))
            if lacks(record, self._run.task):
                incomplete.append(film)
            else:
                known.append(Finished(self._shown(record), True))
            return True

        films = iter(self._films)
        first = None
        for film in films:  # nothing is loaded as long as all films are known
            if not is_known(film):
                first = film
                break
            yield from _taken(known)
        if first is not None:
            executor = self._run.executor()
            unknown = chain([first], (film for film in films if not is_known(film)))
            for result in executor.run(map(self._handed_over, unknown), progress):
                yield from _taken(known)
                with held_back():
                    result = self._keep(result)
                    if finish:
                        finish(result)
                yield Finished(result, False)
        yield from _taken(known)
        if spoken_anew:
            others = (LabelledFilm.of(self._earlier(film)) for film in spoken_anew)
            for result in self._run.relabeller().run(others, progress):
                with held_back():
                    result = self._keep_anew(result)
                    if finish:
                        finish(self._shown(result))
                if lacks(result, self._run.task):
                    incomplete.append(result.path)
                else:
                    yield Finished(self._shown(result), False)
        if incomplete:
            asked = (LabelledFilm.of(self._record(film)) for film in incomplete)
            for result in self._run.completer().run(asked, progress):
                added = self._shown(self._keep_additions(result))
                yield Finished(added, added.path not in spoken_anew)

    def records(self) -> Iterator[FilmResult]:
        """The records of all films that are finished, in the films' order, one at a time."""
        for film in self._films:
            # Where the run was stopped, the turn of a known film may not have come.
            if film not in self._keys and not is_remote(film):
                self._keys[film] = self._key(film)
            if self._keys.get(film, "") in self.journal:
                yield self._shown(self._record(film))

    def _find(self, film: str) -> FilmResult | None:
        """The record of a film that need not be labelled."""
        key = self._keys[film] = self._key(film)
        if key in self.journal or self.journal.adopt(key):
            self.journal.make_last(key)
        elif (earlier := self._of_other_subtitles(film)) and is_lasting(earlier):
            self.journal[key] = earlier.to_dict(embedding=True)  # no subtitles make it readable
        else:
            return None
        try:
            record = self._record(film)
        except DataError:  # of another version; it is made anew
            return None
        failed = record.status == ERROR
        return None if failed and not is_lasting(record) else record

    def _of_other_subtitles(self, film: str) -> FilmResult | None:
        """The last record of a film that was looked up, with whatever subtitles."""
        found = self.journal.last_of(film_of(self._keys[film]))
        try:
            return replace(FilmResult.from_dict(found), path=film) if found else None
        except DataError:
            return None

    def _earlier(self, film: str) -> FilmResult:
        record = self._of_other_subtitles(film)
        assert record is not None
        return record

    def _key(self, film: str, *, fresh: bool = False) -> str:
        return film_key(film, self._run.key, subtitles=self._run.task.dialogue, fresh=fresh)

    def _handed_over(self, film: str) -> str:
        # The key of a remote film comes from a listing, which tells of no change later on.
        if is_remote(film):
            self._before[film] = self._key(film, fresh=True)
        return film

    def _keep(self, result: FilmResult) -> FilmResult:
        film, key = result.path, self._keys[result.path]
        before = self._before.pop(film, key)
        now = self._key(film, fresh=True)
        if film_of(now) != film_of(before):
            result = result if result.status == ERROR else changed(result)
        elif now != before:
            key = self._keys[film] = mixed(key)
        self.journal[key] = result.to_dict(pictures=True, embedding=True)
        return result

    def _keep_anew(self, result: FilmResult) -> FilmResult:
        film = str(result.path)
        if result.status == ERROR:  # the worker died of it; what was looked at stands
            space = self._run.space()
            result = without_subtitles(self._earlier(film), self._run.card, space, result)
        return self._keep(replace(result, path=film))

    def _keep_additions(self, result: FilmResult) -> FilmResult:
        film = str(result.path)
        before = self._record(film)
        if result.status == ERROR:  # the worker died of it; the labels stand
            return before
        result = replace(result, path=film)
        if result != before:
            self.journal[self._keys[film]] = result.to_dict(pictures=True, embedding=True)
        return result

    def _record(self, film: str) -> FilmResult:
        return replace(FilmResult.from_dict(self.journal[self._keys[film]]), path=film)

    def _shown(self, record: FilmResult) -> FilmResult:
        """A record without an explanation that this run did not ask for."""
        return record if self._run.task.explain else replace(record, explanation=None)


def _taken(known: deque[Finished]) -> Iterator[Finished]:
    while known:
        yield known.popleft()
