"""How many films this machine labels at once."""

from __future__ import annotations

import os
from pathlib import Path

AUTO = "auto"

BYTES_A_JOB = 1_000_000_000
"""Memory that is left to each process and its FFmpeg: twice what they hold at 1080p."""

_CGROUP, _MEMINFO = Path("/sys/fs/cgroup"), Path("/proc/meminfo")


def cores() -> int:
    """CPU cores that this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _words(_CGROUP / "cpu.max")  # of a container, in microseconds of so many
    if len(quota) == 2 and all(word.isdecimal() for word in quota) and int(quota[1]):
        count = min(count or 1, max(1, round(int(quota[0]) / int(quota[1]))))
    return count or 1


def free_bytes() -> int | None:
    """Memory that can still be had, of the machine and of the container; None if not known."""
    found = []
    for line in _words(_MEMINFO, "\n"):
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) * 1024)
    limit, used = _words(_CGROUP / "memory.max"), _words(_CGROUP / "memory.current")
    if limit and used and limit[0].isdecimal():
        # What lies in the page cache counts as used, and goes when something else needs it.
        cached = [w.split()[1] for w in _words(_CGROUP / "memory.stat", "\n") if w[:5] == "file "]
        found.append(int(limit[0]) - int(used[0]) + sum(map(int, cached)))
    if not found and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    return min(found, default=None)


def jobs_for(films: int | None = None) -> int:
    """How many films are labelled at once where nobody said: one a core, as memory allows.

    Parameters
    ----------
    films : int, optional
        How many there are.
    """
    memory = free_bytes()
    room = cores() if memory is None else min(cores(), memory // BYTES_A_JOB)
    return max(1, room if films is None else min(room, films))


def threads_for(jobs: int) -> int:
    """How many threads each of several engines gets."""
    return max(1, round(cores() / jobs))


def _words(path: Path, separator: str | None = None) -> list[str]:
    try:
        return path.read_text().split(separator)
    except OSError:
        return []
