"""The thin bar over the time axis that shows which seconds are computed: one line a checkpoint."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.widgets.time_axis import MARGIN

_LINE, _GAP = 4, 2
Intervals = Sequence[tuple[float, float]]


class ReadyBar(QWidget):
    """Shares the time axis's range and margins."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[tuple[tuple[float, float], ...], ...] = ()
        self._start, self._end = 0.0, 20.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("What is computed")
        self.setToolTip("The seconds whose matchmaps are computed")

    def set_ready(self, lines: Sequence[Intervals], description: str = "") -> None:
        """Takes (start, end) in seconds, for each checkpoint; `description` says it in words."""
        new = tuple(tuple(line) for line in lines)
        if len(new) != len(self._lines):
            self._lines = new
            self.updateGeometry()
        self._lines = new
        self.setAccessibleDescription(description)
        self.update()

    def ready(self) -> tuple[tuple[tuple[float, float], ...], ...]:
        return self._lines

    def set_range(self, start: float, end: float) -> None:
        self._start, self._end = start, max(end, start + 0.05)
        self.update()

    def sizeHint(self) -> QSize:
        n_lines = max(1, len(self._lines))
        return QSize(240, n_lines * _LINE + (n_lines - 1) * _GAP)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width = max(1, self.width() - 2 * MARGIN)
        scale = width / (self._end - self._start)
        for number, line in enumerate(self._lines or ((),)):
            top = number * (_LINE + _GAP)
            painter.setBrush(tokens.color("line"))
            painter.drawRoundedRect(QRectF(MARGIN, top, width, _LINE), 2, 2)
            painter.setBrush(tokens.color("accept" if number == 0 else "info"))
            for start, end in line:
                left = MARGIN + max(0.0, (start - self._start) * scale)
                right = MARGIN + min(width, (end - self._start) * scale)
                if right > left:
                    painter.drawRoundedRect(QRectF(left, top, right - left, _LINE), 2, 2)
