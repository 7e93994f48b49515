"""``vgenre serve``: the report's page, live."""

from __future__ import annotations

import signal
import socket
import tempfile
import threading
from pathlib import Path
from typing import Annotated

import typer

from .common import parse_hwaccel, parse_sampling

_STALLED = 60  # seconds without a byte, after which a connection is given up


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
        typer.Option(
            help="Address to listen on. 0.0.0.0, or an address of this machine, lets other "
            "machines in; everybody on them can see and add films then."
        ),
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A further name under which the page may be opened, beside this machine's "
            "addresses and host name. Repeatable.",
        ),
    ] = None,
    sampling: Annotated[
        str | None,
        typer.Option(metavar="N|full|keyframes", help="As of vgenre label."),
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="auto|openvino|tensorflow", help="What runs it.")
    ] = "auto",
    taxonomy: Annotated[
        Path | None, typer.Option(metavar="DIR", help="As of vgenre label.")
    ] = None,
    no_dialogue: Annotated[bool, typer.Option("--no-dialogue", help="As of vgenre label.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="As of vgenre label.")] = False,
    hwaccel: Annotated[
        str | None, typer.Option(metavar="auto|METHOD", help="As of vgenre label.")
    ] = None,
    max_upload: Annotated[
        int, typer.Option(metavar="MB", min=1, help="The largest film that may be dropped in.")
    ] = 4000,
) -> None:
    """Show a page on this machine that labels films and takes more of them.

    The films of the folders appear as they are labelled; further ones can be dropped onto the
    page. The page gives the records as CSV, JSON or a report; nothing else is kept. Ctrl-C ends
    it.
    """
    policy = parse_sampling(sampling) if sampling else None
    method = parse_hwaccel(hwaccel)

    from ..errors import VgenreError, needs

    with needs("serve", "vgenre serve"):
        import flask  # noqa: F401
        from werkzeug.serving import WSGIRequestHandler, make_server

    from ..batch.plan import plan_run
    from ..serve.app import create_app
    from ..serve.hosts import known_names, name_of, pages, spelt
    from ..serve.live import LiveBatch
    from ..taught.telling import Telling
    from .common import films_in, shown

    class Handler(WSGIRequestHandler):
        timeout = _STALLED

        def log_request(self, *_: object) -> None:
            """The page asks every second; that is no news."""

    host = spelt(host.strip("[]"))
    names = []
    for text in allow_host or []:
        name = name_of(text) or name_of(f"[{text}]")
        if name is None:
            raise typer.BadParameter(
                f"{text!r} is no name of a machine; give nas or nas.example.org, without http://",
                param_hint="--allow-host",
            )
        names.append(name)
    films = films_in(paths) if paths else []
    run = plan_run(
        model,
        engine=engine,
        sampling=policy,
        isolated=True,
        pictures=True,
        explain=True,
        dialogue=not no_dialogue,
        exact=exact,
        hwaccel=method,
    )
    telling = Telling.of(taxonomy, model)
    executor = run.executor()  # first: no film is to fail for want of FFmpeg
    try:
        listening = socket.create_server(
            (host, port),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        raise VgenreError(
            f"{host}:{port} cannot be listened on: {error.strerror}; try --port 0, or another "
            "--host"
        ) from None
    # What ends a service ends it as Ctrl-C does, so that no dropped film stays behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with listening, tempfile.TemporaryDirectory(prefix="vgenre-") as folder:
        live = LiveBatch(films, Path(folder), run.card.name, telling)
        app = create_app(
            live,
            (*run.card.labels.names, *telling.names),
            hosts=known_names(host, names),
            max_bytes=max_upload * 1_000_000,
        )
        server = make_server(
            host, port, app, threaded=True, request_handler=Handler, fd=listening.fileno()
        )
        threading.Thread(target=server.serve_forever, name="serve", daemon=True).start()
        try:
            first, *others = pages(host, server.port, names)
            typer.echo(f"open {first} in a browser; Ctrl-C ends it")
            for other in others:
                typer.echo(f"  or {shown(other)}")
            # Here and not in a thread: Ctrl-C ends the worker too, and its FFmpeg.
            live.run(executor)
            typer.echo(f"vgenre: {live.trouble}; the page stays until Ctrl-C", err=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)
        finally:
            live.stop()
            server.shutdown()
            server.server_close()
            live.records.close()
