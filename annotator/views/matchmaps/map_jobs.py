"""The jobs behind the Matchmaps workspace: matchmaps of videos (several may wait) and one rendered video at a time."""

import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from annotator import verbs
from annotator.project import Project
from annotator.store.records import VideoRecord
from annotator.views.matchmaps.sources import Checkpoint
from annotator.views.matchmaps.work_bar import WorkBar
from davenet import events
from davenet.errors import UserError
from davenet.specs import MatchmapsSpec, RenderSpec


class Pace:
    """How far a job is and how long it will take, from its progress events."""

    def __init__(self) -> None:
        self._began: float | None = None
        self.share: float | None = None

    def take(self, event: events.Event) -> None:
        match event:
            case events.Started():
                self._began, self.share = time.monotonic(), 0.0
            case events.Progress(done, total) if total:
                self.share = min(1.0, done / total)

    def text(self, doing: str) -> str:
        """Returns "doing · 42 % · 12 s left"."""
        if self.share is None or self._began is None:
            return f"{doing} · starting"
        told = f"{doing} · {self.share:.0%}".replace("%", " %")
        if self.share > 0.05:
            left_s = (time.monotonic() - self._began) * (1 - self.share) / self.share
            told += f" · {left_s:.0f} s left" if left_s < 90 else f" · {left_s / 60:.0f} min left"
        return told


class MapJobs(QObject):
    """Matchmap jobs by video and checkpoint. `made` names the pair whose maps are there now."""

    changed = Signal()
    made = Signal(str, str)

    def __init__(self, project: Project, jobs: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._jobs = project, jobs
        self._running: dict[tuple[str, str], tuple[Any, Pace]] = {}
        self._failures: dict[tuple[str, str], str] = {}
        self._is_open = True

    def start(self, video: VideoRecord, checkpoint: Checkpoint) -> None:
        key = (video.uid, checkpoint.key)
        if key in self._running:
            return
        self._failures.pop(key, None)
        try:
            spec = verbs.plan_matchmaps(self._project, video.uid, checkpoint.path)
        except UserError as error:
            self._failures[key] = str(error)
            self.changed.emit()
            return
        pace = Pace()
        job = self._jobs.start(
            spec,
            title=f"Matchmaps of {video.title}",
            on_event=lambda event: self._take(key, event),
            on_finished=lambda outcome: self._end(key, spec, outcome),
        )
        self._running[key] = (job, pace)
        self.changed.emit()

    def cancel(self, video_uid: str, checkpoint_key: str) -> None:
        if (video_uid, checkpoint_key) in self._running:
            self._running[video_uid, checkpoint_key][0].cancel()
            self.changed.emit()

    def progress(self, video_uid: str, checkpoint_key: str) -> tuple[str, float | None] | None:
        """Returns what to say of the job and its share done; None where none runs."""
        found = self._running.get((video_uid, checkpoint_key))
        if found is None:
            return None
        job, pace = found
        doing = {"queued": "Waiting to compute matchmaps", "stopping": "Stopping"}.get(job.state, "Computing matchmaps")
        return (doing if job.state in ("queued", "stopping") else pace.text(doing)), pace.share

    def failure(self, video_uid: str, checkpoint_key: str) -> str:
        return self._failures.get((video_uid, checkpoint_key), "")

    def shutdown(self) -> None:
        self._is_open = False

    def _take(self, key: tuple[str, str], event: events.Event) -> None:
        if self._is_open and key in self._running:
            self._running[key][1].take(event)
            self.changed.emit()

    def _end(self, key: tuple[str, str], spec: MatchmapsSpec, outcome: Any) -> None:
        if not self._is_open:
            return
        self._running.pop(key, None)
        if outcome.ok:
            verbs.collect_matchmaps(self._project, spec, outcome.result)
            self.made.emit(*key)
        elif outcome.state != "cancelled":
            self._failures[key] = outcome.message
        self.changed.emit()


class RenderJob(QObject):
    """The one video that is being rendered, shown in a WorkBar."""

    ended = Signal()

    def __init__(self, project: Project, jobs: Any, bar: WorkBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._jobs, self._bar = project, jobs, bar
        self._job: Any = None
        self._pace = Pace()
        self._out: Path | None = None
        self._is_open = True
        bar.cancelled.connect(self.cancel)
        bar.opened.connect(self._open_folder)

    @property
    def is_running(self) -> bool:
        return self._job is not None

    def start(self, spec: RenderSpec, title: str) -> None:
        if self._job is not None:
            return
        self._pace, self._out = Pace(), spec.out
        self._job = self._jobs.start(
            spec,
            title=f"Render {title}",
            on_event=self._take,
            on_finished=lambda outcome: self._end(spec, outcome),
        )
        self._bar.show_progress("Rendering · starting", None)

    def cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def shutdown(self) -> None:
        self._is_open = False
        self._bar.cancelled.disconnect(self.cancel)
        self._bar.opened.disconnect(self._open_folder)

    def _take(self, event: events.Event) -> None:
        if self._is_open and self._job is not None:
            self._pace.take(event)
            self._bar.show_progress(self._pace.text("Rendering"), self._pace.share)

    def _end(self, spec: RenderSpec, outcome: Any) -> None:
        self._job = None
        if not self._is_open:
            return
        if outcome.ok:
            verbs.collect_render(self._project, spec, outcome.result)
            self._bar.show_end(f"Saved {spec.out}", can_open=True)
        elif outcome.state == "cancelled":
            self._bar.show_end("Rendering was cancelled; no file was left.")
        else:
            self._bar.offer(outcome.message, "", is_error=True)
        self.ended.emit()

    def _open_folder(self) -> None:
        if self._out is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._out.parent)))
