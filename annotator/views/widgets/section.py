"""The head of a section: 11 px capitals, read by screen readers as written."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from annotator.views import theme


class SectionHead(QLabel):
    """A quiet head above a group. It paints itself: a stylesheet knows no capitals with space between them."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        theme.set_role(self, "section")

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(theme.section_font())
        return QSize(metrics.horizontalAdvance(self.text()) + 2, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(20, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.section_font())
        painter.setPen(theme.current().color("muted"))
        shown = QFontMetrics(painter.font()).elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self.width())
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignVCenter, shown)
