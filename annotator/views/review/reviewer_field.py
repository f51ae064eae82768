"""The reviewer's name as a pill that becomes a field when pressed."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from annotator.views.widgets.pill import Pill


class _NameField(QLineEdit):
    finished = Signal(bool)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self.finished.emit(event.key() != Qt.Key.Key_Escape)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if self.isVisible():
            self.finished.emit(True)


class ReviewerField(QWidget):
    """Shows who reviews; an empty name is not taken."""

    name_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ""
        self.pill = Pill("", checkable=False)
        self.pill.setToolTip("Whose verdicts these are; press to change the name")
        self.pill.clicked.connect(self._edit)
        self.field = _NameField(maxLength=80)
        self.field.setAccessibleName("Reviewer's name")
        self.field.finished.connect(self._finish)
        self.field.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.pill)
        row.addWidget(self.field, 1)
        row.addStretch(0)
        self.setMinimumHeight(32)

    def set_name(self, name: str) -> None:
        self._name = name
        short = name if len(name) <= 24 else name[:23] + "…"
        self.pill.setText(f"reviewer {short}")
        self.pill.setAccessibleName(f"Reviewer {name}, press to change")

    def name(self) -> str:
        return self._name

    def _edit(self) -> None:
        self.field.setText(self._name)
        self.pill.hide()
        self.field.show()
        self.field.selectAll()
        self.field.setFocus()

    def _finish(self, is_kept: bool) -> None:
        name = self.field.text().strip()
        had_focus = self.field.hasFocus()
        self.field.hide()
        self.pill.show()
        if had_focus:
            self.window().setFocus()
        if is_kept and name and name != self._name:
            self.set_name(name)
            self.name_changed.emit(name)
