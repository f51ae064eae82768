"""A comment on the pair, written in place: Enter keeps it, Enter alone writes none, Escape leaves."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from annotator.views.review.card import Card

_WIDTH = 420
_LONGEST = 2000


class _Line(QLineEdit):
    """Enter and Escape are the card's."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            event.ignore()
        else:
            super().keyPressEvent(event)


class CommentCard(Card):
    """Emits the text of a comment that was written."""

    commented = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Comment", parent)
        self.field = _Line(placeholderText="What others should know of this pair")
        self.field.setAccessibleName("Comment on this pair")
        self.field.setMaxLength(_LONGEST)
        self.field.setMinimumWidth(_WIDTH)
        self.column.addWidget(self.field)

    def ask(self, over: QWidget) -> None:
        self.field.clear()
        self.open_over(over)

    def take_focus(self) -> None:
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            text = self.field.text().strip()
            self.leave()
            if text:
                self.commented.emit(text)
        else:
            super().keyPressEvent(event)
