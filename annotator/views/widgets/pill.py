"""Pills: small rounded buttons that show a choice or a filter with its count; and the workspace tabs with their key."""

from typing import Literal

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from annotator.views import theme
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import draw_focus_ring, draw_glyph, draw_key_cap, key_cap_width


class Pill(PaintedButton):
    """A rounded 26 px button; checked it has the accent's border. `set_count` adds a number after its text.

    `set_state("running")` puts the accent's dot before the text; `checkable=False` makes it a plain label to press.
    """

    def __init__(self, text: str, parent: QWidget | None = None, *, checkable: bool = True) -> None:
        self._count: int | None = None
        self._state: Literal["", "running", "menu"] = ""
        super().__init__(text, parent)
        self.setCheckable(checkable)

    def set_count(self, count: int | None) -> None:
        self._count = count
        self.setAccessibleName(self.shown_text())
        self.updateGeometry()
        self.update()

    def set_state(self, state: Literal["", "running", "menu"]) -> None:
        """ "running" shows a dot and the accent's border, "menu" a chevron after the text, "" neither."""
        self._state = state
        self.updateGeometry()
        self.update()

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setAccessibleName(text)
        self.updateGeometry()

    def shown_text(self) -> str:
        return self.text() if self._count is None else f"{self.text()} {self._count:,}".replace(",", "\u202f")

    def sizeHint(self) -> QSize:
        width = QFontMetrics(self._font(widest=True)).horizontalAdvance(self.shown_text()) + 20
        return QSize(width + (14 if self._state else 0), 26)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leaves Ctrl+Enter to the form that it stands in: Qt's buttons take Enter whatever is held with it."""
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def _font(self, widest: bool = False) -> QFont:
        is_strong = self.isChecked() or self._state == "running" or widest
        return theme.font(theme.SMALL_PX, QFont.Weight.Medium if is_strong else QFont.Weight.Normal)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_lit = self.isChecked() or self._state == "running"
        border = "accent" if is_lit else ("faint" if self.underMouse() and self.isEnabled() else "line")
        painter.setPen(QPen(tokens.color(border), 1))
        painter.setBrush(tokens.color("raised") if self.isDown() else Qt.BrushStyle.NoBrush)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, 12.5, 12.5)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 12)
        text_box = QRectF(self.rect())
        if self._state == "running":
            draw_glyph(painter, "dot", QRectF(10, self.height() / 2 - 6, 12, 12), tokens.color("accent"))
            text_box.setLeft(14)
        elif self._state == "menu":
            _draw_chevron(painter, self.width() - 16, self.height() / 2)
            text_box.setRight(self.width() - 14)
        painter.setFont(self._font())
        painter.setPen(tokens.color("faint" if not self.isEnabled() else "text" if is_lit else "muted"))
        room = int(text_box.width()) - (14 if self._state == "running" else 8)
        text = painter.fontMetrics().elidedText(self.shown_text(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(text_box, Qt.AlignmentFlag.AlignCenter, text)


def _draw_chevron(painter: QPainter, x: float, y: float) -> None:
    painter.setPen(QPen(theme.current().color("muted"), 1.5, c=Qt.PenCapStyle.RoundCap))
    painter.drawLine(int(x - 3), int(y - 1), int(x), int(y + 2))
    painter.drawLine(int(x), int(y + 2), int(x + 3), int(y - 1))


class TabButton(PaintedButton):
    """A workspace's tab: its name and the key that opens it in a small cap; the open one stands on a raised ground."""

    def __init__(self, text: str, key: str, parent: QWidget | None = None) -> None:
        self._key = key
        super().__init__(text, parent)
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setAccessibleName(f"{text} workspace")

    def set_key(self, key: str) -> None:
        """Writes another key in the cap; without one there is no cap."""
        self._key = key
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        text = QFontMetrics(theme.font(weight=QFont.Weight.DemiBold)).horizontalAdvance(self.text())
        return QSize(int(text + (key_cap_width(self._key) + 8 if self._key else 0) + 24), 30)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        is_lit = self.isChecked() or self.underMouse()
        painter.setFont(theme.font(weight=QFont.Weight.DemiBold if self.isChecked() else QFont.Weight.Normal))
        painter.setPen(tokens.color("faint" if not self.isEnabled() else "text" if is_lit else "muted"))
        left_aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRectF(self.rect()).adjusted(12, 0, 0, 0), left_aligned, self.text())
        if self._key:
            draw_key_cap(painter, self.width() - 8, self.height() / 2, self._key, enabled=self.isEnabled())
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 6)
