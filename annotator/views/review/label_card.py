"""The right label for a pair whose food was named wrongly: typed, with the food words and the project's classes below.

Enter accepts the pair with the label that is lit; Escape leaves it as it was.
"""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from annotator.views.review.card import Card
from annotator.views.review.press_rows import Line, PressRows

_SHOWN = 7
_WIDTH = 320


def suggestions(typed: str, classes: Sequence[str], nouns: Sequence[str], n: int = _SHOWN) -> list[str]:
    """Returns labels for what was typed: the project's classes before the food words, beginnings before other hits.

    Without anything typed the project's classes stand there. Each word typed must begin a word of the label.
    """
    wanted = typed.casefold().split()
    known = dict.fromkeys([*classes, *nouns])
    if not wanted:
        return list(dict.fromkeys(classes))[:n]

    def fits(name: str) -> bool:
        words = name.casefold().split()
        return all(any(word.startswith(part) for word in words) for part in wanted)

    text = " ".join(wanted)
    hits = [name for name in known if fits(name)]
    hits.sort(key=lambda name: (name.casefold() != text, not name.casefold().startswith(text)))  # stable: classes first
    return hits[:n]


class _LabelField(QLineEdit):
    """The arrows and Enter are for the list below."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            event.ignore()
        else:
            super().keyPressEvent(event)


class LabelCard(Card):
    """Emits the label that the pair is accepted with."""

    label_chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Accept it as …", parent)
        self._classes: tuple[str, ...] = ()
        self._nouns: tuple[str, ...] = ()
        self._shown: list[str] = []
        self._lit = 0
        self.field = _LabelField(placeholderText="Type the food that is seen and said")
        self.field.setAccessibleName("The right label")
        self.field.setMinimumWidth(_WIDTH)
        self.field.textChanged.connect(lambda _text: self._suggest())
        self.rows = PressRows("Labels", tip="Accept the pair with this label")
        self.rows.pressed.connect(lambda row: self._choose(self._shown[row]))
        self.column.addWidget(self.field)
        self.column.addWidget(self.rows)

    def set_words(self, classes: Sequence[str], nouns: Sequence[str]) -> None:
        """Takes the project's classes and the food words that are not among them."""
        self._classes, self._nouns = tuple(classes), tuple(nouns)

    def ask(self, over: QWidget, label: str) -> None:
        """Opens with the label that the pair has now, marked, so that typing replaces it."""
        self.set_title(f"Accept “{label}” as …" if label else "Accept it as …")
        self.field.setText("")
        self._suggest()
        self.open_over(over)

    def take_focus(self) -> None:
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def shown(self) -> list[str]:
        """Returns the labels that are offered now, the lit one by `lit`."""
        return list(self._shown)

    def lit(self) -> str:
        return self._shown[self._lit] if self._shown else ""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.lit():
                self._choose(self.lit())
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._shown:
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            self._lit = (self._lit + step) % len(self._shown)
            self._light()
        else:
            super().keyPressEvent(event)

    def _suggest(self) -> None:
        typed = " ".join(self.field.text().casefold().split())
        self._shown = suggestions(typed, self._classes, self._nouns)
        if typed and typed not in self._shown:  # what no list has can be said all the same, behind what the lists have
            self._shown = [*self._shown[: _SHOWN - 1], typed]
        self._lit = 0
        self._light()
        if self.isVisible():
            self.place()

    def _light(self) -> None:
        known = {*self._classes, *self._nouns}
        self.rows.set_lines(
            [
                Line(
                    name,
                    note="" if name in self._classes else "food word" if name in known else "a label of your own",
                    right="Enter" if row == self._lit else "",
                    is_lit=row == self._lit,
                )
                for row, name in enumerate(self._shown)
            ]
        )
        self.rows.setAccessibleDescription(f"Enter accepts as {self.lit()}" if self._shown else "")

    def _choose(self, label: str) -> None:
        self.leave()
        self.label_chosen.emit(label)
