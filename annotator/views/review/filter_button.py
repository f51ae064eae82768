"""The button beside the search that opens the filter drawer; it says how many filters are in force."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from annotator.views import theme
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import draw_focus_ring


class FilterButton(PaintedButton):
    """Three shortening lines in a 30 px square; a number in its corner while filters are in force."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._number = 0
        self._is_open = False
        self._say()

    def set_number(self, number: int) -> None:
        self._number = number
        self._say()

    def set_open(self, is_open: bool) -> None:
        self._is_open = is_open
        self._say()

    def sizeHint(self) -> QSize:
        return QSize(32, 30)

    def _say(self) -> None:
        done = "Close the filters" if self._is_open else "Filter by class, split, video, confidence, verdict…"
        active = f"; {self._number} in force" if self._number else ""
        self.setToolTip(f"{done}{active}")
        self.setAccessibleName(f"Filters{active}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_lit = self._is_open or self._number > 0
        border = "accent" if is_lit else "faint" if self.underMouse() else "line"
        painter.setPen(QPen(tokens.color(border), 1))
        painter.setBrush(tokens.color("raised") if self._is_open or self.isDown() else tokens.color("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setPen(QPen(tokens.color("text" if is_lit or self.underMouse() else "muted"), 1.6))
        middle = QPointF(self.width() / 2, self.height() / 2)
        for y, half in ((-4.5, 7.0), (0.0, 4.5), (4.5, 2.0)):
            painter.drawLine(middle + QPointF(-half, y), middle + QPointF(half, y))
        if self._number:
            badge = QRectF(self.width() - 13, 1, 12, 12)
            painter.setPen(QPen(tokens.color("panel"), 1.5))
            painter.setBrush(tokens.color("accent"))
            painter.drawEllipse(badge)
            painter.setFont(theme.font(9, QFont.Weight.Bold))
            painter.setPen(tokens.color("on_accent"))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, str(self._number))
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 6)
