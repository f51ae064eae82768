"""The verbs around the work: app, demo, doctor."""

from pathlib import Path
from typing import Annotated, Any

import typer

from annotator.commands.options import AsJson


def open_app(
    project: Annotated[Path | None, typer.Argument(metavar="[PROJECT]", help="The project's folder.")] = None,
) -> None:
    """Opens the app, on its start page or on a project."""
    from annotator.app import run_app

    raise typer.Exit(run_app(project))


def demo(
    project: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the demo project goes.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Walk through the app without a display.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the headless walk leaves screenshots and video.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Opens the demo project, or walks through it headless."""
    from annotator.commands.output import output
    from annotator.demo import run_demo

    with output(as_json) as printed:
        result: dict[str, Any] = run_demo(project, headless, out)
        lines = result.get("lines") or (
            [f"The demo's pictures and video: {result['out']}"] if result.get("out") else []
        )
        printed.result(result, *lines)


def doctor(as_json: AsJson = False) -> None:
    """Says what this machine has, and what to do about what is missing."""
    from annotator import doctor as machine
    from annotator.commands.output import output

    with output(as_json) as out:
        findings = machine.examine()
        out.result(machine.as_values(findings), *machine.as_lines(findings))
    if not machine.is_well(findings):
        raise typer.Exit(2)
