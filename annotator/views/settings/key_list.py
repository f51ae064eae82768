"""The list of all actions with their keys: headings by workspace, caps at the right, conflicts said in the row."""

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from annotator.keymap import ACTIONS, Action
from annotator.views import theme
from annotator.views.key_bindings import KeyBindings, shown_key
from annotator.views.widgets.painting import draw_glyph, draw_key_cap, key_cap_width

PLACES = {
    "review": "Review",
    "matchmaps": "Matchmaps",
    "retrieval": "Retrieval",
    "runs": "Runs",
    "data": "Data",
    "app": "Everywhere",
}
_ROW = 34
_HEAD = 40
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Row:
    """A heading (no action) or an action."""

    heading: str
    action: Action | None = None


class KeyListModel(QAbstractListModel):
    """All actions under headings, or those that fit what is searched for: words of the text, or a key."""

    def __init__(self, bindings: KeyBindings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bindings = bindings
        self._rows: list[Row] = []
        self._conflicts: dict[str, list[tuple[str, str]]] = {}
        self._search = ""
        self._only_conflicts = False
        self.refresh()

    def search(self, text: str, *, only_conflicts: bool = False) -> None:
        self._search, self._only_conflicts = text.strip().lower(), only_conflicts
        self.refresh()

    def refresh(self) -> None:
        """Reads the keymap again."""
        self.beginResetModel()
        self._conflicts = {}
        for conflict in self._bindings.keymap.conflicts():
            for id in conflict.actions:
                others = [other for other in conflict.actions if other != id]
                self._conflicts.setdefault(id, []).extend((conflict.key, other) for other in others)
        self._rows, heading = [], ""
        for action in ACTIONS.values():
            if not self._fits(action):
                continue
            place = PLACES[action.workspace]
            name = place if action.group == place else f"{place} · {action.group}"
            if name != heading:
                heading = name
                self._rows.append(Row(heading))
            self._rows.append(Row(heading, action))
        self.endResetModel()

    def _fits(self, action: Action) -> bool:
        if self._only_conflicts and action.id not in self._conflicts:
            return False
        text = f"{action.text} {PLACES[action.workspace]} {action.group}".lower()
        keys = [key.lower() for key in (*self._bindings.keymap.keys_of(action.id), *self._shown(action))]
        return all(word in text for word in self._search.split()) or self._search in keys

    def _shown(self, action: Action) -> tuple[str, ...]:
        return self._bindings.shown_keys(action.id)

    def row(self, number: int) -> Row:
        return self._rows[number]

    def row_of(self, id: str) -> int | None:
        return next((n for n, row in enumerate(self._rows) if row.action is not None and row.action.id == id), None)

    def conflicts_of(self, id: str) -> list[tuple[str, str]]:
        """Returns the keys of an action that another has too, each with the other's id."""
        return self._conflicts.get(id, [])

    def n_conflicts(self) -> int:
        return len(self._bindings.keymap.conflicts())

    def rowCount(self, parent: _Index | None = None) -> int:
        return len(self._rows)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        if self._rows[index.row()].action is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.heading if row.action is None else row.action.text
        if role == Qt.ItemDataRole.AccessibleTextRole and row.action is not None:
            keys = " or ".join(self._shown(row.action)) or "no key"
            met = self.conflict_text(row.action.id)
            return f"{row.action.text}: {keys}" + (f". {met}" if met else "")
        return None

    def conflict_text(self, id: str) -> str:
        """Returns what an action's keys also do, '' where they do nothing else."""
        found = self.conflicts_of(id)
        return "; ".join(f"{shown_key(key)} also: {ACTIONS[other].text}" for key, other in found)


class _Delegate(QStyledItemDelegate):
    def __init__(self, bindings: KeyBindings, model: KeyListModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._bindings, self._model = bindings, model

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(0, _HEAD if self._model.row(index.row()).action is None else _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row, tokens = self._model.row(index.row()), theme.current()
        box = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row.action is None:
            painter.setFont(theme.section_font())
            painter.setPen(tokens.color("muted"))
            painter.drawText(box.adjusted(12, 12, -12, 0), Qt.AlignmentFlag.AlignVCenter, row.heading)
        else:
            self._paint_action(painter, option, box, row.action)
        painter.restore()

    def _paint_action(self, painter: QPainter, option: QStyleOptionViewItem, box: QRectF, action: Action) -> None:
        tokens = theme.current()
        if option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(box.adjusted(4, 1, -4, -1), 6, 6)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(QRectF(box.left(), box.top() + 6, 2, box.height() - 12), tokens.color("accent"))
        right = box.right() - 16
        keys = self._bindings.shown_keys(action.id)
        for key in reversed(keys):
            draw_key_cap(painter, right, box.center().y(), key)
            right -= key_cap_width(key) + 5
        if not keys:
            painter.setFont(theme.font(theme.SMALL_PX))
            painter.setPen(tokens.color("muted"))
            painter.drawText(
                box.adjusted(0, 0, -16, 0), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, "—"
            )
            right -= 20
        painter.setFont(theme.font())
        metrics = QFontMetricsF(painter.font())
        left = box.left() + 16
        if self._bindings.keymap.is_changed(action.id):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("accent"))
            painter.drawEllipse(QRectF(box.left() + 7, box.center().y() - 2, 4, 4))
        painter.setPen(tokens.color("text"))
        painter.drawText(QRectF(left, box.top(), 420, box.height()), Qt.AlignmentFlag.AlignVCenter, action.text)
        met = self._model.conflict_text(action.id)
        if met:
            left += metrics.horizontalAdvance(action.text) + 16
            draw_glyph(
                painter, "warning", QRectF(left, box.center().y() - 6, 12, 12), tokens.color("reject"), width=1.4
            )
            painter.setFont(theme.font(theme.SMALL_PX))
            painter.setPen(QPen(tokens.color("reject")))
            room = right - left - 22
            met = QFontMetricsF(painter.font()).elidedText(met, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRectF(left + 17, box.top(), room, box.height()), Qt.AlignmentFlag.AlignVCenter, met)


class KeyList(QListView):
    """Enter or a double click asks for a new key, + for one more, Delete for none."""

    chosen = Signal(str)  # an action's id, '' for none
    change_requested = Signal()
    add_requested = Signal()
    clear_requested = Signal()

    def __init__(self, bindings: KeyBindings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.keys = KeyListModel(bindings, self)
        self.setModel(self.keys)
        self.setItemDelegate(_Delegate(bindings, self.keys, self))
        self.setAccessibleName("Actions and their keys")
        self.setToolTip("Enter: press a new key · +: one more key · Delete: no key")
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.doubleClicked.connect(lambda _index: self.change_requested.emit())
        self.selectionModel().currentChanged.connect(lambda _now, _before: self.chosen.emit(self.chosen_id()))

    def chosen_id(self) -> str:
        index = self.currentIndex()
        action = self.keys.row(index.row()).action if index.isValid() else None
        return action.id if action is not None else ""

    def choose(self, id: str) -> None:
        """Puts the cursor on an action, or on the first where it is not listed."""
        row = self.keys.row_of(id)
        row = row if row is not None else (1 if self.keys.rowCount() > 1 else None)
        if row is not None:
            self.setCurrentIndex(self.keys.index(row))
        else:
            self.chosen.emit("")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.change_requested.emit()
            case Qt.Key.Key_Plus | Qt.Key.Key_Insert:
                self.add_requested.emit()
            case Qt.Key.Key_Delete | Qt.Key.Key_Backspace:
                self.clear_requested.emit()
            case _:
                super().keyPressEvent(event)
