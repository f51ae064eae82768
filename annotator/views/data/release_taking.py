"""Takes a release into the project off the GUI thread, with progress at its card and a way to stop it."""

import threading
import time
from typing import Any

from PySide6.QtCore import QObject, Signal

from annotator import verbs
from annotator.project import Project
from annotator.views.background import Background
from annotator.views.data import values
from annotator.views.runs.values import Rate
from davenet import events
from davenet.errors import UserError


class ReleaseTaking(QObject):
    """One import at a time. `refused` also ends one that was stopped; nothing was imported then."""

    progressed = Signal(object, object)  # (how far, how fast) in words, the share done
    done = Signal(object)  # its summary
    refused = Signal(str, bool)  # the sentence, and whether a person stopped it
    _told = Signal(str, int, int)  # from the other thread

    def __init__(self, project: Project, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._background = project, background
        self._stop = threading.Event()
        self._phase, self._rate = "", Rate()
        self._is_running = False
        self._told.connect(self._show)

    def is_running(self) -> bool:
        return self._is_running

    def start(self, wish: dict[str, Any]) -> None:
        self._is_running, self._stop, self._phase = True, threading.Event(), ""
        stop = self._stop
        self.progressed.emit(("reading the release", ""), None)
        self._background.run(
            lambda: verbs.import_release(
                self._project,
                wish["folder"],
                keep_splits=bool(wish.get("keep_splits", False)),
                told=self._told.emit,
                stop=stop.is_set,
            ),
            self._finished,
            self._refused,
        )

    def cancel(self) -> None:
        self._stop.set()

    def is_stopping(self) -> bool:
        return self._is_running and self._stop.is_set()

    def _show(self, phase: str, done: int, total: int) -> None:
        if not self._is_running:
            return
        if phase != self._phase:
            self._phase, self._rate = phase, Rate()
        self._rate.add(done, time.monotonic())
        far, pace = values.pace_texts(events.Progress(done, total, "rows"), self._rate)
        half = 0.0 if phase == "reading" else 0.5  # reading and writing take about as long
        self.progressed.emit((f"{phase} {far}", pace), half + (done / total if total else 0.0) / 2)

    def _finished(self, summary: dict[str, Any]) -> None:
        self._is_running = False
        self.done.emit(summary)

    def _refused(self, error: UserError) -> None:
        self._is_running = False
        self.refused.emit(str(error), self._stop.is_set())
