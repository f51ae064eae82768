"""A chart card: curves over epochs, steps, pairs or time on a quiet grid, the newest number at the right of its title.

Painted here rather than by a plotting library: four lines of grid, no axes, and the tokens' colours at once. A curve of a
million points is drawn as what its pixels show, several curves in turns (`chart_drawing`).
"""

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFont, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.runs.chart_drawing import LEFT, RIGHT, Curve, Drawing
from annotator.views.runs.values import duration_text, number_text


def value_text(value: float, step: float) -> str:
    """Returns a grid line's value with as many decimals as its step needs."""
    decimals = next((n for n in range(8) if math.isclose(step * 10**n, round(step * 10**n), rel_tol=1e-6)), 8)
    return f"{value:.{decimals}f}"


MOST_READ_OUT = 8  # curves beside the pointer: as many as have room


class CurveChart(QWidget):
    """Emits nothing; the pointer over it reads the curves out."""

    def __init__(self, title: str, *, unit: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._unit = title, unit
        self._readout = self._empty = self._note = ""
        self._curves: tuple[Curve, ...] = ()
        self._axis = "epoch"
        self.drawing: Drawing | None = None  # what is shown
        self._next: Drawing | None = None  # what is being drawn
        self._is_stale = True
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._advance)
        self._hover_x: float | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(title)

    def sizeHint(self) -> QSize:
        return QSize(480, 240)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 180)

    def set_curves(
        self, curves: Sequence[Curve], readout: str = "", empty: str = "", *, axis: str = "epoch", note: str = ""
    ) -> None:
        """Takes the curves to draw, the first on top; `empty` is said while there is no point at all, `note` below them."""
        self._curves, self._readout, self._empty, self._axis = tuple(curves), readout, empty, axis
        self._note = note
        self._is_stale = True
        self.setAccessibleDescription(f"{readout} {note}".strip())
        self.update()

    def curves(self) -> tuple[Curve, ...]:
        return self._curves

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover_x = event.position().x()
        self.update()

    def leaveEvent(self, event: object) -> None:
        self._hover_x = None
        self.update()

    def is_drawn(self) -> bool:
        """Whether the curves that were given last are shown."""
        return self._next is None and not self._is_stale

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        if self._next is None and (self._is_stale or not self._fits(self.drawing)):
            self._begin()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(tokens.color("line"), 1))
        painter.setBrush(tokens.color("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        self._paint_head(painter)
        drawing = self.drawing
        if drawing is None or not self._fits(drawing):
            return  # in a moment
        if not drawing.n_drawn:
            painter.setPen(tokens.color("muted"))
            painter.drawText(drawing.plot, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._empty)
            return
        self._paint_grid(painter, drawing)
        painter.drawImage(QPointF(0, 0), drawing.image)
        if self._hover_x is not None and drawing.plot.left() <= self._hover_x <= drawing.plot.right():
            self._paint_hover(painter, drawing)

    def _fits(self, drawing: Drawing | None) -> bool:
        return drawing is not None and drawing.size == self.size() and drawing.tokens is theme.current()

    def _begin(self) -> None:
        self._is_stale = False
        self._next = Drawing(
            self._curves,
            self.size(),
            self.devicePixelRatioF(),
            theme.current(),
            is_share=self._unit == "%",
            before=self.drawing,
        )
        self._advance()

    def _advance(self) -> None:
        """Takes one turn of the drawing under way; the whole one is shown."""
        if self._next is None:
            return
        if not self._next.advance():
            self._turn.start()
            return
        self.drawing, self._next = self._next, None
        self.update()

    def _paint_head(self, painter: QPainter) -> None:
        tokens = theme.current()
        box = QRectF(LEFT, 10, self.width() - 2 * LEFT, 24)
        painter.setFont(theme.font(weight=QFont.Weight.DemiBold))
        painter.setPen(tokens.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, self._title)
        box.setLeft(LEFT + painter.fontMetrics().horizontalAdvance(self._title) + 16)
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("muted"))
        readout = painter.fontMetrics().elidedText(self._readout, Qt.TextElideMode.ElideLeft, int(box.width()))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, readout)

    def _paint_grid(self, painter: QPainter, drawing: Drawing) -> None:
        tokens, plot, lines = theme.current(), drawing.plot, drawing.lines
        painter.setFont(theme.font(theme.SECTION_PX))
        step = lines[1] - lines[0]
        for value in lines:
            y = round(drawing.y_of(value)) + 0.5
            painter.setPen(QPen(tokens.color("line"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(tokens.color("muted"))
            text = value_text(value, step) + (f" {self._unit}" if self._unit and value == lines[-1] else "")
            box = QRectF(plot.right() + 8, y - 7, RIGHT - 8 - LEFT, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        base = QRectF(plot.left(), plot.bottom() + 6, plot.width(), 16)
        painter.drawText(base, Qt.AlignmentFlag.AlignLeft, f"{self._axis} 0")
        painter.drawText(base, Qt.AlignmentFlag.AlignHCenter, self._note)
        painter.drawText(base, Qt.AlignmentFlag.AlignRight, axis_text(drawing.last_x, self._axis))

    def _paint_hover(self, painter: QPainter, drawing: Drawing) -> None:
        tokens, plot = theme.current(), drawing.plot
        assert self._hover_x is not None
        epoch = (self._hover_x - plot.left()) / plot.width() * drawing.last_x
        painter.setPen(QPen(tokens.color("faint"), 1))
        painter.drawLine(QPointF(self._hover_x, plot.top() - 8), QPointF(self._hover_x, plot.bottom()))
        rows = []
        for place, curve in enumerate(drawing.curves[:MOST_READ_OUT]):
            points = drawing.thinned(place)
            if len(points):
                near = points[int(np.abs(points[:, 0] - epoch).argmin())]
                rows.append((curve, near))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(tokens.color(curve.token))
                painter.drawEllipse(QPointF(drawing.x_of(near[0]), drawing.y_of(near[1])), 3, 3)
        painter.setFont(theme.font(theme.SECTION_PX))
        is_right = self._hover_x > plot.center().x()
        left = self._hover_x - 158 if is_right else self._hover_x + 8
        box = QRectF(left, plot.top() - 8, 150, 20 + 15 * len(rows))
        painter.setPen(QPen(tokens.color("line"), 1))
        painter.setBrush(tokens.color("raised"))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(tokens.color("muted"))
        painter.drawText(
            box.adjusted(8, 3, -8, 0), Qt.AlignmentFlag.AlignTop, f"{self._axis} {axis_text(epoch, self._axis)}"
        )
        for number, (curve, near) in enumerate(rows):
            row = QRectF(box.left() + 8, box.top() + 17 + 15 * number, box.width() - 16, 15)
            painter.setPen(tokens.color(curve.token if curve.token != "accent" else "accent_text"))
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, painter.fontMetrics().elidedText(
                curve.name, Qt.TextElideMode.ElideRight, 96
            ))  # fmt: skip
            painter.setPen(tokens.color("text"))
            aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(row, aligned, f"{near[1]:.3g} {self._unit}".strip())


def axis_text(value: float, axis: str) -> str:
    """Returns a place on the axis: "12.5" epochs, "4 120" steps, "1 h 12 min"."""
    if axis == "time":
        return duration_text(value)
    return f"{value:.1f}" if axis == "epoch" and value != round(value) else number_text(value)
