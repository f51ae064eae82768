"""The card of keys that `?` lays over the window: what every key of the workspace in view does, from the live keymap."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from annotator.keymap import ACTIONS, EVERYWHERE, Action
from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.widgets.painting import draw_key_cap, key_cap_width

_ROWS = (24, 22, 20)  # heights of a row: lower ones where the window would not hold the card
_HEAD = 30
_GAP = 12  # above each group but the first of a column
_COLUMN = 356
_BETWEEN = 28
_PADDING = 24
_TITLE = 40
_MOST_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    actions: tuple[Action, ...]

    def height(self, row: int) -> int:
        return _HEAD + row * len(self.actions) + _GAP


def groups_of(workspace: str) -> list[Group]:
    """Returns the groups of a workspace's actions and those that work everywhere, in the keymap's order."""
    found: dict[str, list[Action]] = {}
    for action in ACTIONS.values():
        if action.workspace in (workspace, EVERYWHERE):
            found.setdefault(action.group, []).append(action)
    return [Group(name, tuple(actions)) for name, actions in found.items()]


def in_columns(
    groups: list[Group], most_height: int, most_columns: int = _MOST_COLUMNS
) -> tuple[list[list[Group]], int]:
    """Returns the groups in as few columns as are no higher than `most_height`, as even as can be, and the rows' height.

    Rows are made lower before there are more columns than `most_columns`.
    """
    for row in _ROWS:
        for n_columns in range(1, most_columns + 1):
            best = _evenest(groups, n_columns, row)
            if _height(best, row) <= most_height:
                return best, row
    return best, row


def _height(columns: list[list[Group]], row: int) -> int:
    return max(sum(group.height(row) for group in column) for column in columns)


def _evenest(groups: list[Group], n_columns: int, row: int) -> list[list[Group]]:
    if n_columns == 1 or len(groups) <= 1:
        return [groups]
    found = [[groups[:cut], *_evenest(groups[cut:], n_columns - 1, row)] for cut in range(1, len(groups))]
    return min(found, key=lambda columns: _height(columns, row))


class KeysCard(QWidget):
    """The keys, laid over the window; any key or click takes the card away."""

    def __init__(self, bindings: KeyBindings, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._bindings = bindings
        self._before: QWidget | None = None
        self._columns: list[list[Group]] = []
        self._row = _ROWS[0]
        self._title = ""
        self._workspace = ""
        bindings.changed.connect(self.update)
        parent.installEventFilter(self)  # the card is laid out for the window as it is
        self.hide()

    def toggle(self, workspace: str) -> None:
        """Shows the keys of a workspace ("Review"; '' on the start page), or takes them away."""
        if self.isVisible():
            self.close_card()
        else:
            self.open_card(workspace)

    def open_card(self, workspace: str) -> None:
        self._before, self._workspace = self.window().focusWidget(), workspace
        self._lay_out()
        self.show()
        self.raise_()
        self.setFocus()

    def _lay_out(self) -> None:
        workspace = self._workspace
        self.setGeometry(self.parentWidget().rect())
        groups = [Group(group.name, tuple(filter(self._keys, group.actions))) for group in groups_of(workspace.lower())]
        groups = [group for group in groups if group.actions]
        room = (self.width() - 2 * _PADDING - 16 + _BETWEEN) // (_COLUMN + _BETWEEN)
        height = self.height() - 2 * _PADDING - _TITLE - 16
        self._columns, self._row = in_columns(groups, height, min(_MOST_COLUMNS, max(1, room)))
        self._title = f"Keys of {workspace}" if workspace else "Keys"
        self.setAccessibleName(self._title)
        rows = [f"{', '.join(self._keys(a))}: {a.text}" for group in groups for a in group.actions if self._keys(a)]
        self.setAccessibleDescription("; ".join(rows))
        self.update()

    def close_card(self) -> None:
        self.hide()
        (self._before or self.parentWidget()).setFocus()

    def box_size(self) -> QSize:
        """Returns the size of the card itself, which is laid in the middle."""
        n_columns = len(self._columns)
        width = n_columns * _COLUMN + (n_columns - 1) * _BETWEEN + 2 * _PADDING
        return QSize(width, _height(self._columns, self._row) - _GAP + 2 * _PADDING + _TITLE)

    def _keys(self, action: Action) -> tuple[str, ...]:
        return self._bindings.shown_keys(action.id)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._lay_out()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        is_escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if is_escape and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # it takes the card away, and nothing that lies below
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() not in (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta):
            self.close_card()  # a modifier may be the beginning of Ctrl+K

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.close_card()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), tokens.color("bg", 0.78))
        size = self.box_size()
        left, top = round((self.width() - size.width()) / 2), round((self.height() - size.height()) / 2)
        painter.setPen(QPen(tokens.color("line"), 1))
        painter.setBrush(tokens.color("panel"))
        painter.drawRoundedRect(QRectF(left + 0.5, top + 0.5, size.width(), size.height()), 8, 8)
        head = QRectF(left + _PADDING, top + _PADDING - 6, size.width() - 2 * _PADDING, 26)
        painter.setFont(theme.font(theme.TITLE_PX, painter.font().Weight.DemiBold))
        painter.setPen(tokens.color("text"))
        painter.drawText(head, Qt.AlignmentFlag.AlignVCenter, self._title)
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("muted"))
        change = self._bindings.text("app.settings")
        says = "any key closes this" + (f" · change them in Settings ({change})" if change else "")
        painter.drawText(head, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, says)
        x = left + _PADDING
        for column in self._columns:
            self._paint_column(painter, column, x, top + _PADDING + _TITLE)
            x += _COLUMN + _BETWEEN

    def _paint_column(self, painter: QPainter, column: list[Group], x: int, y: int) -> None:
        tokens = theme.current()
        for group in column:
            painter.setFont(theme.section_font())
            painter.setPen(tokens.color("muted"))
            painter.drawText(QRectF(x, y, _COLUMN, _HEAD - 6), Qt.AlignmentFlag.AlignVCenter, group.name)
            y += _HEAD
            for action in group.actions:
                keys = self._keys(action)
                right = float(x + _COLUMN)
                for key in reversed(keys):
                    draw_key_cap(painter, right, y + self._row / 2, key)
                    right -= key_cap_width(key) + 4
                painter.setFont(theme.font())
                painter.setPen(tokens.color("text" if keys else "muted"))
                metrics = QFontMetricsF(painter.font())
                text = metrics.elidedText(action.text, Qt.TextElideMode.ElideRight, right - x - 8)
                painter.drawText(QRectF(x, y, right - x, self._row), Qt.AlignmentFlag.AlignVCenter, text)
                y += self._row
            y += _GAP
