"""Says in the right panel that evidence is hidden, and after the verdict that it shows now."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.widgets.section import SectionHead

_DECIDED = {"accept": "You accepted.", "reject": "You rejected.", "unsure": "You were unsure.", "skip": "You skipped."}


class BlindCard(QFrame):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._head = SectionHead("Blind")
        self._text = QLabel(wordWrap=True)
        self._goes_on = ""
        theme.set_role(self._text, "small")
        head = QHBoxLayout()
        head.addWidget(self._head, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._text)
        self.set_hidden()

    def set_keys(self, goes_on: str) -> None:
        """Tells which key goes on to the next pair, "" where none does."""
        self._goes_on = goes_on

    def set_hidden(self) -> None:
        self._write("Blind", "What the detector, the model and other reviewers say shows after your verdict.")

    def set_revealed(self, decision: str = "") -> None:
        """`decision` is the blind verdict, which stays in the history whatever follows; "" where none was given."""
        if not decision:
            self._write("Shown", "A verdict that is given now is not blind.")
            return
        leave = f"Go on with {self._goes_on}" if self._goes_on else "Go on to the next pair"
        self._write(
            "Revealed", f"{_DECIDED.get(decision, '')} {leave}, or decide again: both verdicts are kept.".strip()
        )

    def text(self) -> str:
        return self._text.text()

    def _write(self, head: str, text: str) -> None:
        self._head.setText(head)
        self._text.setText(text)
        self.setAccessibleName(f"{head}: {text}")
