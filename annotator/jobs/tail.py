"""Follows a run through the files in its folder: its events as they are appended, and whether it still lives."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from annotator.jobs.groups import is_job
from annotator.jobs.lines import LineSplitter
from davenet import events
from davenet.heartbeat import INTERVAL_S, SILENT_S, process_runs, read_pulse

EVENTS_FILE = "events.jsonl"
HEARTBEAT_FILE = "heartbeat"
CANCEL_FILE = "cancel"
ERRORS_FILE = "stderr.log"
SPEC_FILE = "job.json"

_PIECE = 1 << 20  # bytes read at once, so that a long run's history is read in slices


class EventTail:
    """Reads the events that were appended to a file since the last look."""

    def __init__(self, path: Path, *, from_end: bool = False) -> None:
        self._path = path
        self._offset = path.stat().st_size if from_end and path.exists() else 0
        self._splitter = LineSplitter()

    def read(self) -> list[events.Event]:
        """Returns the new whole events, at most a mebibyte of them; [] where there are none or no file yet."""
        try:
            with open(self._path, "rb") as source:
                source.seek(self._offset)
                piece = source.read(_PIECE)
        except FileNotFoundError:
            return []
        self._offset += len(piece)
        found = (events.from_line(line) for line in self._splitter.feed(piece))
        return [event for event in found if event is not None]


def read_events(path: Path) -> list[events.Event]:
    """Returns every event of a file, oldest first; [] where there is no such file."""
    tail = EventTail(path)
    found: list[events.Event] = []
    while piece := tail.read():
        found.extend(piece)
    return found


def final_event(found: list[events.Event]) -> events.Finished | events.Cancelled | events.Failed | None:
    """Returns the final event of the newest attempt, None where it has none yet: a resumed run begins below an end."""
    final: events.Finished | events.Cancelled | events.Failed | None = None
    for event in found:
        if isinstance(event, events.FINAL):
            final = event
        elif isinstance(event, events.Started):
            final = None
    return final


@dataclass(slots=True)
class Liveness:
    """Decides whether a detached job is still there and beats, from its process id and its pulse.

    `pid` is known from the launch or from the heartbeat file. A pulse may stand still for a minute of our own clock
    before its job counts as silent, so that a computer that slept does not lose its run; one that was old when we first
    saw it gets a few beats. A silent job whose process is there hangs; one that we did not start ourselves must say by its
    command line that it is this run's, for its process id may have been given to another program since.
    """

    folder: Path
    pid: int = 0
    is_ours: bool = False  # its process was started by this very program, which alone gives the id back
    _seen_s: float = 0.0
    _since: float = field(default_factory=time.monotonic)
    _is_known: bool | None = None

    def alive(self) -> bool:
        """Whether the job's process is there, however silent."""
        self._look()
        if not process_runs(self.pid):
            return False
        if self.is_ours or self.silent_s() == 0.0:
            return True
        if self._is_known is None:
            self._is_known = is_job(self.pid, self.folder)
        return self._is_known

    def silent_s(self) -> float:
        """Returns for how many seconds the job has given no sign of life; 0 up to a minute."""
        silent_s = time.monotonic() - self._since
        return silent_s if silent_s > SILENT_S else 0.0

    def ask_anew(self) -> None:
        """Its process was just told to end: whether it is still the job's is asked again, for its id may answer on."""
        self._is_known = None

    def _look(self) -> None:
        pulse = read_pulse(self.folder / HEARTBEAT_FILE)
        if pulse is None:
            return
        if not self.is_ours and pulse.pid != self.pid:
            self.pid, self._is_known = pulse.pid, None
        if pulse.changed_s != self._seen_s:
            first_and_old = self._seen_s == 0.0 and not pulse.alive()
            self._seen_s, self._is_known = pulse.changed_s, None
            self._since = time.monotonic() - (SILENT_S - 5 * INTERVAL_S if first_and_old else 0.0)


def last_errors(folder: Path, limit_bytes: int = 8192) -> str:
    """Returns the end of a detached job's standard error, '' where it wrote none."""
    try:
        with open(folder / ERRORS_FILE, "rb") as source:
            source.seek(max(0, source.seek(0, 2) - limit_bytes))
            return source.read().decode("utf-8", errors="replace").strip()
    except OSError:
        return ""
