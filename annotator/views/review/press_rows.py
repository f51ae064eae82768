"""Rows to press, painted: a shape, a text with a quiet note, a figure at the right. Words, verdicts and pairs use them.

With the keyboard: Tab comes to the rows, the arrows go through them, Enter presses; the workspace's own keys for
these are not heard meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFont, QFontMetrics, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from annotator.views import theme
from annotator.views.widgets.painting import Glyph, draw_focus_ring, draw_glyph

ROW = 25  # pixels
INSET = 6  # pixels at each side, for the ground and the ring around a row
_STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_Home: -(1 << 20), Qt.Key.Key_End: 1 << 20}
_PRESS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
SHAPES: dict[str, tuple[Glyph, str]] = {
    "accept": ("accept", "accept"),
    "reject": ("reject", "reject"),
    "unsure": ("unsure", "unsure"),
    "skip": ("skip", "muted"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A row: `note` follows the text quietly, `right` stands at the right edge, `is_lit` writes the text in the accent."""

    text: str
    right: str = ""
    note: str = ""
    glyph: Glyph | None = None
    token: str = "muted"
    is_lit: bool = False
    tip: str = ""


class PressRows(QWidget):
    """Emits the number of the row that was pressed; `empty` is what it says without rows."""

    pressed = Signal(int)

    def __init__(self, name: str, *, empty: str = "", tip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._empty, self._tip = name, empty, tip
        self._lines: tuple[Line, ...] = ()
        self._hovered = -1
        self._at = 0
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_lines(())

    def set_empty(self, text: str) -> None:
        """Changes what it says without rows."""
        self._empty = text
        self.set_lines(self._lines)

    def set_lines(self, lines: Sequence[Line]) -> None:
        self._lines = tuple(lines)
        self._at = min(self._at, max(0, len(self._lines) - 1))
        self._hovered = -1
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if self._lines else Qt.FocusPolicy.NoFocus)
        said = ", ".join(" ".join(part for part in (one.text, one.note, one.right) if part) for one in self._lines)
        self.setAccessibleName(f"{self._name}: {said or self._empty}")
        self.setAccessibleDescription(f"{self._tip}: arrows and Enter" if self._lines and self._tip else "")
        self.updateGeometry()
        self.update()

    def lines(self) -> tuple[Line, ...]:
        return self._lines

    def go_to(self, row: int) -> None:
        """Puts the keyboard on a row."""
        self._at = min(max(0, row), max(0, len(self._lines) - 1))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, max(1 if self._empty else 0, len(self._lines)) * ROW)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.sizeHint().height())

    # the mouse

    def _row_at(self, point: QPointF) -> int:
        row = int(point.y() // ROW)
        return row if 0 <= row < len(self._lines) else -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hovered = self._row_at(event.position())
        self.setCursor(Qt.CursorShape.PointingHandCursor if self._hovered >= 0 else Qt.CursorShape.ArrowCursor)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position())
        if row >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._at = row
            self.pressed.emit(row)

    # the keyboard

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.key() in _STEPS or event.key() in _PRESS:
                event.accept()
                return True
        elif event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self._row_at(QPointF(event.pos()))
            tip = (self._lines[row].tip or self._tip) if row >= 0 else ""
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _STEPS and self._lines:
            self._at = min(max(0, self._at + _STEPS[key]), len(self._lines) - 1)
            self.update()
        elif key in _PRESS and self._lines:
            self.pressed.emit(self._at)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._lines:
            painter.setFont(theme.font())
            painter.setPen(theme.current().color("muted"))
            shown = QFontMetrics(painter.font()).elidedText(self._empty, Qt.TextElideMode.ElideRight, self.width())
            painter.drawText(self.rect().adjusted(INSET, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, shown)
            return
        indent = INSET + (22 if any(line.glyph for line in self._lines) else 0)
        first, last = event.rect().top() // ROW, event.rect().bottom() // ROW
        for row in range(max(0, first), min(len(self._lines), last + 1)):
            self._paint_row(painter, row, indent)

    def _paint_row(self, painter: QPainter, row: int, indent: int) -> None:
        tokens, line, top = theme.current(), self._lines[row], row * ROW
        if row == self._hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(QRectF(0, top, self.width(), ROW), 4, 4)
        if line.glyph is not None:
            draw_glyph(painter, line.glyph, QRectF(INSET, top + ROW / 2 - 5.5, 11, 11), tokens.color(line.token))
        right_aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.setFont(theme.font())
        painter.setPen(tokens.color("muted"))
        painter.drawText(QRectF(0, top, self.width() - INSET, ROW), right_aligned, line.right)
        right = (
            self.width()
            - INSET
            - QFontMetrics(painter.font()).horizontalAdvance(line.right)
            - (12 if line.right else 0)
        )
        painter.setFont(theme.font(weight=QFont.Weight.DemiBold if line.is_lit else QFont.Weight.Normal))
        painter.setPen(tokens.color("accent_text" if line.is_lit else "text"))
        left = self._write(painter, line.text, indent, top, right)
        if line.note:
            painter.setFont(theme.font(theme.SMALL_PX))
            painter.setPen(tokens.color("muted"))
            self._write(painter, line.note, left + 8, top, right)
        if row == self._at and self.hasFocus():
            draw_focus_ring(painter, QRectF(0, top, self.width(), ROW), 4)

    @staticmethod
    def _write(painter: QPainter, text: str, left: float, top: float, right: float) -> float:
        """Writes a text between two edges, elided where it must be, and returns where it ends."""
        metrics = QFontMetrics(painter.font())
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0, int(right - left)))
        painter.drawText(QRectF(left, top, max(0.0, right - left), ROW), Qt.AlignmentFlag.AlignVCenter, shown)
        return left + metrics.horizontalAdvance(shown)
