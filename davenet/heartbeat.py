"""A file that says "this job is alive": its content is the job's process id, its time of change is its pulse.

Whoever runs a job that may outlive its starter beats; the app reads it to find runs again after it was closed.
"""

import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

INTERVAL_S = 2.0
SILENT_S = 60.0  # a pulse older than this belongs to a process that is gone, whatever now has its id


class Heartbeat:
    """Writes the process id to `path`, touches it every two seconds, and removes it at the end.

    One inside another of the same process and file leaves all of that to the outer one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_inner = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        pulse = read_pulse(self._path)
        self._is_inner = pulse is not None and pulse.pid == os.getpid() and pulse.alive()
        if self._is_inner:
            return self
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(f"{os.getpid()}\n", encoding="ascii")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_inner:
            return
        self._ended.set()
        self._thread.join()
        self._path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._ended.wait(INTERVAL_S):
            try:
                os.utime(self._path)
            except OSError:
                return  # the run's folder was removed: nobody is left to read the pulse


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a heartbeat file told: whose it is, and when it last changed (seconds since the epoch)."""

    pid: int
    changed_s: float

    def alive(self, now_s: float | None = None) -> bool:
        """Whether that process still runs and has beaten within the last minute."""
        age_s = (time.time() if now_s is None else now_s) - self.changed_s
        return age_s < SILENT_S and process_runs(self.pid)


def read_pulse(path: Path) -> Pulse | None:
    """Returns the pulse in a heartbeat file, or None where there is no such file or no process id in it."""
    try:
        return Pulse(int(path.read_text(encoding="ascii")), path.stat().st_mtime)
    except (OSError, ValueError):
        return None


def process_runs(pid: int) -> bool:
    """Whether a process of that id runs; one that has ended and waits for its parent to notice (a zombie) does not."""
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return _windows_process_runs(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True  # no /proc on macOS
    return status.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


def _windows_process_runs(pid: int) -> bool:
    if sys.platform != "win32":
        return False
    import ctypes

    query_limited_information, still_active = 0x1000, 259
    kernel = ctypes.windll.kernel32
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == still_active
