"""Small pieces of painting that several widgets share: glyphs as vector paths, key caps, focus rings, RGB images.

Glyphs are drawn rather than typed, since fonts differ in whether they have ✓ ✕ ▶ and how large they are.
"""

from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QIcon, QImage, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from annotator.views import theme

if TYPE_CHECKING:
    import numpy as np

Glyph = Literal["accept", "reject", "unsure", "skip", "play", "pause", "replay", "dot", "undo", "close", "warning"]

# strokes in a unit square; filled shapes are handled by name below
_STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "accept": [[(0.14, 0.54), (0.40, 0.80), (0.86, 0.22)]],
    "reject": [[(0.20, 0.20), (0.80, 0.80)], [(0.80, 0.20), (0.20, 0.80)]],
    "close": [[(0.24, 0.24), (0.76, 0.76)], [(0.76, 0.24), (0.24, 0.76)]],
    "skip": [[(0.22, 0.20), (0.58, 0.50), (0.22, 0.80)], [(0.78, 0.20), (0.78, 0.80)]],
    "undo": [[(0.36, 0.18), (0.14, 0.40), (0.36, 0.62)]],
    "warning": [[(0.50, 0.34), (0.50, 0.56)]],
}


def draw_glyph(painter: QPainter, glyph: Glyph, rect: QRectF, color: QColor, *, width: float = 1.8) -> None:
    """Paints a glyph that fills `rect` (a square) in one colour."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.topLeft())
    size = rect.width()
    pen = QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for stroke in _STROKES.get(glyph, ()):
        painter.drawPolyline(QPolygonF([QPointF(x * size, y * size) for x, y in stroke]))
    if glyph == "unsure":
        path = QPainterPath(QPointF(0.28 * size, 0.32 * size))
        path.cubicTo(0.28 * size, -0.02 * size, 0.78 * size, 0.02 * size, 0.74 * size, 0.34 * size)
        path.cubicTo(0.72 * size, 0.52 * size, 0.50 * size, 0.50 * size, 0.50 * size, 0.70 * size)
        painter.drawPath(path)
        _dot(painter, color, 0.50 * size, 0.90 * size, max(0.9, width * 0.6))
    elif glyph == "undo":
        path = QPainterPath(QPointF(0.14 * size, 0.40 * size))
        path.lineTo(0.58 * size, 0.40 * size)
        path.cubicTo(0.96 * size, 0.40 * size, 0.96 * size, 0.82 * size, 0.58 * size, 0.82 * size)
        painter.drawPath(path)
    elif glyph == "replay":
        painter.drawArc(QRectF(0.16 * size, 0.18 * size, 0.68 * size, 0.68 * size), 60 * 16, -300 * 16)
        painter.drawPolyline(
            QPolygonF(
                [
                    QPointF(0.30 * size, 0.02 * size),
                    QPointF(0.34 * size, 0.24 * size),
                    QPointF(0.12 * size, 0.28 * size),
                ]
            )
        )
    elif glyph == "warning":
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(0.50 * size, 0.10 * size),
                    QPointF(0.94 * size, 0.88 * size),
                    QPointF(0.06 * size, 0.88 * size),
                ]
            )
        )
        _dot(painter, color, 0.50 * size, 0.74 * size, max(0.8, width * 0.5))
    elif glyph == "play":
        painter.setBrush(color)
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(0.26 * size, 0.16 * size),
                    QPointF(0.84 * size, 0.50 * size),
                    QPointF(0.26 * size, 0.84 * size),
                ]
            )
        )
    elif glyph == "pause":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        for left in (0.20, 0.60):
            painter.drawRoundedRect(QRectF(left * size, 0.14 * size, 0.22 * size, 0.72 * size), 1, 1)
    elif glyph == "dot":
        _dot(painter, color, 0.5 * size, 0.5 * size, 0.36 * size)
    painter.restore()


def _dot(painter: QPainter, color: QColor, x: float, y: float, radius: float) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawEllipse(QPointF(x, y), radius, radius)


def glyph_icon(glyph: Glyph, token: str = "text", size: int = 14) -> QIcon:
    """Returns a glyph in a token's colour as an icon; make it again after a change of theme."""
    pixmap = QPixmap(size * 3, size * 3)
    pixmap.setDevicePixelRatio(3)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    draw_glyph(painter, glyph, QRectF(1, 1, size - 2, size - 2), theme.current().color(token))
    painter.end()
    return QIcon(pixmap)


def key_cap_width(text: str) -> float:
    return max(18.0, QFontMetricsF(_key_font()).horizontalAdvance(text) + 10)


def _key_font() -> QFont:
    return theme.font(10, QFont.Weight.Medium)


def draw_key_cap(painter: QPainter, right: float, center_y: float, text: str, *, enabled: bool = True) -> QRectF:
    """Paints a small key cap whose right edge is at `right`; returns its rectangle."""
    tokens = theme.current()
    width = key_cap_width(text)
    rect = QRectF(round(right - width) + 0.5, round(center_y - 9) + 0.5, width - 1, 17)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(tokens.color("line"), 1))
    painter.setBrush(tokens.color("panel"))
    painter.drawRoundedRect(rect, 4, 4)
    painter.setFont(_key_font())
    painter.setPen(tokens.color("muted" if enabled else "faint"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
    return rect


def draw_focus_ring(painter: QPainter, rect: QRectF, radius: float) -> None:
    """Paints the two pixels of accent that show where the keyboard is."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.current().color("accent"), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), radius, radius)
    painter.restore()


def rgb_image(pixels: "np.ndarray") -> QImage:
    """Returns a QImage of RGB (H, W, 3) or RGBA (H, W, 4) uint8 pixels that owns its memory."""
    import numpy as np  # who has pixels has loaded it; the first window has none

    contiguous = np.ascontiguousarray(pixels)
    height, width, channels = contiguous.shape
    form = QImage.Format.Format_RGBA8888 if channels == 4 else QImage.Format.Format_RGB888
    return QImage(contiguous.data, width, height, channels * width, form).copy()
