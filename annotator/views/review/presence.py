"""Sees that someone is there who presses nothing: the mouse moves. Looked at once a second, which costs nothing."""

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QCursor

from annotator.views.review.attention import Attention

_LOOK_MS = 1000


class Presence(QObject):
    """Tells `attention` of every move while it is started."""

    def __init__(self, attention: Attention, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._attention = attention
        self._cursor = QCursor.pos()
        self._looking = QTimer(self, interval=_LOOK_MS)
        self._looking.timeout.connect(self.look)

    def start(self) -> None:
        self._cursor = QCursor.pos()
        self._looking.start()

    def stop(self) -> None:
        self._looking.stop()

    def look(self) -> None:
        """Compares where the mouse is with where it was."""
        at = QCursor.pos()
        if at != self._cursor:
            self._cursor = at
            self._attention.touch()
