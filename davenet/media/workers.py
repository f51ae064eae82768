"""Child processes that each extract one video after the other: a decoder that crashes takes one video with it, no more.

``python -m davenet.media.workers`` is the child: a line of JSON on its standard input names a video, lines on its output
tell how far it is and what came of it. It ends with its parent: at the end of its input, or when nobody reads.
"""

import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from davenet.errors import one_line
from davenet.media.extract_video import ExtractReport, extract_video
from davenet.media.spool import OutputError
from davenet.specs import ExtractSettings, VideoRef

_CODE_FOLDER = Path(__file__).resolve().parents[2]
_POLL_S = 0.2
_ENDS_IN_S = 5.0


class Workers:
    """Up to `n_workers` children, started when there is work for them; a context that leaves none behind."""

    def __init__(self, n_workers: int, settings: ExtractSettings, out_dir: Path) -> None:
        self._n_workers = n_workers
        self._settings, self._out_dir = settings, out_dir
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._said: queue.Queue[tuple[_Worker, dict[str, Any] | None]] = queue.Queue()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (*self._busy, *self._idle):
            worker.end()
        self._busy, self._idle = [], []

    @property
    def n_free(self) -> int:
        return self._n_workers - len(self._busy)

    @property
    def n_busy(self) -> int:
        return len(self._busy)

    def begin(self, ref: VideoRef, threads: int) -> None:
        """Gives a free worker a video."""
        worker = self._idle.pop() if self._idle else _Worker(self._said)
        self._busy.append(worker)
        worker.ref = ref
        task = {"ref": ref.model_dump(mode="json"), "settings": self._settings.model_dump(mode="json")}
        worker.tell({**task, "out_dir": str(self._out_dir), "threads": threads})

    def wait(self, ticked: Callable[[str, float], None]) -> list[ExtractReport]:
        """Waits a moment and returns the reports that came; `ticked` is told (uid, seconds done) of those under way.

        Raises OutputError where the folder cannot be written to.
        """
        reports = []
        with suppress(queue.Empty):
            said = self._said.get(timeout=_POLL_S)
            while True:
                report = self._heard(*said, ticked)
                if report is not None:
                    reports.append(report)
                said = self._said.get_nowait()
        return reports

    def _heard(
        self, worker: "_Worker", said: dict[str, Any] | None, ticked: Callable[[str, float], None]
    ) -> ExtractReport | None:
        if worker not in self._busy or worker.ref is None:
            return None  # it ended for want of work
        if said is None:
            self._busy.remove(worker)
            return worker.crash_report()
        if "output_fault" in said:
            raise OutputError(said["output_fault"])
        if "done_s" in said:
            ticked(worker.ref.uid, said["done_s"])
            return None
        self._busy.remove(worker)
        self._idle.append(worker)
        return ExtractReport(**{**said, "path": Path(said["path"])})


class _Worker:
    """One child and the thread that reads what it says into a queue (None: it has ended)."""

    def __init__(self, said: "queue.Queue[tuple[_Worker, dict[str, Any] | None]]") -> None:
        paths = [str(_CODE_FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # the cores are for the other videos
        environment = {**os.environ, **single, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "davenet.media.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.ref: VideoRef | None = None
        self._said = said
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, task: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # one that has died since is told of by its reader
            self._process.stdin.write(json.dumps(task).encode() + b"\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """Ends the child where it is; its temporary files are for whoever clears the folder."""
        self._process.kill()
        self._process.wait()
        self._reader.join(_ENDS_IN_S)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def crash_report(self) -> ExtractReport:
        status = self._process.wait()
        self.end()
        assert self.ref is not None
        path = self.ref.path
        if status == -getattr(signal, "SIGKILL", 9):
            reason = f"{path} was being extracted when the system ended that process; try it with fewer --jobs."
        else:
            reason = f"{path} makes the decoder crash (status {status}); convert it to MP4 with H.264 and AAC."
        return ExtractReport(self.ref.uid, path, "unusable", reason)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(ValueError):  # half a line of one that was ended
                self._said.put((self, json.loads(line)))
        self._said.put((self, None))


def main() -> int:
    """Extracts the videos named on standard input, until that ends."""
    protocol = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library's prints never enter the protocol
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent as well, which decides

    def say(values: dict[str, Any]) -> None:
        try:
            protocol.write(json.dumps(values, default=str).encode() + b"\n")
        except OSError as error:  # the parent is gone
            raise SystemExit(1) from error

    for line in io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"):
        task = json.loads(line)
        try:
            report = extract_video(
                VideoRef.model_validate(task["ref"]),
                ExtractSettings.model_validate(task["settings"]),
                Path(task["out_dir"]),
                force=True,
                threads=task["threads"],
                tick=lambda done_s: say({"done_s": done_s}),
            )
        except OutputError as error:
            say({"output_fault": one_line(error)})
        else:
            say(asdict(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
