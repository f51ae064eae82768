"""The gallery's grid: a view of cells of one size, placed by arithmetic, so that any number of pairs scrolls smoothly.

Arrows move, Space takes a cell into the selection or out of it, Shift extends it; the mouse selects as in any file view.
"""

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyleOptionViewItem, QWidget

from annotator.views import theme
from annotator.views.review.queue_model import QueueModel, UidRole

MARGIN = 14
GAP = 10
TEXT_HEIGHT = 46  # under each frame: label and word
PADDING = 6  # between a cell's border and its frame
_HOVER_MS = 250
_OWN_KEYS = frozenset(
    (
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Space,
    )
)
Index = QModelIndex | QPersistentModelIndex
_Action = QAbstractItemView.CursorAction
_Flag = QItemSelectionModel.SelectionFlag


class GalleryGrid(QAbstractItemView):
    """`hovered` says over which pair the mouse has come to rest ("" for none); `opened` is a double click or Enter."""

    hovered = Signal(str)
    opened = Signal(str)
    current_moved = Signal(str)

    def __init__(self, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted_width = 200
        self._band: QRect | None = None
        self._hovered_uid = ""
        self.seen_uids: frozenset[str] = (
            frozenset()
        )  # in view when last painted; read by the thread that reads pictures
        self._rest = QTimer(self, singleShot=True, interval=_HOVER_MS)
        self._rest.timeout.connect(lambda: self.hovered.emit(self._hovered_uid))
        self.setModel(model)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Gallery of frames")
        theme.set_role(self, "stage")
        self.doubleClicked.connect(lambda index: self.opened.emit(index.data(UidRole)))

    # -- where cells lie -------------------------------------------------------------------------------------------

    def set_cell_width(self, width: int) -> None:
        """Takes the least width of a cell in pixels; the columns share what is left over."""
        self._wanted_width = width
        self.updateGeometries()
        self.scrollTo(self.currentIndex(), QAbstractItemView.ScrollHint.PositionAtCenter)
        self.viewport().update()

    def n_columns(self) -> int:
        return max(1, (self.viewport().width() - 2 * MARGIN + GAP) // (self._wanted_width + GAP))

    def _cell_width(self) -> int:
        n_columns = self.n_columns()
        return max(40, (self.viewport().width() - 2 * MARGIN - (n_columns - 1) * GAP) // n_columns)

    def _cell_height(self) -> int:
        return round((self._cell_width() - 2 * PADDING) * 9 / 16) + 2 * PADDING + TEXT_HEIGHT

    def _row_pitch(self) -> int:
        return self._cell_height() + GAP

    def n_cells(self) -> int:
        model = self.model()
        return 0 if model is None else model.rowCount()

    def _rect_of(self, place: int) -> QRect:
        row, column = divmod(place, self.n_columns())
        width = self._cell_width()
        y = MARGIN + row * self._row_pitch() - self.verticalOffset()
        return QRect(MARGIN + column * (width + GAP), y, width, self._cell_height())

    def _place_near(self, point: QPoint) -> int:
        """Returns the place whose row and column are nearest to a point, inside of what there is."""
        row = (point.y() + self.verticalOffset() - MARGIN) // self._row_pitch()
        column = (point.x() - MARGIN) // (self._cell_width() + GAP)
        n_columns = self.n_columns()
        place = max(0, row) * n_columns + min(max(0, column), n_columns - 1)
        return min(place, self.n_cells() - 1)

    def visible_places(self) -> range:
        """Returns the places whose cells are in view, whole or in part."""
        pitch, n_columns = self._row_pitch(), self.n_columns()
        first = max(0, (self.verticalOffset() - MARGIN) // pitch)
        last = (self.verticalOffset() + self.viewport().height() - MARGIN) // pitch
        return range(first * n_columns, min(self.n_cells(), (last + 1) * n_columns))

    # -- what QAbstractItemView asks -------------------------------------------------------------------------------

    def visualRect(self, index: Index) -> QRect:
        return self._rect_of(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:
        place = self._place_near(point)
        return self.model().index(place, 0) if place >= 0 and self._rect_of(place).contains(point) else QModelIndex()

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        if not index.isValid():
            return
        rect, bar, height = self._rect_of(index.row()), self.verticalScrollBar(), self.viewport().height()
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(bar.value() + rect.center().y() - height // 2)
        elif rect.top() < MARGIN:
            bar.setValue(bar.value() + rect.top() - MARGIN)
        elif rect.bottom() > height - MARGIN:
            bar.setValue(bar.value() + rect.bottom() - height + MARGIN)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:
        return False

    def moveCursor(self, action: _Action, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        n_cells, n_columns = self.n_cells(), self.n_columns()
        if n_cells == 0:
            return QModelIndex()
        at = self.currentIndex().row()
        if at < 0:
            return self.model().index(0, 0)
        page = max(1, self.viewport().height() // self._row_pitch()) * n_columns
        step = {
            _Action.MoveLeft: -1,
            _Action.MovePrevious: -1,
            _Action.MoveRight: 1,
            _Action.MoveNext: 1,
            _Action.MoveUp: -n_columns,
            _Action.MoveDown: n_columns,
            _Action.MovePageUp: -page,
            _Action.MovePageDown: page,
            _Action.MoveHome: -at,
            _Action.MoveEnd: n_cells - 1 - at,
        }[action]
        to = at + step
        if abs(step) == n_columns and not 0 <= to < n_cells and at // n_columns == (n_cells - 1) // n_columns:
            to = at if step > 0 else to  # below the last row there is nothing
        return self.model().index(min(max(0, to), n_cells - 1), 0)

    def setSelection(self, rect: QRect, command: _Flag) -> None:
        """Selects the cells that a drawn rectangle touches, or all between two cells, in the order of reading."""
        if self.n_cells() == 0:
            return
        model = self.model()
        selection = QItemSelection()
        if self.state() == QAbstractItemView.State.DragSelectingState:
            self._band = rect.normalized()
            for first, last in self._rows_touched(self._band):
                selection.select(model.index(first, 0), model.index(last, 0))
            self.viewport().update()
        else:
            first, last = sorted((self._place_near(rect.topLeft()), self._place_near(rect.bottomRight())))
            selection.select(model.index(first, 0), model.index(last, 0))
        self.selectionModel().select(selection, command)

    def _rows_touched(self, band: QRect) -> list[tuple[int, int]]:
        """Returns first and last place of each row's cells that the band touches."""
        n_columns, step, pitch = self.n_columns(), self._cell_width() + GAP, self._row_pitch()
        left, right = max(0, (band.left() - MARGIN + GAP) // step), min(n_columns - 1, (band.right() - MARGIN) // step)
        top = max(0, (band.top() + self.verticalOffset() - MARGIN + GAP) // pitch)
        bottom = (band.bottom() + self.verticalOffset() - MARGIN) // pitch
        found = []
        for row in range(top, min(bottom, (self.n_cells() - 1) // n_columns) + 1):
            first, last = row * n_columns + left, min(row * n_columns + right, self.n_cells() - 1)
            if first <= last:
                found.append((first, last))
        return found

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region = QRegion()
        for place in self.visible_places():
            if selection.contains(self.model().index(place, 0)):
                region += self._rect_of(place)
        return region

    def selectionCommand(self, index: Index, event: QEvent | None = None) -> _Flag:
        if isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Space:
                return _Flag.Toggle
            is_extending = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            return _Flag.ClearAndSelect | _Flag.Current if is_extending else _Flag.NoUpdate
        return super().selectionCommand(index, event)

    def updateGeometries(self) -> None:
        n_rows = -(-self.n_cells() // self.n_columns())
        height = 2 * MARGIN + n_rows * self._row_pitch() - GAP
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(max(20, self._row_pitch() // 4))
        bar.setRange(0, max(0, height - self.viewport().height()))
        super().updateGeometries()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().scroll(dx, dy)

    # -- keys, mouse and painting ----------------------------------------------------------------------------------

    def keyboardSearch(self, search: str) -> None:
        """Letters are verdicts here, not the beginning of a name."""

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
            if event.key() in _OWN_KEYS and is_plain:
                event.accept()  # else the shortcuts that seek and play would take them
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex().data(UidRole))
        else:
            super().keyPressEvent(event)

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        if current.isValid():
            self.scrollTo(current)
            self.current_moved.emit(current.data(UidRole))
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometries()
        self.scrollTo(self.currentIndex())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        self._hover("" if event.buttons() or not index.isValid() else index.data(UidRole))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._band is not None:
            self._band = None
            self.viewport().update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover("")

    def _hover(self, uid: str) -> None:
        if uid != self._hovered_uid:
            self._hovered_uid = uid
            self._rest.start()
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selection, current, delegate = self.selectionModel(), self.currentIndex(), self.itemDelegate()
        option = QStyleOptionViewItem()
        option.widget = self
        places = self.visible_places()
        self.seen_uids = frozenset(self.model().index(place, 0).data(UidRole) for place in places)
        for place in places:
            rect = self._rect_of(place)
            if not rect.intersects(event.rect()):
                continue
            index = self.model().index(place, 0)
            state = QStyle.StateFlag.State_Enabled
            if selection.isSelected(index):
                state |= QStyle.StateFlag.State_Selected
            if index == current and self.hasFocus():
                state |= QStyle.StateFlag.State_HasFocus
            if self._hovered_uid and index.data(UidRole) == self._hovered_uid:
                state |= QStyle.StateFlag.State_MouseOver
            option.rect, option.state = rect, state
            delegate.paint(painter, option, index)
        if self._band is not None:
            tokens = theme.current()
            painter.setPen(QPen(tokens.color("accent"), 1))
            painter.setBrush(tokens.color("accent", 0.12))
            painter.drawRect(QRectF(self._band).adjusted(0.5, 0.5, -0.5, -0.5))
