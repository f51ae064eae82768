"""The embeddings in a plane: frames as discs, sounds as squares, coloured by class, verdict or split; lasso or box select.

The points come as a picture that is drawn elsewhere (plane_picture.py) and asked for only when they change.
"""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
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
from annotator.views.retrieval.cases import Cases, Places
from annotator.views.retrieval.plane_groups import By, Groups, paint_name
from annotator.views.retrieval.plane_picture import Points
from annotator.views.retrieval.plane_shapes import first_box, in_box, moved, sized
from annotator.views.widgets.painting import draw_focus_ring

_LEGEND, _ROW, _MARGIN = 190, 26, 20
_NEAR_PX = 9.0
_LASSO_STEP_PX = 4.0  # between the corners of a lasso
_ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Plane(QWidget):
    """Points 0 … n−1 are frames, n … 2n−1 the sounds of the same pairs. Signals carry places of the gallery.

    Arrows and Enter choose in the legend; while the box is shown they move it (Shift: size it) and select what it holds.
    """

    selected = Signal(object)  # places
    opened = Signal(int, bool)  # a place, and whether it is its sound
    pointed = Signal(str)  # what the pointer is on, in words
    picture_wanted = Signal(object)  # Points: drawn by plane_picture.drawn, it comes back by `take_picture`
    lassoed = Signal(object, bool)  # a polygon (P, 2), and whether what it holds is added; answered by `choose_points`
    box_shown = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Plane of the embeddings")
        self._cases: Cases | None = None
        self._at_P2 = np.zeros((0, 2), np.float32)
        self.groups = Groups.of(None, "class")
        self._shows = (True, True)
        self._chosen_P = np.zeros(0, bool)
        self._legend_row = 0
        self._lasso: list[QPointF] = []
        self._hovered = -1
        self._asked: object = None
        self._picture = QPixmap()
        self._version = 0
        self._note = ""
        self._screen: tuple[object, NDArray[np.float32]] | None = None
        self.box: QRectF | None = None  # of the keyboard

    def sizeHint(self) -> QSize:
        return QSize(900, 520)

    def minimumSizeHint(self) -> QSize:
        return QSize(420, 260)

    # -- what is shown -----------------------------------------------------------------------------------------------

    def set_points(
        self, cases: Cases | None, frames_N2: NDArray[np.float32], sounds_N2: NDArray[np.float32], note: str = ""
    ) -> None:
        """Takes where frames and sounds lie; `note` says in a corner what the axes are."""
        self._cases, self._note = cases, note
        self._at_P2 = np.nan_to_num(np.concatenate([frames_N2, sounds_N2])) if cases else np.zeros((0, 2), np.float32)
        self._chosen_P = np.zeros(len(self._at_P2), bool)
        self._screen = None
        self.show_box(False)
        self._colour()

    def set_by(self, by: By) -> None:
        self._colour(by)

    def set_shown(self, *, frames: bool, sounds: bool) -> None:
        self._shows = (frames, sounds)
        self._repaint()

    def take_cases(self, cases: Cases) -> None:
        """Takes new verdicts on the same pairs."""
        self._cases = cases
        self._colour()

    def selection(self) -> Places:
        """Returns the places of the selected points, each once, in the gallery's order."""
        n = len(self._at_P2) // 2
        return np.flatnonzero(self._chosen_P[:n] | self._chosen_P[n:])

    def _colour(self, by: By | None = None) -> None:
        self.groups = Groups.of(self._cases, by or self.groups.by)
        self._legend_row = min(self._legend_row, max(0, len(self.groups.names) - 1))
        self._repaint()

    def _repaint(self) -> None:
        self._version += 1
        self.update()

    # -- where points lie ----------------------------------------------------------------------------------------------

    def plot(self) -> QRectF:
        return QRectF(_MARGIN, _MARGIN, self.width() - 2 * _MARGIN - _LEGEND, self.height() - 2 * _MARGIN)

    def points_at(self) -> NDArray[np.float32]:
        """Returns where the points are painted (P, 2), one scale for both axes."""
        if not len(self._at_P2):
            return np.zeros((0, 2), np.float32)
        if self._screen is None or self._screen[0] != self.size():
            self._screen = (self.size(), self._on_screen())
        return self._screen[1]

    def _on_screen(self) -> NDArray[np.float32]:
        plot = self.plot()
        columns = [np.ascontiguousarray(self._at_P2[:, axis]) for axis in (0, 1)]  # numpy is slow along pairs
        spans = [(float(column.min()), float(column.max())) for column in columns]
        (left, right), (low, high) = spans
        scale = min(plot.width() / max(right - left, 1e-9), plot.height() / max(high - low, 1e-9))
        centre = plot.center()
        points_P2 = np.empty(self._at_P2.shape, np.float32)
        points_P2[:, 0] = columns[0] * scale + (centre.x() - (left + right) / 2 * scale)
        points_P2[:, 1] = columns[1] * -scale + (centre.y() + (low + high) / 2 * scale)
        return points_P2

    def _is_shown_P(self) -> NDArray[np.bool_]:
        n = len(self._at_P2) // 2
        return np.repeat(np.array(self._shows), n) if n else np.zeros(0, bool)

    def _nearest(self, point: QPointF) -> int:
        screen = self.points_at()
        if not len(screen):
            return -1
        away = np.hypot(screen[:, 0] - point.x(), screen[:, 1] - point.y())
        away[~self._is_shown_P()] = np.inf
        nearest = int(np.argmin(away))
        return nearest if away[nearest] <= _NEAR_PX else -1

    def _legend_rect(self, row: int) -> QRectF:
        return QRectF(self.width() - _LEGEND, _MARGIN + row * _ROW, _LEGEND - 12, _ROW)

    # -- keys and mouse ------------------------------------------------------------------------------------------------

    def select_group(self, row: int, *, adds: bool = False) -> None:
        """Selects all points of a row of the legend."""
        if 0 <= row < len(self.groups.names):
            self._legend_row = row
            self.choose_points(np.tile(self.groups.of_N == row, 2), adds=adds)

    def clear_selection(self) -> None:
        self._chosen_P[:] = False
        self._selection_changed()

    def choose_points(self, is_held_P: NDArray[np.bool_], *, adds: bool = False) -> None:
        """Selects points, beside those that are selected already or in their place; hidden kinds stay out."""
        if len(is_held_P) == len(self._at_P2):
            held = is_held_P & self._is_shown_P()
            self._chosen_P = (self._chosen_P | held) if adds else held
            self._selection_changed()

    def _selection_changed(self) -> None:
        chosen = self.selection()
        self.setAccessibleDescription(f"{len(chosen)} pairs selected")
        self._repaint()
        self.selected.emit(chosen)

    def show_box(self, on: bool) -> None:
        """Shows or hides the box that arrows move: what a lasso is to the mouse."""
        if on == (self.box is not None):
            return
        self.box = first_box(self.plot()) if on else None
        self._tell_box()
        self.box_shown.emit(on)
        self.update()

    def _tell_box(self) -> None:
        held = int(self._in_box().sum()) if self.box is not None else 0
        text = f"box: {held:,} points · Enter selects".replace(",", "\u202f")
        self.pointed.emit(text if self.box is not None else "")

    def _in_box(self) -> NDArray[np.bool_]:
        if self.box is None:
            return np.zeros(len(self._at_P2), bool)
        return in_box(self.points_at(), self.box) & self._is_shown_P()

    def _move_box(self, x: int, y: int, *, sizes: bool) -> None:
        if self.box is None:
            return
        room = self.plot().adjusted(-_MARGIN / 2, -_MARGIN / 2, _MARGIN / 2, _MARGIN / 2)
        self.box = (sized if sizes else moved)(self.box, x, y, room)
        self._tell_box()
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_arrow = event.key() in _ARROWS and not event.modifiers() & Qt.KeyboardModifier.ControlModifier
            if is_arrow or event.key() in (*_ENTER, Qt.Key.Key_Escape):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, has_shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in _ARROWS and self.box is not None:
            self._move_box(*_ARROWS[Qt.Key(key)], sizes=has_shift)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            row = self._legend_row + _ARROWS[Qt.Key(key)][1]
            self._legend_row = min(max(0, row), max(0, len(self.groups.names) - 1))
            self.update()
        elif key in _ENTER and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._open_first()
        elif key in _ENTER and self.box is not None:
            self.choose_points(self._in_box(), adds=has_shift)
        elif key in _ENTER:
            self.select_group(self._legend_row, adds=has_shift)
        elif key == Qt.Key.Key_Escape and self.box is not None:
            self.show_box(False)
        elif key == Qt.Key.Key_Escape:
            self.clear_selection()
        elif key not in _ARROWS:
            super().keyPressEvent(event)

    def _open_first(self) -> None:
        """Opens the case of the first point of the box, or of the selection: its frame, or else its sound."""
        held = np.flatnonzero(self._in_box() if self.box is not None else self._chosen_P)
        if len(held):
            n = len(self._at_P2) // 2
            self.opened.emit(int(held[0]) % n, bool(held[0] >= n))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        row = next((r for r in range(len(self.groups.names)) if self._legend_rect(r).contains(event.position())), None)
        if row is not None:
            self.select_group(row, adds=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            self._lasso = [event.position()]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._lasso:
            step = event.position() - self._lasso[-1]
            if abs(step.x()) + abs(step.y()) >= _LASSO_STEP_PX:
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
        adds = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if len(lasso) >= 3:
            self.update()
            self.lassoed.emit(np.array([[point.x(), point.y()] for point in [*lasso, event.position()]]), adds)
            return
        held = np.zeros(len(self._at_P2), bool)
        nearest = self._nearest(event.position())
        if nearest >= 0:
            held[nearest] = True
        self.choose_points(held, adds=adds)

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
        self._ask_for_picture()
        painter.drawPixmap(0, 0, self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_chosen = self.hasFocus() and self.box is None
        for row, (name, count) in enumerate(self.groups.counts()):
            is_lit = is_chosen and row == self._legend_row
            paint_name(painter, self._legend_rect(row), name, count, self.groups.colour(name), is_lit=is_lit)
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("muted"))
        corner = QRectF(_MARGIN, self.height() - _MARGIN - 4, self.width() - 2 * _MARGIN, 18)
        painter.drawText(corner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._note)
        if 0 <= self._hovered < len(self._at_P2):
            x, y = self.points_at()[self._hovered]
            painter.setPen(QPen(tokens.color("text"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(x, y), 8, 8)
        painter.setPen(QPen(tokens.color("accent"), 1.5))
        painter.setBrush(tokens.color("accent", 0.12))
        if len(self._lasso) > 1:
            painter.drawPolygon(QPolygonF(self._lasso))
        if self.box is not None:
            painter.drawRoundedRect(self.box, 3, 3)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 8)

    def _ask_for_picture(self) -> None:
        key = (self._version, theme.current().name, self.width(), self.height(), self.devicePixelRatioF())
        if key != self._asked:
            self._asked = key
            colours = tuple(self.groups.colour(name) for name in self.groups.names)
            self.picture_wanted.emit(
                Points(
                    key,
                    self.width(),
                    self.height(),
                    self.devicePixelRatioF(),
                    self.points_at(),
                    np.tile(self.groups.of_N, 2),
                    colours,
                    self._is_shown_P(),
                    self._chosen_P.copy(),
                )
            )

    def take_picture(self, key: object, image: QImage) -> None:
        """Takes the picture that was asked for last; an older one is passed over."""
        if key == self._asked:
            self._picture = QPixmap.fromImage(image)
            self.update()
