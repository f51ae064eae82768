"""The demo: a project of generated kitchen videos, ready to review, and a walk through the app where there is no display."""

from pathlib import Path
from typing import Any

from annotator.demo.project import DEFAULT_PROJECT, Say, prepare


def run_demo(project_dir: Path | None, headless: bool, out_dir: Path | None, *, say: Say = print) -> dict[str, Any]:
    """Prepares the demo project (seconds when it is already there), then opens the app on it or, headless, walks it.

    Returns what was done, with every file it left. Raises UserError as the verbs do.
    """
    project = project_dir or DEFAULT_PROJECT
    prepared = prepare(project, say)
    if headless:
        from annotator.demo.walk import walk

        return {"project": str(project), **prepared, **walk(project, out_dir or Path("demo-output"), say)}
    from annotator.app import run_app

    return {"project": str(project), **prepared, "exit_status": run_app(project)}
