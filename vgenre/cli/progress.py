"""How a batch goes: counted, and shown as a bar or as plain lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

import typer

from ..batch.run import Finished
from ..labelling.record import ERROR, PARTIAL
from ..media.discs import film_name
from .common import progress_bar, result_console, shown

if TYPE_CHECKING:
    from rich.console import Console

_LINE_EVERY = 30.0  # seconds between plain lines where there is no terminal


class Tally:
    """The counts of a batch.

    Parameters
    ----------
    total : int
        Films.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = self.failed = self.partial = self.known = 0
        self.film_seconds = 0.0
        self.causes: dict[str, tuple[int, str]] = {}
        self._started = time.monotonic()

    def count(self, finished: Finished) -> None:
        """Take a finished film into account."""
        result = finished.result
        self.done += 1
        self.known += finished.known
        self.partial += result.status == PARTIAL
        if not finished.known:
            self.film_seconds += result.duration or 0
        if result.status == ERROR and result.error:
            self.failed += 1
            cause = result.error["type"]
            count, example = self.causes.get(cause, (0, result.error["message"]))
            self.causes[cause] = (count + 1, example)

    @property
    def hours_an_hour(self) -> float:
        """Hours of film that an hour of this run gets through."""
        return self.film_seconds / max(1e-9, time.monotonic() - self._started)

    @property
    def seconds_left(self) -> float | None:
        """Until the end at the rate so far; None before anything new is done."""
        new = self.done - self.known
        if not new:
            return None
        return (time.monotonic() - self._started) / new * (self.total - self.done)

    def sentence(self) -> str:
        """The counts in words."""
        counts = [f"{self.done - self.failed - self.partial} labelled"]
        if self.partial:
            counts.append(f"{self.partial} labelled from a part")
        if self.failed:
            counts.append(f"{self.failed} failed")
        if self.done < self.total:
            counts.append(f"{self.total - self.done} left")
        text = ", ".join(counts)
        return f"{text} ({self.known} known from before)" if self.known else text


class BatchProgress:
    """A bar on a terminal, elsewhere a line now and then, nothing with `quiet`.

    Attributes
    ----------
    results : rich.console.Console
        Where results are printed, so that they do not run into the bar.
    """

    def __init__(self, tally: Tally, quiet: bool) -> None:
        self._tally, self._quiet = tally, quiet
        self._parts: dict[str, float] = {}
        self._last_line = time.monotonic()

    def __enter__(self) -> BatchProgress:
        self._context = self._bar()
        self._context.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @contextmanager
    def _bar(self) -> Iterator[None]:
        with progress_bar(self._quiet) as self._progress:
            self._task = self._progress.add_task(
                "loading the model", total=self._tally.total, done=""
            )
            self.results: Console = result_console(self._progress)
            yield

    def stop(self) -> None:
        """Take the bar away."""
        if self._context:
            self._context.__exit__(None, None, None)
            self._context = None  # type: ignore[assignment]

    def within(self, film: str, part: float) -> None:
        """Show that so much of a film is done, 0 to 1."""
        self._parts[film] = part
        self._update(film)

    def finished(self, finished: Finished) -> None:
        """Count a film that is done."""
        self._tally.count(finished)
        self._parts.pop(finished.result.path, None)
        self._update(finished.result.path)

    def _update(self, film: str) -> None:
        tally = self._tally
        failed = f", {tally.failed} failed" if tally.failed else ""
        done = f"{tally.done} of {tally.total}{failed}"
        if not self._progress.disable:
            self._progress.update(
                self._task,
                description=shown(film_name(film))[:24],
                completed=tally.done + sum(self._parts.values()),
                done=done,
            )
        elif not self._quiet and time.monotonic() - self._last_line > _LINE_EVERY:
            self._last_line = time.monotonic()
            left = tally.seconds_left
            typer.echo(
                f"{done}, {tally.known} known from before, {tally.hours_an_hour:.1f} hours of "
                "film an hour" + ("" if left is None else f", {left / 60:.0f} min left"),
                err=True,
            )
