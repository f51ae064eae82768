"""The one video that is being rendered, by a job, and how long it will take."""

import time
from typing import Any

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from annotator import verbs
from annotator.project import Project
from annotator.views.matchmaps.work_bar import WorkBar
from davenet import events
from davenet.specs import RenderSpec


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


class RenderJob(QObject):
    """The one video that is being rendered, shown in a WorkBar."""

    ended = Signal()

    def __init__(self, project: Project, jobs: Any, bar: WorkBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._jobs, self._bar = project, jobs, bar
        self._job: Any = None
        self._pace = Pace()
        self._spec: RenderSpec | None = None
        self._is_open = True
        bar.cancelled.connect(self.cancel)
        bar.opened.connect(self._open_folder)

    @property
    def is_running(self) -> bool:
        return self._job is not None

    def start(self, spec: RenderSpec, title: str) -> None:
        if self._job is not None:
            return
        self._pace, self._spec = Pace(), spec
        self._job = self._jobs.start(spec, title=f"Render {title}", on_event=self._take, on_finished=self._end)
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

    def _end(self, outcome: Any) -> None:
        self._job, spec = None, self._spec
        if not self._is_open or spec is None:
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
        if self._spec is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._spec.out.parent)))
