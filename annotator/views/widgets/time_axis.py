"""The one time axis under every video: ticks, waveform, spectrogram, words, brackets, and a line for now.

All but the now line is painted into a pixmap that is kept until data, range, size or theme change, so playing costs
one blit and one line. Geometry is in time_layout.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from annotator.views import theme
from annotator.views.widgets.painting import draw_focus_ring, rgb_image
from annotator.views.widgets.time_layout import (
    PlacedWord,
    SpokenWord,
    bar_heights,
    clock_text,
    columns,
    place_words,
    ticks,
    word_at,
    zoomed,
)

MARGIN = 16
TICKS_HEIGHT = 22
WAVE_HEIGHT = 38
SPECTROGRAM_HEIGHT = 46
WORD_ROW = 20
GAP = 4
BAR_PITCH = 3
SHORTEST_PART_S = 0.15  # a shorter drag with Shift is a hand that slipped
SHOWN_DB = 65.0  # below the loudest: what the spectrogram's darkest colour stands for


@dataclass(frozen=True, slots=True)
class Bracket:
    """A span of the sound with its label, such as the 2 s of a pair; `lit` is the one that is heard now."""

    start: float
    end: float
    label: str
    lit: bool = True


@dataclass(frozen=True, slots=True)
class Marker:
    """A point in time under the ticks, in a token's colour."""

    time_s: float
    token: str = "info"
    label: str = ""


