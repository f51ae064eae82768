"""One job of the app: a child process and its events, from its turn in the queue to its outcome.

Training runs are started detached and followed through the files in their folder, so that they outlive the window;
every other verb hangs on a pipe and ends with the window. A job that is ended is ended with all its children.
"""

import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from annotator.jobs import launch, tail
from annotator.jobs.groups import end_family, end_orphans
from annotator.jobs.lines import LastLines, LineSplitter
from annotator.jobs.outcome import Outcome, outcome_of
from davenet import events, specs
from davenet.errors import UserError

JobState = Literal["queued", "running", "stopping", "over"]
FinalEvent = events.Finished | events.Cancelled | events.Failed

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
        self.silent_s = 0.0  # for how long a job that should give signs of life has given none, beyond a minute

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
        if sys.platform != "win32":
            apart = QProcess.UnixProcessParameters()
            apart.flags = QProcess.UnixProcessFlag.CreateNewSession
            self._process.setUnixProcessParameters(apart)
        self._pid = 0
        self._process.started.connect(self._note_pid)
        self._process.readyReadStandardOutput.connect(self._read_output)
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.finished.connect(self._process_ended)
        self._process.errorOccurred.connect(self._process_failed)
        self._lines = LineSplitter()
        self._errors = LastLines()

    @property
    def pid(self) -> int:
        return self._pid

    def _note_pid(self) -> None:
        self._pid = self._process.processId()  # which is forgotten as soon as it ends

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
            end_family(self._process.processId(), kill=True)
            if not self._process.waitForFinished(KILL_MS):
                self._process.kill()
                self._process.waitForFinished(KILL_MS)
        self._clean()

    def _ask_to_stop(self) -> None:
        self._process.write(b"cancel\n")

    def _end_by_force(self) -> None:
        if self._force_used < 2:
            end_family(self._pid, kill=self._force_used > 0)
            self._force_used += 1
            self._grace.start(KILL_MS)
        else:
            self._process.kill()

    def _read_output(self) -> None:
        for line in self._lines.feed(bytes(self._process.readAllStandardOutput().data())):
            if (event := events.from_line(line)) is not None:
                self._take(event)

    def _read_errors(self) -> None:
        self._errors.feed(bytes(self._process.readAllStandardError().data()))

    def _process_ended(self, exit_code: int, status: QProcess.ExitStatus) -> None:
        end_orphans(self._pid)
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
        self._liveness = tail.Liveness(self.folder, self._process.pid, is_ours=True)

    def _look(self) -> None:
        exit_code = None if self._process is None else self._process.poll()
        # before the events: a process that ends in between has written all of its own
        alive = exit_code is None and self._liveness.alive()
        self._tell_silence()
        found = self._events.read()
        for event in found:
            self._take(event)
        if not found and (self.final is not None or not alive):
            self._poll.stop()
            if exit_code is None:
                self.let_go()  # its last event is here, its process on its way out
            else:
                end_orphans(self._liveness.pid)
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

    def _tell_silence(self) -> None:
        silent_s = self._liveness.silent_s() if self._liveness.pid else 0.0
        if int(silent_s) != int(self.silent_s):
            self.silent_s = silent_s
            self.changed.emit(self)

    def _ask_to_stop(self) -> None:
        with suppress(OSError):  # a full disk, a folder that is gone: then it is ended by force
            (self.folder / tail.CANCEL_FILE).touch()
        if self.silent_s:
            self._grace.start(KILL_MS)  # it hangs: it will not hear

    def _end_by_force(self) -> None:
        end_family(self._liveness.pid, kill=self._force_used > 0)
        self._liveness.ask_anew()
        self._force_used += 1
        self._grace.start(KILL_MS)

    def _finish(self, outcome: Outcome) -> None:
        with suppress(OSError):
            (self.folder / tail.CANCEL_FILE).unlink(missing_ok=True)
        super()._finish(outcome)


def _not_started(process: QProcess) -> str:
    return f"{process.program()} could not be started ({process.errorString()}); set the app up again."


def _environment() -> QProcessEnvironment:
    environment = QProcessEnvironment.systemEnvironment()
    for name, value in launch.surroundings().items():
        environment.insert(name, value)
    return environment
