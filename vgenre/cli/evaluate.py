"""``vgenre evaluate``: a model on labelled films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import ALL_DONE, SOME_FAILED, parse_sampling, progress_bar


def evaluate(
    model: Annotated[str, typer.Argument(help="A model that ships, or a model directory.")],
    data: Annotated[Path, typer.Argument(help="A folder per genre, or a CSV manifest.")],
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For metrics.json and a page, index.html.")
    ] = None,
    split: Annotated[
        str,
        typer.Option(metavar="test|val|train|all", help="Where the manifest says which is which."),
    ] = "test",
    sampling: Annotated[
        str, typer.Option(metavar="N|full", help="Clips of 10 s looked at in a film.")
    ] = "10",
    engine: Annotated[str, typer.Option(help="auto, openvino or tensorflow.")] = "auto",
) -> None:
    """Measure a model on films whose genres are known.

    Measure on films that it was not trained on: what it has learnt by heart it gets right.
    """
    from ..data.items import SPLITS
    from ..data.load import load_items
    from ..errors import DataError

    if split not in (*SPLITS, "all"):
        raise typer.BadParameter(f"{split!r} is not test, val, train or all", param_hint="--split")
    policy = parse_sampling(sampling)
    items = load_items(data)
    if split != "all" and any(item.split for item in items):
        items = [item for item in items if item.split == split]
    if not items:
        raise DataError(f"{data}: no film of the {split} split")
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)  # before any work

    from ..evaluation.assess import assess
    from ..evaluation.page import write_report
    from ..labelling.load import load_model

    with progress_bar() as bar:
        task = bar.add_task("labelling", total=len(items), done="")
        found = assess(
            load_model(model, engine=engine),
            items,
            sampling=policy,
            progress=lambda n: bar.update(task, completed=n, done=f"{n} of {len(items)}"),
        )
    _print(found.figures())
    for result in found.failed:
        typer.echo(result.error["message"] if result.error else result.path, err=True)
    if report is not None:
        typer.echo(f"the report is {write_report(found, report)}")
    raise typer.Exit(SOME_FAILED if found.failed else ALL_DONE)


def _print(figures: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    fusion, baseline = figures["fusion"], figures["majority"]
    table = Table(title=f"{figures['model']} on {fusion['films']} films", title_justify="left")
    table.add_column("figure")
    intervals = fusion.get("interval_95", {})
    others = {"majority": baseline}
    if silent := figures.get("without_dialogue"):
        others = {"no dialogue": silent, **others}
    for name in (figures["model"], "95 %", *others):
        table.add_column(name, justify="right")
    for name, value in fusion.items():
        if isinstance(value, float):
            ends = intervals.get(name)
            table.add_row(
                name.replace("_", " "),
                f"{value:.3f}",
                f"{ends[0]:.2f} to {ends[1]:.2f}" if ends else "",
                *(_figure(other.get(name)) for other in others.values()),
            )
    genres = Table(box=table.box)
    for name, side in (("genre", "left"), ("films", "right"), ("prevalence", "right"),
                       ("AP", "right")):  # fmt: skip
        genres.add_column(name, justify=side)  # type: ignore[arg-type]
    for name, entry in fusion["per_label"].items():
        ap = "" if entry["AP"] is None else f"{entry['AP']:.2f}"
        genres.add_row(name, str(entry["films"]), f"{entry['prevalence']:.2f}", ap)
    console = Console()
    console.print(table)
    console.print(genres)
    if silent:
        console.print(f"{fusion['films_with_dialogue']} of the films have dialogue that was read.")
    if warning := fusion.get("warning"):
        console.print(f"[bold]{warning}[/bold]")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
