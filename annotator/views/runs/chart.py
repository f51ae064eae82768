"""A chart card: curves over epochs, steps, pairs or time on a quiet grid, the newest number at the right of its title.

Painted here rather than by a plotting library: four lines of grid, no axes, and the tokens' colours at once. A curve of a
million points is drawn as what its pixels show.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.runs.series import Values, shown
from annotator.views.runs.values import duration_text, number_text

LEFT, RIGHT, TOP, BOTTOM = 16, 16, 52, 28
GRID_LINES = 4
_SHARES = (10.0, 20.0, 40.0, 60.0, 80.0, 100.0)  # the tops of a chart of percentages


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points of (x, value) in a token's colour; the first curve of a chart is the one that is read out."""

    name: str
    token: str
    x: Values
    y: Values
    dashed: bool = False
    low: Values | None = None  # of the 95 % interval around each value, drawn as a band under the first curve
    high: Values | None = None

    @classmethod
    def of(cls, name: str, token: str, points: Sequence[tuple[float, float]], *, dashed: bool = False) -> "Curve":
        rows = np.array(points, np.float64).reshape(-1, 2)
        return cls(name, token, rows[:, 0], rows[:, 1], dashed)


def round_step(span: float, lines: int = GRID_LINES) -> float:
    """Returns the smallest of 1, 2, 2.5, 5 × 10ⁿ that covers `span` in `lines` − 1 steps."""
    if span <= 0 or not math.isfinite(span):
        return 1.0
    raw = span / (lines - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))


def grid(low: float, high: float, lines: int = GRID_LINES) -> list[float]:
    """Returns `lines` evenly spaced round values with every value of [low, high] between the first and the last."""
    step = round_step(max(high - low, 1e-9 * max(1.0, abs(high))), lines)
    first = math.floor(low / step + 1e-9) * step
    while first + step * (lines - 1) < high - 1e-9 * step:
        step = round_step(step * (lines - 1) * 1.01, lines)
        first = math.floor(low / step + 1e-9) * step
    return [first + step * i for i in range(lines)]


def share_grid(high: float) -> list[float]:
    """Returns five values from 0 to a round percentage over `high`, 100 at most."""
    top = next((top for top in _SHARES if top >= high), 100.0)
    return [top * i / GRID_LINES for i in range(GRID_LINES + 1)]


def value_text(value: float, step: float) -> str:
    """Returns a grid line's value with as many decimals as its step needs."""
    decimals = next((n for n in range(8) if math.isclose(step * 10**n, round(step * 10**n), rel_tol=1e-6)), 8)
    return f"{value:.{decimals}f}"


