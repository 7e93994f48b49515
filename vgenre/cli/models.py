"""``vgenre models``: what can be loaded."""

from __future__ import annotations

from textwrap import fill
from typing import Annotated

import typer


def models(
    model: Annotated[str | None, typer.Argument(help="Show the whole card of this model.")] = None,
) -> None:
    """List the models that ship, or show the card of one."""
    from ..models.store import CARD_FILE, available_models, find_model, read_card

    if model:
        typer.echo((find_model(model) / CARD_FILE).read_text(encoding="utf-8"), nl=False)
        return
    for name, directory in available_models().items():
        card = read_card(directory)
        typer.echo(f"{name}: {', '.join(card.labels.names)}")
        typer.echo(fill(card.description, 78, initial_indent="  ", subsequent_indent="  "))
        figures = card.metrics.get("test", {}).get("fusion")
        if figures:
            typer.echo(
                f"  on {figures['films']} films it never saw: mAP {figures['mAP']:.2f}, "
                f"a right genre first in {figures['any_label']:.0%}"
            )
