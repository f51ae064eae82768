"""Bars: labelled probabilities one below another, and a thin line that shows how much is done."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme

ROW_HEIGHT = 26
LABEL_SHARES = (0.26, 0.44)  # of the width, least and most; longer labels are elided, the tooltip has them whole


@dataclass(frozen=True, slots=True)
class BarRow:
    """A label with a value of 0..1; `lit` paints it in the accent (what is matched)."""

    label: str
    value: float
    lit: bool = False


class BarRows(QWidget):
    """Rows of label, bar and number, such as a detector's five best classes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[BarRow, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_rows(self, rows: Sequence[BarRow]) -> None:
        self._rows = tuple(rows)
        self.setAccessibleName("Probabilities: " + ", ".join(f"{row.label} {row.value:.2f}" for row in self._rows))
        self.setToolTip("\n".join(f"{row.label}: {row.value:.3f}" for row in self._rows))
        self.updateGeometry()
        self.update()

    def rows(self) -> tuple[BarRow, ...]:
        return self._rows

    def sizeHint(self) -> QSize:
        return QSize(240, ROW_HEIGHT * len(self._rows))

    def minimumSizeHint(self) -> QSize:
        return QSize(140, ROW_HEIGHT * len(self._rows))

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(theme.font(weight=QFont.Weight.DemiBold))
        longest = max((metrics.horizontalAdvance(row.label) for row in self._rows), default=0) + 12
        least, most = (round(self.width() * share) for share in LABEL_SHARES)
        label_width = min(most, max(least, longest))
        number_width = 38
        track = QRectF(label_width, 0, max(8, self.width() - label_width - number_width), 6)
        for index, row in enumerate(self._rows):
            top = index * ROW_HEIGHT
            painter.setFont(theme.font(weight=QFont.Weight.DemiBold if row.lit else QFont.Weight.Normal))
            painter.setPen(tokens.color("accent_text" if row.lit else "text"))
            shown = QFontMetrics(painter.font()).elidedText(row.label, Qt.TextElideMode.ElideRight, label_width - 10)
            painter.drawText(QRectF(0, top, label_width, ROW_HEIGHT), Qt.AlignmentFlag.AlignVCenter, shown)
            painter.setFont(theme.font())
            painter.setPen(tokens.color("muted"))
            right_aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(QRectF(0, top, self.width(), ROW_HEIGHT), right_aligned, f"{row.value:.2f}")
            painter.setPen(Qt.PenStyle.NoPen)
            track.moveTop(top + (ROW_HEIGHT - 6) / 2)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(track, 3, 3)
            filled = QRectF(track)
            filled.setWidth(max(4.0, track.width() * min(1.0, max(0.0, row.value))))
            painter.setBrush(tokens.color("accent" if row.lit else "info"))
            painter.drawRoundedRect(filled, 3, 3)


class ProgressLine(QWidget):
    """A 6 px line filled to a share of 0..1 in a token's colour."""

    def __init__(self, parent: QWidget | None = None, *, token: str = "accept") -> None:
        super().__init__(parent)
        self._share, self._token = 0.0, token
        self.setFixedHeight(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_share(self, share: float) -> None:
        self._share = min(1.0, max(0.0, share))
        self.setAccessibleName(f"{self._share:.0%} done")
        self.update()

    def set_token(self, token: str) -> None:
        """Changes its colour, as from done to running."""
        self._token = token
        self.update()

    def share(self) -> float:
        return self._share

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.color("line"))
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)
        if self._share > 0:
            painter.setBrush(tokens.color(self._token))
            painter.drawRoundedRect(QRectF(0, 0, max(6.0, self.width() * self._share), self.height()), 3, 3)
