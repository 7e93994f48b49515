"""The systems of the genre paper's comparison, on the same films, in the same training.

    python pipelines/compare_architectures.py DATA --work DIR --table docs/comparison.md

Trains each on the training films of the data folder's fixed split, measures it on the
test films, and writes a table. A row that is finished is not trained again.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import clip_items, data_folder, parser_of, write_table
from stages import code_here

from vgenre.labels import SIX_GENRES, LabelSet
from vgenre.media.sampling import Sampling
from vgenre.models.card import Architecture, ModelCard, ZooNetwork
from vgenre.models.store import find_model, read_card
from vgenre.training.options import FineTuning, TrainingOptions

if TYPE_CHECKING:
    from vgenre.labelling.model import Model

LABELS = LabelSet(SIX_GENRES)


@dataclass(frozen=True)
class Row:
    """One system: what the paper reports of it (accuracy on UCF-101), and how it is trained here.

    Parameters
    ----------
    title : str
    published : str
    network : ZooNetwork
    training : dict
        For `vgenre.training.options.TrainingOptions`.
    """

    title: str
    published: str
    network: ZooNetwork
    training: dict[str, Any] = field(default_factory=dict)


_FRAMES, _POOL = (40, 64, 64, 3), (40, 2048)

ROWS = (
    Row(
        "ConvNet (InceptionV3, single frames)",
        "65",
        ZooNetwork("cnn", (160, 160, 3)),
        {"learning_rate": 5e-5, "batch_size": 16, "epochs": 3},
    ),
    Row("time-distributed CNN", "41", ZooNetwork("time-distributed-cnn", _FRAMES)),
    Row("3-D convolutional network", "52.8", ZooNetwork("conv3d", _FRAMES)),
    Row("CNN-RNN", "74", ZooNetwork("cnn-rnn", _POOL), {"learning_rate": 1e-4}),
    Row(
        "CNN-LSTM, softmax",
        "85.4",
        ZooNetwork("cnn-lstm-softmax", (40, len(LABELS))),
        {"finetuning": FineTuning(steps=0)},
    ),
    Row("CNN-LSTM, pool", "90.3", ZooNetwork("cnn-lstm-pool", _POOL), {"learning_rate": 1e-4}),
)


def options_of(row: Row) -> TrainingOptions:
    """How a row is trained: all alike, save where `Row.training` says otherwise."""
    base = read_card(find_model("six")).architecture
    softmax = row.network.name == "cnn-lstm-softmax"
    architecture = Architecture(
        blocks=base.blocks, network=row.network, softmax_classes=len(LABELS) if softmax else None
    )
    settings = {
        "learning_rate": 3e-4,
        "batch_size": 16,
        "epochs": 6,
        "patience": 3,
        "sampling": Sampling(2),
    }
    return TrainingOptions(architecture, **{**settings, **row.training})


def toy(row: Row) -> Row:
    """The same system at its smallest, for tests."""
    from vgenre.zoo.registry import REGISTRY

    sizes = dict(REGISTRY[row.network.name][2])
    tuning = FineTuning(steps=0, head_steps=1, batch_size=4, size=64, dtype="float32")
    training = {"finetuning": tuning} if "finetuning" in row.training else {}
    return replace(
        row,
        network=replace(row.network, shape=sizes.pop("shape"), sizes=sizes),
        training={"epochs": 1, **training},
    )


def measure_row(row: Row, data: Path, work: Path, small: bool = False) -> dict[str, Any]:
    """Train one system, or take what was measured of it before.

    Parameters
    ----------
    row : Row
    data, work : Path
    small : bool
        Whether the body is a toy with random weights too, for tests.
    """
    from vgenre.data.stages import Stage, items_key
    from vgenre.training.initial import InitialWeights
    from vgenre.training.run import train

    options, items = options_of(row), clip_items(data)
    if small:
        body = replace(options.architecture, body="toy")
        options = replace(options, architecture=body)
    initial = InitialWeights.of("none" if small else "six")
    stage = Stage.of(
        work, row.network.name, items_key(items), LABELS, options, initial.identity,
        code_here("compare_architectures.py"),
    )  # fmt: skip

    def measured() -> dict[str, Any]:
        started = time.perf_counter()
        card = train(
            items,
            stage.place,
            labels=LABELS,
            initial=initial,
            cache=work / "features",
            options=options,
            card={"name": row.network.name},
            progress=lambda done, of: print(f"clips {done} of {of}", file=sys.stderr, end="\r"),
        )
        figures = card.metrics["test"]
        return {
            "model": stage.place.name,
            "fusion": figures["fusion"],
            "majority": figures["majority"],
            "parameters": parameters(card),
            "flops": flops_of(card),
            "minutes": (time.perf_counter() - started) / 60,
        }

    file = stage.keep(".json", measured, lambda path, found: path.write_text(json.dumps(found)))
    return json.loads(file.read_text())


def parameters(card: ModelCard) -> int:
    """Of the body, where there is one, and the network together."""
    from vgenre.models.build import body_of, network_of

    return body_of(card.architecture).count_params() + network_of(card).count_params()


def flops_of(card: ModelCard) -> int:
    """Of one clip: 40 frames through the body, its snippets through the network."""
    from vgenre.models.build import body_of, network_of
    from vgenre.zoo.registry import flops

    network = card.architecture.network
    assert network is not None
    runs = 10 if len(network.shape) == 3 else 1
    return 40 * flops(body_of(card.architecture)) + runs * flops(network_of(card))


def seconds_of(model: Model) -> float:
    """Seconds for a clip of 40 frames that are decoded, the best of five."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (40, 299, 299, 3), dtype=np.uint8)
    mask = np.ones((1, 40), np.float32)
    taken = []
    for _ in range(6):
        started = time.perf_counter()
        features = model.engine.features(frames)
        model.engine.see(features[None], mask)
        taken.append(time.perf_counter() - started)
    return min(taken[1:])


