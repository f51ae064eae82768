"""The 44 px verdict button: a shape, a word and its key in a small cap, in the colour of its verdict."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import Glyph, draw_focus_ring, draw_glyph, draw_key_cap, key_cap_width

HEIGHT = 44


class KeyButton(PaintedButton):
    """A button whose key is written on it; `token` names its colour ("accept", "reject", "unsure", "muted"...)."""

    def __init__(
        self, text: str, key: str, *, token: str = "muted", glyph: Glyph | None = None, parent: QWidget | None = None
    ) -> None:
        self._key, self._token, self._glyph = key, token, glyph
        super().__init__(text, parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setToolTip(f"{text} ({key})")
        self.setAccessibleName(text)
        self.setAccessibleDescription(f"Key {key}")

    def set_key(self, key: str) -> None:
        """Writes another key on it; '' where it has none."""
        self._key = key
        self.setAccessibleDescription(f"Key {key}" if key else "")
        self.updateGeometry()
        self.update()

    def key(self) -> str:
        return self._key

    def sizeHint(self) -> QSize:
        return QSize(int(self._content_width() + 36), HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(int(self._content_width() + 20), HEIGHT)

    def _font(self) -> QFont:
        return theme.font(14, QFont.Weight.DemiBold)

    def _content_width(self) -> float:
        glyph = 20 if self._glyph else 0
        cap = 10 + key_cap_width(self._key) if self._key else 0
        return glyph + QFontMetrics(self._font()).horizontalAdvance(self.text()) + cap

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        token = self._token if self.isEnabled() else "faint"
        border = "line" if token in ("muted", "faint") else token
        painter.setPen(QPen(tokens.color(border), 1))
        painter.setBrush(tokens.color("raised"))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, 8, 8)
        if self.isEnabled() and (self.underMouse() or self.isDown()):
            painter.setBrush(tokens.color(token, 0.22 if self.isDown() else 0.10))
            painter.drawRoundedRect(box, 8, 8)
        x = (self.width() - self._content_width()) / 2
        middle = self.height() / 2
        if self._glyph:
            draw_glyph(painter, self._glyph, QRectF(x, middle - 6.5, 13, 13), tokens.color(token), width=2.2)
            x += 20
        painter.setFont(self._font())
        painter.setPen(tokens.color(token))
        text_width = QFontMetrics(self._font()).horizontalAdvance(self.text())
        painter.drawText(QRectF(x, 0, text_width + 4, self.height()), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self._key:
            right = x + text_width + 10 + key_cap_width(self._key)
            draw_key_cap(painter, right, middle, self._key, enabled=self.isEnabled())
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 8)
