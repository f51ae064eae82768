"""A 30 px button in the accent with its key in a small cap: the one thing to do next on a page."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from annotator.views import theme
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import draw_focus_ring, draw_key_cap, key_cap_width


class HeadButton(PaintedButton):
    def __init__(self, text: str, key: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._key = key
        self.setToolTip(f"{text} ({key})")
        self.setAccessibleName(text)

    def set_key(self, key: str) -> None:
        """Writes another key on it; '' where it has none."""
        self._key = key
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        text = QFontMetrics(theme.font(weight=QFont.Weight.DemiBold)).horizontalAdvance(self.text())
        return QSize(int(text + (key_cap_width(self._key) + 10 if self._key else 0) + 24), 30)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_on = self.isEnabled()
        painter.setPen(QPen(tokens.color("accent" if is_on else "line"), 1))
        painter.setBrush(tokens.color("line" if is_on and (self.underMouse() or self.isDown()) else "raised"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setFont(theme.font(weight=QFont.Weight.DemiBold))
        painter.setPen(tokens.color("accent_text" if is_on else "faint"))
        painter.drawText(QRectF(self.rect()).adjusted(12, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self._key:
            draw_key_cap(painter, self.width() - 9, self.height() / 2, self._key, enabled=is_on)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 6)
