"""Where a run of ``vgenre label`` keeps its journal, and where journals of earlier runs lie.

Beside the first output, or without one in the user's cache. There each journal is also noted
under the folders that it is about, so that the same folders with other outputs find it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from ..media.remote import place_of
from .journal import Journal
from .plan import LabellingRun
from .shards import Shard


def journals_folder() -> Path:
    """The folder in the user's cache."""
    import platformdirs

    return platformdirs.user_cache_path("vgenre") / "journals"


def journal_beside(output: Path) -> Path:
    """The journal of a run whose first output this is."""
    return output.with_name(output.name + ".journal")


def open_journal(
    run: LabellingRun,
    paths: Sequence[str],
    outputs: Sequence[Path],
    *,
    shard: Shard | None = None,
    restart: bool = False,
) -> Journal:
    """The journal of a run.

    Parameters
    ----------
    run : LabellingRun
    paths : sequence of str
        The films and folders as they were named.
    outputs : sequence of Path
        The journal lies beside the first; it takes what journals beside the others know.
    shard : Shard, optional
    restart : bool
        Forget what is known.

    Returns
    -------
    Journal
        Locked for this run; a passing one where the cache cannot be written. What journals of
        earlier runs over the same folders know, it can `Journal.adopt`.

    Raises
    ------
    DataError
        If another run writes it, or it cannot be written.
    """
    folder = journals_folder()
    about = _hash(*sorted(map(place_of, paths)))
    if outputs:
        mine = journal_beside(outputs[0])
    else:
        mine = journal_about(run, paths, shard)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            mine.touch()
        except OSError:  # no home, or one that is full or only read
            return Journal.passing(run.settings)
    journal = Journal(mine, run.settings, restart=restart)
    others = [journal_beside(output) for output in outputs[1:]]
    if not restart:
        for path in [*others, *sorted(folder.glob(f"{about}-*.journal"))]:
            if os.path.exists(path) and not os.path.samefile(path, mine):
                journal.look_into(path)
    if outputs:
        with contextlib.suppress(OSError):  # no cache: the next output will be made anew
            folder.mkdir(parents=True, exist_ok=True)
            place = os.path.abspath(mine)
            (folder / f"{about}-{_hash(place)}.journal").symlink_to(place)
    return journal


def journal_about(run: LabellingRun, paths: Sequence[str], shard: Shard | None = None) -> Path:
    """Where the journal of a run without outputs lies."""
    about = _hash(*sorted(map(place_of, paths)))
    return journals_folder() / f"{about}-{_hash(run.key, str(shard))}.journal"


def journals_about(places: Sequence[str]) -> list[Path]:
    """The journals of runs over each of some films and folders by itself, that are still there."""
    folder, found = journals_folder(), []
    for place in places:
        found += sorted(folder.glob(f"{_hash(place_of(place))}-*.journal"))
    return [path for path in found if path.exists()]


def _hash(*words: str) -> str:
    data = "\0".join(words).encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest()[:24]
