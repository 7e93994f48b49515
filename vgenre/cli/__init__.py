"""The command line: one thin function a command. Each needs what its imports need."""

from __future__ import annotations

import re
import sys

import typer

from .cache import cache
from .demo import demo
from .doctor import doctor
from .evaluate import evaluate
from .extract import extract
from .label import label
from .merge import merge
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
for command in (label, merge, extract, train, evaluate, models, serve, demo, cache, doctor):
    app.command()(command)


def main() -> int:
    """Run the command line.

    Returns
    -------
    int
        0: all done; 1: nothing could be done; 3: some files failed; 130: stopped by the user.
    """
    from ..errors import MissingExtra, VgenreError
    from .extras import extra_of

    try:
        app(_with_addresses(sys.argv[1:]))
    except (VgenreError, OSError) as error:  # an OSError here: a full disk, for one
        print(f"vgenre: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if not (extra := extra_of(library)):
            raise
        command = f"vgenre {sys.argv[1]}"
        print(f"vgenre: {MissingExtra(command, library, extra)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("vgenre: stopped", file=sys.stderr)
        return 130
    except SystemExit as end:
        return 1 if end.code == 2 else int(end.code or 0)  # 2: arguments that cannot be used
    return 0


_ADDRESS = re.compile(r"auto|local|ray://\S+|[\w.-]+:\d+")


def _with_addresses(arguments: list[str]) -> list[str]:
    """``--ray`` without an address is ``--ray auto``."""
    given = []
    for i, argument in enumerate(arguments):
        given.append(argument)
        behind = arguments[i + 1] if i + 1 < len(arguments) else ""
        if argument == "--ray" and not _ADDRESS.fullmatch(behind):
            given.append("auto")
    return given
