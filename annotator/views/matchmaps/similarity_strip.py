"""The curves over the time axis: how well the frame shown goes with every sound, and the sound with every frame."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.widgets.time_axis import MARGIN

HEIGHT = 60
_TOP, _BOTTOM = 6, 8
_GAP_S = 1.5  # between two points, where nothing is known
_EMPTY = "The curves come with the matchmaps"


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Values at ascending times, both (N), in a token's colour."""

    times_s: NDArray[np.float64]
    values: NDArray[np.float32]
    token: str = "accent"
    _limits: tuple[float, float] = field(init=False, default=(0.0, 1.0))

    def __post_init__(self) -> None:
        if len(self.values):
            object.__setattr__(self, "_limits", (float(self.values.min()), float(self.values.max())))

    def at(self, time_s: float) -> float:
        return float(np.interp(time_s, self.times_s, self.values))

    def limits(self) -> tuple[float, float]:
        return self._limits


def unbroken(times_s: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Returns the runs (first, behind the last) of times without a gap: what is not computed yet has no curve."""
    if not len(times_s):
        return []
    steps_s = np.diff(times_s)
    usual_s = float(np.median(steps_s)) if len(steps_s) else 0.0
    breaks = (np.flatnonzero(steps_s > max(_GAP_S, 2.5 * usual_s)) + 1).tolist()
    return list(zip([0, *breaks], [*breaks, len(times_s)], strict=True))


class SimilarityStrip(QWidget):
    """Shares the time axis's range and margins; a press or drag seeks. Each curve has its own scale, the whole
    video's: where it peaks is what counts, and the sound of a question has other similarities than the video's."""

    seek_requested = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves: tuple[Curve, ...] = ()
        self._best_s: float | None = None
        self._start, self._end = 0.0, 20.0
        self._now: float | None = None
        self._empty = _EMPTY
        self._layer: QPixmap | None = None
        self._layer_key: tuple[object, ...] = ()
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Similarity over time")

    def sizeHint(self) -> QSize:
        return QSize(720, HEIGHT)

    def set_curves(self, curves: Sequence[Curve], *, best_s: float | None = None) -> None:
        """Takes the curves, the last painted on top, and the moment whose sound fits the frame shown best."""
        self._curves = tuple(curve for curve in curves if len(curve.times_s))
        self._best_s = best_s
        self._layer = None
        self.update()

    def curves(self) -> tuple[Curve, ...]:
        return self._curves

    def best(self) -> float | None:
        return self._best_s

    def set_empty(self, sentence: str) -> None:
        """Says why there are no curves."""
        self._empty = sentence or _EMPTY
        self._layer = None
        self.update()

    def set_range(self, start: float, end: float) -> None:
        self._start, self._end = start, max(end, start + 0.05)
        self._layer = None
        self.update()

    def set_now(self, time_s: float | None) -> None:
        before, self._now = self._now, time_s
        for value in (before, time_s):
            if value is not None:
                self.update(int(self._x(value)) - 5, 0, 10, self.height())

    def _x(self, time_s: float) -> float:
        return MARGIN + (time_s - self._start) / (self._end - self._start) * max(1, self.width() - 2 * MARGIN)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        ratio = self.devicePixelRatioF()
        key = (self.width(), self.height(), ratio, tokens.name)
        if self._layer is None or self._layer_key != key:
            self._layer, self._layer_key = self._painted_layer(ratio), key
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._layer)
        if self._now is not None and self._start <= self._now <= self._end:
            painter.fillRect(QRectF(round(self._x(self._now)) - 1, 0, 2, self.height()), tokens.color("text"))

    def _painted_layer(self, ratio: float) -> QPixmap:
        layer = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        layer.setDevicePixelRatio(ratio)
        layer.fill(Qt.GlobalColor.transparent)
        painter = QPainter(layer)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = theme.current()
        painter.setPen(QPen(tokens.color("line"), 1))
        base = self.height() - _BOTTOM + 3.5
        painter.drawLine(QPointF(MARGIN, base), QPointF(self.width() - MARGIN, base))
        if self._curves:
            painter.setClipRect(QRectF(MARGIN, 0, self.width() - 2 * MARGIN, self.height()))
            for number, curve in enumerate(self._curves):
                self._paint_curve(painter, curve, base, fills=number == len(self._curves) - 1)
            self._paint_best(painter)
        else:
            painter.setPen(tokens.color("muted"))
            painter.setFont(theme.font(theme.SMALL_PX))
            room = self.rect().adjusted(MARGIN, 0, -MARGIN, 0)
            shown = QFontMetrics(painter.font()).elidedText(self._empty, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, shown)
        painter.end()
        return layer

    def _points(self, curve: Curve, times_s: NDArray[np.float64], values: NDArray[np.float32]) -> list[QPointF]:
        low, high = curve.limits()
        shares = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
        start, end, room = self._start, self._end, max(1, self.width() - 2 * MARGIN)
        xs = MARGIN + (times_s - start) / (end - start) * room
        ys = self.height() - _BOTTOM - shares * (self.height() - _TOP - _BOTTOM)
        return [QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]

    def _paint_curve(self, painter: QPainter, curve: Curve, base: float, *, fills: bool) -> None:
        first = max(0, int(np.searchsorted(curve.times_s, self._start)) - 1)
        last = min(len(curve.times_s), int(np.searchsorted(curve.times_s, self._end)) + 1)
        stride = max(1, (last - first) // max(1, self.width()))
        times_s, values = curve.times_s[first:last:stride], curve.values[first:last:stride]
        for start, end in unbroken(times_s):
            self._paint_line(
                painter, curve, self._points(curve, times_s[start:end], values[start:end]), base, fills=fills
            )

    def _paint_line(self, painter: QPainter, curve: Curve, points: list[QPointF], base: float, *, fills: bool) -> None:
        tokens = theme.current()
        if fills:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color(curve.token, 0.10))
            painter.drawPolygon(QPolygonF([QPointF(points[0].x(), base), *points, QPointF(points[-1].x(), base)]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(tokens.color(curve.token), 1.8 if fills else 1.3, j=Qt.PenJoinStyle.RoundJoin))
        painter.drawPolyline(QPolygonF(points))

    def _paint_best(self, painter: QPainter) -> None:
        """Marks the moment whose sound fits the frame shown best, on its curve."""
        if self._best_s is None or not self._start <= self._best_s <= self._end:
            return
        tokens, curve = theme.current(), self._curves[-1]
        point = self._points(curve, np.array([self._best_s]), np.array([curve.at(self._best_s)], np.float32))[0]
        x, y = point.x(), point.y()
        painter.setPen(QPen(tokens.color("panel"), 1.5))
        painter.setBrush(tokens.color("accent"))
        painter.drawPolygon(
            QPolygonF([QPointF(x, y - 5.5), QPointF(x + 5.5, y), QPointF(x, y + 5.5), QPointF(x - 5.5, y)])
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._seek(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._seek(event)

    def _seek(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            share = (event.position().x() - MARGIN) / max(1, self.width() - 2 * MARGIN)
            self.seek_requested.emit(self._start + min(1.0, max(0.0, share)) * (self._end - self._start))
