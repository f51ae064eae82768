"""What a run leaves of its events in its folder: events.jsonl for programs, log.txt for people; no torch.

Both only grow, and are read by others while they grow. When a run goes on from an earlier state, what it had told of steps
after that state is blanked in place, so that no step stands there twice and nobody's offset into the file moves.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from davenet import events
from davenet.errors import UserError, one_line
from davenet.files import disk_error

EVENTS_FILE = "events.jsonl"
LOG_FILE = "log.txt"
_OF_STEPS = {"metrics", "progress", "learning", "skipped"}  # what is told again by a run that goes on


def is_first_process() -> bool:
    """Whether this process speaks for its run: under torchrun only the first of them does."""
    return os.environ.get("RANK", "0") == "0"


class RunLog:
    """An emitter that also writes a run's events.jsonl and log.txt, and ends both with the run's final event.

    Whoever is given the events may already keep the same file: the emitter's `events_file` says so. The final event goes into
    the files only, for the job's runner emits it.
    """

    def __init__(self, run_dir: Path, emit: events.Emit) -> None:
        self.path = run_dir / EVENTS_FILE
        self._emit = emit
        run_dir.mkdir(parents=True, exist_ok=True)
        kept = getattr(emit, "events_file", None)
        is_kept = kept is not None and Path(kept).absolute() == self.path.absolute()
        self._events = None if is_kept else open(self.path, "a", encoding="utf-8", buffering=1)
        self._log = open(run_dir / LOG_FILE, "a", encoding="utf-8", buffering=1)

    def __call__(self, event: events.Event) -> None:
        self._emit(event)
        self._write(event)

    def end(self, result: Mapping[str, Any]) -> None:
        """Writes that the run has finished."""
        self._write(events.Finished(result))

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, events.Stop | KeyboardInterrupt):
                result = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
                self._write(events.Cancelled(result))
            elif isinstance(error, UserError | MemoryError):
                self._write(events.Failed(one_line(error)))
            elif error is not None:
                self._write(events.Failed(f"{type(error).__name__}: {one_line(error)}", bug=True))
        except UserError:
            if error is None:
                raise  # else the disk's fault was told already
        finally:
            for file in (self._events, self._log):
                if file is not None:
                    _close(file)

    def _write(self, event: events.Event) -> None:
        try:
            if self._events is not None:
                self._events.write(events.to_line(event) + "\n")
            if line := _in_words(event):
                self._log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n")
        except OSError as error:
            raise disk_error(self.path, error) from error


def blank_steps(path: Path, from_byte: int) -> None:
    """Blanks the events of steps that lie at or after a byte of an events file; the file keeps its length."""
    if not path.is_file() or path.stat().st_size <= from_byte:
        return
    with open(path, "r+b") as file:
        file.seek(from_byte)
        content = file.read()
        lines = content.splitlines(keepends=True)
        blanked = b"".join(b" " * (len(line) - 1) + b"\n" if _is_of_step(line) else line for line in lines)
        if blanked != content:
            file.seek(from_byte)
            file.write(blanked)


def _is_of_step(line: bytes) -> bool:
    try:
        return json.loads(line).get("event") in _OF_STEPS
    except (ValueError, AttributeError):
        return bool(line.strip())  # half a line, which a kill left


def _in_words(event: events.Event) -> str:
    """Returns the line of an event for the log; '' for what metrics.jsonl has."""
    match event:
        case events.Started():
            return f"Started in process {event.pid}: {event.total or 0:,.0f} {event.unit}."
        case events.Message():
            return f"{'Warning: ' if event.level == 'warning' else ''}{event.text}"
        case events.Skipped():
            return f"Left out {event.item}: {event.reason}"
        case events.Metrics() if "audio_recall_at_10" in event.values:
            values = "  ".join(f"{name} {event.values[name]:.4g}" for name in sorted(event.values) if "recall" in name)
            return f"Epoch {event.epoch:g}, step {event.step}: {values}"
        case events.Finished():
            return "Finished."
        case events.Cancelled():
            return "Stopped, as asked."
        case events.Failed():
            return f"Failed: {event.message}"
    return ""


def _close(file: Any) -> None:
    try:
        file.close()
    except OSError:
        return  # a full disk was told when the line was written
