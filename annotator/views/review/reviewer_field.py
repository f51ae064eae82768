"""The reviewer's name as a pill: pressed it lists the project's reviewers to change to, and takes a new name."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QWidget

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
    """Shows who reviews; an empty name is not taken. With a role the name is the database server's and stays."""

    name_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._role = "", ""
        self._names: tuple[str, ...] = ()
        self.pill = Pill("", checkable=False)
        self.pill.clicked.connect(self._press)
        self.field = _NameField(maxLength=80, placeholderText="Name")
        self.field.setAccessibleName("Reviewer's name")
        self.field.finished.connect(self._finish)
        self.field.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.pill)
        row.addWidget(self.field, 1)
        row.addStretch(0)
        self.setMinimumHeight(32)
        self._say()

    def set_name(self, name: str) -> None:
        self._name = name
        self._say()

    def set_names(self, names: Sequence[str]) -> None:
        """Takes the project's reviewers: with others than the one shown a press lists them."""
        self._names = tuple(names)

    def set_role(self, role: str) -> None:
        """Takes who the database's server says we are; "" where names are free."""
        self._role = role
        if role:
            self._name = role
        self._say()

    def name(self) -> str:
        return self._name

    def choices(self) -> tuple[str, ...]:
        """Returns the names that a press lists; none where it asks for a name at once."""
        others = [name for name in self._names if name != self._name]
        return () if self._role or not others else tuple(sorted({*others, self._name}, key=str.casefold))

    def choose(self, name: str) -> None:
        if name and name != self._name and not self._role:
            self.set_name(name)
            self.name_changed.emit(name)

    def _say(self) -> None:
        short = self._name if len(self._name) <= 24 else self._name[:23] + "…"
        self.pill.setText(f"reviewer {short}")
        if self._role:
            self.pill.setToolTip("Whose verdicts these are: your role on the database's server")
            self.pill.setAccessibleName(f"Reviewer {self._name}, the database's role")
        else:
            self.pill.setToolTip("Whose verdicts these are; press to change")
            self.pill.setAccessibleName(f"Reviewer {self._name}, press to change")

    def _press(self) -> None:
        names = self.choices()
        if self._role:
            return
        if not names:
            self._edit(self._name)
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in names:
            action = menu.addAction(name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(name == self._name)
            action.triggered.connect(lambda _on=False, name=name: self.choose(name))
        menu.addSeparator()
        menu.addAction("Another name…").triggered.connect(lambda: self._edit(""))
        at = self.pill.mapToGlobal(self.pill.rect().topLeft())
        menu.popup(at)

    def _edit(self, text: str) -> None:
        self.field.setText(text)
        self.pill.hide()
        self.field.show()
        self.field.selectAll()
        self.field.setFocus()

    def _finish(self, is_kept: bool) -> None:
        name = " ".join(self.field.text().split())
        had_focus = self.field.hasFocus()
        self.field.hide()
        self.pill.show()
        if had_focus:
            self.window().setFocus()
        if is_kept:
            self.choose(name)
