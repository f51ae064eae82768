"""A field over the window with the best fits below it: the palette and Go to are made of it.

It knows neither: it shows entries, moves among them, and says which was chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QCursor, QFont, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.widgets.painting import draw_key_cap, key_cap_width

_WIDTH = 620
_TOP = 64
_ROW = 38
_MOST_ROWS = 12
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Entry:
    """One fit: its text with the letters that were typed lit, what it is, its keys; `value` is for who asked."""

    text: str
    detail: str
    value: Any
    caps: tuple[str, ...] = ()
    lit: tuple[int, ...] = ()
    is_enabled: bool = True
    why_not: str = ""


class _Model(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.entries: tuple[Entry, ...] = ()

    def put(self, entries: Sequence[Entry]) -> None:
        self.beginResetModel()
        self.entries = tuple(entries)
        self.endResetModel()

    def rowCount(self, parent: _Index | None = None) -> int:
        return len(self.entries)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        is_enabled = self.entries[index.row()].is_enabled
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable if is_enabled else Qt.ItemFlag.NoItemFlags

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = (entry.text, entry.detail, " or ".join(entry.caps), "" if entry.is_enabled else "not possible now")
            return ", ".join(part for part in parts if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return entry.why_not if not entry.is_enabled else None
        return None


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(0, _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        model = index.model()
        assert isinstance(model, _Model)
        entry, tokens, box = model.entries[index.row()], theme.current(), QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if entry.is_enabled and option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(box.adjusted(6, 1, -6, -1), 6, 6)
            painter.fillRect(QRectF(box.left() + 6, box.top() + 8, 2, box.height() - 16), tokens.color("accent"))
        right = box.right() - 18
        for key in reversed(entry.caps):
            draw_key_cap(painter, right, box.center().y(), key, enabled=entry.is_enabled)
            right -= key_cap_width(key) + 5
        painter.setFont(theme.font(theme.SMALL_PX))
        metrics = QFontMetricsF(painter.font())
        detail = metrics.elidedText(entry.detail, Qt.TextElideMode.ElideRight, 190)
        painter.setPen(tokens.color("muted" if entry.is_enabled else "faint"))
        right -= 8
        aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(right - 200, box.top(), 200, box.height()), aligned, detail)
        right -= metrics.horizontalAdvance(detail) + 12
        _draw_lit(painter, entry, QRectF(box.left() + 18, box.top(), right - box.left() - 18, box.height()))
        painter.restore()


def _draw_lit(painter: QPainter, entry: Entry, box: QRectF) -> None:
    """Paints an entry's text, the letters that were typed in strong accent."""
    tokens, x = theme.current(), box.left()
    plain, strong = theme.font(), theme.font(weight=QFont.Weight.DemiBold)
    text = QFontMetricsF(plain).elidedText(entry.text, Qt.TextElideMode.ElideRight, box.width())
    lit, start = set(entry.lit), 0
    while start < len(text):
        end = start + 1
        while end < len(text) and (end in lit) == (start in lit):
            end += 1
        is_lit = start in lit and entry.is_enabled
        painter.setFont(strong if is_lit else plain)
        painter.setPen(tokens.color("accent_text" if is_lit else "text" if entry.is_enabled else "faint"))
        part = text[start:end]
        painter.drawText(QRectF(x, box.top(), box.right() - x + 2, box.height()), Qt.AlignmentFlag.AlignVCenter, part)
        x += QFontMetricsF(painter.font()).horizontalAdvance(part)
        start = end


