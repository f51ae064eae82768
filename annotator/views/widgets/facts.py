"""Facts as rows of name and value with a thin line between them, for the panels at the right."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme

ROW_HEIGHT = 30
NAME_WIDTH = 92


class FactRows(QWidget):
    """Values too long for the panel are elided; the tooltip has all of them whole."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[tuple[str, str], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        if tuple(rows) == self._rows:
            return
        self._rows = tuple(rows)
        said = "\n".join(f"{name}: {value}" for name, value in self._rows)
        self.setToolTip(said)
        self.setAccessibleName(said)
        self.updateGeometry()
        self.update()

    def rows(self) -> tuple[tuple[str, str], ...]:
        return self._rows

    def sizeHint(self) -> QSize:
        return QSize(240, ROW_HEIGHT * len(self._rows))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, ROW_HEIGHT * len(self._rows))

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setFont(theme.font())
        metrics = QFontMetrics(painter.font())
        for number, (name, value) in enumerate(self._rows):
            top = number * ROW_HEIGHT
            painter.fillRect(QRectF(0, top + ROW_HEIGHT - 1, self.width(), 1), tokens.color("line"))
            painter.setPen(tokens.color("muted"))
            painter.drawText(QRectF(0, top, NAME_WIDTH, ROW_HEIGHT), Qt.AlignmentFlag.AlignVCenter, name)
            painter.setPen(tokens.color("text"))
            box = QRectF(NAME_WIDTH, top, self.width() - NAME_WIDTH, ROW_HEIGHT)
            shown = metrics.elidedText(value, Qt.TextElideMode.ElideMiddle, int(box.width()))
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)
