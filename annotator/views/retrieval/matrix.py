"""The similarities of all frames (down) with all sounds (across), ordered by class; the pointer tells the pair.

A block is the frames of one class with the sounds of another. A click, or Space on the keyboard's cross, selects its pairs.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.retrieval.cases import Cases, Places
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """The picture as large as it is painted (pixels a side), with lines where classes begin (rows of the picture)."""

    key: object
    image: QImage
    pixels: int
    firsts: tuple[int, ...]


def scaled(wanted: Wanted) -> QImage:
    """Returns the picture at its size; safe off the GUI thread."""
    is_larger = wanted.image.height() > wanted.pixels
    how = Qt.TransformationMode.SmoothTransformation if is_larger else Qt.TransformationMode.FastTransformation
    image = wanted.image.scaled(wanted.pixels, wanted.pixels, mode=how)
    painter = QPainter(image)
    line = theme.DARK.color("text", 0.35)
    for first in wanted.firsts:
        at = round(first * wanted.pixels / wanted.image.height())
        painter.fillRect(0, at, wanted.pixels, 1, line)
        painter.fillRect(at, 0, 1, wanted.pixels, line)
    painter.end()
    return image


class Matrix(QWidget):
    """`pointed` says what is under the pointer or the keyboard's cross; `opened` asks for the case of its frame.

    Each of the classes' runs of rows is one of columns as well; a block is a run down and a run across.
    """

    pointed = Signal(str)
    opened = Signal(int)
    selected = Signal(object)  # places
    picture_wanted = Signal(object)  # Wanted: scaled elsewhere, it comes back by `take_picture`

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
        self._blocks: list[tuple[int, int]] = []  # what is selected: runs of frames and of sounds
        self._asked: object = None
        self._picture = QPixmap()

    def sizeHint(self) -> QSize:
        return QSize(800, 560)

    def minimumSizeHint(self) -> QSize:
        return QSize(360, 260)

    def set_cases(self, cases: Cases | None, image: QImage) -> None:
        self._cases, self._image, self._cross = cases, image, None
        self._runs, self._blocks = [], []
        if cases is not None:
            order_N, step = cases.found.arrays.order_N, cases.found.picture_step
            of_N = cases.classes.of_N[order_N]
            firsts = np.flatnonzero(np.diff(of_N, prepend=of_N[:1] - 1)).tolist()
            for first, last in zip(firsts, [*firsts[1:], len(of_N)], strict=True):
                self._runs.append((cases.name(int(order_N[first])), first // step, -(-last // step)))
        self.update()

    # -- selection -----------------------------------------------------------------------------------------------------

    def selection(self) -> Places:
        """Returns the places of the pairs of the selected blocks: those of their frames and those of their sounds."""
        if self._cases is None or not self._blocks:
            return np.zeros(0, np.int64)
        names = {self._runs[run][0] for block in self._blocks for run in block}
        order_N = self._cases.found.arrays.order_N
        is_in = np.array([name in names for name in (*self._cases.classes.names, "no class")])
        return np.sort(order_N[is_in[self._cases.classes.of_N[order_N]]]).astype(np.int64)

    def selection_words(self) -> str:
        """Returns what is selected, "" where nothing is."""
        parts = []
        for down, across in self._blocks:
            frames, sounds = self._runs[down][0], self._runs[across][0]
            parts.append(frames if down == across else f"frames of {frames} × sounds of {sounds}")
        return ", ".join(parts)

    def select_block(self, down: int, across: int, *, adds: bool = False) -> None:
        """Selects the pairs of a block, or no longer where it was all that is selected; `adds` keeps the others."""
        block = (down, across)
        if adds:
            others = [one for one in self._blocks if one != block]
            self._blocks = others if block in self._blocks else [*others, block]
        else:
            self._blocks = [] if self._blocks == [block] else [block]
        self._selection_changed()

    def clear_selection(self) -> None:
        self._blocks = []
        self._selection_changed()

    def _selection_changed(self) -> None:
        self.pointed.emit(f"selected: {self.selection_words()}" if self._blocks else "")
        self.setAccessibleDescription(f"selected: {self.selection_words() or 'nothing'}")
        self.selected.emit(self.selection())
        self.update()

    def _run_at(self, row: int) -> int:
        return next((at for at, (_, first, last) in enumerate(self._runs) if first <= row < last), len(self._runs) - 1)

    # -- places --------------------------------------------------------------------------------------------------------

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
        own = (*_MOVES, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space, Qt.Key.Key_Escape)
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            has_control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if event.key() in own and not has_control:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, has_shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in _MOVES:
            x, y = _MOVES[Qt.Key(key)]
            by = 10 if has_shift else 1
            row, column = self._cross or (0, 0)
            limit = max(0, self._image.height() - 1)
            self._put_cross(min(max(0, row + by * y), limit), min(max(0, column + by * x), limit))
        elif key == Qt.Key.Key_Space and self._runs:
            row, column = self._cross or (0, 0)
            self.select_block(self._run_at(row), self._run_at(column), adds=has_shift)
        elif key == Qt.Key.Key_Escape:
            self.clear_selection()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open()
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self._at(event.position())
        if place is not None:
            self._put_cross(*place)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._runs:
            return
        adds = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        place, square = self._at(event.position()), self.square()
        if place is not None:
            self.select_block(self._run_at(place[0]), self._run_at(place[1]), adds=adds)
        elif event.position().x() < square.left() and square.top() <= event.position().y() < square.bottom():
            row = int((event.position().y() - square.top()) * self._image.height() / square.width())
            self.select_block(self._run_at(row), self._run_at(row), adds=adds)
        else:
            self.clear_selection()

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

    # -- painting ------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image.isNull():
            return
        tokens, painter, square = theme.current(), QPainter(self), self.square()
        self._ask_for_picture(square.width())
        painter.drawPixmap(square.toRect(), self._picture)
        scale = square.width() / self._image.height()
        self._paint_runs(painter, square, scale)
        self._paint_blocks(painter, square, scale)
        if self._cross is not None:
            row, column = self._cross
            painter.setPen(QPen(tokens.color("info"), 1))
            y, x = square.top() + (row + 0.5) * scale, square.left() + (column + 0.5) * scale
            painter.drawLine(QPointF(square.left(), y), QPointF(square.right(), y))
            painter.drawLine(QPointF(x, square.top()), QPointF(x, square.bottom()))
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 8)

    def _paint_blocks(self, painter: QPainter, square: QRectF, scale: float) -> None:
        """Frames what is selected in white on black, which the colours of heat have neither of beside one another."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for down, across in self._blocks:
            (_, top, bottom), (_, left, right) = self._runs[down], self._runs[across]
            corner = QPointF(square.left() + left * scale, square.top() + top * scale)
            block = QRectF(corner.x(), corner.y(), (right - left) * scale, (bottom - top) * scale)
            for color, width in (("stage", 6), ("text", 2)):
                painter.setPen(QPen(theme.DARK.color(color), width, j=Qt.PenJoinStyle.MiterJoin))
                painter.drawRect(block.adjusted(-1, -1, 1, 1))

    def _ask_for_picture(self, side: float) -> None:
        ratio = self.devicePixelRatioF()
        key = (self._image.cacheKey(), side, ratio)
        if key != self._asked:
            self._asked = key
            firsts = tuple(first for _, first, _ in self._runs[1:])
            self.picture_wanted.emit(Wanted(key, self._image, round(side * ratio), firsts))

    def take_picture(self, key: object, image: QImage) -> None:
        """Takes the picture that was asked for last; an older one is passed over."""
        if key == self._asked:
            image.setDevicePixelRatio(self.devicePixelRatioF())
            self._picture = QPixmap.fromImage(image)
            self.update()

    def _paint_runs(self, painter: QPainter, square: QRectF, scale: float) -> None:
        """Paints the names of the classes, as far as they have room."""
        tokens, chosen = theme.current(), {run for block in self._blocks for run in block}
        plain, strong = theme.font(theme.SECTION_PX), theme.font(theme.SECTION_PX, QFont.Weight.DemiBold)
        metrics = QFontMetrics(strong)
        free_from = square.top()
        for run, (name, first, last) in enumerate(self._runs):
            top, bottom = square.top() + first * scale, square.top() + last * scale
            middle = max((top + bottom) / 2, free_from + metrics.height() / 2)
            if middle + metrics.height() / 2 <= square.bottom() + 2 and abs(middle - (top + bottom) / 2) < 14:
                painter.setFont(strong if run in chosen else plain)
                painter.setPen(tokens.color("accent" if run in chosen else "muted"))
                box = QRectF(square.left() - _NAMES - 8, middle - 8, _NAMES, 16)
                shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, _NAMES)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, shown)
                free_from = middle + metrics.height() / 2
