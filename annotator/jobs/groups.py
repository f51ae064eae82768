"""A job's whole family: its process and every child that it started, ended together, on every system.

A job begins in a session of its own (Windows: a process group), so what it leaves behind is found by its process id even
when it is gone itself, and neither our end nor a Ctrl+C in our terminal reaches it.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    _NO_WINDOW = subprocess.CREATE_NO_WINDOW  # else each small program opens a black one
else:
    CREATION_FLAGS = _NO_WINDOW = 0  # a new session does it there
_TOLD_WITHIN_S = 10.0


def end_family(pid: int, *, kill: bool) -> None:
    """Asks a job's process and its children to end, or kills them; those that are gone already are passed over.

    `pid` is the job's own, which began apart. On Windows, where a program without a window hears no request, both end them.
    """
    if pid <= 0:
        return
    if sys.platform == "win32":
        # a thread, as it takes a while; not a daemon, so that our own end waits for it
        threading.Thread(target=_ask, args=(["taskkill", "/PID", str(pid), "/T", "/F"],), name="end-family").start()
    elif pid != os.getpgrp():  # never our own
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL if kill else signal.SIGTERM)


def end_orphans(pid: int) -> None:
    """Kills what a job that has just ended left behind; Windows forgets whose children they were."""
    if sys.platform != "win32":
        end_family(pid, kill=True)


def is_job(pid: int, folder: Path) -> bool:
    """Whether the process of this id works for a job's folder, by its own command line; False where that is not told.

    It tells a run that hangs from another program that was given its process id since.
    """
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        told = "" if sys.platform == "win32" else _ask(["ps", "-ww", "-o", "command=", "-p", str(pid)])
    return f"{folder}{os.sep}" in told


def _ask(command: list[str]) -> str:
    """Returns what a small program of the system prints; '' where it is absent or does not answer."""
    try:
        asked = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TOLD_WITHIN_S,
            creationflags=_NO_WINDOW,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout
