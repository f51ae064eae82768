"""Choosing several of many names by typing: classes and videos of a filter, each with how many pairs it has."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.review.filter_chips import Chip
from annotator.views.widgets.flow import FlowLayout

_ROW = 26
_SHOWN_ROWS = 6
_OFFERED = 200  # more are never looked through: typing narrows them
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Option:
    """Something to choose: what it is kept as, what it is called and how many pairs it has."""

    key: str
    text: str
    count: int


def offered(options: Sequence[Option], typed: str, chosen: Sequence[str]) -> list[Option]:
    """Returns what fits the typed words and is not chosen yet: names that begin with them first, then the fullest."""
    words = typed.casefold().split()
    whole = typed.casefold().strip()
    fitting = [
        option
        for option in options
        if option.key not in chosen and all(word in option.text.casefold() for word in words)
    ]
    fitting.sort(key=lambda option: (not option.text.casefold().startswith(whole), -option.count, option.text))
    return fitting[:_OFFERED]


class _Options(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.options: list[Option] = []

    def show_options(self, options: list[Option]) -> None:
        self.beginResetModel()
        self.options = options
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.options)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        option = self.options[index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return option
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{option.text}, {option.count} pairs"
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return option.text
        return None


class _Rows(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(80, _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = theme.current()
        offer: Option = index.data(Qt.ItemDataRole.UserRole)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)
        is_lit = bool(option.state & QStyle.StateFlag.State_Selected)
        if is_lit or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised", 1.0 if is_lit else 0.6))
            painter.drawRoundedRect(rect.adjusted(1, 0, -1, 0), 4, 4)
        box = rect.adjusted(9, 0, -9, 0)
        painter.setFont(theme.font(theme.SMALL_PX))
        metrics = QFontMetrics(painter.font())
        count = f"{offer.count:,}".replace(",", "\u202f")
        painter.setPen(tokens.color("muted"))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, count)
        painter.setPen(tokens.color("text" if is_lit else "muted"))
        room = int(box.width() - metrics.horizontalAdvance(count) - 8)
        painter.drawText(
            box, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(offer.text, Qt.TextElideMode.ElideMiddle, room)
        )
        painter.restore()


class ChoicesField(QWidget):
    """A field with its chosen names above as chips; typing lists what fits, ↑ ↓ move in it and Enter takes it."""

    choices_changed = Signal()

    def __init__(self, name: str, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._options: tuple[Option, ...] = ()
        self._chosen: list[str] = []
        self._chips = QWidget()
        self._chip_row = FlowLayout(self._chips, spacing=4)
        self._chips.hide()
        self.field = QLineEdit(placeholderText=placeholder)
        self.field.setAccessibleName(name)
        self.field.setToolTip(f"{name}: type, choose with ↑ and ↓, take with Enter")
        self.field.textChanged.connect(self._offer)
        self.field.installEventFilter(self)
        self._model = _Options(self)
        self.list = QListView()
        self.list.setModel(self._model)
        self.list.setItemDelegate(_Rows(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setAccessibleName(f"{name}: what fits")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.clicked.connect(lambda index: self._take(index.row()))
        self.list.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._chips)
        column.addWidget(self.field)
        column.addWidget(self.list)
        self.setFocusProxy(self.field)

    def set_options(self, options: Sequence[Option]) -> None:
        self._options = tuple(options)
        self._show_chips()
        self._offer()

    def set_chosen(self, keys: Sequence[str]) -> None:
        """Shows what is chosen without announcing it."""
        if list(keys) != self._chosen:
            self._chosen = list(keys)
            self._show_chips()
            self._offer()

    def chosen(self) -> tuple[str, ...]:
        return tuple(self._chosen)

    def offered_texts(self) -> list[str]:
        return [option.text for option in self._model.options]

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn:
            self._offer()
        elif event.type() == QEvent.Type.FocusOut:
            self.list.hide()
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._take_key(event)
        return False

    def _take_key(self, event: QKeyEvent) -> bool:
        key, row = event.key(), self.list.currentIndex().row()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self._model.options:
            step = 1 if key == Qt.Key.Key_Down else -1
            self._light(min(max(0, row + step), len(self._model.options) - 1))
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(row)
            return True
        if key == Qt.Key.Key_Escape and self.field.text():
            self.field.clear()
            return True
        if key == Qt.Key.Key_Backspace and not self.field.text() and self._chosen:
            self._drop(self._chosen[-1])
            return True
        return False

    def _offer(self) -> None:
        found = offered(self._options, self.field.text(), self._chosen)
        self._model.show_options(found)
        self.list.setFixedHeight(min(len(found), _SHOWN_ROWS) * _ROW + 2)
        self.list.setVisible(bool(found) and self.field.hasFocus())
        if found:
            self._light(0)

    def _light(self, row: int) -> None:
        index = self._model.index(row)
        self.list.setCurrentIndex(index)
        self.list.scrollTo(index)

    def _take(self, row: int) -> None:
        if 0 <= row < len(self._model.options):
            self._chosen.append(self._model.options[row].key)
            self.field.clear()
            self._show_chips()
            self._offer()
            self.choices_changed.emit()

    def _drop(self, key: str) -> None:
        self._chosen.remove(key)
        self._show_chips()
        self._offer()
        self.choices_changed.emit()

    def _show_chips(self) -> None:
        self._chip_row.clear()
        names = {option.key: option.text for option in self._options}
        for key in self._chosen:
            chip = Chip(names.get(key, key), f"Take {names.get(key, key)} out of the filter")
            chip.removed.connect(lambda dropped=key: self._drop(dropped))
            self._chip_row.addWidget(chip)
        self._chips.setVisible(bool(self._chosen))
        self._chips.updateGeometry()
