"""``vgenre models``: what can be loaded."""

from __future__ import annotations

from textwrap import fill
from typing import Annotated, Any

import typer


def models(
    model: Annotated[str | None, typer.Argument(help="Show the whole card of this model.")] = None,
    zoo: Annotated[
        bool, typer.Option("--zoo", help="List the architectures of vgenre.zoo.")
    ] = False,
) -> None:
    """List the models that ship, or show the card of one."""
    if zoo:
        _list_zoo()
        return

    from ..labelling.record import stream_words
    from ..models.store import CARD_FILE, available_models, find_model, read_card

    if model:
        typer.echo((find_model(model) / CARD_FILE).read_text(encoding="utf-8"), nl=False)
        return
    for name, directory in available_models().items():
        card = read_card(directory, files=())
        typer.echo(fill(f"{name}: {', '.join(card.labels.names)}", 78, subsequent_indent="  "))
        typer.echo(fill(card.description, 78, initial_indent="  ", subsequent_indent="  "))
        typer.echo(f"  tells by {stream_words(card.architecture.streams)}")
        for measured, what in (("folds", "films"), ("test", "films"), ("posters", "posters")):
            if figures := card.metrics.get(measured, {}).get("fusion"):
                typer.echo(f"  {_figures(figures, what)}")


def _list_zoo() -> None:
    from ..engines.choose import import_tensorflow

    import_tensorflow()  # or Keras would, with its greetings

    from ..zoo.registry import REGISTRY, about

    for name in REGISTRY:
        shape, text = about(name)
        typer.echo(f"{name:22} {'x'.join(map(str, shape))}")
        typer.echo(fill(text, 78, initial_indent="  ", subsequent_indent="  "))


def _figures(figures: dict[str, Any], what: str) -> str:
    text = f"on {figures['films']} {what} it never saw: mAP {figures['mAP']:.2f}"
    if "any_label" in figures:
        text += f", a right genre first in {figures['any_label']:.0%}"
    return text
