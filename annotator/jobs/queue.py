"""The app's one queue of jobs: each is a child process, a few run at once, the rest wait their turn.

Training runs are started detached and followed through the files in their folder, so that they outlive the window;
every other verb hangs on a pipe and ends with the window. Views know neither this nor processes: `app.py` wires them.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from annotator.jobs import launch, tail
from annotator.jobs.lines import LastLines, LineSplitter
from annotator.jobs.outcome import Outcome, outcome_of
from davenet import events, specs
from davenet.errors import UserError

JobState = Literal["queued", "running", "stopping", "over"]
FinalEvent = events.Finished | events.Cancelled | events.Failed

DETACHED_VERBS = frozenset({"train"})
POLL_MS = 250
GRACE_MS = {"train": 60_000}  # a run writes its checkpoint before it stops
DEFAULT_GRACE_MS = 10_000
KILL_MS = 3_000

# Jobs of one lane run one after the other; looking through files for videos is quick and waits for nobody, and a job
# that answers requests is there for as long as its window wants it.
_LANES = {"import": None, "live": None, "estimate": None, "proxy": "proxies", "train": "runs", "evaluate": "runs"}


class Job(QObject):
    """One child process. `event_arrived` carries each davenet event, `finished` the Outcome: once, and last."""

    event_arrived = Signal(object)
    finished = Signal(object)
    changed = Signal(object)  # the job itself: its state or its progress
    over = Signal(object, object)  # the job itself and its outcome, for the queue

    def __init__(self, spec: specs.Spec, *, title: str, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self.verb = launch.verb_of(spec)
        self.title = title
        self.folder = folder
        self.state: JobState = "queued"
        self.progress: events.Progress | None = None
        self.outcome: Outcome | None = None
        self.final: FinalEvent | None = None
        self._grace = QTimer(self)
        self._grace.setSingleShot(True)
        self._grace.timeout.connect(self._end_by_force)
        self._force_used = 0

    @property
    def lane(self) -> str | None:
        return _LANES.get(self.verb, "work")

    @property
    def outlives_window(self) -> bool:
        return False

    def cancel(self) -> None:
        """Asks the job to stop at the next safe place; ends it by force when it has not after a grace time."""
        if self.state == "queued":
            self._finish(Outcome("cancelled", "Cancelled before it began."))
        elif self.state == "running":
            self._set_state("stopping")
            self._grace.start(GRACE_MS.get(self.verb, DEFAULT_GRACE_MS))
            self._ask_to_stop()

    def launch(self) -> None:
        """Starts the process; called by the queue when it is this job's turn."""
        raise NotImplementedError

    def let_go(self) -> None:
        """Stops following without a word to the process: the window closes."""
        raise NotImplementedError

    def _ask_to_stop(self) -> None:
        raise NotImplementedError

    def _end_by_force(self) -> None:
        raise NotImplementedError

    def _take(self, event: events.Event) -> None:
        match event:
            case events.Started():
                self.final = None
                self.progress = events.Progress(0.0, event.total, event.unit)
            case events.Progress():
                self.progress = event
            case events.Finished() | events.Cancelled() | events.Failed():
                self.final = event
            case _:
                pass
        self.event_arrived.emit(event)
        self.changed.emit(self)

    def _set_state(self, state: JobState) -> None:
        self.state = state
        self.changed.emit(self)

    def _finish(self, outcome: Outcome) -> None:
        if self.state == "over":
            return
        self._grace.stop()
        self.outcome = outcome
        self._set_state("over")
        self.over.emit(self, outcome)
        self.finished.emit(outcome)


