"""A verb from its plan to its result in the project, for every presenter: plan, child process, collect.

Plans and collections touch the database and files, so they happen off the GUI thread; they are the functions of
`annotator.verbs`, the same that the command line calls.
"""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal

from annotator import verbs
from annotator.jobs.outcome import Outcome
from annotator.jobs.queue import DetachedJob, Job, JobQueue
from annotator.project import Project
from annotator.store.records import RunRecord
from annotator.views.background import Background
from davenet.errors import UserError
from davenet.specs import Spec, TrainSpec


class Work(QObject):
    """The verbs of one open project. Every signal comes on the GUI thread."""

    job_started = Signal(object)  # Job, before its first event
    refused = Signal(str, str)  # verb, the sentence why it could not be planned or collected
    collected = Signal(str, object)  # verb, its summary: the project has changed
    ended = Signal(object, object)  # Job, Outcome: after the collection, whatever the outcome

    def __init__(self, project: Project, queue: JobQueue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project = project
        self.queue = queue
        self.background = Background(self)

    def start(
        self,
        verb: str,
        title: str,
        plan: Callable[[], Spec],
        *,
        on_job: Callable[[Job], None] | None = None,
        on_ended: Callable[[Outcome], None] | None = None,
    ) -> None:
        """Plans in the background, then starts the job; `refused` tells where it could not be planned."""

        def planned(spec: Spec) -> None:
            job = self.queue.start(spec, title=title)
            self._follow(job, on_ended)
            if on_job is not None:
                on_job(job)

        def refused(error: UserError) -> None:
            self.refused.emit(verb, str(error))
            if on_ended is not None:
                on_ended(Outcome("failed", str(error)))

        self.background.run(plan, planned, refused)

    def find_runs_again(self, done: Callable[[], None] = lambda: None) -> None:
        """Follows the runs that an earlier window left going; those that never began are marked so."""

        def unfinished() -> list[tuple[RunRecord, TrainSpec]]:
            found = []
            for run in self.project.store.runs():
                if run.state in ("running", "planned") and (spec := _spec_again(self.project, run)) is not None:
                    found.append((run, spec))
            return sorted(found, key=lambda each: each[0].queue_place or 0.0)

        def follow(found: list[tuple[RunRecord, TrainSpec]]) -> None:
            for run, spec in found:
                folder, title = spec.run_dir, f"Train {run.id}"
                if (folder / "events.jsonl").exists() or run.state == "running":
                    self._follow(self.queue.find_again(spec, title=title, folder=folder), None)
                else:
                    self._follow(self.queue.start(spec, title=title), None)
            done()

        self.background.run(unfinished, follow, lambda error: self.refused.emit("train", str(error)))

    def close(self) -> None:
        """Waits for what is being planned or collected; nothing comes back afterwards."""
        self.background.shutdown()

    def _follow(self, job: Job, on_ended: Callable[[Outcome], None] | None) -> None:
        if isinstance(job.spec, TrainSpec):
            job.changed.connect(self._run_changed)
        job.finished.connect(lambda outcome: self._finished(job, outcome, on_ended))
        self.job_started.emit(job)

    def _run_changed(self, job: Job) -> None:
        if isinstance(job, DetachedJob) and job.state == "running" and job.progress is None and job.pid:
            spec, pid = job.spec, job.pid
            assert isinstance(spec, TrainSpec)
            self.background.run(lambda: verbs.run_started(self.project, spec, pid), lambda _nothing: None)

    def _finished(self, job: Job, outcome: Outcome, on_ended: Callable[[Outcome], None] | None) -> None:
        def over(summary: Mapping[str, Any] | None) -> None:
            if summary is not None:
                self.collected.emit(job.verb, summary)
            if on_ended is not None:
                on_ended(outcome)
            self.ended.emit(job, outcome)

        def not_collected(error: UserError) -> None:
            self.refused.emit(job.verb, str(error))
            over(None)

        self.background.run(lambda: _collect(self.project, job.spec, outcome), over, not_collected)


def _spec_again(project: Project, run: RunRecord) -> TrainSpec | None:
    """Returns what to follow, or to start, of a run that is not over; one that cannot be is marked with the reason."""
    folder = project.run_dir(run.id)
    if run.state == "planned" and run.message == verbs.ELSEWHERE:
        return None
    if not folder.is_dir():
        sentence = f"{folder} is gone; bring it back and resume the run, or delete the run."
        project.store.update_run(run.id, state="failed", message=sentence)
        return None
    if run.state == "planned" and run.queue_place is None and not (folder / "events.jsonl").exists():
        project.store.update_run(run.id, state="cancelled", message="Closed before it began.")
        return None
    try:
        return TrainSpec.model_validate(run.config["spec"]).model_copy(update={"run_dir": folder})
    except (KeyError, ValueError):
        sentence = f"Run {run.id} was begun by another version and cannot be followed; its folder is as it was."
        project.store.update_run(run.id, state="failed", message=sentence)
        return None


def _collect(project: Project, spec: Spec, outcome: Outcome) -> Mapping[str, Any] | None:
    if isinstance(spec, TrainSpec) and outcome.state != "finished":
        verbs.run_ended(project, spec, outcome.state, message=outcome.message, result=outcome.result or None)
        return {"run": spec.run_dir.name}
    if outcome.state == "finished" or (outcome.state == "cancelled" and outcome.result):
        return verbs.collect(project, spec, outcome.result)
    return None
