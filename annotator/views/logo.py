"""The app's mark, painted: as a widget, and as the icon of its window."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QIcon, QLinearGradient, QPainter, QPaintEvent, QPixmap, QRadialGradient
from PySide6.QtWidgets import QWidget

_LOGO = ((0.0, "#3b1d5e"), (0.45, "#c2453d"), (1.0, "#f6b13d"))  # inferno, the app's own heat


def paint_logo(painter: QPainter, box: QRectF) -> None:
    """Paints the app's mark: a small square of heat with the place where it is hottest."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    ramp = QLinearGradient(box.topRight(), box.bottomLeft())
    for place, colour in _LOGO:
        ramp.setColorAt(1 - place, colour)
    painter.setBrush(ramp)
    radius = box.width() * 0.22
    painter.drawRoundedRect(box, radius, radius)
    spot = QPointF(box.left() + box.width() * 0.64, box.top() + box.height() * 0.38)
    glow = QRadialGradient(spot, box.width() * 0.34)
    glow.setColorAt(0.0, "#fff3c4")
    glow.setColorAt(1.0, "#00fff3c4")
    painter.setBrush(glow)
    painter.drawEllipse(spot, box.width() * 0.34, box.width() * 0.34)
    painter.restore()


def logo_icon() -> QIcon:
    icon = QIcon()
    for size in (16, 32, 64, 128, 256):
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        inset = size * 0.06
        paint_logo(painter, QRectF(0, 0, size, size).adjusted(inset, inset, -inset, -inset))
        painter.end()
        icon.addPixmap(pixmap)
    return icon


class Logo(QWidget):
    """The mark at a size in pixels."""

    def __init__(self, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(size, size)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_logo(QPainter(self), QRectF(self.rect()))
