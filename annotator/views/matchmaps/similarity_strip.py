"""The curve over the time axis: how well the sound of each moment goes with its frame."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.widgets.time_axis import MARGIN

HEIGHT = 56
_TOP, _BOTTOM = 6, 8


class SimilarityStrip(QWidget):
    """Shares the time axis's range and margins; a press or drag seeks. The scale is the whole video's."""

    seek_requested = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._times: NDArray[np.float64] = np.zeros(0)
        self._values: NDArray[np.float32] = np.zeros(0, np.float32)
        self._start, self._end = 0.0, 20.0
        self._now: float | None = None
        self._layer: QPixmap | None = None
        self._layer_key: tuple[object, ...] = ()
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Similarity of the sound with its frame")

    def sizeHint(self) -> QSize:
        return QSize(720, HEIGHT)

    def set_curve(self, times_s: NDArray[np.float64] | None, values: NDArray[np.float32] | None) -> None:
        """Takes the similarity at ascending times, both (N); None for no curve."""
        self._times = np.zeros(0) if times_s is None else times_s
        self._values = np.zeros(0, np.float32) if values is None else values
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

    def _y(self, value: float) -> float:
        low, high = float(self._values.min()), float(self._values.max())
        share = 0.5 if high <= low else (value - low) / (high - low)
        return self.height() - _BOTTOM - share * (self.height() - _TOP - _BOTTOM)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        ratio = self.devicePixelRatioF()
        key = (self.width(), self.height(), ratio, tokens.name)
        if self._layer is None or self._layer_key != key:
            self._layer, self._layer_key = self._painted_layer(ratio), key
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._layer)
        if self._now is None or not self._start <= self._now <= self._end:
            return
        x = round(self._x(self._now))
        painter.fillRect(QRectF(x - 1, 0, 2, self.height()), tokens.color("text"))
        if len(self._values):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(tokens.color("panel"), 1.5))
            painter.setBrush(tokens.color("accent"))
            painter.drawEllipse(QPointF(x, self._y(float(np.interp(self._now, self._times, self._values)))), 4, 4)

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
        if len(self._values):
            painter.setClipRect(QRectF(MARGIN, 0, self.width() - 2 * MARGIN, self.height()))
            first = max(0, int(np.searchsorted(self._times, self._start)) - 1)
            last = min(len(self._times), int(np.searchsorted(self._times, self._end)) + 1)
            stride = max(1, (last - first) // max(1, 2 * self.width()))
            points = [
                QPointF(self._x(float(self._times[i])), self._y(float(self._values[i])))
                for i in range(first, last, stride)
            ]
            if points:
                ground = QPolygonF([QPointF(points[0].x(), base), *points, QPointF(points[-1].x(), base)])
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(tokens.color("accent", 0.10))
                painter.drawPolygon(ground)
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(tokens.color("accent"), 1.8, j=Qt.PenJoinStyle.RoundJoin))
                painter.drawPolyline(QPolygonF(points))
        else:
            painter.setPen(tokens.color("muted"))
            painter.setFont(theme.font(theme.SMALL_PX))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "The curve comes with the matchmaps")
        painter.end()
        return layer

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._seek(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._seek(event)

    def _seek(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            share = (event.position().x() - MARGIN) / max(1, self.width() - 2 * MARGIN)
            self.seek_requested.emit(self._start + min(1.0, max(0.0, share)) * (self._end - self._start))
