"""The command line: one thin function a command, heavy imports inside them."""

from __future__ import annotations

import sys

import typer

from .cache import cache
from .demo import demo
from .doctor import doctor
from .evaluate import evaluate
from .extract import extract
from .label import label
from .models import models
from .serve import serve
from .train import train

app = typer.Typer(
    name="vgenre",
    help="Name the genres of films from picture and sound.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (label, extract, train, evaluate, models, serve, demo, cache, doctor):
    app.command()(command)


def main() -> int:
    """Run the command line.

    Returns
    -------
    int
        0: all done; 1: nothing could be done; 3: some files failed; 130: stopped by the user.
    """
    from ..errors import VgenreError

    try:
        app()
    except (VgenreError, OSError) as error:  # an OSError here: a full disk, for one
        print(f"vgenre: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("vgenre: stopped", file=sys.stderr)
        return 130
    except SystemExit as end:
        return 1 if end.code == 2 else int(end.code or 0)  # 2: arguments that cannot be used
    return 0
