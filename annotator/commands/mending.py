"""The verbs that mend a project: restore its database, find its videos again, move its database to a server."""

from pathlib import Path
from typing import Annotated

import typer

from annotator.commands.options import AsJson, ProjectFolder


def restore(project: ProjectFolder, as_json: AsJson = False) -> None:
    """Puts the last good backup in the place of a damaged database, which is kept aside."""
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out:
        backup, kept = Project.restore(project)
        values = {"backup": str(backup.path), "verdicts": backup.n_verdicts, "damaged": str(kept)}
        out.result(values, f"Restored the backup of {backup}", f"The file it replaces is kept in {kept}")


def relink(
    project: ProjectFolder,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to look, with its subfolders.")],
    as_json: AsJson = False,
) -> None:
    """Finds videos that were moved, renamed or changed by their content, and links them where they lie now."""
    from annotator.commands.output import output
    from annotator.project import Project
    from annotator.verbs import relinking

    with output(as_json) as out, Project.open(project) as opened:
        opened.require_writable()
        troubles = relinking.examine(opened)
        found = relinking.search(troubles, folder.expanduser().absolute())
        relinking.relink(opened, found)
        lost = [trouble for trouble in troubles if trouble.video.uid not in found]
        values = {
            "relinked": {uid: str(path) for uid, path in found.items()},
            "missing": [trouble.video.uid for trouble in lost if trouble.kind == "missing"],
            "changed": [trouble.video.uid for trouble in lost if trouble.kind == "changed"],
        }
        lines = [f"{len(found)} videos linked anew"] if troubles else ["Every video is where it was, and unchanged"]
        out.result(values, *lines, *(f"✕ {trouble.sentence}" for trouble in lost))


def move(
    project: ProjectFolder,
    database: Annotated[str, typer.Option(metavar="URL", help="postgresql+psycopg://USER@HOST/DATABASE")],
    as_json: AsJson = False,
) -> None:
    """Moves a project's database from its folder to a PostgreSQL server, for several reviewers at once."""
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out:
        server, counts, kept = Project.move(project, database)
        values = {"database": server, "rows": counts, "kept": str(kept)}
        line = f"{counts.get('pair', 0)} pairs and {counts.get('verdict', 0)} verdicts moved to {server}"
        out.result(values, line, f"The file they were in is kept as {kept}")
