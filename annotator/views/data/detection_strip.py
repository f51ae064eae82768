"""P(food) over a video's time, under its time axis and on the same scale; the pointer reads the classes out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from annotator.views import theme
from annotator.views.data.lanes import Lane
from annotator.views.widgets.time_axis import TimeAxis
from annotator.views.widgets.time_layout import clock_text

HEIGHT = 44


class SeenFrame(Protocol):
    """What is shown of a detection (davenet.labels.detections.FoodDetection has it)."""

    @property
    def time(self) -> float: ...
    @property
    def food(self) -> float: ...
    @property
    def top(self) -> tuple[tuple[str, float], ...]: ...


class DetectionStrip(Lane):
    """Bars of P(food), one a frame; those over a half are in the second colour's full strength."""

    def __init__(self, axis: TimeAxis, parent: QWidget | None = None) -> None:
        super().__init__(axis, HEIGHT, "P(food) of each frame", parent)
        self._frames: tuple[SeenFrame, ...] = ()
        self._times = np.zeros(0)

    def set_frames(self, frames: Sequence[SeenFrame]) -> None:
        self._frames = tuple(frames)
        self._times = np.array([frame.time for frame in self._frames])
        seen = sum(frame.food >= 0.5 for frame in self._frames)
        self.setAccessibleDescription(f"{seen} of {len(self._frames)} frames show food")
        self.update()

    def tip_at(self, x: float) -> str:
        frame = self.frame_under(x)
        if frame is None:
            return ""
        top = "\n".join(f"{name} {probability:.2f}" for name, probability in frame.top)
        return f"{clock_text(frame.time)}  P(food) {frame.food:.2f}\n{top}"

    def frame_under(self, x: float) -> SeenFrame | None:
        """Returns the frame nearest to a place of the widget, None where there is none within a second."""
        if not len(self._times):
            return None
        time_s = self.axis.time_at(x)
        nearest = int(np.argmin(np.abs(self._times - time_s)))
        return self._frames[nearest] if abs(self._times[nearest] - time_s) <= 1.0 else None

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = QRectF(0, 6, self.width(), HEIGHT - 20)
        start, end = self.axis.range()
        step = float(np.median(np.diff(self._times))) if len(self._times) > 1 else 1.0
        width = max(1.0, (self.axis.x_of(start + step) - self.axis.x_of(start)) - 1)
        painter.setPen(Qt.PenStyle.NoPen)
        right = float(self.axis.x_of(end))
        first, last = np.searchsorted(self._times, (start, end))
        for frame in self._frames[int(first) : int(last)]:
            height = max(1.0, plot.height() * frame.food)
            x = self.axis.x_of(frame.time)
            painter.setBrush(tokens.color("info", 1.0 if frame.food >= 0.5 else 0.35))
            painter.drawRect(QRectF(x, plot.bottom() - height, min(width, right - x), height))
        painter.fillRect(QRectF(16, plot.bottom(), self.width() - 32, 1), tokens.color("line"))
        self._paint_names(painter, plot, int(first), int(last))
        self.paint_now(painter)

    def _paint_names(self, painter: QPainter, plot: QRectF, first: int, last: int) -> None:
        """Writes the most probable class under the bars wherever it changes and there is room."""
        painter.setFont(theme.font(theme.SECTION_PX))
        painter.setPen(theme.current().color("muted"))
        metrics = painter.fontMetrics()
        free_from, last_name = 16.0, ""
        for frame in self._frames[first:last]:
            name = frame.top[0][0] if frame.top and frame.food >= 0.5 else ""
            x = self.axis.x_of(frame.time)
            width = metrics.horizontalAdvance(name)
            if name and name != last_name and x >= free_from and x + width < self.width() - 16:
                painter.drawText(QPointF(x, plot.bottom() + 12), name)
                free_from = x + width + 10
                last_name = name
            elif not name:
                last_name = ""