class CurveChart(QWidget):
    """Emits nothing; the pointer over it reads the curves out."""

    def __init__(self, title: str, *, unit: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._unit = title, unit
        self._readout, self._empty = "", ""
        self._curves: tuple[Curve, ...] = ()
        self._axis = "epoch"
        self._lines: dict[tuple[int, int], Values] = {}  # by curve and width: the points that its pixels show
        self.n_painted = 0  # points of the last painting: what a test of quickness counts
        self._hover_x: float | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(title)

    def sizeHint(self) -> QSize:
        return QSize(480, 240)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 180)

    def set_curves(self, curves: Sequence[Curve], readout: str = "", empty: str = "", *, axis: str = "epoch") -> None:
        """Takes the curves to draw, the first on top; `empty` is said while there is no point at all."""
        self._curves, self._readout, self._empty, self._axis = tuple(curves), readout, empty, axis
        self._lines.clear()
        self.setAccessibleDescription(readout)
        self.update()

    def curves(self) -> tuple[Curve, ...]:
        return self._curves

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover_x = event.position().x()
        self.update()

    def leaveEvent(self, event: object) -> None:
        self._hover_x = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(tokens.color("line"), 1))
        painter.setBrush(tokens.color("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        self._paint_head(painter)
        plot = QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - BOTTOM)
        drawn = [self._line(place, plot) for place in range(len(self._curves))]
        self.n_painted = sum(map(len, drawn))
        if not self.n_painted:
            painter.setPen(tokens.color("muted"))
            painter.drawText(plot, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._empty)
            return
        values = np.concatenate([line[:, 1] for line in drawn])
        low, high = float(values.min()), float(values.max())
        lines = share_grid(high) if self._unit == "%" else grid(low, high)
        last = max(float(line[-1, 0]) for line in drawn if len(line))
        last_epoch = last if last > 0 else 1.0
        self._paint_grid(painter, plot, lines, last_epoch)
        self._paint_band(painter, plot, lines, last_epoch)
        for curve, line in reversed(list(zip(self._curves, drawn, strict=True))):
            self._paint_curve(painter, plot, curve, line, lines, last_epoch)
        if self._hover_x is not None and plot.left() <= self._hover_x <= plot.right():
            self._paint_hover(painter, plot, lines, last_epoch)

    def _line(self, place: int, plot: QRectF) -> Values:
        """Returns the points of a curve that its pixels show, (n, 2)."""
        width = max(2, int(plot.width()))
        key = place, width
        if key not in self._lines:
            curve = self._curves[place]
            kept = shown(curve.x, curve.y, width)
            self._lines[key] = np.column_stack([curve.x[kept], curve.y[kept]])
        return self._lines[key]

    def _paint_head(self, painter: QPainter) -> None:
        tokens = theme.current()
        box = QRectF(LEFT, 10, self.width() - LEFT - RIGHT, 24)
        painter.setFont(theme.font(weight=QFont.Weight.DemiBold))
        painter.setPen(tokens.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, self._title)
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("muted"))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._readout)

    def _paint_grid(self, painter: QPainter, plot: QRectF, lines: list[float], last_epoch: float) -> None:
        tokens = theme.current()
        painter.setFont(theme.font(theme.SECTION_PX))
        step = lines[1] - lines[0]
        for value in lines:
            y = round(_y(plot, value, lines)) + 0.5
            painter.setPen(QPen(tokens.color("line"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(tokens.color("muted"))
            text = value_text(value, step) + (f" {self._unit}" if self._unit and value == lines[-1] else "")
            box = QRectF(plot.left(), y - 15, plot.width(), 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        base = QRectF(plot.left(), plot.bottom() + 6, plot.width(), 16)
        painter.drawText(base, Qt.AlignmentFlag.AlignLeft, f"{self._axis} 0")
        painter.drawText(base, Qt.AlignmentFlag.AlignRight, axis_text(last_epoch, self._axis))

    def _paint_band(self, painter: QPainter, plot: QRectF, lines: list[float], last_epoch: float) -> None:
        """Paints the interval around the first curve, where it has one."""
        curve = self._curves[0]
        if curve.low is None or curve.high is None or len(curve.x) < 2:
            return
        kept = shown(curve.x, curve.y, max(2, int(plot.width())))
        there = list(zip(curve.x[kept].tolist(), curve.high[kept].tolist(), strict=True))
        back = list(zip(curve.x[kept].tolist(), curve.low[kept].tolist(), strict=True))
        top = lines[-1]
        area = [QPointF(_x(plot, x, last_epoch), _y(plot, min(y, top), lines)) for x, y in (*there, *reversed(back))]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.current().color(curve.token, 0.16))
        painter.drawPolygon(QPolygonF(area))

    def _paint_curve(
        self, painter: QPainter, plot: QRectF, curve: Curve, points: Values, lines: list[float], last_epoch: float
    ) -> None:
        color = theme.current().color(curve.token)
        x = plot.left() + plot.width() * points[:, 0] / last_epoch
        y = plot.bottom() - plot.height() * (points[:, 1] - lines[0]) / (lines[-1] - lines[0])
        line = [QPointF(px, py) for px, py in zip(x.tolist(), y.tolist(), strict=True)]
        style = Qt.PenStyle.DashLine if curve.dashed else Qt.PenStyle.SolidLine
        painter.setPen(QPen(color, 1 if curve.dashed else 2, style, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        is_dense = len(line) > plot.width()  # smooth joins of thousands of points would take seconds
        if is_dense:
            painter.setPen(QPen(color, 1))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.drawPolyline(QPolygonF(line))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if curve is self._curves[0] and line:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(line[-1], 3, 3)

    def _paint_hover(self, painter: QPainter, plot: QRectF, lines: list[float], last_epoch: float) -> None:
        tokens = theme.current()
        assert self._hover_x is not None
        epoch = (self._hover_x - plot.left()) / plot.width() * last_epoch
        painter.setPen(QPen(tokens.color("faint"), 1))
        painter.drawLine(QPointF(self._hover_x, plot.top() - 8), QPointF(self._hover_x, plot.bottom()))
        rows = []
        for curve in self._curves:
            points = self._line(self._curves.index(curve), plot)
            if len(points):
                near = points[int(np.abs(points[:, 0] - epoch).argmin())]
                rows.append((curve, near))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(tokens.color(curve.token))
                painter.drawEllipse(QPointF(_x(plot, near[0], last_epoch), _y(plot, near[1], lines)), 3, 3)
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


def _x(plot: QRectF, epoch: float, last_epoch: float) -> float:
    return plot.left() + plot.width() * epoch / last_epoch


def _y(plot: QRectF, value: float, lines: list[float]) -> float:
    return plot.bottom() - plot.height() * (value - lines[0]) / (lines[-1] - lines[0])
