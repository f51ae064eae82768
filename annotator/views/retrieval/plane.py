"""The embeddings in a plane: frames as discs, sounds as squares, coloured by class, verdict or split; a lasso selects.

Points are painted once into a picture and again only when they change, so that hovering costs nothing.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.retrieval.cases import Cases
from annotator.views.widgets.painting import draw_focus_ring

By = Literal["class", "verdict", "split"]
BYS: tuple[By, ...] = ("class", "verdict", "split")
MOST_CLASSES = 9  # with a colour of their own; the others share one
_LEGEND, _ROW, _MARGIN = 190, 26, 20
_VERDICTS = {"accept": "accept", "reject": "reject", "unsure": "unsure"}
_NEAR_PX = 9.0
_OTHERS = "others"


def inside(points_N2: NDArray[np.floating], polygon_P2: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Returns which points lie in a closed polygon, by how often a ray to the right crosses its edges."""
    x, y = points_N2[:, 0], points_N2[:, 1]
    within = np.zeros(len(points_N2), bool)
    for (x0, y0), (x1, y1) in zip(polygon_P2, np.roll(polygon_P2, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            within ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return within


class Plane(QWidget):
    """Points 0 … n−1 are frames, n … 2n−1 the sounds of the same pairs. Signals carry places of the gallery."""

    selected = Signal(object)  # list of places
    opened = Signal(int, bool)  # a place, and whether it is its sound
    pointed = Signal(str)  # what the pointer is on, in words

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Plane of the embeddings")
        self._cases: Cases | None = None
        self._at_P2 = np.zeros((0, 2), np.float32)
        self._names: list[str] = []
        self._of_P = np.zeros(0, np.int64)
        self._by: By = "class"
        self._shows = (True, True)
        self._chosen_P = np.zeros(0, bool)
        self._legend_row = 0
        self._lasso: list[QPointF] = []
        self._hovered = -1
        self._painted: tuple[object, QPixmap] | None = None
        self._version = 0

    def sizeHint(self) -> QSize:
        return QSize(900, 520)

    def minimumSizeHint(self) -> QSize:
        return QSize(420, 260)

    # -- what is shown -----------------------------------------------------------------------------------------------

    def set_points(self, cases: Cases | None, frames_N2: NDArray[np.float32], sounds_N2: NDArray[np.float32]) -> None:
        self._cases = cases
        self._at_P2 = np.nan_to_num(np.concatenate([frames_N2, sounds_N2])) if cases else np.zeros((0, 2), np.float32)
        self._chosen_P = np.zeros(len(self._at_P2), bool)
        self._colour()

    def set_by(self, by: By) -> None:
        self._by = by
        self._colour()

    def set_shown(self, *, frames: bool, sounds: bool) -> None:
        self._shows = (frames, sounds)
        self._repaint()

    def take_cases(self, cases: Cases) -> None:
        """Takes new verdicts on the same pairs."""
        self._cases = cases
        self._colour()

    def legend(self) -> list[tuple[str, int]]:
        """Returns the names that have a colour, and how many pairs have each."""
        counts = np.bincount(self._of_P[: len(self._of_P) // 2], minlength=len(self._names))
        return list(zip(self._names, counts.tolist(), strict=True))

    def selection(self) -> list[int]:
        """Returns the places of the selected points, each once, in the gallery's order."""
        n = len(self._at_P2) // 2
        return sorted({int(point) % n for point in np.flatnonzero(self._chosen_P)}) if n else []

    def select(self, places: Sequence[int]) -> None:
        n = len(self._at_P2) // 2
        self._chosen_P[:] = False
        for place in places:
            self._chosen_P[[place, place + n]] = self._shows
        self._selection_changed()

    def _colour(self) -> None:
        cases = self._cases
        if cases is None:
            self._names, self._of_P = [], np.zeros(0, np.int64)
            self._repaint()
            return
        pairs = cases.found.pairs
        if self._by == "class":
            own = [row.name for row in cases.found.classes[:MOST_CLASSES]]
            values = [pair.class_name if pair.class_name in own else _OTHERS for pair in pairs]
            self._names = own + ([_OTHERS] if _OTHERS in values else [])
        elif self._by == "verdict":
            values = [cases.decisions.get(pair.uid) or "no verdict" for pair in pairs]
            values = [value if value in _VERDICTS else "no verdict" for value in values]
            self._names = [name for name in (*_VERDICTS, "no verdict") if name in values]
        else:
            values = [pair.split or "no split" for pair in pairs]
            self._names = [name for name in ("train", "validation", "test", "no split") if name in values]
        number = {name: index for index, name in enumerate(self._names)}
        one = np.array([number[str(value)] for value in values], np.int64)
        self._of_P = np.concatenate([one, one])
        self._legend_row = min(self._legend_row, max(0, len(self._names) - 1))
        self._repaint()

    def colour_of(self, name: str) -> QColor:
        tokens = theme.current()
        if name in (_OTHERS, "no verdict", "no split"):
            return tokens.color("faint")
        if self._by == "verdict":
            return tokens.color(_VERDICTS[name])
        if self._by == "split":
            return tokens.color({"train": "info", "validation": "accent", "test": "unsure"}[name])
        index = self._names.index(name)
        is_dark = tokens.name == "dark"
        return QColor.fromHslF((0.09 + index * 0.381966) % 1.0, 0.62, 0.62 if is_dark else 0.40)

    def _repaint(self) -> None:
        self._version += 1
        self.update()

    # -- where points lie ----------------------------------------------------------------------------------------------

    def plot(self) -> QRectF:
        return QRectF(_MARGIN, _MARGIN, self.width() - 2 * _MARGIN - _LEGEND, self.height() - 2 * _MARGIN)

    def screen(self) -> NDArray[np.float64]:
        """Returns where the points are painted (P, 2), one scale for both axes."""
        if not len(self._at_P2):
            return np.zeros((0, 2))
        plot = self.plot()
        low, high = self._at_P2.min(axis=0), self._at_P2.max(axis=0)
        spread = np.maximum(high - low, 1e-9)
        scale = min(plot.width() / spread[0], plot.height() / spread[1])
        middle = (low + high) / 2
        centre = plot.center()
        return np.column_stack(
            [
                centre.x() + (self._at_P2[:, 0] - middle[0]) * scale,
                centre.y() - (self._at_P2[:, 1] - middle[1]) * scale,
            ]
        ).astype(np.float64)

    def _is_shown_P(self) -> NDArray[np.bool_]:
        n = len(self._at_P2) // 2
        return np.repeat(np.array(self._shows), n) if n else np.zeros(0, bool)

    def _nearest(self, point: QPointF) -> int:
        screen = self.screen()
        if not len(screen):
            return -1
        away = np.hypot(screen[:, 0] - point.x(), screen[:, 1] - point.y())
        away[~self._is_shown_P()] = np.inf
        nearest = int(np.argmin(away))
        return nearest if away[nearest] <= _NEAR_PX else -1

    def _legend_rect(self, row: int) -> QRectF:
        return QRectF(self.width() - _LEGEND, _MARGIN + row * _ROW, _LEGEND - 12, _ROW)

    # -- keys and mouse ------------------------------------------------------------------------------------------------

    def select_group(self, row: int) -> None:
        """Selects all points of a row of the legend."""
        if 0 <= row < len(self._names):
            self._legend_row = row
            self._chosen_P = (self._of_P == row) & self._is_shown_P()
            self._selection_changed()

    def clear_selection(self) -> None:
        self._chosen_P[:] = False
        self._selection_changed()

    def _selection_changed(self) -> None:
        chosen = self.selection()
        self.setAccessibleDescription(f"{len(chosen)} pairs selected")
        self._repaint()
        self.selected.emit(chosen)

    def event(self, event: QEvent) -> bool:
        own = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in own:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, last = event.key(), len(self._names) - 1
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._legend_row = min(max(0, self._legend_row + (1 if key == Qt.Key.Key_Down else -1)), max(0, last))
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.select_group(self._legend_row)
        elif key == Qt.Key.Key_Escape:
            self.clear_selection()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        row = next((r for r in range(len(self._names)) if self._legend_rect(r).contains(event.position())), None)
        if row is not None:
            self.select_group(row)
        else:
            self._lasso = [event.position()]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._lasso:
            self._lasso.append(event.position())
            self.update()
            return
        hovered = self._nearest(event.position())
        if hovered != self._hovered:
            self._hovered = hovered
            self.pointed.emit(self._words(hovered))
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        lasso, self._lasso = self._lasso, []
        if not lasso:
            return
        if len(lasso) < 4:
            nearest = self._nearest(event.position())
            if nearest < 0:
                self.clear_selection()
            else:
                self._chosen_P[:] = False
                self._chosen_P[nearest] = True
                self._selection_changed()
            return
        found = inside(self.screen(), np.array([[point.x(), point.y()] for point in lasso])) & self._is_shown_P()
        adds = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._chosen_P = (self._chosen_P | found) if adds else found
        self._selection_changed()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        nearest = self._nearest(event.position())
        if nearest >= 0:
            n = len(self._at_P2) // 2
            self.opened.emit(nearest % n, nearest >= n)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.pointed.emit("")
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._repaint()

    def _words(self, point: int) -> str:
        if point < 0 or self._cases is None:
            return ""
        n = len(self._at_P2) // 2
        place, way = point % n, "audio" if point < n else "visual"
        case = self._cases.case(place, way)  # type: ignore[arg-type]
        kind = "frame" if point < n else "sound"
        return f"{kind}: {self._cases.name(place)} · {self._cases.title(place)} · {case.sentence}"

    # -- painting ------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens, painter = theme.current(), QPainter(self)
        key = (self._version, tokens.name, self.size(), self.devicePixelRatioF())
        if self._painted is None or self._painted[0] != key:
            self._painted = (key, self._paint_points())
        painter.drawPixmap(0, 0, self._painted[1])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_legend(painter)
        if self._hovered >= 0:
            x, y = self.screen()[self._hovered]
            painter.setPen(QPen(tokens.color("text"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(x, y), 8, 8)
        if len(self._lasso) > 1:
            painter.setPen(QPen(tokens.color("accent"), 1.5))
            painter.setBrush(tokens.color("accent", 0.12))
            painter.drawPolygon(QPolygonF(self._lasso))
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 8)

    def _paint_points(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        screen, n = self.screen(), len(self._at_P2) // 2
        is_frame, shown = np.arange(len(screen)) < n, self._is_shown_P()
        has_selection = bool(self._chosen_P.any())
        size = 7.0 if n <= 500 else 5.0 if n <= 3000 else 3.0
        for chosen in (False, True):
            for row, name in enumerate(self._names):
                color = self.colour_of(name)
                color.setAlphaF(0.9 if chosen else 0.22 if has_selection else 0.75)
                for frames in (True, False):
                    of = (self._of_P == row) & (self._chosen_P == chosen) & shown & (is_frame == frames)
                    cap = Qt.PenCapStyle.RoundCap if frames else Qt.PenCapStyle.SquareCap
                    painter.setPen(QPen(color, (size if frames else size - 1) + 2 * chosen, c=cap))
                    painter.drawPoints([QPointF(x, y) for x, y in screen[of].tolist()])
        painter.end()
        return pixmap

    def _paint_legend(self, painter: QPainter) -> None:
        tokens = theme.current()
        painter.setFont(theme.font(theme.SMALL_PX))
        metrics = QFontMetrics(painter.font())
        for row, (name, count) in enumerate(self.legend()):
            rect = self._legend_rect(row)
            if self.hasFocus() and row == self._legend_row:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(tokens.color("raised"))
                painter.drawRoundedRect(rect, 6, 6)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.colour_of(name))
            painter.drawEllipse(QPointF(rect.left() + 13, rect.center().y()), 4.5, 4.5)
            painter.setPen(tokens.color("muted"))
            number = f"{count:,}".replace(",", "\u202f")
            inner = rect.adjusted(26, 0, -8, 0)
            painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, number)
            painter.setPen(tokens.color("text"))
            room = int(inner.width() - metrics.horizontalAdvance(number) - 8)
            painter.drawText(
                inner, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(name, Qt.TextElideMode.ElideRight, room)
            )
