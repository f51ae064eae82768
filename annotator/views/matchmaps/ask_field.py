"""A question: a word that is typed, or said to the microphone."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings


class AskField(QWidget):
    """`asked` carries what was typed and confirmed; a sentence below says what came of it."""

    asked = Signal(str)
    say_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = _Field()
        self.field.setPlaceholderText("type a word and press Enter")
        self.field.setAccessibleName("Word to look for")
        self.field.returnPressed.connect(self._ask)
        self.say = QPushButton("Say")
        self.say.setAccessibleName("Say a word to the microphone")
        self.say.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.say.clicked.connect(self.say_requested)
        self._told = QLabel(wordWrap=True)
        theme.set_role(self._told, "small")
        self._told.hide()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        row.addWidget(self.say)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._told)

    def show_keys(self, keys: KeyBindings) -> None:
        self.field.setToolTip(keys.tip("matchmaps.ask", "A word that is looked for in every frame"))
        self.say.setToolTip(keys.tip("matchmaps.say", "Say a word: the microphone listens for three seconds"))

    def tell(self, sentence: str, *, is_error: bool = False, is_busy: bool = False) -> None:
        """Says below the field what is going on; '' says nothing."""
        theme.set_role(self._told, "bad" if is_error else "small")
        self._told.setText(sentence)
        self._told.setVisible(bool(sentence))
        self.say.setEnabled(not is_busy)

    def told(self) -> str:
        return self._told.text()

    def _ask(self) -> None:
        text = self.field.text().strip()
        if text:
            self.asked.emit(text)


class _Field(QLineEdit):
    """Escape leaves it to the keys of the workspace."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.clearFocus()
        else:
            super().keyPressEvent(event)
