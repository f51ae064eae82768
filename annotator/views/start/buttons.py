"""The start page's painted buttons: a card for a way to begin, a row for a recent project."""

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import draw_focus_ring

Picture = Literal["film", "folder", "spark"]


class ChoiceCard(PaintedButton):
    """A way to begin: a drawing, its name, and what it does in a few words."""

    def __init__(self, text: str, says: str, keys: str, picture: Picture, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._says, self._picture = says, picture
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(f"{text}: {says}" + (f" ({keys})" if keys else ""))
        self.setAccessibleName(text)
        self.setAccessibleDescription(says)
        if keys:
            self.setShortcut(keys)

    def sizeHint(self) -> QSize:
        return QSize(220, 116)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 116)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_over = self.isEnabled() and (self.underMouse() or self.isDown())
        painter.setPen(QPen(tokens.color("faint" if is_over else "line"), 1))
        painter.setBrush(tokens.color("raised" if self.isDown() else "panel"))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, 8, 8)
        painter.setPen(QPen(tokens.color("text" if is_over else "muted"), 1.5, j=Qt.PenJoinStyle.RoundJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        _draw_picture(painter, self._picture, QRectF(16, 18, 22, 22))
        text_box = QRectF(16, 0, self.width() - 32, 20)
        painter.setFont(theme.font(14, QFont.Weight.DemiBold))
        painter.setPen(tokens.color("text" if self.isEnabled() else "faint"))
        text_box.moveTop(54)
        painter.drawText(text_box, Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("muted" if self.isEnabled() else "faint"))
        painter.drawText(QRectF(16, 76, self.width() - 28, 34), Qt.TextFlag.TextWordWrap, self._says)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 8)


class RowButton(PaintedButton):
    """A recent project: its name over its folder, and at the right when it was last open."""

    def __init__(self, text: str, folder: str, when: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._folder, self._when = folder, when
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(f"Open {text}")
        self.setAccessibleDescription(f"{folder}, {when}")

    def sizeHint(self) -> QSize:
        return QSize(400, 48)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isEnabled() and (self.underMouse() or self.isDown()):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        painter.setFont(theme.font(theme.SMALL_PX))
        metrics = QFontMetrics(painter.font())
        when = self._when if self.isEnabled() else "not there"
        right = metrics.horizontalAdvance(when) + 24
        painter.setPen(tokens.color("muted"))
        aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(self.rect()).adjusted(0, 0, -12, 0), aligned, when)
        width = self.width() - 12 - right
        folder = metrics.elidedText(self._folder, Qt.TextElideMode.ElideMiddle, width)
        painter.drawText(QRectF(12, 25, width, 18), Qt.AlignmentFlag.AlignVCenter, folder)
        painter.setFont(theme.font(weight=QFont.Weight.DemiBold))
        painter.setPen(tokens.color("text" if self.isEnabled() else "muted"))
        painter.drawText(QRectF(12, 6, width, 19), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 6)


def _draw_picture(painter: QPainter, picture: Picture, box: QRectF) -> None:
    x, y, size = box.left(), box.top(), box.width()
    if picture == "film":
        painter.drawRoundedRect(QRectF(x, y + 2, size, size - 4), 3, 3)
        painter.drawPolygon([QPointF(x + 8.5, y + 7), QPointF(x + 15, y + 11), QPointF(x + 8.5, y + 15)])
    elif picture == "folder":
        path = QPainterPath(QPointF(x, y + size - 3))
        for place in ((0, 3), (7, 3), (10, 6.5), (size, 6.5), (size, size - 3), (0, size - 3)):
            path.lineTo(x + place[0], y + place[1])
        painter.drawPath(path)
    else:
        middle, arm, waist = box.center(), size / 2, size / 8
        path = QPainterPath(middle + QPointF(0, -arm))
        corners = ((waist, -waist), (arm, 0), (waist, waist), (0, arm), (-waist, waist), (-arm, 0), (-waist, -waist))
        for corner in (*corners, (0, -arm)):
            path.lineTo(middle + QPointF(*corner))
        painter.drawPath(path)
