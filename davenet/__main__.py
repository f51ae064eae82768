"""The job side of the command line: ``python -m davenet VERB --spec FILE`` prints its events as JSON lines.

A verb that people give without a spec is read by its module in davenet.commands.

File descriptor 1 is kept for events alone: it is duplicated here and standard output then points at standard error, so
that a library's prints never enter the protocol. A line ``cancel`` on standard input or its end, the file named by
``--cancel-file``, or SIGTERM asks the job to stop.
"""

import argparse
import importlib
import io
import os
import signal
import sys
import threading
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from davenet import events
from davenet.errors import UserError, one_line
from davenet.heartbeat import Heartbeat
from davenet.jobs import inbox
from davenet.run_log import is_first_process

_VERBS = (
    "import",
    "import-corpus",
    "extract",
    "proxy",
    "transcribe",
    "detect",
    "mine",
    "train",
    "estimate",
    "evaluate",
    "score",
    "evidence",
    "retrieve",
    "reproduce",
    "live",
    "matchmaps",
    "render",
    "release",
    "convert",
)
_FOR_PEOPLE = {  # verb -> module, whose main takes the other arguments
    "train": "davenet.commands.train",
    "convert": "davenet.commands.convert",
    "reproduce": "davenet.commands.reproduce",
}
_CANCEL_POLL_S = 0.25


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in _FOR_PEOPLE and not any(each.split("=")[0] == "--spec" for each in given):
        return int(importlib.import_module(_FOR_PEOPLE[given[0]]).main(given[1:]))
    parser = argparse.ArgumentParser(
        prog="python -m davenet",
        description="Runs one job and prints its events.",
        epilog=f"{', '.join(_FOR_PEOPLE)} also take options for people in place of a spec: python -m davenet VERB --help.",
    )
    parser.add_argument("verb", choices=_VERBS)
    parser.add_argument("--spec", type=Path, required=True, help="JSON file with the job's spec (davenet.specs)")
    parser.add_argument("--events", type=Path, help="also append the events to this file")
    parser.add_argument(
        "--watch-stdin", action="store_true", help="'cancel' on standard input, or its end, stops the job"
    )
    parser.add_argument("--cancel-file", type=Path, help="the job stops when this file appears")
    parser.add_argument("--heartbeat", type=Path, help="keep the process id here, touched every two seconds")
    parser.add_argument("--background", action="store_true", help="run at a lower priority than the window")
    chosen = parser.parse_args(given)

    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # what was printed before a kill is in the log
    is_first = is_first_process()  # under torchrun the others of a run are silent
    emit = _Emitter(protocol if is_first else None, chosen.events if is_first else None)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    if chosen.watch_stdin:
        threading.Thread(target=_watch_stdin, args=(stopping,), daemon=True).start()
    if chosen.cancel_file is not None:
        threading.Thread(target=_watch_file, args=(chosen.cancel_file, stopping), daemon=True).start()
    if chosen.background:
        _yield_to_others()
    with nullcontext() if chosen.heartbeat is None or not is_first else Heartbeat(chosen.heartbeat):
        status = _run(chosen.spec, emit, stopping)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it came too late, and must not change how this process ends
    return status


def _run(spec_file: Path, emit: events.Emit, stopping: threading.Event) -> int:
    from pydantic import TypeAdapter, ValidationError

    from davenet.jobs import run_job
    from davenet.specs import AnySpec

    try:
        spec: Any = TypeAdapter(AnySpec).validate_json(spec_file.read_bytes())
    except (OSError, ValidationError) as error:
        message = f"{spec_file} is not a job that this version can run ({one_line(error)[:200]}); start the job again."
        emit(events.Failed(message))
        return 2
    try:
        run_job(spec, emit, stopping.is_set)
    except UserError:
        return 2
    except Exception:
        return 1
    return 0


class _Emitter:
    """Writes each event to the protocol's pipe and to the file; neither a pipe that nobody reads nor a full disk ends it."""

    def __init__(self, protocol: Any, path: Path | None) -> None:
        self._protocol = protocol
        self._lock = threading.Lock()
        self.events_file = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._file = None if path is None else open(path, "a", encoding="utf-8", buffering=1)

    def __call__(self, event: events.Event) -> None:
        line = events.to_line(event) + "\n"
        with self._lock:
            if self._file is not None:
                with suppress(OSError):  # what the job itself can no longer write it tells
                    self._file.write(line)
            if self._protocol is not None:
                try:
                    self._protocol.write(line)
                    self._protocol.flush()
                except OSError:
                    self._protocol = None


def _watch_stdin(stopping: threading.Event) -> None:
    with open(0, "rb", buffering=0, closefd=False) as raw:  # unbuffered: no lock to be held when the process ends
        for line in raw:
            if line.strip() == b"cancel":
                break
            inbox().put(line.decode("utf-8", "replace"))
    stopping.set()  # the end of the input as well: the window that asked for this job is gone


def _watch_file(path: Path, stopping: threading.Event) -> None:
    while not stopping.wait(_CANCEL_POLL_S):
        if path.exists():
            stopping.set()


def _yield_to_others() -> None:
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        ctypes.windll.kernel32.SetPriorityClass(ctypes.windll.kernel32.GetCurrentProcess(), below_normal)
    else:
        os.nice(10)


if __name__ == "__main__":
    sys.exit(main())
