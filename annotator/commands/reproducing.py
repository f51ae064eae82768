"""The verb that reproduces the paper's tables of results on a project's videos."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from annotator.commands.options import AsJson, Device, ProjectFolder


def reproduce(
    table: Annotated[
        Literal["table2", "table3"], typer.Argument(metavar="TABLE", help="table2 or table3.", show_default=False)
    ],
    project: ProjectFolder,
    rows: Annotated[
        list[str] | None, typer.Option("--rows", metavar="ROW", help="Train only this row now; repeatable.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Another architecture than the paper's: resdavenet, mobilenet or small.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over all pairs, for each row.")] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change one value of every row's preset; repeatable."),
    ] = None,
    image_weights: Annotated[
        Path | None,
        typer.Option("--image-weights", metavar="FILE", help="ImageNet weights; else the published ones are fetched."),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Trains and measures the rows of a table of the paper on this project, and reports them beside the paper's.

    Started again it goes on where it was cut off; finished rows are not trained again.
    """
    from annotator import verbs
    from annotator.commands.models import assigned_values
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        config = assigned_values(values or [])
        config |= {name: value for name, value in (("model", model), ("epochs", epochs)) if value is not None}
        spec = verbs.plan_reproduce(
            opened,
            table,
            rows=_rows(rows or [], table),
            config=config,
            image_weights=image_weights,
            device=device,
        )
        summary = run_verb(opened, spec, f"reproduce {table}")
        told = [_told(line) for line in summary["lines"]]
        order = [summary["order"]] if summary["order"] else []
        out.result(summary, *told, *order, f"Report: {summary['report']}")


def _rows(names: list[str], table: Literal["table2", "table3"]) -> list[Any]:
    from davenet.errors import UserError
    from davenet.evaluation.paper import rows_of

    chosen = [name.strip() for names_together in names for name in names_together.split(",")]
    for name in chosen:
        if name not in rows_of(table):
            raise UserError(f"{table} has no row {name}; its rows are {', '.join(rows_of(table))}.")
    return chosen


def _told(line: dict[str, Any]) -> str:
    """Returns one line of the report as a line of text."""
    paper, ours = line["paper"], line["ours"]
    theirs = f"the paper: {100 * paper['audio']:.1f} and {100 * paper['visual']:.1f} % of {paper['size']}"
    if ours is None:
        return f"{line['row']} on {line['gallery']}: {line['reason'].rstrip('.')} ({theirs})"
    figures = " and ".join(
        f"{way} Recall@10 {100 * ours[way]:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
        for way in ("audio", "visual")
        for low, high in [ours[f"{way}_interval_95"]]
    )
    return (
        f"{line['row']} on {line['gallery']}: {figures} of {ours['size']} pairs, chance {100 * ours['chance']:.1f} % "
        f"({theirs})"
    )
