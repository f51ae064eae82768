"""Lanes under a video's time axis, on the same scale: its film strip, its pairs, and the sentences people wrote of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from annotator.views import theme
from annotator.views.widgets.painting import draw_glyph
from annotator.views.widgets.time_axis import MARGIN, TimeAxis
from annotator.views.widgets.time_layout import clock_text

FILM_HEIGHT = 46
LANE_HEIGHT = 24
PAIR_HEIGHT = 32
Stand = Literal["accept", "reject", "unsure", "pending", "non-food"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with what is written on it; `stand` is where a person stands on a pair."""

    start_s: float
    end_s: float
    text: str
    tip: str
    stand: Stand = "pending"


class Lane(QWidget):
    """A press or a drag seeks, the wheel zooms the axis above, the pointer reads out."""

    seek_requested = Signal(float)

    def __init__(self, axis: TimeAxis, height: int, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis, self._height = axis, height
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        axis.range_changed.connect(lambda _start, _end: self.update())

    def sizeHint(self) -> QSize:
        return QSize(400, self._height)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self._height)

    def room(self) -> QRectF:
        return QRectF(MARGIN, 0, max(1, self.width() - 2 * MARGIN), self.height())

    def paint_now(self, painter: QPainter) -> None:
        """Draws the axis's line for now through this lane."""
        now, (start, end) = self.axis.now(), self.axis.range()
        if now is not None and start <= now <= end:
            painter.fillRect(
                QRectF(round(self.axis.x_of(now)) - 1, 0, 2, self.height()), theme.current().color("text", 0.5)
            )

    def tip_at(self, x: float) -> str:
        raise NotImplementedError

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.seek_requested.emit(self.axis.time_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.seek_requested.emit(self.axis.time_at(event.position().x()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.axis.wheelEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos().x()), self)
            return True
        return super().event(event)


class FilmStrip(Lane):
    """Frames side by side, each over the seconds that it stands for; asks for those it lacks."""

    wanted = Signal(object)  # list of times in seconds

    def __init__(self, axis: TimeAxis, parent: QWidget | None = None) -> None:
        super().__init__(axis, FILM_HEIGHT, "Frames", parent)
        self._images: dict[float, QImage] = {}
        self._asked: set[float] = set()
        self._aspect = 16 / 9
        self._duration_s = 0.0

    def set_video(self, duration_s: float, aspect: float) -> None:
        self._images.clear()
        self._asked.clear()
        self._duration_s, self._aspect = duration_s, min(3.0, max(0.4, aspect))
        self.update()

    def put(self, images: dict[float, QImage]) -> None:
        self._images.update(images)
        self.update()

    def tiles(self) -> list[tuple[float, QRectF]]:
        """Returns the time and the place of every frame in view; times lie on a grid of the zoom, so that they stay."""
        if self._duration_s <= 0:
            return []
        height = self._height - 6
        width = height * self._aspect
        start, end = self.axis.range()
        seconds_a_pixel = (end - start) / self.room().width()
        step_s = _nice_step(width * seconds_a_pixel)
        first = int(np.floor(start / step_s))
        tiles = []
        for number in range(first, int(np.ceil(min(end, self._duration_s) / step_s))):
            left, right = self.axis.x_of(number * step_s), self.axis.x_of((number + 1) * step_s)
            middle_s = min((number + 0.5) * step_s, self._duration_s)
            tiles.append((round(middle_s, 3), QRectF(left, 3, right - left - 1, height)))
        return tiles

    def tip_at(self, x: float) -> str:
        return clock_text(self.axis.time_at(x), decimals=1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setClipRect(self.room())
        lacking = []
        for time_s, box in self.tiles():
            image = self._images.get(time_s)
            painter.fillRect(box, theme.current().color("raised"))
            if image is not None and not image.isNull():
                _paint_filling(painter, image, box)
            elif time_s not in self._asked:
                lacking.append(time_s)
        self.paint_now(painter)
        painter.end()
        if lacking:
            self._asked.update(lacking)
            self.wanted.emit(lacking)


class SpanLane(Lane):
    """Named stretches of time: pairs with their verdicts, or described segments; what has no room is told by the pointer."""

    def __init__(
        self,
        axis: TimeAxis,
        name: str,
        parent: QWidget | None = None,
        *,
        token: str = "info",
        seeks_start: bool = False,
    ) -> None:
        super().__init__(axis, LANE_HEIGHT, name, parent)
        self._spans: tuple[Span, ...] = ()
        self._token, self._seeks_start = token, seeks_start

    def set_spans(self, spans: Sequence[Span]) -> None:
        self._spans = tuple(spans)
        self.setAccessibleDescription(f"{len(self._spans)}: " + "; ".join(span.tip for span in self._spans[:3]))
        self.update()

    def spans(self) -> tuple[Span, ...]:
        return self._spans

    def span_at(self, x: float) -> Span | None:
        """Returns the stretch under a place of the widget: of several the one whose middle is nearest."""
        time_s, near_s = self.axis.time_at(x), 3 * (self.axis.time_at(x + 1) - self.axis.time_at(x))
        under = [span for span in self._spans if span.start_s - near_s <= time_s <= span.end_s + near_s]
        return min(under, key=lambda span: abs((span.start_s + span.end_s) / 2 - time_s), default=None)

    def tip_at(self, x: float) -> str:
        span = self.span_at(x)
        return "" if span is None else span.tip

    def mousePressEvent(self, event: QMouseEvent) -> None:
        span = self.span_at(event.position().x())
        if span is not None and event.button() == Qt.MouseButton.LeftButton:
            middle = (span.start_s + span.end_s) / 2
            self.seek_requested.emit(span.start_s if self._seeks_start else middle)
        else:
            super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.SECTION_PX))
        metrics = QFontMetricsF(painter.font())
        painter.setClipRect(self.room())
        start, end = self.axis.range()
        free_from = -1.0
        for span in self._spans:
            if span.end_s < start or span.start_s > end:
                continue
            left, right = self.axis.x_of(span.start_s), self.axis.x_of(span.end_s)
            box = QRectF(left + 0.5, 3.5, max(3.0, right - left - 1.5), self.height() - 7)
            token = {"accept": "accept", "reject": "reject", "unsure": "unsure", "non-food": "faint"}.get(
                span.stand, self._token
            )
            painter.setPen(QPen(tokens.color(token), 1))
            painter.setBrush(tokens.color(token, 0.0 if span.stand == "non-food" else 0.16))
            painter.drawRoundedRect(box, 3, 3)
            if span.text and left >= free_from:
                free_from = self._paint_text(painter, metrics, span, box)
        self.paint_now(painter)

    def _paint_text(self, painter: QPainter, metrics: QFontMetricsF, span: Span, box: QRectF) -> float:
        """Writes as much as fits on the box; returns where the next text may begin."""
        inside = box.adjusted(4, 0, -3, 0)
        left = max(inside.left(), MARGIN + 4.0)
        if span.stand in ("accept", "reject", "unsure") and inside.width() > 20:
            square = QRectF(left, box.center().y() - 5, 10, 10)
            draw_glyph(painter, span.stand, square, theme.current().color(span.stand), width=1.5)  # type: ignore[arg-type]
            left += 14
        shown = metrics.elidedText(span.text, Qt.TextElideMode.ElideRight, inside.right() - left)
        if len(shown) < 3 and shown != span.text:
            return box.left()
        painter.setPen(theme.current().color("text"))
        painter.drawText(QPointF(left, box.center().y() + metrics.capHeight() / 2), shown)
        return left + metrics.horizontalAdvance(shown) + 4


