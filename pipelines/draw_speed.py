"""Where the time of an hour of film goes, before and after, from the figures of `benchmark.py`.

python pipelines/draw_speed.py speed.json docs/images/speed.svg
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

COLOURS = ("#1a365d", "#2b6cb0", "#63b3ed", "#dd6b20", "#a0aec0")


def bars(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Minutes of an hour of film by what they are spent on, where all cores are always busy."""
    minutes = 60 * found["cores"]
    return {
        when: {part: seconds / minutes for part, seconds in parts.items()}
        for when, parts in found["cpu_seconds_an_hour"].items()
    }


def measured(found: dict[str, Any], stage: str) -> float:
    """Minutes that an hour of film took."""
    for one in found["stages"]:
        if one["name"] == stage:
            return 60 * one["seconds"] / one["film_seconds"]
    raise SystemExit(f"there is no {stage!r} in the figures; run benchmark.py again")


def draw(found: dict[str, Any], file: Path) -> None:
    """Two bars of parts, each with what was measured of the whole beside it."""
    from matplotlib.figure import Figure

    figure = Figure((8, 3), layout="constrained")
    axes: Any = figure.subplots()
    names = {"before": "vgenre, full, exact", "after": "vgenre, full"}
    for row, (when, parts) in enumerate(bars(found).items()):
        left = 0.0
        for colour, (part, minutes) in zip(COLOURS, parts.items(), strict=True):
            label = part if row == 0 else None
            axes.barh(row, minutes, left=left, color=colour, label=label, height=0.5)
            left += minutes
        whole = measured(found, names[when])
        axes.plot([whole, whole], [row - 0.35, row + 0.35], color="black")
        axes.annotate(f"{whole:.1f} min", (max(whole, left), row), (6, -3), "data", "offset points")
    axes.set_yticks([0, 1], ["every frame,\ndecoded in full", "what has changed,\nno loop filter"])
    axes.invert_yaxis()
    axes.set_xlabel(f"minutes for an hour of {found['picture']} on {found['cores']} cores")
    axes.margins(x=0.12)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize="small")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", type=Path, help="what benchmark.py --json wrote")
    parser.add_argument("picture", type=Path, help="where to draw: .svg or .png")
    args = parser.parse_args()
    draw(json.loads(args.figures.read_text()), args.picture)


if __name__ == "__main__":
    main()