class _Field(QLineEdit):
    moved = Signal(int)  # rows
    left = Signal()
    entered = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
        if event.key() in steps:
            self.moved.emit(steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        self.moved.emit(1 if forward else -1)
        return True


class Finder(QWidget):
    """Laid over its parent while it is open; the keyboard comes back to where it was when it closes."""

    typed = Signal(str)
    chosen = Signal(object)  # an entry's value, after the finder has closed

    def __init__(self, name: str, hint: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._before: QWidget | None = None
        self._model = _Model(self)
        self.field = _Field(placeholderText=hint)
        self.field.setAccessibleName(name)
        self.field.setToolTip(f"{hint} · Up and Down move, Enter chooses, Esc leaves")
        self.list = QListView()
        self.list.setModel(self._model)
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.setAccessibleName(f"{name}: what fits")
        self.list.setToolTip("What fits: Enter or a click chooses")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._says = QLabel()
        theme.set_role(self._says, "small")
        self._says.setContentsMargins(18, 4, 18, 4)
        self._box = QFrame(self)
        theme.set_role(self._box, "card")
        column = QVBoxLayout(self._box)
        column.setContentsMargins(1, 1, 1, 7)
        column.setSpacing(6)
        column.addWidget(self.field)
        column.addWidget(self.list)
        column.addWidget(self._says)
        theme.set_role(self.field, "finder")
        self.field.textChanged.connect(self.typed)
        self.field.moved.connect(self._move)
        self.field.entered.connect(self._choose)
        self.field.left.connect(self.close_finder)
        self.list.clicked.connect(lambda _index: self._choose())
        self.list.entered.connect(self._hover)
        self._mouse_at = QPoint()
        self.hide()

    def open_finder(self) -> None:
        """Shows an empty field; what fits it is asked for by `typed`."""
        if not self.isVisible():
            self._before = self.window().focusWidget()
        self._mouse_at = QCursor.pos()
        self.field.clear()
        self.show()
        self.raise_()
        self._place()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)
        self.typed.emit("")

    def close_finder(self) -> None:
        if self.isVisible():
            self.hide()
            (self._before or self.parentWidget()).setFocus(Qt.FocusReason.PopupFocusReason)

    def set_entries(self, entries: Sequence[Entry], says: str = "") -> None:
        """Shows what fits, the first that can be chosen under the cursor; `says` stands below them."""
        self._model.put(entries)
        self._says.setText(says)
        self._says.setVisible(bool(says))
        first = next((row for row, entry in enumerate(entries) if entry.is_enabled), None)
        if first is not None:
            self.list.setCurrentIndex(self._model.index(first))
        self._place()

    def entries(self) -> tuple[Entry, ...]:
        return self._model.entries

    def current(self) -> Entry | None:
        """Returns the entry under the cursor."""
        row = self.list.currentIndex().row()
        return self._model.entries[row] if 0 <= row < len(self._model.entries) else None

    def _move(self, rows: int) -> None:
        able = [row for row, entry in enumerate(self._model.entries) if entry.is_enabled]
        if able:
            now = self.list.currentIndex().row()
            place = able.index(now) if now in able else -1
            is_step = abs(rows) == 1
            row = able[(place + rows) % len(able)] if is_step else able[min(len(able) - 1, max(0, place + rows))]
            self.list.setCurrentIndex(self._model.index(row))

    def _hover(self, index: QModelIndex) -> None:
        """Takes the row under a mouse that moves; one that only lies there as the list opens chooses nothing."""
        if QCursor.pos() != self._mouse_at:
            self.list.setCurrentIndex(index)

    def _choose(self) -> None:
        entry = self.current()
        if entry is not None and entry.is_enabled:
            self.close_finder()
            self.chosen.emit(entry.value)

    def _place(self) -> None:
        self.setGeometry(self.parentWidget().rect())
        rows = min(_MOST_ROWS, len(self._model.entries), max(3, (self.height() - _TOP - 140) // _ROW))
        self.list.setFixedHeight(rows * _ROW)
        self.list.setVisible(rows > 0)
        width = min(_WIDTH, self.width() - 48)
        self._box.setFixedWidth(width)
        self._box.adjustSize()
        self._box.move((self.width() - width) // 2, _TOP)

    def follow_window(self) -> None:
        """The window has another size."""
        if self.isVisible():
            self._place()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.close_finder()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.current().color("bg", 0.6))
