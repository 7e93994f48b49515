"""``vgenre serve``: the report's page, live."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from .common import parse_sampling

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def serve(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH...]", help="Films and folders.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Name of a model that ships, or a model directory.")
    ] = "six",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8338,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; another one lets other machines in."),
    ] = "127.0.0.1",
    sampling: Annotated[
        str | None,
        typer.Option(metavar="N|full|keyframes", help="As of vgenre label."),
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="auto|openvino|tensorflow", help="What runs it.")
    ] = "auto",
    max_upload: Annotated[
        int, typer.Option(metavar="MB", min=1, help="The largest film that may be dropped in.")
    ] = 4000,
) -> None:
    """Show a page on this machine that labels films and takes more of them.

    The films of the folders appear as they are labelled; further ones can be dropped onto the
    page. Nothing is kept: use vgenre label --output for that. Ctrl-C ends it.
    """
    policy = parse_sampling(sampling) if sampling else None

    from werkzeug.serving import WSGIRequestHandler, make_server

    from ..batch.executors import Task
    from ..engines.choose import choose_engine
    from ..errors import VgenreError
    from ..media.sampling import Sampling
    from ..models.store import find_model, read_card
    from ..serve.app import create_app
    from ..serve.live import LabellingThread
    from .common import films_in

    class Quiet(WSGIRequestHandler):
        def log_request(self, *_: object) -> None:
            """The page asks every second; that is no news."""

    card = read_card(find_model(model), files=())
    films = films_in(paths) if paths else []
    task = Task(
        model,
        choose_engine(engine, card),
        str(policy or Sampling()),
        pictures=True,
        explain=True,
    )
    with tempfile.TemporaryDirectory(prefix="vgenre-") as uploads:
        live = LabellingThread(task, films, Path(uploads))
        app = create_app(
            live, card.labels.names, hosts=_LOOPBACK | {host}, max_bytes=max_upload * 1_000_000
        )
        try:
            server = make_server(host, port, app, threaded=True, request_handler=Quiet)
        except (OSError, SystemExit):  # werkzeug exits by itself where the port is taken
            raise VgenreError(
                f"{host}:{port} cannot be listened on; is it taken? Try --port 0"
            ) from None
        live.start()
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"open http://{shown}:{server.server_port}/ in a browser; Ctrl-C ends it")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)
        finally:
            live.stop()
            server.server_close()
