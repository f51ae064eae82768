"""The app's one queue of jobs: each is a child process, a few run at once, the rest wait their turn.

Views know neither this nor processes: `app.py` wires them.
"""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from annotator.jobs.job import AttachedJob, DetachedJob, Job
from annotator.jobs.outcome import Outcome
from davenet import events, specs

__all__ = ["AttachedJob", "DetachedJob", "Job", "JobQueue", "waiting_titles"]

DETACHED_VERBS = frozenset({"train"})


class JobQueue(QObject):
    """Starts jobs and keeps those that are not over. One run and one other heavy job at a time; more of them wait."""

    job_added = Signal(object)  # Job
    job_changed = Signal(object)  # Job: its state or its progress
    job_finished = Signal(object, object)  # Job, Outcome

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[Job] = []
        self._closing = False
        self._turn = QTimer(self)  # a child, so that it ends with the queue; a free single shot would fire after it
        self._turn.setSingleShot(True)
        self._turn.timeout.connect(self._start_next)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs that are not over, in the order they were asked for."""
        return tuple(self._jobs)

    def running(self) -> Job | None:
        """Returns the job to show in the top bar: a run first, else the longest-running other that comes to an end."""
        busy = [job for job in self._jobs if job.state in ("running", "stopping") and job.verb != "live"]
        return min(busy, key=lambda job: job.verb not in DETACHED_VERBS, default=None)

    def start(
        self,
        spec: specs.Spec,
        *,
        title: str,
        folder: Path | None = None,
        on_event: Callable[[events.Event], None] | None = None,
        on_finished: Callable[[Outcome], None] | None = None,
    ) -> Job:
        """Starts the job of a spec, or lets it wait its turn; `title` is what people read ("Extract 12 videos").

        `folder` holds the job's own files; without one a run uses its run folder and another job a temporary one.
        """
        if isinstance(spec, specs.TrainSpec):
            job: Job = DetachedJob(spec, title=title, folder=folder or spec.run_dir, parent=self)
        else:
            ours = folder is None
            place = Path(tempfile.mkdtemp(prefix="matchmap-job-")) if folder is None else folder
            job = AttachedJob(spec, title=title, folder=place, folder_is_ours=ours, parent=self)
        self._add(job, on_event, on_finished)
        return job

    def find_again(
        self,
        spec: specs.Spec,
        *,
        title: str,
        folder: Path,
        on_event: Callable[[events.Event], None] | None = None,
        on_finished: Callable[[Outcome], None] | None = None,
    ) -> Job:
        """Follows a run that an earlier window started, from its first event on; one that is gone finishes at once."""
        job = DetachedJob(spec, title=title, folder=folder, found_again=True, parent=self)
        self._add(job, on_event, on_finished, waits=False)
        return job

    def reorder(self, job: Job, step: int) -> None:
        """Moves a job that waits before (-1) or behind (1) the next waiting one of its lane."""
        waiting = [each for each in self._jobs if each.state == "queued" and each.lane == job.lane]
        if job not in waiting:
            return
        place = waiting.index(job) + step
        if 0 <= place < len(waiting):
            here, there = self._jobs.index(job), self._jobs.index(waiting[place])
            self._jobs[here], self._jobs[there] = self._jobs[there], self._jobs[here]
            self.job_changed.emit(job)

    def close(self) -> None:
        """Lets every job go: the runs go on without us, the others are ended; no timer or pipe is left."""
        self._closing = True
        self._turn.stop()
        for job in self._jobs:
            job.let_go()
            job.deleteLater()
        self._jobs.clear()

    def end_with_window(self) -> None:
        """Lets every job go as `close` does, but stays ready for new ones: another project is opened."""
        self.close()
        self._closing = False

    def ending_with_window(self) -> list[Job]:
        """Returns the jobs that closing the window would cut short; proxies and live maps go on the next time."""
        return [job for job in self._jobs if not job.outlives_window and job.verb not in ("proxy", "live")]

    def _add(
        self,
        job: Job,
        on_event: Callable[[events.Event], None] | None,
        on_finished: Callable[[Outcome], None] | None,
        waits: bool = True,
    ) -> None:
        if on_event is not None:
            job.event_arrived.connect(on_event)
        if on_finished is not None:
            job.finished.connect(on_finished)
        job.changed.connect(self.job_changed)
        job.over.connect(self._over)
        self._jobs.append(job)
        self.job_added.emit(job)
        if not waits:
            job.launch()
        else:
            self._turn.start()  # after the caller has connected to the job's signals

    def _start_next(self) -> None:
        busy = {job.lane for job in self._jobs if job.state in ("running", "stopping")}
        for job in list(self._jobs):
            if job.state == "queued" and (job.lane is None or job.lane not in busy):
                busy.add(job.lane)
                job.launch()

    def _over(self, job: Job, outcome: Outcome) -> None:
        self._jobs.remove(job)
        self.job_finished.emit(job, outcome)
        job.deleteLater()
        if not self._closing:
            self._turn.start()


def waiting_titles(jobs: Iterable[Job]) -> list[str]:
    return [job.title for job in jobs if job.state == "queued"]
