"""Runs a verb's job in this process, with progress, Ctrl-C as cancel, and its result taken into the project."""

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from annotator import verbs
from annotator.commands.endings import ReportedBugError, StoppedError
from annotator.commands.output import ProgressView
from annotator.project import Project
from davenet import events, jobs
from davenet.errors import UserError, one_line
from davenet.specs import Spec, TrainSpec


def run_verb(project: Project, spec: Spec, title: str, *, done: str | None = None) -> dict[str, Any]:
    """Runs the job of a spec and returns the summary of what came into the project.

    `done` names the list in the summary that must not be empty where videos could not be used: with nothing done the
    verb has failed. Raises UserError for that and for the world's other faults, StoppedError after Ctrl-C,
    ReportedBugError for our faults.
    """
    project.require_writable()
    stop = threading.Event()
    with ProgressView(title) as view, _stopped_by_signals(stop, view):
        if isinstance(spec, TrainSpec):
            verbs.run_started(project, spec, os.getpid())
        try:
            final = jobs.run_job(spec, view, stop.is_set)
        except UserError as error:
            _note_end(project, spec, "failed", one_line(error))
            raise
        except Exception as error:
            _note_end(project, spec, "crashed", f"{type(error).__name__}: {one_line(error)}")
            raise ReportedBugError from error
        if isinstance(final, events.Cancelled):
            raise StoppedError(_keep_what_is_done(project, spec, final.result))
        summary = verbs.collect(project, spec, final.result)
        if done is not None:
            _refuse_if_nothing(summary, done)
        view.tell_held()
    return summary


def run_alone(spec: Spec, title: str) -> dict[str, Any]:
    """Runs the job of a spec that belongs to no project and returns its result; raises as `run_verb` does."""
    stop = threading.Event()
    with ProgressView(title) as view, _stopped_by_signals(stop, view):
        try:
            final = jobs.run_job(spec, view, stop.is_set)
        except UserError:
            raise
        except Exception as error:
            raise ReportedBugError from error
    if isinstance(final, events.Cancelled):
        raise StoppedError(f"Stopped; {title} wrote nothing.")
    return dict(final.result)


def _refuse_if_nothing(summary: Mapping[str, Any], done: str) -> None:
    """Raises UserError where not one video could be used: then a verb has failed, else its list is a warning."""
    unusable = summary.get("unusable") or []
    if unusable and not summary.get(done) and not summary.get("skipped") and not summary.get("known"):
        others = f" ({len(unusable)} videos cannot be used; this is the first.)" if len(unusable) > 1 else ""
        raise UserError(str(unusable[0]["reason"]) + others)


def _keep_what_is_done(project: Project, spec: Spec, result: Mapping[str, Any]) -> str:
    verb: str = spec.verb  # type: ignore[attr-defined]
    if isinstance(spec, TrainSpec):
        verbs.run_ended(project, spec, "cancelled", result=result or None)
        run = spec.run_dir.name
        return f"Stopped; run {run} is saved and goes on with: annotator train {project.path} --resume {run}"
    if result and verb in ("import", "import-corpus", "extract", "transcribe", "detect"):
        verbs.collect(project, spec, result)
    return f"Stopped; what {verb} had finished is kept. Run it again to go on."


def _note_end(project: Project, spec: Spec, state: Any, message: str) -> None:
    if isinstance(spec, TrainSpec):
        verbs.run_ended(project, spec, state, message=message)


@contextmanager
def _stopped_by_signals(stop: threading.Event, view: ProgressView) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) asks the job to stop at the next safe place, the second stops it where it is."""

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        view.stopping()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