class TimeAxis(QWidget):
    """Seconds of a video from left to right; a press or a drag seeks, with Shift it selects; a press on a word names it."""

    seek_requested = Signal(float)
    part_selected = Signal(float, float)  # dragged with Shift, from the earlier to the later second
    word_clicked = Signal(int)
    range_changed = Signal(float, float)  # by the wheel, where zooming is on

    def __init__(self, parent: QWidget | None = None, *, word_rows: int = 2) -> None:
        super().__init__(parent)
        self._start, self._end, self._now = 0.0, 20.0, None
        self._limits: tuple[float, float] | None = None
        self._peaks, self._peaks_start, self._peaks_step = np.zeros(0, np.float32), 0.0, 0.01
        self._log_mel: np.ndarray | None = None
        self._mel_start, self._mel_step, self._mel_top_db = 0.0, 0.01, 0.0
        self._words: Sequence[SpokenWord] = ()
        self._matched: frozenset[int] = frozenset()
        self._brackets: tuple[Bracket, ...] = ()
        self._markers: tuple[Marker, ...] = ()
        self._selection: tuple[float, float] | None = None
        self._selects_from: float | None = None
        self._word_rows = word_rows
        self._lanes: frozenset[str] = frozenset(("waveform", "spectrogram", "words"))
        self._placed: list[PlacedWord] = []
        self._layer: QPixmap | None = None
        self._layer_key: tuple[object, ...] = ()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Time axis")

    # data

    def set_word_rows(self, rows: int) -> None:
        """How many lines the words may take; those that find no room are left out, but for matched ones."""
        if rows != self._word_rows:
            self._word_rows = rows
            self.updateGeometry()
            self._changed()

    def set_range(self, start: float, end: float) -> None:
        """Shows the seconds from start to end of the video's clock."""
        self._start, self._end = float(start), float(max(end, start + 0.05))
        self.setAccessibleDescription(f"From {clock_text(self._start)} to {clock_text(self._end)}")
        self._changed()

    def range(self) -> tuple[float, float]:
        return self._start, self._end

    def set_zoom_limits(self, start: float, end: float) -> None:
        """Lets the wheel zoom and shift inside these seconds (the whole video)."""
        self._limits = (float(start), float(max(end, start + 0.05)))

    def set_waveform(self, peaks: np.ndarray, *, step_s: float, start_s: float = 0.0) -> None:
        """Takes peaks: float (n,) of 0..1, each the largest absolute sample in `step_s` seconds."""
        self._peaks, self._peaks_step, self._peaks_start = np.asarray(peaks, np.float32), step_s, start_s
        self._changed()

    def set_spectrogram(self, log_mel: np.ndarray | None, *, step_s: float = 0.01, start_s: float = 0.0) -> None:
        """Takes a log-mel (steps, 40) in dB, low bands first; it may be memory-mapped, only what is shown is read."""
        self._log_mel, self._mel_step, self._mel_start = log_mel, step_s, start_s
        if log_mel is not None and len(log_mel):
            sampled = np.asarray(log_mel[:: max(1, len(log_mel) // 2000)], np.float32)
            self._mel_top_db = float(np.percentile(sampled.max(axis=1), 99))
        self._changed()

    def set_words(self, words: Sequence[SpokenWord], matched: Collection[int] = ()) -> None:
        """Takes the words in order of time, and the indices of those that match."""
        self._words, self._matched = words, frozenset(matched)
        self._changed()

    def set_brackets(self, brackets: Sequence[Bracket]) -> None:
        self._brackets = tuple(brackets)
        self._changed()

    def brackets(self) -> tuple[Bracket, ...]:
        return self._brackets

    def set_markers(self, markers: Sequence[Marker]) -> None:
        self._markers = tuple(markers)
        self._changed()

    def set_selection(self, selection: tuple[float, float] | None) -> None:
        """Marks a part of the sound, such as what is looped; None marks nothing."""
        self._selection = selection
        self.update()

    def selection(self) -> tuple[float, float] | None:
        return self._selection

    def set_lanes(self, *lanes: str) -> None:
        """Chooses among "waveform", "spectrogram" and "words"; the ticks are always there."""
        self._lanes = frozenset(lanes)
        self.updateGeometry()
        self._changed()

    def set_now(self, time_s: float | None) -> None:
        """Moves the now line; repaints only where it was and is."""
        before, self._now = self._now, time_s
        for value in (before, time_s):
            if value is not None:
                self.update(int(self.x_of(value)) - 3, 0, 7, self.height())

    def now(self) -> float | None:
        return self._now

    def clear(self) -> None:
        self._peaks, self._log_mel, self._words = np.zeros(0, np.float32), None, ()
        self._matched, self._brackets, self._markers, self._now = frozenset(), (), (), None
        self._selection = None
        self._changed()

    def placed_words(self) -> list[PlacedWord]:
        """Returns the words as they are laid out now, in widget pixels of the words lane."""
        self._ensure_layer()
        return list(self._placed)

    def _changed(self) -> None:
        self._layer = None
        self.update()

    # geometry

    def sizeHint(self) -> QSize:
        return QSize(720, self._bottom() + 8)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, self._bottom() + 8)

    def _bottom(self) -> int:
        height = 8 + TICKS_HEIGHT
        height += WAVE_HEIGHT + GAP if "waveform" in self._lanes else 0
        height += SPECTROGRAM_HEIGHT + GAP if "spectrogram" in self._lanes else 0
        return height + (WORD_ROW * self._word_rows if "words" in self._lanes else 0)

    def _wave_top(self) -> int:
        return 8 + TICKS_HEIGHT

    def _spectrogram_top(self) -> int:
        return self._wave_top() + (WAVE_HEIGHT + GAP if "waveform" in self._lanes else 0)

    def words_top(self) -> int:
        return self._spectrogram_top() + (SPECTROGRAM_HEIGHT + GAP if "spectrogram" in self._lanes else 0)

    def _plot_width(self) -> int:
        return max(1, self.width() - 2 * MARGIN)

    def x_of(self, time_s: float) -> float:
        """Returns the widget's x of a time."""
        return MARGIN + (time_s - self._start) / (self._end - self._start) * self._plot_width()

    def time_at(self, x: float) -> float:
        """Returns the time under a widget's x, kept inside the range."""
        share = min(1.0, max(0.0, (x - MARGIN) / self._plot_width()))
        return self._start + share * (self._end - self._start)

    def word_under(self, point: QPointF) -> int | None:
        """Returns the index of the word painted under a point of the widget."""
        if "words" not in self._lanes or point.y() < self.words_top():
            return None
        self._ensure_layer()
        return word_at(self._placed, point.x() - MARGIN, int((point.y() - self.words_top()) // WORD_ROW))

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        self._ensure_layer()
        painter = QPainter(self)
        assert self._layer is not None
        painter.drawPixmap(0, 0, self._layer)
        if self._selection is not None:
            self._paint_selection(painter, *self._selection)
        if self._now is not None and self._start <= self._now <= self._end:
            x, top, middle = round(self.x_of(self._now)), self._wave_top() - 4, self.words_top() - 1
            tokens = theme.current()
            painter.fillRect(QRectF(x - 1, top, 2, middle - top), tokens.color("text"))
            painter.fillRect(QRectF(x - 1, middle, 2, self._bottom() - middle), tokens.color("text", 0.28))
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 4)

    def _ensure_layer(self) -> None:
        ratio = self.devicePixelRatioF()
        key = (self.width(), self.height(), ratio, theme.current().name)
        if self._layer is not None and self._layer_key == key:
            return
        layer = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        layer.setDevicePixelRatio(ratio)
        layer.fill(Qt.GlobalColor.transparent)
        painter = QPainter(layer)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ticks(painter)
        if "waveform" in self._lanes:
            self._paint_waveform(painter)
        if "spectrogram" in self._lanes:
            self._paint_spectrogram(painter)
        if "words" in self._lanes:
            self._paint_words(painter)
        self._paint_brackets(painter)
        painter.end()
        self._layer, self._layer_key = layer, key

    def _paint_ticks(self, painter: QPainter) -> None:
        tokens = theme.current()
        painter.setFont(theme.font(theme.SMALL_PX))
        metrics = QFontMetricsF(painter.font())
        times = ticks(self._start, self._end, self._plot_width())
        decimals = 1 if len(times) > 1 and times[1] - times[0] < 1 else 0
        base = self._wave_top() - 6
        for time_s in times:
            x = self.x_of(time_s)
            text = clock_text(time_s, decimals=decimals)
            width = metrics.horizontalAdvance(text)
            left = min(max(MARGIN, x - width / 2), self.width() - MARGIN - width)
            painter.setPen(tokens.color("muted"))
            painter.drawText(QPointF(left, base - 4), text)
            painter.setPen(QPen(tokens.color("faint"), 1))
            painter.drawLine(QLineF(round(x) + 0.5, base, round(x) + 0.5, base + 3))
        for marker in self._markers:
            if self._start <= marker.time_s <= self._end:
                x = self.x_of(marker.time_s)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(tokens.color(marker.token))
                painter.drawEllipse(QPointF(x, base + 2), 3, 3)

    def _paint_waveform(self, painter: QPainter) -> None:
        tokens = theme.current()
        width = self._plot_width()
        n_bars = max(1, width // BAR_PITCH)
        heights = bar_heights(self._peaks, self._peaks_start, self._peaks_step, self._start, self._end, n_bars)
        loudest = float(self._peaks.max()) if len(self._peaks) else 0.0
        middle = self._wave_top() + WAVE_HEIGHT / 2
        scale = (WAVE_HEIGHT / 2 - 1) / loudest if loudest > 0 else 0.0
        lines = [
            QLineF(
                MARGIN + (bar + 0.5) * width / n_bars,
                middle - half,
                MARGIN + (bar + 0.5) * width / n_bars,
                middle + half,
            )
            for bar, half in enumerate(np.maximum(heights * scale, 0.5).tolist())
        ]
        painter.setPen(QPen(tokens.color("muted"), 1.4, c=Qt.PenCapStyle.FlatCap))
        painter.drawLines(lines)

    def _paint_spectrogram(self, painter: QPainter) -> None:
        box = QRectF(MARGIN, self._spectrogram_top(), self._plot_width(), SPECTROGRAM_HEIGHT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.current().color("raised"))
        painter.drawRoundedRect(box, 3, 3)
        if self._log_mel is None:
            return
        n_pixels = self._plot_width()
        chosen, left, right = columns(
            len(self._log_mel), self._mel_start, self._mel_step, self._start, self._end, n_pixels
        )
        if right <= left:
            return
        image = spectrogram_image(np.asarray(self._log_mel[chosen], np.float32), self._mel_top_db)
        clip = QPainterPath()
        clip.addRoundedRect(box, 3, 3)
        painter.save()
        painter.setClipPath(clip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(QRectF(MARGIN + left, box.top(), right - left, box.height()), image)
        painter.restore()

    def _paint_words(self, painter: QPainter) -> None:
        tokens = theme.current()
        plain, strong = theme.font(), theme.font(weight=QFont.Weight.DemiBold)
        metrics = QFontMetricsF(strong)
        self._placed = place_words(
            self._words,
            self._matched,
            start=self._start,
            end=self._end,
            width=self._plot_width(),
            text_width=metrics.horizontalAdvance,
            rows=self._word_rows,
        )
        for box in self._placed:
            rect = QRectF(MARGIN + box.x, self.words_top() + box.row * WORD_ROW + 1, box.width, WORD_ROW - 2)
            if box.index in self._matched:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(tokens.color("accent"))
                painter.drawRoundedRect(rect, 4, 4)
                painter.setFont(strong)
                painter.setPen(tokens.color("on_accent"))
            else:
                painter.setFont(plain)
                painter.setPen(tokens.color("muted"))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, box.text)

    def _paint_brackets(self, painter: QPainter) -> None:
        tokens = theme.current()
        top = self._wave_top()
        bottom = self.words_top() - GAP
        if bottom <= top:
            return
        painter.setFont(theme.font(theme.SECTION_PX, QFont.Weight.Medium))
        for bracket in sorted(self._brackets, key=lambda one: one.lit):
            left, right = max(self.x_of(bracket.start), MARGIN), min(self.x_of(bracket.end), self.width() - MARGIN)
            if right <= left:
                continue
            box = QRectF(round(left) + 0.5, top - 2.5, round(right - left) - 1, bottom - top + 4)
            painter.setPen(QPen(tokens.color("accent" if bracket.lit else "faint"), 1.2 if bracket.lit else 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, 4, 4)
            width = QFontMetricsF(painter.font()).horizontalAdvance(bracket.label)
            # the label of what is not heard now stands at its other end, clear of the lit one's
            tag_left = box.left() + 4 if bracket.lit else max(box.left() + 2, box.right() - width - 10)
            tag = QRectF(tag_left, box.top() + 2, width + 6, 15)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("panel", 0.85))
            painter.drawRoundedRect(tag, 3, 3)
            painter.setPen(tokens.color("accent_text" if bracket.lit else "muted"))
            painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, bracket.label)

    def _paint_selection(self, painter: QPainter, start_s: float, end_s: float) -> None:
        left, right = max(self.x_of(start_s), MARGIN), min(self.x_of(end_s), self.width() - MARGIN)
        if right > left:
            box = QRectF(left, self._wave_top() - 2, right - left, self.words_top() - GAP - self._wave_top() + 4)
            painter.fillRect(box, theme.current().color("info", 0.22))
            for x in (left, right):
                painter.fillRect(QRectF(round(x) - 1, box.top(), 2, box.height()), theme.current().color("info"))

    # input

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._selects_from = self.time_at(event.position().x())
            return
        word = self.word_under(event.position())
        if word is not None:
            self.word_clicked.emit(word)
            return
        self.seek_requested.emit(self.time_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over_word = self.word_under(event.position()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over_word else Qt.CursorShape.ArrowCursor)
        if not event.buttons() & Qt.MouseButton.LeftButton:
            return
        time_s = self.time_at(event.position().x())
        if self._selects_from is None:
            self.seek_requested.emit(time_s)
        elif abs(time_s - self._selects_from) >= SHORTEST_PART_S:
            self.set_selection((min(self._selects_from, time_s), max(self._selects_from, time_s)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        started, self._selects_from = self._selects_from, None
        if started is not None and self._selection is not None:
            end = self.time_at(event.position().x())
            if abs(end - started) >= SHORTEST_PART_S:
                self.part_selected.emit(*self._selection)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._limits is None:
            event.ignore()
            return
        low, high = self._limits
        delta = event.angleDelta()
        if abs(delta.x()) > abs(delta.y()):
            shift = -delta.x() / 1200 * (self._end - self._start)
            start = min(max(self._start + shift, low), max(low, high - (self._end - self._start)))
            start, end = start, start + (self._end - self._start)
        else:
            around = self.time_at(event.position().x())
            start, end = zoomed(self._start, self._end, around, 0.85 ** (delta.y() / 120), low, high)
        self.set_range(start, end)
        self.range_changed.emit(start, end)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1.0, Qt.Key.Key_Right: 1.0}
        if event.key() in steps and self._now is not None:
            step = steps[Qt.Key(event.key())] * (0.1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0)
            self.seek_requested.emit(min(self._end, max(self._start, self._now + step)))
        else:
            event.ignore()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tooltip_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def tooltip_at(self, point: QPointF) -> str:
        """Returns what is said of a point: a word with its times and confidence, a marker, or the time."""
        index = self.word_under(point)
        if index is not None:
            word = self._words[index]
            times = f"{clock_text(word.start, decimals=2)}–{clock_text(word.end, decimals=2)}"
            return f"{word.word} · {times} · confidence {word.confidence:.2f}"
        near = [marker for marker in self._markers if marker.label and abs(self.x_of(marker.time_s) - point.x()) < 5]
        if near and point.y() < self._wave_top() + 4:
            return near[0].label
        return clock_text(self.time_at(point.x()), decimals=2)


def spectrogram_image(log_mel: np.ndarray, top_db: float) -> QImage:
    """Returns a picture of a log-mel (steps, bands) in dB: inferno, high bands above, `top_db` the brightest."""
    levels = np.clip((log_mel - (top_db - SHOWN_DB)) / SHOWN_DB * 255, 0, 255).astype(np.uint8)
    coloured = cv2.applyColorMap(np.ascontiguousarray(levels.T[::-1]), cv2.COLORMAP_INFERNO)
    return rgb_image(cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB))
