"""The similarities of all frames (down) with all sounds (across), ordered by class; the pointer tells the pair."""

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.retrieval.cases import Cases
from annotator.views.widgets.painting import draw_focus_ring, rgb_image

_NAMES = 120  # pixels at the left for the classes' names
_MARGIN = 16
_MOVES = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


def coloured(picture_MM: NDArray[np.float16]) -> QImage:
    """Returns the picture in inferno from its 1st to its 99th percentile; safe off the GUI thread."""
    values = picture_MM.astype(np.float32)
    low, high = np.quantile(values, [0.01, 0.99]) if values.size else (0.0, 1.0)
    levels = np.clip((values - low) / max(float(high - low), 1e-9) * 255, 0, 255).astype(np.uint8)
    return rgb_image(cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB))


class Matrix(QWidget):
    """`pointed` says what is under the pointer or the keyboard's cross; `opened` asks for the case of its frame."""

    pointed = Signal(str)
    opened = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Similarities of frames (down) with sounds (across), by class")
        self._cases: Cases | None = None
        self._image = QImage()
        self._runs: list[tuple[str, int, int]] = []
        self._cross: tuple[int, int] | None = None  # row and column of the picture

    def sizeHint(self) -> QSize:
        return QSize(800, 560)

    def minimumSizeHint(self) -> QSize:
        return QSize(360, 260)

    def set_cases(self, cases: Cases | None, image: QImage) -> None:
        self._cases, self._image, self._cross = cases, image, None
        self._runs = []
        if cases is not None:
            step = cases.found.picture_step
            for place, at in enumerate(cases.found.arrays.order_N.tolist()):
                name = cases.name(at)
                if self._runs and self._runs[-1][0] == name:
                    self._runs[-1] = (name, self._runs[-1][1], place // step + 1)
                else:
                    self._runs.append((name, place // step, place // step + 1))
        self.update()

    def square(self) -> QRectF:
        side = min(self.width() - _NAMES - 2 * _MARGIN, self.height() - 2 * _MARGIN)
        left = _MARGIN + _NAMES + max(0.0, (self.width() - _NAMES - 2 * _MARGIN - side) / 2)
        return QRectF(left, _MARGIN, side, side)

    def words(self, row: int, column: int) -> str:
        """Returns what stands at a place of the picture: the pair, or the classes where it stands for several."""
        cases = self._cases
        if cases is None:
            return ""
        found, step = cases.found, cases.found.picture_step
        frame, sound = (int(found.arrays.order_N[min(at * step, len(found) - 1)]) for at in (row, column))
        value = f"{float(found.arrays.picture_MM[row, column]):.3f}".replace("-", "−")
        if step > 1:
            return f"{step} frames of {cases.name(frame)} × {step} sounds of {cases.name(sound)}: mean {value}"
        true = "  · the true pair" if frame == sound else ""
        return (
            f"frame {cases.name(frame)}, {cases.title(frame)} {cases.pair(frame).time_s:.1f} s × "
            f"sound {cases.name(sound)}, {cases.title(sound)} {cases.pair(sound).sound_s:.1f} s: {value}{true}"
        )

    def _put_cross(self, row: int, column: int) -> None:
        size = self._image.height()
        if size and 0 <= row < size and 0 <= column < size:
            self._cross = (row, column)
            told = self.words(row, column)
            self.setAccessibleDescription(told)
            self.pointed.emit(told)
            self.update()

    def _open(self) -> None:
        if self._cross is not None and self._cases is not None:
            found = self._cases.found
            self.opened.emit(int(found.arrays.order_N[min(self._cross[0] * found.picture_step, len(found) - 1)]))

    def event(self, event: QEvent) -> bool:
        own = (*_MOVES, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in own:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _MOVES:
            x, y = _MOVES[Qt.Key(event.key())]
            by = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            row, column = self._cross or (0, 0)
            limit = max(0, self._image.height() - 1)
            self._put_cross(min(max(0, row + by * y), limit), min(max(0, column + by * x), limit))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open()
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self._at(event.position())
        if place is not None:
            self._put_cross(*place)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._at(event.position()) is not None:
            self._open()

    def _at(self, point: QPointF) -> tuple[int, int] | None:
        square, size = self.square(), self._image.height()
        if not size or not square.contains(point):
            return None
        scale = size / square.width()
        row, column = int((point.y() - square.top()) * scale), int((point.x() - square.left()) * scale)
        return min(row, size - 1), min(column, size - 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image.isNull():
            return
        tokens, painter, square = theme.current(), QPainter(self), self.square()
        size = self._image.height()
        smooth = size > square.width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(square, self._image)
        scale = square.width() / size
        painter.setFont(theme.font(theme.SECTION_PX))
        metrics = QFontMetrics(painter.font())
        free_from = square.top()
        for name, first, last in self._runs:
            top, bottom = square.top() + first * scale, square.top() + last * scale
            middle = max((top + bottom) / 2, free_from + metrics.height() / 2)
            if first:
                painter.setPen(QPen(theme.DARK.color("text", 0.35), 1))
                painter.drawLine(QPointF(square.left(), top), QPointF(square.right(), top))
                across = square.left() + first * scale
                painter.drawLine(QPointF(across, square.top()), QPointF(across, square.bottom()))
            if middle + metrics.height() / 2 <= square.bottom() + 2 and abs(middle - (top + bottom) / 2) < 14:
                painter.setPen(tokens.color("muted"))
                box = QRectF(square.left() - _NAMES - 8, middle - 8, _NAMES, 16)
                shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, _NAMES)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, shown)
                free_from = middle + metrics.height() / 2
        if self._cross is not None:
            row, column = self._cross
            painter.setPen(QPen(tokens.color("info"), 1))
            y, x = square.top() + (row + 0.5) * scale, square.left() + (column + 0.5) * scale
            painter.drawLine(QPointF(square.left(), y), QPointF(square.right(), y))
            painter.drawLine(QPointF(x, square.top()), QPointF(x, square.bottom()))
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 8)
