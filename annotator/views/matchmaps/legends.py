"""What colours stand for: a curve's name beside its colour, and the diverging colours of a difference."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from davenet.overlay import LESS, MORE


class CurveName(QWidget):
    """A short stroke in a token's colour, and what the curve of that colour shows."""

    def __init__(self, text: str, token: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._token = text, token
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)

    def set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.updateGeometry()
            self.update()

    def text(self) -> str:
        return self._text

    def sizeHint(self) -> QSize:
        return QSize(22 + QFontMetrics(theme.font(theme.SMALL_PX)).horizontalAdvance(self._text), 18)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.color(self._token))
        painter.drawRoundedRect(QRectF(0, self.height() / 2 - 1.5, 14, 3), 1.5, 1.5)
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("muted"))
        painter.drawText(QRectF(self.rect()).adjusted(20, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._text)


class DifferenceLegend(QWidget):
    """The diverging colours between the names of the two checkpoints."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = ("", "")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_names(self, less: str, more: str) -> None:
        self._names = (less, more)
        self.setAccessibleName(f"Blue: more in {less}; red: more in {more}")
        self.setToolTip(f"Blue: more in {less}\nRed: more in {more}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 28)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.color("raised"))
        bar = QRectF(0, 1, self.width(), 8)
        painter.drawRoundedRect(bar, 4, 4)
        ramp = QLinearGradient(bar.left(), 0, bar.right(), 0)
        ramp.setColorAt(0, QColor(*LESS))
        ramp.setColorAt(0.5, QColor(*LESS, 0))
        ramp.setColorAt(0.501, QColor(*MORE, 0))
        ramp.setColorAt(1, QColor(*MORE))
        painter.setBrush(ramp)
        painter.drawRoundedRect(bar, 4, 4)
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("muted"))
        metrics, half = QFontMetrics(painter.font()), self.width() // 2 - 6
        for name, align in zip(self._names, (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight), strict=True):
            text = metrics.elidedText(f"more in {name}", Qt.TextElideMode.ElideMiddle, half)
            painter.drawText(QRectF(0, 11, self.width(), 17), align | Qt.AlignmentFlag.AlignVCenter, text)