class AttachedJob(Job):
    """A job on a pipe: events on its standard output, the word 'cancel' on its standard input."""

    def __init__(
        self, spec: specs.Spec, *, title: str, folder: Path, folder_is_ours: bool, parent: QObject | None = None
    ) -> None:
        super().__init__(spec, title=title, folder=folder, parent=parent)
        self._folder_is_ours = folder_is_ours
        self._process = QProcess(self)
        self._process.setProcessEnvironment(_environment())
        self._process.readyReadStandardOutput.connect(self._read_output)
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.finished.connect(self._process_ended)
        self._process.errorOccurred.connect(self._process_failed)
        self._lines = LineSplitter()
        self._errors = LastLines()

    @property
    def pid(self) -> int:
        return self._process.processId()

    def launch(self) -> None:
        try:
            spec_file = launch.write_spec(self.spec, self.folder)
        except UserError as error:
            self._finish(Outcome("failed", str(error)))
            return
        self._set_state("running")
        self._process.start(launch.interpreter(), launch.attached_arguments(self.verb, spec_file))

    def send(self, line: str) -> None:
        """Writes a request of a job that answers them (davenet.live); one that does not run any more hears nothing."""
        if self.state == "running":
            self._process.write(line.encode("utf-8") + b"\n")

    def let_go(self) -> None:
        """Ends the process: it would have nobody to tell."""
        self._process.blockSignals(True)
        self._grace.stop()
        if self._process.state() != QProcess.ProcessState.NotRunning:
            self._process.kill()
            self._process.waitForFinished(KILL_MS)
        self._clean()

    def _ask_to_stop(self) -> None:
        self._process.write(b"cancel\n")

    def _end_by_force(self) -> None:
        if self._force_used == 0:
            self._force_used = 1
            self._grace.start(KILL_MS)
            self._process.terminate()
        else:
            self._process.kill()

    def _read_output(self) -> None:
        for line in self._lines.feed(bytes(self._process.readAllStandardOutput().data())):
            if (event := events.from_line(line)) is not None:
                self._take(event)

    def _read_errors(self) -> None:
        self._errors.feed(bytes(self._process.readAllStandardError().data()))

    def _process_ended(self, exit_code: int, status: QProcess.ExitStatus) -> None:
        self._read_output()
        self._read_errors()
        if (event := events.from_line(self._lines.rest())) is not None:
            self._take(event)
        self._finish(
            outcome_of(
                self.final,
                verb=self.verb,
                exit_code=exit_code,
                killed=status == QProcess.ExitStatus.CrashExit,
                asked_to_stop=self.state == "stopping",
                details=self._errors.text(),
            )
        )

    def _process_failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._finish(Outcome("failed", _not_started(self._process)))

    def _finish(self, outcome: Outcome) -> None:
        self._clean()
        super()._finish(outcome)

    def _clean(self) -> None:
        if self._folder_is_ours:
            shutil.rmtree(self.folder, ignore_errors=True)


class DetachedJob(Job):
    """A run: its process belongs to nobody, its folder tells everything about it.

    With `found_again` nothing is started: the run of an earlier window is followed, from its first event on.
    """

    def __init__(
        self, spec: specs.Spec, *, title: str, folder: Path, found_again: bool = False, parent: QObject | None = None
    ) -> None:
        super().__init__(spec, title=title, folder=folder, parent=parent)
        self._events = tail.EventTail(folder / tail.EVENTS_FILE, from_end=not found_again)
        self.found_again = found_again
        self._process: subprocess.Popen[bytes] | None = None
        self._liveness = tail.Liveness(folder)
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._look)

    @property
    def pid(self) -> int:
        return self._liveness.pid

    @property
    def outlives_window(self) -> bool:
        return self.state != "queued"

    def launch(self) -> None:
        if not self.found_again:
            try:
                self._start_process()
            except UserError as error:
                self._finish(Outcome("failed", str(error)))
                return
        self._set_state("running")
        self._poll.start()

    def let_go(self) -> None:
        self._poll.stop()
        self._grace.stop()
        if self._process is not None:
            self._process.returncode = 0  # ours no longer; else it would be reported as a process left behind

    def _start_process(self) -> None:
        spec_file = launch.write_spec(self.spec, self.folder)
        for left_over in (tail.CANCEL_FILE, tail.HEARTBEAT_FILE):
            (self.folder / left_over).unlink(missing_ok=True)
        arguments = launch.detached_arguments(self.verb, spec_file, self.folder)
        try:
            self._process = launch.start_detached(arguments, self.folder / tail.ERRORS_FILE)
        except OSError as error:
            why = error.strerror or str(error)
            raise UserError(f"{launch.interpreter()} could not be started ({why}); set the app up again.") from error
        self._liveness.pid = self._process.pid

    def _look(self) -> None:
        exit_code = None if self._process is None else self._process.poll()
        alive = (
            exit_code is None and self._liveness.alive()
        )  # before the events: a process that ends in between has written all of its own
        found = self._events.read()
        for event in found:
            self._take(event)
        if not found and (self.final is not None or not alive):
            self._poll.stop()
            if exit_code is None:
                self.let_go()  # its last event is here, its process on its way out
            self._finish(
                outcome_of(
                    self.final,
                    verb=self.verb,
                    exit_code=None if exit_code is None else abs(exit_code),
                    killed=exit_code is not None and exit_code < 0,
                    asked_to_stop=self.state == "stopping",
                    details=tail.last_errors(self.folder),
                )
            )

    def _ask_to_stop(self) -> None:
        (self.folder / tail.CANCEL_FILE).touch()

    def _end_by_force(self) -> None:
        number = signal.SIGTERM if self._force_used == 0 else getattr(signal, "SIGKILL", signal.SIGTERM)
        self._force_used += 1
        try:
            os.kill(self._liveness.pid, number)
        except (ProcessLookupError, PermissionError):
            return  # it is gone; the next look says so
        self._grace.start(KILL_MS)

    def _finish(self, outcome: Outcome) -> None:
        (self.folder / tail.CANCEL_FILE).unlink(missing_ok=True)
        super()._finish(outcome)


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


def _not_started(process: QProcess) -> str:
    return f"{process.program()} could not be started ({process.errorString()}); set the app up again."


def _environment() -> QProcessEnvironment:
    environment = QProcessEnvironment.systemEnvironment()
    for name, value in launch.surroundings().items():
        environment.insert(name, value)
    return environment
