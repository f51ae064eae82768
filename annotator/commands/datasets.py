"""Dataset versions on the command line: freeze one, list them, tell what changed between two."""

from typing import Annotated, Literal

import typer

from annotator.commands.options import AsJson, ProjectFolder


def freeze(
    project: ProjectFolder,
    accepted_by: Annotated[
        Literal["final", "everyone", "these"],
        typer.Option(help="What counts as accepted: the final verdict, everyone's who judged, or --reviewer's."),
    ] = "final",
    reviewer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Whose verdicts count; repeatable, means --accepted-by these."),
    ] = None,
    unjudged: Annotated[bool, typer.Option(help="Let pairs train that nobody has judged yet.")] = False,
    non_food: Annotated[bool, typer.Option(help="Add as many non-food pairs as there are food pairs.")] = True,
    corrections: Annotated[bool, typer.Option(help="Apply the verdicts' labels and sound offsets.")] = True,
    as_json: AsJson = False,
) -> None:
    """Freezes the pairs that the verdicts give now; nothing new is made where nothing changed."""
    from annotator import datasets
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        opened.require_writable()
        selection = datasets.Selection(
            accepted_by="these" if reviewer else accepted_by,
            reviewers=tuple(reviewer or ()),
            unjudged=unjudged,
            non_food=non_food,
            corrections=corrections,
        )
        frozen = datasets.freeze(opened, selection)
        warning = [f"! {frozen.warning}"] if frozen.warning else []
        out.result(_values(frozen), _line(frozen), *warning)


def list_versions(project: ProjectFolder, as_json: AsJson = False) -> None:
    """Lists the project's dataset versions, the newest first."""
    from annotator import datasets
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        found = datasets.versions(opened)
        out.result(
            {"datasets": [_values(each) for each in found]}, *(map(_line, found) if found else ["No dataset yet."])
        )


def show_changes(
    project: ProjectFolder,
    old: Annotated[str, typer.Argument(metavar="OLD", help="A dataset's number.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Another's, or latest.")] = "latest",
    as_json: AsJson = False,
) -> None:
    """Tells which pairs were added, removed, moved, relabelled or nudged between two versions."""
    from dataclasses import asdict

    from annotator import datasets
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        one, other = datasets.version(opened, old), datasets.version(opened, new)
        found = datasets.changes(one, other)
        values = {"old": one.id, "new": other.id, **asdict(found)}
        out.result(values, f"Dataset {one.id} to {other.id}: {found.sentence()}.")


def _values(dataset: object) -> dict[str, object]:
    from dataclasses import asdict

    values = asdict(dataset)  # type: ignore[call-overload]
    return {**values, "at": values["at"].isoformat(), "path": str(values["path"])}


def _line(dataset: object) -> str:
    from annotator.datasets import DatasetVersion

    assert isinstance(dataset, DatasetVersion)
    counts = dataset.counts
    unjudged = f", {counts['train_unjudged']} unjudged" if counts["train_unjudged"] else ""
    return (
        f"Dataset {dataset.id} ({dataset.hash}): {counts['train_accepted']} accepted{unjudged} and "
        f"{counts['train_non_food']} non-food pairs to train on, {counts['validation']} to validate, {counts['test']} to test"
    )
