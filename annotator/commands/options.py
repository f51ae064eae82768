"""Arguments that several verbs share, each described once."""

from pathlib import Path
from typing import Annotated

import typer

ProjectFolder = Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document on standard output.")]
Force = Annotated[bool, typer.Option("--force", help="Do it again, also where it is done.")]
OnlyVideos = Annotated[
    list[str] | None,
    typer.Option("--video", metavar="VIDEO", help="Only this video (uid, file name or title); may be repeated."),
]
_MACHINES = "Options of more than one machine"
Engine = Annotated[
    str,
    typer.Option(help="local (this machine) or ray (a Ray cluster; docs/guide/cluster.md).", rich_help_panel=_MACHINES),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Of the Ray cluster; else the one that this machine is part of.",
        rich_help_panel=_MACHINES,
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where the files go, a folder or s3://…, in place of the project's folder (with --engine local: as well).",
        rich_help_panel=_MACHINES,
    ),
]
Fetch = Annotated[
    bool,
    typer.Option("--fetch", help="Also bring the files from --out into the project.", rich_help_panel=_MACHINES),
]
VideosAt = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER=URL",
        help="Machines fetch what lies in FOLDER here from URL, e.g. s3://…; else they see the videos' paths.",
        rich_help_panel=_MACHINES,
    ),
]
Device = Annotated[str, typer.Option(help="Where the model runs: auto, cpu, cuda or mps.")]
