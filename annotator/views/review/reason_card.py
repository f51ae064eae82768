"""Why a pair is rejected: six reasons with their digits, for the keyboard and the mouse alike."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from annotator.store.records import REASONS
from annotator.views.review.card import Card
from annotator.views.review.press_rows import Line, PressRows

_MEANS = {
    "not seen": "the food is not in the frame",
    "not said": "the word is not in the sound",
    "other meaning": "the word means something else here",
    "too far apart in time": "seen and said, but not together",
    "wrong crop": "seen, but outside of what the model sees",
    "misheard": "the recogniser heard another word",
}
_WIDTH = 380


class ReasonCard(Card):
    """Emits the reason that was chosen; Escape leaves the pair without a verdict."""

    reason_chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Reject because it is …", parent)
        self.rows = PressRows("Reasons to reject", tip="Reject with this reason")
        self.rows.set_lines(
            [
                Line(f"{number}  {reason}", note=_MEANS.get(reason, ""), tip=_MEANS.get(reason, ""))
                for number, reason in enumerate(REASONS, start=1)
            ]
        )
        self.rows.setMinimumWidth(_WIDTH)
        self.rows.pressed.connect(self._choose)
        self.column.addWidget(self.rows)
        self.setAccessibleDescription("; ".join(f"{n} {reason}" for n, reason in enumerate(REASONS, start=1)))

    def take_focus(self) -> None:
        self.rows.go_to(0)
        self.rows.setFocus(Qt.FocusReason.PopupFocusReason)

    def wants(self, event: QKeyEvent) -> bool:
        return super().wants(event) or self._row_of(event) is not None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self._row_of(event)
        if row is None:
            super().keyPressEvent(event)
        else:
            self._choose(row)

    def _choose(self, row: int) -> None:
        self.leave()
        self.reason_chosen.emit(REASONS[row])

    def _row_of(self, event: QKeyEvent) -> int | None:
        digit = event.text()
        return int(digit) - 1 if len(digit) == 1 and digit in "123456789"[: len(REASONS)] else None
