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
Device = Annotated[str, typer.Option(help="Where the model runs: auto, cpu, cuda or mps.")]
