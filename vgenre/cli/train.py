"""``vgenre train``: from a data set to a model directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..training.names import OPTIMIZERS, PRECISIONS
from .common import parse_sampling, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

    from ..models.card import ZooNetwork

_FEW = 30  # films, below which figures are told as "11 of 12"
_BETWEEN_LINES = 10.0  # seconds between lines of progress, where there is no terminal for a bar


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
    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A network of the literature in place of ours; vgenre models --zoo lists them.",
        ),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(metavar="TxHxWx3", help="Its input, where that can be chosen."),
    ] = None,
    snippets: Annotated[
        str,
        typer.Option(
            metavar="uniform|dense", help="Frames it sees: spread over a clip, or in a row."
        ),
    ] = "uniform",
    features: Annotated[
        str,
        typer.Option(
            metavar="pool|softmax", help="What the LSTM reads of a frame; softmax needs --finetune."
        ),
    ] = "pool",
    lstm: Annotated[
        int,
        typer.Option(
            metavar="UNITS", help="Try an LSTM too; it is left out where it adds nothing."
        ),
    ] = 0,
    epochs: Annotated[int, typer.Option(help="Of an LSTM; at most, with --architecture.")] = 60,
    sampling: Annotated[
        str, typer.Option(metavar="N|full", help="Clips of 10 s learnt from in a film.")
    ] = "4",
    batch: Annotated[int, typer.Option(help="Clips learnt from at once.")] = 32,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-3,
    optimizer: Annotated[
        str, typer.Option(metavar="|".join(OPTIMIZERS), help="With --architecture.")
    ] = "adamw",
    top_k: Annotated[int, typer.Option(help="Shows top-k accuracy; with --architecture.")] = 5,
    mixed: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(PRECISIONS), help="Mixed precision to learn in; with --architecture."
        ),
    ] = None,
    devices: Annotated[
        int, typer.Option(help="GPUs that share each batch; with --architecture.")
    ] = 1,
    classes: Annotated[
        int | None, typer.Option(metavar="N", help="Only the first N labels, for a quick try.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="[ADDRESS]",
            help="Compute the features on a Ray cluster; --cache has to be shared by its nodes.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split and of all that is random.")] = 0,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where features of films are kept.")
    ] = None,
    toy: Annotated[bool, typer.Option(hidden=True, help="Networks for tests.")] = False,
) -> None:
    """Train a model on your own films.

    Writes a model directory with its card and shows how it does on films that it did not learn
    from: on those whose split is test, else on all of them, in folds by film. A run that was
    killed continues.
    """
    from ..errors import DataError

    if mode not in ("single", "multi"):
        raise typer.BadParameter(f"{mode!r} is neither single nor multi", param_hint="--mode")
    if features not in ("pool", "softmax"):
        raise typer.BadParameter(
            f"{features!r} is neither pool nor softmax", param_hint="--features"
        )
    for name, value, known in (
        ("--optimizer", optimizer, OPTIMIZERS),
        ("--mixed", mixed, PRECISIONS),
    ):
        if value is not None and value not in known:
            raise typer.BadParameter(f"{value!r} is none of {', '.join(known)}", param_hint=name)
    if not data.exists():
        raise DataError(f"{data}: there is no such folder or manifest")
    policy = parse_sampling(sampling)

    import logging
    from dataclasses import replace

    from ..batch.ray import cluster_of
    from ..data.items import limit_labels
    from ..data.load import load_items
    from ..models.card import Architecture
    from ..models.store import find_model, read_card

    items = load_items(data)  # so that its mistakes are known before TensorFlow is there
    if classes:
        items = limit_labels(items, classes)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in ("absl", "tensorflow"):
        logging.getLogger(noisy).setLevel(logging.ERROR)

    from ..engines.choose import import_tensorflow

    import_tensorflow()
    from ..data.cache import default_cache
    from ..training.initial import InitialWeights
    from ..training.options import FineTuning
    from ..training.run import TrainingOptions
    from ..training.run import train as train_model

    parts = Architecture.toy() if toy else replace(Architecture(), lstm=lstm)
    if not toy and initial not in ("none", "imagenet") and not initial.endswith(".h5"):
        # Its weights are of a body that ends where its own does.
        begun = read_card(find_model(initial)).architecture
        parts = replace(parts, body=begun.body, blocks=begun.blocks)
    if architecture:
        network = zoo_network(architecture, shape, snippets)
        parts = replace(parts, network=network)
        features = "softmax" if network.name == "cnn-lstm-softmax" else "pool"
    if features == "softmax":
        names = {name for item in items for name in item.labels}
        parts = replace(parts, softmax_classes=len(names))
    tuned = finetune or (architecture and features == "softmax")
    options = TrainingOptions(
        architecture=parts,
        sampling=policy,
        epochs=epochs,
        batch_size=batch,
        learning_rate=rate,
        finetuning=FineTuning(steps=finetune, seed=seed) if tuned else None,
        seed=seed,
        optimizer=optimizer,
        top_k=top_k,
        dtype=mixed and f"mixed_{mixed}",
        devices=devices,
    )
    with progress_bar() as bar:
        card = train_model(
            items,
            output,
            mode=mode,
            initial=InitialWeights.of("none" if toy else initial),
            cache=cache or default_cache(),
            options=options,
            progress=_shown_by(bar),
            cluster=cluster_of(ray),
        )
    figures = card.metrics.get("test") or card.metrics.get("folds", {})
    print_figures(figures, whole=architecture or "fusion")
    typer.echo(f"the model is in {output}; use it with: vgenre label FILMS --model {output}")


def _shown_by(bar: Progress) -> Callable[[int, int], None]:
    """What shows how many files are read: by a bar, or by lines where there is no terminal."""
    import logging
    import time

    task = bar.add_task("reading files", total=None, done="")
    log, told = logging.getLogger(__name__), time.monotonic()

    def show(done: int, of: int) -> None:
        nonlocal told
        bar.update(task, completed=done, total=of, done=f"{done} of {of}", visible=done < of)
        if bar.disable and (done == of or time.monotonic() - told > _BETWEEN_LINES):
            told = time.monotonic()
            log.info("read %d of %d files", done, of)

    return show


def zoo_network(name: str, shape: str | None, snippets: str) -> ZooNetwork:
    """The network that ``--architecture`` and ``--shape`` name."""
    from .. import zoo
    from ..models.card import ZooNetwork
    from ..zoo.snippets import SNIPPETS

    if snippets not in SNIPPETS:
        raise typer.BadParameter(
            f"{snippets!r} is neither uniform nor dense", param_hint="--snippets"
        )
    name, sizes = zoo.resolve(name)
    sizes.pop("classes", None)  # the data says how many
    default, _ = zoo.about(name)
    wanted = sizes.pop("shape", default)
    if shape:
        if not all(part.isdecimal() for part in shape.split("x")):
            raise typer.BadParameter(f"{shape!r} is no shape as 16x112x112x3", param_hint="--shape")
        wanted = tuple(map(int, shape.split("x")))
        if len(wanted) != len(default):
            raise typer.BadParameter(
                f"{name} takes {'x'.join(map(str, default))}, not {shape}", param_hint="--shape"
            )
    return ZooNetwork(name, wanted, sizes, snippets)


def print_figures(figures: dict, whole: str = "fusion") -> None:
    """A table of the systems on the held-out films; `whole` is what the model is called."""
    from rich.console import Console
    from rich.table import Table

    if not figures:
        return
    count = figures["fusion"]["films"]
    title = f"on {count} film{'' if count == 1 else 's'} that it did not learn from"
    table = Table()
    table.add_column("system")
    names = [
        n
        for n in ("mAP", "micro_AP", "macro_AUC", "top1", "any_label", "macro_F1")
        if n in figures["fusion"]
    ]
    few = count < _FEW and "any_label" in names
    if few:  # a share of a dozen films looks like knowledge of thousands
        names = ["any_label"]
    for name in names:
        table.add_column("right" if few else name.replace("_", " "), justify="right")
    for system in ("majority", "visual", "audio", "dialogue", "fusion"):
        if system not in figures:  # a network of the zoo is a system by itself
            continue
        found = figures[system]
        called = whole if system == "fusion" else system
        if few:
            of = found["films"]
            table.add_row(called, f"{round(found['any_label'] * of)} of {of}")
            continue
        values = [found.get(name) for name in names]
        table.add_row(called, *("" if v is None else f"{v:.2f}" for v in values))
    console = Console()
    console.print(title, highlight=False)  # as the table's own it would be broken to its width
    console.print(table)
    if warning := figures["fusion"].get("warning"):
        console.print(f"[bold]{warning}[/bold]")
