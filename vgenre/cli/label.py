"""``vgenre label``: films in, a table and files out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import parse_hwaccel, parse_jobs, parse_sampling, parse_shard

# As in vgenre.output, which would have to be loaded for --help.
NFO_MODES = ("fill", "add", "replace", "create")
LINKS = ("symlink", "relative", "hardlink", "copy")


def label(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Films and folders.")],
    model: Annotated[
        str, typer.Option(help="Name of a model that ships, or a model directory.")
    ] = "six",
    output: Annotated[
        list[Path] | None,
        typer.Option(help="File to write: .csv, .json, .jsonl or .html. Repeatable."),
    ] = None,
    sampling: Annotated[
        str | None,
        typer.Option(
            metavar="N|full|keyframes",
            help="Clips of 10 s looked at in a film, evenly spaced; all of it; or its key frames. "
            "10 unless given.",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="auto|openvino|tensorflow", help="What runs it.")
    ] = "auto",
    jobs: Annotated[
        str | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N|auto",
            help="Films at once, a process each; auto: as many as cores and memory allow. "
            "1 unless given.",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="[ADDRESS]",
            help="Label on a Ray cluster: this machine's one, or the one at HOST:PORT. "
            "--jobs is the number of actors then, as many as have room unless given.",
        ),
    ] = None,
    cpus: Annotated[float, typer.Option(help="CPUs that each actor asks Ray for.")] = 1.0,
    gpus: Annotated[float, typer.Option(help="GPUs that each actor asks Ray for.")] = 0.0,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Only the I-th of N shares of the films; vgenre merge joins them."
        ),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget the journal: label all films again.")
    ] = False,
    taxonomy: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Tell the genres that vgenre teach put there too, in every output."
        ),
    ] = None,
    nfo: Annotated[
        str | None,
        typer.Option(
            metavar="[fill|add|replace|create]",
            help="Put the genres into each film's .nfo: only where it has none (fill, the "
            "default), beside those that are there (add), or in their place (replace); create "
            "fills, and makes an .nfo where a film has none.",
        ),
    ] = None,
    sort_into: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Build a folder a genre there, with links to the films."),
    ] = None,
    link: Annotated[
        str,
        typer.Option(
            metavar="symlink|relative|hardlink|copy",
            help="What --sort-into makes; relative is a symlink that also holds where the library "
            "is mounted elsewhere.",
        ),
    ] = "symlink",
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Leave out files and folders of this name, or of this path below PATH where it "
            "has a slash. Repeatable.",
        ),
    ] = None,
    all_media: Annotated[
        bool,
        typer.Option(
            "--all-media", help="Label pictures, sound files, trailers and extras of folders too."
        ),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Say which moment and stream decided; show where, in a report."
        ),
    ] = False,
    no_dialogue: Annotated[
        bool,
        typer.Option(
            "--no-dialogue",
            help="Leave the subtitles out: those in the films and the files beside them.",
        ),
    ] = False,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact", help="Show the network every frame, also those that have hardly changed."
        ),
    ] = False,
    hwaccel: Annotated[
        str | None,
        typer.Option(
            metavar="auto|METHOD",
            help="Decode in hardware, by this method of ffmpeg -hwaccels; what cannot be is "
            "decoded in software.",
        ),
    ] = None,
    film_timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=1,
            help="How long a film may go without progress before its process is ended.",
        ),
    ] = 3600.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Say more: the streams, the engine, the seconds it took."
        ),
    ] = False,
) -> None:
    """Name the genres of films.

    A table goes to stdout, records with a timeline to the --output files. A journal lies beside
    the first of them, without one in the user's cache: the same command continues a run that was
    stopped, passes over films that have not changed, and tries again what failed. A film of which
    only the subtitles beside it changed is not decoded again. With a further --output it labels
    nothing anew.
    Exit status: 0 all labelled, 1 nothing could be done, 3 some files failed, 130 stopped.
    """
    if nfo == "merge":
        raise typer.BadParameter("'merge' is called 'replace' now; see --help", param_hint="--nfo")
    for name, value, known in (("--nfo", nfo, NFO_MODES), ("--link", link, LINKS)):
        if value is not None and value not in known:
            raise typer.BadParameter(f"{value!r} is none of {', '.join(known)}", param_hint=name)
    policy = parse_sampling(sampling) if sampling else None
    part = parse_shard(shard) if shard else None
    at_once, method = parse_jobs(jobs), parse_hwaccel(hwaccel)

    from ..batch.interrupts import Terminated
    from ..batch.ray import cluster_of
    from .labelling import Options, label_all

    try:
        status = label_all(
            paths,
            Options(
                model=model,
                outputs=output or [],
                sampling=policy,
                engine=engine,
                jobs=at_once,
                cluster=cluster_of(ray, at_once if isinstance(at_once, int) else None, cpus, gpus),
                shard=part,
                restart=restart,
                exclude=exclude or [],
                all_media=all_media,
                taxonomy=taxonomy,
                nfo=nfo,
                sort_into=sort_into,
                link=link,
                explain=explain,
                dialogue=not no_dialogue,
                exact=exact,
                hwaccel=method,
                film_timeout=film_timeout,
                quiet=quiet,
                verbose=verbose,
            ),
        )
    except Terminated as signal:
        status = 128 + signal.number
    raise typer.Exit(status)