def table_of(found: dict[str, dict[str, Any]], work: Path) -> str:
    """The table, in Markdown; the seconds of all are taken now, one after the other."""
    from vgenre.labelling.load import load_model

    first = next(iter(found.values()))
    lines = [
        "| system | accuracy | mAP | 95 % | published | parameters | GFLOPs a clip | s a clip |",
        "|---|---|---|---|---|---|---|---|",
        f"| majority | {first['majority']['top1']:.1%} | {first['majority']['mAP']:.2f} "
        "| | | | | |",
    ]
    for row in ROWS:
        if row.network.name not in found:
            continue
        f = found[row.network.name]
        directory = work / f["model"]
        lines.append(
            f"| {row.title} | {f['fusion']['top1']:.1%} | {f['fusion']['mAP']:.2f} "
            f"| {_interval(f['fusion'])} | {row.published} % | {f['parameters'] / 1e6:.1f} M "
            f"| {f['flops'] / 1e9:,.1f} | {seconds_of(load_model(directory)):.2f} |"
        )
    six = read_card(find_model("six"))
    # All films teach what ships: it is measured in folds of all, the others on the test films.
    ours = six.metrics["folds"]["fusion"]
    timed = seconds_of(load_model("six"))
    lines.append(
        f"| `six`, picture and sound, in folds | {ours['top1']:.1%} | {ours['mAP']:.2f} "
        f"| {_interval(ours)} | | | | {timed:.2f} |"
    )
    return "\n".join([*lines, ""])


def _interval(figures: dict[str, Any]) -> str:
    """The interval of the mAP; empty where there were too few films for one."""
    if "interval_95" not in figures:
        return ""
    low, high = figures["interval_95"]["mAP"]
    return f"{low:.2f} to {high:.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__, table=True)
    parser.add_argument("--only", nargs="+", help="names of the zoo's networks to train")
    args = parser.parse_args(arguments)
    data = data_folder(args.data)
    found = {}
    for row in ROWS:
        if args.only and row.network.name not in args.only:
            continue
        shown = toy(row) if args.toy else row
        found[row.network.name] = measure_row(shown, data, args.work, args.toy)
    text = table_of(found, args.work)
    write_table(text, args.table)


if __name__ == "__main__":
    main()
