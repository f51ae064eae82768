"""The button that plays and pauses, under every stage."""

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from annotator.views import theme
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import draw_focus_ring, draw_glyph


class PlayButton(PaintedButton):
    """36 × 30 px with the shape of what a press does; `set_playing` says which."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._is_playing = False
        super().__init__("", parent)
        self.set_playing(False)

    def set_playing(self, is_playing: bool) -> None:
        self._is_playing = is_playing
        self.setAccessibleName("Pause" if is_playing else "Play")
        self.setToolTip("Pause (Space)" if is_playing else "Play (Space)")
        self.update()

    def is_playing(self) -> bool:
        return self._is_playing

    def sizeHint(self) -> QSize:
        return QSize(36, 30)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(tokens.color("faint" if self.underMouse() else "line"), 1))
        painter.setBrush(tokens.color("line" if self.isDown() else "raised"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        box = QRectF(self.width() / 2 - 6, self.height() / 2 - 6, 12, 12)
        token = "text" if self.isEnabled() else "faint"
        draw_glyph(painter, "pause" if self._is_playing else "play", box, tokens.color(token), width=1.2)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 6)
