"""The demo: a project of generated kitchen videos, ready to review, and a walk through the app without a display."""

import os
from pathlib import Path
from typing import Any

from annotator.demo.project import DEFAULT_PROJECT, Say, prepare

_INVISIBLE = ("offscreen", "minimal", "vnc")  # Qt platforms on which nobody would see a window


def run_demo(project_dir: Path | None, headless: bool, out_dir: Path | None, *, say: Say = print) -> dict[str, Any]:
    """Prepares the demo project (seconds when it is already there), then opens the app on it or walks through it.

    Walks where asked to (`headless`) and where no window can be opened; a walk has a project of its own in `out_dir`,
    so that its verdicts never mix with a person's. Returns what was done, with every file it left. Raises UserError as
    the verbs do.
    """
    from annotator.app import run_app, window_trouble

    if not headless and os.environ.get("QT_QPA_PLATFORM", "").split(":")[0] not in _INVISIBLE:
        trouble = window_trouble()
        if not trouble:
            project = project_dir or DEFAULT_PROJECT
            prepared = prepare(project, say)
            return {"project": str(project), **prepared, "exit_status": run_app(project, guides=True)}
        say(f"{trouble} Walking through the demo without a window.")
    from annotator.demo.walk import walk

    out = (out_dir or Path("demo-output")).absolute()
    project = project_dir or out / "demo"
    prepared = prepare(project, say)
    return {"project": str(project), **prepared, **walk(project, out, say)}
