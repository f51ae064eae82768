"""Saved filters and selections, listed by name: press one to use it, its cross to forget it, type a name to save."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import draw_focus_ring, glyph_icon


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved filter, or a selection of pairs that another workspace sent; `note` is said after its name."""

    kind: Literal["filter", "selection"]
    name: str
    note: str = ""


class _Row(PaintedButton):
    """The name of something saved, as wide as the list."""

    def __init__(self, saved: Saved, is_used: bool, parent: QWidget | None = None) -> None:
        super().__init__(saved.name, parent)
        self._saved, self._is_used = saved, is_used
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(f"Show the pairs of the {saved.kind} “{saved.name}”")
        self.setAccessibleName(f"{saved.kind} {saved.name} {saved.note}".strip())

    def sizeHint(self) -> QSize:
        return QSize(120, 28)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse() or self._is_used:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(QRectF(self.rect()), 5, 5)
        painter.setFont(theme.font(theme.SMALL_PX))
        metrics = QFontMetrics(painter.font())
        box = QRectF(self.rect()).adjusted(8, 0, -8, 0)
        painter.setPen(tokens.color("muted"))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._saved.note)
        painter.setPen(tokens.color("accent_text" if self._is_used else "text"))
        room = int(box.width() - metrics.horizontalAdvance(self._saved.note) - 8)
        text = metrics.elidedText(self._saved.name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 5)


class _NameField(QLineEdit):
    """Enter saves; Escape leaves a name that was begun, and only then the drawer."""

    entered = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.text().strip():
                self.entered.emit(self.text().strip())
                self.clear()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class SavedList(QWidget):
    """`chosen` and `deleted` carry a Saved; `save_requested` the name for the filter in force."""

    chosen = Signal(object)
    deleted = Signal(object)
    save_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[Saved, ...] = ()
        self._used = ""
        self._rows = QVBoxLayout()
        self._rows.setSpacing(2)
        self._none = QLabel("Nothing is saved yet. Filter, then name the filter here.", wordWrap=True)
        theme.set_role(self._none, "small")
        self.name = _NameField(placeholderText="Save this filter as…")
        self.name.setAccessibleName("Name of the filter to save")
        self.name.setToolTip("Name the filter in force and keep it in the project (Enter)")
        self.name.entered.connect(self.save_requested)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self._rows)
        column.addWidget(self._none)
        column.addWidget(self.name)

    def set_entries(self, entries: Sequence[Saved], *, used: str = "") -> None:
        """Lists what is saved; `used` is the name of the one in force."""
        if (tuple(entries), used) == (self._entries, self._used):
            return
        self._entries, self._used = tuple(entries), used
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for saved in entries:
            self._rows.addWidget(self._row(saved, saved.name == used))
        self._none.setVisible(not entries)

    def set_can_save(self, can_save: bool) -> None:
        """Without a filter in force there is nothing to name."""
        self.name.setEnabled(can_save)

    def names(self) -> list[str]:
        return [saved.name for saved in self._entries]

    def row(self, name: str) -> tuple[QAbstractButton, QAbstractButton]:
        """Returns the buttons that use and forget something saved."""
        item = self._rows.itemAt(self.names().index(name))
        widget = item.widget() if item is not None else None
        assert widget is not None
        use, forget = widget.findChildren(QAbstractButton)
        return use, forget

    def _row(self, saved: Saved, is_used: bool) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(2)
        name = _Row(saved, is_used)
        name.clicked.connect(lambda: self.chosen.emit(saved))
        delete = _Cross(saved)
        delete.clicked.connect(lambda: self.deleted.emit(saved))
        line.addWidget(name, 1)
        line.addWidget(delete)
        return row


class _Cross(QToolButton):
    def __init__(self, saved: Saved) -> None:
        super().__init__()
        theme.set_role(self, "plain")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(f"Forget the {saved.kind} “{saved.name}”")
        self.setAccessibleName(f"Forget {saved.kind} {saved.name}")
        self.setIcon(glyph_icon("close", "muted"))
        self.setFixedWidth(26)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self.setIcon(glyph_icon("close", "muted"))
