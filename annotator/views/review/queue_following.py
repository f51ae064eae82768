"""Follows what others decide in the same project, a few seconds behind, and who has which pair before them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from annotator.store.records import QueueMarker
from annotator.views.background import Background
from annotator.views.review.queue_loading import QueueChange, load_change
from davenet.errors import UserError

if TYPE_CHECKING:
    from annotator.views.review.queue_presenter import QueuePresenter

_EVERY_MS = 3000


class QueueFollowing(QObject):
    """Looks in the background: at a server every few seconds, at a file only where it was written to meanwhile."""

    def __init__(self, queue: QueuePresenter, background: Background) -> None:
        super().__init__(queue)
        self._queue, self._background = queue, background
        self._marker: QueueMarker | None = None
        self._stamp = self._file_stamp()
        self._is_looking = self._has_failed = False
        self._own: set[str] = set()  # pairs changed here since the last look
        self._timer = QTimer(self, interval=_EVERY_MS)
        self._timer.timeout.connect(self.look)

    def begin(self, marker: QueueMarker) -> None:
        """Follows from here: what came before is loaded."""
        self._marker = marker
        self._stamp = self._file_stamp()
        self._timer.start()

    def note_own(self, uid: str) -> None:
        """Our own verdict on a pair: the list has it already."""
        self._own.add(uid)

    def is_idle(self) -> bool:
        return not self._is_looking

    def stop(self) -> None:
        self._timer.stop()

    def look(self) -> None:
        """Reads what changed since last time, where something may have."""
        store = self._queue.project.store
        stamp = self._file_stamp()
        if self._is_looking or self._marker is None or (not store.server and stamp == self._stamp):
            return
        self._is_looking, self._stamp = True, stamp
        own, self._own = frozenset(self._own), set()
        request, marker, listed = self._queue.request, self._marker, self._queue.model.listed()

        def read() -> tuple[QueueChange | None, dict[str, str]]:
            return load_change(store, request, marker, listed, own), store.leases() if store.server else {}

        def take(found: tuple[QueueChange | None, dict[str, str]]) -> None:
            self._is_looking = self._has_failed = False
            change, leases = found
            self._queue.leases.set_taken(leases)
            self._queue.model.set_taken(self._queue.leases.taken)
            if change is not None and request == self._queue.request:
                self._marker = change.marker
                if self._own:  # given while this was read: the counts are counted without them
                    change = replace(change, counts=self._queue.counts)
                self._queue.take_others_work(change)

        def fail(error: UserError) -> None:
            self._is_looking = False
            if self._has_failed:
                return  # said once, not every few seconds
            self._has_failed = True
            self._queue.failed.emit(error)

        self._background.run(read, take, fail, priority=-1)

    def _file_stamp(self) -> tuple[int, ...]:
        """When the database's file and its log were written last."""
        path = self._queue.project.store.path
        stamps = []
        for file in (path, path.with_name(f"{path.name}-wal")):
            try:
                stamps.append(file.stat().st_mtime_ns)
            except OSError:
                stamps.append(0)
        return tuple(stamps)
