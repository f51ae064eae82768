"""Paints the next pair's frame before all else of it: panels, list and time axis follow, each in a turn of its own.

A pair changes the whole window, which takes three to five times as long to paint as the frame that is waited for; and
what is read of it in other threads takes turns with the window's own.
"""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

_PATIENCE_MS = 60  # a frame that has to be decoded is not waited for any longer
_BETWEEN_MS = 6  # longer than Qt waits to paint what was changed


class FrameFirst(QObject):
    """Holds the painting of `others` back from `begin` until the stage has been painted."""

    def __init__(self, stage: QWidget, others: Sequence[QWidget], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stage, self._others = stage, tuple(others)
        self._waiting: list[QWidget] = []
        self._then: Callable[[], None] | None = None
        self._is_frame_due = False
        self._next = QTimer(self, singleShot=True)
        self._next.timeout.connect(self._let_paint)
        stage.installEventFilter(self)

    def is_over(self) -> bool:
        """Tells whether everything may be painted, and nothing waits for the frame."""
        return not self._waiting and self._then is None

    def begin(self) -> None:
        """Another pair is about to be shown. Without a stage on screen there is nothing to put first."""
        self._then = None
        if not self._stage.isVisible():
            return
        self._waiting = list(self._others)
        for widget in self._waiting:
            widget.setUpdatesEnabled(False)
        self._is_frame_due = True
        self._next.start(_PATIENCE_MS)

    def afterwards(self, then: Callable[[], None]) -> None:
        """Calls `then` once the frame has been painted, before all else is; at once where nothing is held back."""
        if self._waiting:
            self._then = then
        else:
            then()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._is_frame_due and event.type() in (QEvent.Type.Paint, QEvent.Type.Hide):
            self._is_frame_due = False
            self._next.start(0)
        return super().eventFilter(watched, event)

    def _let_paint(self) -> None:
        self._is_frame_due = False
        then, self._then = self._then, None
        if then is not None:
            then()
        if self._waiting and isValid(widget := self._waiting.pop(0)):  # the window may have been closed meanwhile
            widget.setUpdatesEnabled(True)
        if self._waiting:
            self._next.start(_BETWEEN_MS)
