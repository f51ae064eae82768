"""Extraction (Section 3) of many videos on all cores: one clip file a video, made by `extract_video` in child processes.

What is done is skipped, so a job that was killed goes on where it was; one bad video never stops the rest.
"""

import csv
import io
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from davenet import events
from davenet.errors import UserError
from davenet.files import remove_dead_parts, write_text_atomically
from davenet.jobs import started
from davenet.media.extract_video import ExtractReport, extract_video, is_extracted
from davenet.media.source import open_media
from davenet.media.workers import Workers
from davenet.specs import ExtractSpec, VideoRef

__all__ = ["REPORT_NAME", "ExtractReport", "extract_video", "extract_videos", "is_extracted"]

REPORT_NAME = "extract-report.csv"  # in the folder of the clip files: what came of each video of the last job

_UNIT = "s of video"
_MAX_THREADS = 8  # of one decoder: beyond it, more gain nothing


def extract_videos(spec: ExtractSpec, emit: events.Emit, stop: Callable[[], bool]) -> dict[str, Any]:
    """Writes a clip file for each video that has none yet: {"extracted": [uid], "skipped": [uid], "unusable": [...]}.

    One bad video never stops the rest. Raises UserError when the disk is full (what is finished stays) and events.Stop
    when asked to stop.
    """
    emit(started("extract", None, _UNIT))
    job = _Job(spec, emit, stop)
    remove_dead_parts(spec.clips_dir)
    try:
        job.run()
    finally:
        remove_dead_parts(spec.clips_dir)  # of children that were ended
        if job.reports:
            with suppress(UserError):  # where the disk is full that has been said
                write_report(spec.clips_dir / REPORT_NAME, job.reports)
    return job.result()


@dataclass
class _Job:
    """The videos of one spec: what is to be done, what is under way and what came of them."""

    spec: ExtractSpec
    emit: events.Emit
    stop: Callable[[], bool]
    reports: list[ExtractReport] = field(default_factory=list)
    _expected_s: dict[str, float] = field(default_factory=dict)  # of each video to do, by uid
    _under_way_s: dict[str, float] = field(default_factory=dict)
    _done_s: float = 0.0
    _n_done: int = 0

    def run(self) -> None:
        todo = self._todo()
        jobs = self.spec.jobs or n_cores()
        # the longest first: at the end no core waits for another's hours; videos of one length keep their order
        todo.sort(key=lambda ref: -round(self._expected_s[ref.uid]))
        self._tell()
        if len(todo) == 1:
            self._check_stop()
            self._alone(todo[0], min(jobs, _MAX_THREADS))
        elif todo:
            with Workers(min(jobs, len(todo)), self.spec.settings(), self.spec.clips_dir) as workers:
                while todo or workers.n_busy:
                    self._check_stop()
                    while todo and workers.n_free:
                        threads = min(max(1, jobs // (len(todo) + workers.n_busy)), _MAX_THREADS)
                        ref = todo.pop(0)
                        workers.begin(ref, threads)
                        self._under_way_s[ref.uid] = 0.0
                        self._tell(ref.path.name)
                    for report in workers.wait(self._ticked):
                        self._finished(report)

    def result(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            state: [report.uid for report in self.reports if report.state == state]
            for state in ("extracted", "skipped")
        }
        return told | {
            "unusable": [
                {"uid": report.uid, "path": str(report.path), "reason": report.reason}
                for report in self.reports
                if report.state == "unusable"
            ]
        }

    def _todo(self) -> list[VideoRef]:
        todo = []
        settings = self.spec.settings()
        for number, ref in enumerate(self.spec.videos):
            self._check_stop()
            if not self.spec.force and is_extracted(ref, settings, self.spec.clips_dir):
                self.reports.append(ExtractReport(ref.uid, ref.path, "skipped"))
                continue
            if ref.duration_s is None:
                note = f"looking at {ref.path.name} ({number + 1} of {len(self.spec.videos)})"
                self.emit(events.Progress(0, None, _UNIT, note))
            self._expected_s[ref.uid] = _declared_s(ref.path) if ref.duration_s is None else ref.duration_s
            todo.append(ref)
        return todo

    def _alone(self, ref: VideoRef, threads: int) -> None:
        """Extracts the only video in this process, on as many threads as there are cores."""
        self._under_way_s[ref.uid] = 0.0
        self._tell(ref.path.name)

        def tick(done_s: float) -> None:
            self._check_stop()
            self._ticked(ref.uid, done_s)

        settings = self.spec.settings()
        self._finished(extract_video(ref, settings, self.spec.clips_dir, force=True, threads=threads, tick=tick))

    def _check_stop(self) -> None:
        if self.stop():
            raise events.Stop(self.result())

    def _ticked(self, uid: str, done_s: float) -> None:
        self._under_way_s[uid] = min(max(done_s, self._under_way_s.get(uid, 0.0)), self._expected_s[uid])
        self._tell()

    def _finished(self, report: ExtractReport) -> None:
        self._under_way_s.pop(report.uid, None)
        if not self._expected_s[report.uid]:
            self._expected_s[report.uid] = report.duration_s  # its header did not say
        self._done_s += self._expected_s[report.uid]
        self._n_done += 1
        self.reports.append(report)
        if report.state == "unusable":
            self.emit(events.Skipped(report.uid, report.reason))
        self._tell()

    def _tell(self, name: str = "") -> None:
        total_s = sum(self._expected_s.values())
        done_s = min(self._done_s + sum(self._under_way_s.values()), total_s)
        note = name or (
            f"{self._n_done} of {len(self._expected_s)} videos, {done_s / 3600:.1f} of {total_s / 3600:.1f} h"
        )
        self.emit(events.Progress(done_s, total_s, _UNIT, note))


def n_cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _declared_s(path: Path) -> float:
    """Returns the length that a file's header states: 0 where it says none or cannot be opened, as is told later."""
    with suppress(UserError), open_media(path) as container:
        return max(0.0, (container.duration or 0) / 1_000_000)
    return 0.0


def write_report(path: Path, reports: list[ExtractReport]) -> None:
    """Writes what came of each video as a table, those that cannot be used first."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["video", "state", "reason", "duration_s", "frames", "path"])
    for report in sorted(reports, key=lambda report: (report.state != "unusable", report.uid)):
        known = (f"{report.duration_s:.3f}", report.n_frames) if report.state == "extracted" else ("", "")
        writer.writerow([report.uid, report.state, report.reason, *known, report.path])
    write_text_atomically(path, table.getvalue())
