"""``vgenre train``: from a data set to a model directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import parse_sampling, progress_bar


def train(
    data: Annotated[Path, typer.Argument(help="A folder per genre, or a CSV manifest.")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="The model's directory.")],
    mode: Annotated[
        str, typer.Option(metavar="single|multi", help="One genre a film, or any number.")
    ] = "single",
    initial: Annotated[
        str,
        typer.Option(
            metavar="MODEL|imagenet|FILE.h5",
            help="What training starts from: a model, ImageNet's weights of the image network "
            "(downloaded), or a file of them.",
        ),
    ] = "six",
    finetune: Annotated[
        int, typer.Option(metavar="STEPS", help="Train the image network throughout first.")
    ] = 0,
    features: Annotated[
        str,
        typer.Option(
            metavar="pool|softmax", help="What the LSTM reads of a frame; softmax needs --finetune."
        ),
    ] = "pool",
    units: Annotated[int, typer.Option(help="Width of the LSTM.")] = 256,
    epochs: Annotated[int, typer.Option(help="At most; it stops when no longer better.")] = 60,
    sampling: Annotated[
        str, typer.Option(metavar="N|full", help="Clips of 10 s learnt from in a film.")
    ] = "4",
    seed: Annotated[int, typer.Option(help="Of the split and of all that is random.")] = 0,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where features of films are kept.")
    ] = None,
    toy: Annotated[bool, typer.Option(hidden=True, help="Networks for tests.")] = False,
) -> None:
    """Train a model on your own films.

    Splits them 80/10/10 by film, writes a model directory with its card, and
    shows how it does on the held-out films. A run that was killed continues.
    """
    from ..errors import DataError

    if mode not in ("single", "multi"):
        raise typer.BadParameter(f"{mode!r} is neither single nor multi", param_hint="--mode")
    if features not in ("pool", "softmax"):
        raise typer.BadParameter(
            f"{features!r} is neither pool nor softmax", param_hint="--features"
        )
    if not data.exists():
        raise DataError(f"{data}: there is no such folder or manifest")
    policy = parse_sampling(sampling)

    import logging
    from dataclasses import replace

    from ..dataset import load_items
    from ..models.card import Architecture
    from ..models.store import find_model, read_card

    items = load_items(data)  # so that its mistakes are known before TensorFlow is there
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in ("absl", "tensorflow"):
        logging.getLogger(noisy).setLevel(logging.ERROR)

    from ..engines import import_tensorflow

    import_tensorflow()
    from ..features import default_cache
    from ..finetune import FineTuning
    from ..training import InitialWeights, TrainingOptions
    from ..training import train as train_model

    architecture = Architecture.toy() if toy else replace(Architecture(), units=units)
    if not toy and initial not in ("none", "imagenet") and not initial.endswith(".h5"):
        # Its weights are of a body that ends where its own does.
        begun = read_card(find_model(initial)).architecture
        architecture = replace(architecture, body=begun.body, block=begun.block)
    if features == "softmax":
        names = {name for item in items for name in item.labels}
        architecture = replace(architecture, softmax_classes=len(names))
    options = TrainingOptions(
        architecture=architecture,
        sampling=policy,
        epochs=epochs,
        finetuning=FineTuning(steps=finetune, seed=seed) if finetune else None,
        seed=seed,
    )
    with progress_bar() as bar:
        task = bar.add_task("reading films", total=len(items), done="")

        def show(done: int, of: int) -> None:
            bar.update(task, completed=done, done=f"{done} of {of}", visible=done < of)

        card = train_model(
            items,
            output,
            mode=mode,
            initial=InitialWeights.of("none" if toy else initial),
            cache=cache or default_cache(),
            options=options,
            progress=show,
        )
    print_figures(card.metrics.get("test", {}))
    typer.echo(f"the model is in {output}; use it with: vgenre label FILMS --model {output}")


def print_figures(figures: dict) -> None:
    """A table of the systems on the held-out films."""
    from rich.console import Console
    from rich.table import Table

    if not figures:
        return
    table = Table(title=f"on {figures['fusion']['films']} held-out films", title_justify="left")
    table.add_column("system")
    names = [
        n
        for n in ("mAP", "micro_AP", "macro_AUC", "top1", "any_label", "macro_F1")
        if n in figures["fusion"]
    ]
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for system in ("majority", "mean_pool", "visual", "audio", "fusion"):
        values = [figures[system].get(name) for name in names]
        table.add_row(system.replace("_", " "), *("" if v is None else f"{v:.2f}" for v in values))
    Console().print(table)