class PairLane(SpanLane):
    """A mark for every pair at its frame, coloured by where the person stands; names below wherever they change."""

    def __init__(self, axis: TimeAxis, parent: QWidget | None = None) -> None:
        super().__init__(axis, "Pairs", parent, token="accent")
        self._height = PAIR_HEIGHT

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.SECTION_PX))
        metrics = QFontMetricsF(painter.font())
        painter.setClipRect(self.room())
        start, end = self.axis.range()
        free_from, last = 0.0, ""
        for span in self.spans():
            if span.end_s < start or span.start_s > end:
                continue
            left, right = self.axis.x_of(span.start_s), self.axis.x_of(span.end_s)
            box = QRectF(left + 0.5, 3.5, max(2.0, right - left - 1.5), 12)
            token = {"pending": "accent", "non-food": "faint"}.get(span.stand, span.stand)
            painter.setPen(QPen(tokens.color(token), 1))
            painter.setBrush(tokens.color(token, 0.0 if span.stand == "non-food" else 0.3))
            painter.drawRoundedRect(box, 2, 2)
            if span.stand in ("accept", "reject", "unsure") and box.width() >= 9:
                middle = QRectF(box.center().x() - 4, box.center().y() - 4, 8, 8)
                draw_glyph(painter, span.stand, middle, tokens.color(token), width=1.4)  # type: ignore[arg-type]
            if span.text and span.text != last and left >= free_from:
                painter.setPen(tokens.color("muted"))
                painter.drawText(QPointF(max(left, MARGIN), 28), span.text)
                free_from, last = left + metrics.horizontalAdvance(span.text) + 8, span.text
        self.paint_now(painter)


def _paint_filling(painter: QPainter, image: QImage, box: QRectF) -> None:
    """Fills the box with the middle of the image."""
    scale = max(box.width() / image.width(), box.height() / image.height())
    width, height = box.width() / scale, box.height() / scale
    source = QRectF((image.width() - width) / 2, (image.height() - height) / 2, width, height)
    painter.drawImage(box, image, source)


def _nice_step(least_s: float) -> float:
    for step in (0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 3600):
        if step >= least_s:
            return float(step)
    return float(np.ceil(least_s / 3600) * 3600)
