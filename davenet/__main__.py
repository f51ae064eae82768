"""The job side of the command line: ``python -m davenet VERB --spec FILE [--events FILE]`` prints events as JSON lines.

File descriptor 1 is kept for events alone: it is duplicated here and standard output then points at standard error, so
that a library's prints never enter the protocol. A line ``cancel`` on standard input, or SIGTERM, asks the job to stop.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from davenet import events
from davenet.errors import UserError, one_line


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m davenet", description="Runs one job of a project and prints events.")
    parser.add_argument("verb", choices=["import", "extract", "transcribe", "detect", "mine", "train", "evaluate", "matchmaps", "render"])
    parser.add_argument("--spec", type=Path, required=True, help="JSON file with the job's spec (davenet.specs)")
    parser.add_argument("--events", type=Path, help="also append the events to this file")
    parser.add_argument("--watch-stdin", action="store_true", help="a line 'cancel' on standard input stops the job")
    chosen = parser.parse_args(arguments)

    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    emit = _Emitter(protocol, chosen.events)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    if chosen.watch_stdin:
        threading.Thread(target=_watch_stdin, args=(stopping,), daemon=True).start()

    from pydantic import TypeAdapter, ValidationError

    from davenet.jobs import run_job
    from davenet.specs import AnySpec

    try:
        spec: Any = TypeAdapter(AnySpec).validate_json(chosen.spec.read_bytes())
    except (OSError, ValidationError) as error:
        message = f"{chosen.spec} is not a job that this version can run ({one_line(error)[:200]}); start the job again."
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
    """Writes each event to the protocol's pipe and to the file; a pipe that its reader has left does not end the job."""

    def __init__(self, protocol: Any, path: Path | None) -> None:
        self._protocol = protocol
        self._lock = threading.Lock()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._file = None if path is None else open(path, "a", encoding="utf-8", buffering=1)

    def __call__(self, event: events.Event) -> None:
        line = events.to_line(event) + "\n"
        with self._lock:
            if self._file is not None:
                self._file.write(line)
            if self._protocol is not None:
                try:
                    self._protocol.write(line)
                    self._protocol.flush()
                except OSError:
                    self._protocol = None


def _watch_stdin(stopping: threading.Event) -> None:
    for line in sys.stdin:
        if line.strip() == "cancel":
            stopping.set()


if __name__ == "__main__":
    sys.exit(main())
