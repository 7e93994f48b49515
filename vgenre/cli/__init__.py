"""The command line: one thin function a command. Each needs what its imports need."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from ..version import __version__
from .cache import cache
from .demo import demo
from .doctor import doctor
from .evaluate import evaluate
from .extract import extract
from .label import NFO_MODES, label
from .merge import merge
from .models import models
from .serve import serve
from .similar import similar
from .teach import teach
from .train import train

_NFO_MODE = re.compile("|".join(NFO_MODES))
_ADDRESS = re.compile(r"auto|local|ray://\S+|[\w.-]+:\d+")
_MAY_STAND_ALONE = {"--ray": (_ADDRESS, "auto"), "--nfo": (_NFO_MODE, "fill")}
"""Options that may lack their value: what a value looks like, and what stands for none."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vgenre {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="vgenre",
    help="Name the genres of films from picture, sound and dialogue.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: the framed one takes half as long again to show
)


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say which it is."),
    ] = False,
) -> None:
    """What comes before the command."""


for command in (
    label, teach, similar, merge, extract, train, evaluate, models, serve, demo, cache, doctor,
):  # fmt: skip
    app.command()(command)


def main() -> int:
    """Run the command line.

    Returns
    -------
    int
        0: all done; 1: nothing could be done, or the arguments cannot be used; 3: some files
        failed; 130: stopped by the user; 128 + n: ended by signal n.
    """
    from ..errors import MissingExtra, VgenreError
    from .extras import extra_of

    try:
        app(_with_values(sys.argv[1:]))
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


def _with_values(arguments: list[str]) -> list[str]:
    """Arguments in which ``--ray`` is ``--ray auto``, and ``--nfo`` is ``--nfo fill``."""
    given = []
    for i, argument in enumerate(arguments):
        given.append(argument)
        behind = arguments[i + 1] if i + 1 < len(arguments) else ""
        if argument in _MAY_STAND_ALONE:
            value, default = _MAY_STAND_ALONE[argument]
            # A mode of an older version is refused with a word on it, and not taken for a film.
            if not value.fullmatch(behind) and (argument, behind) != ("--nfo", "merge"):
                given.append(default)
    return given
