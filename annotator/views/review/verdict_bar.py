"""Under the time axis: the four verdicts with their keys, and how many are done of all."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from annotator.store.records import Decision, QueueCounts
from annotator.views import theme
from annotator.views.review.keys import KEYS, shown_keys
from annotator.views.widgets.bar import ProgressLine
from annotator.views.widgets.key_button import KeyButton
from annotator.views.widgets.painting import Glyph

_BUTTONS: tuple[tuple[Decision, str, str, Glyph | None], ...] = (
    ("accept", "Accept", "accept", "accept"),
    ("reject", "Reject", "reject", "reject"),
    ("unsure", "Unsure", "unsure", "unsure"),
    ("skip", "Skip", "muted", None),
)


def time_left(n_pending: int, median_s: float | None) -> str:
    """Returns how long the rest will take at this pace, in words; nothing where it cannot be told."""
    if n_pending == 0:
        return "all done"
    if not median_s:
        return f"{grouped(n_pending)} left"
    seconds = n_pending * median_s
    if seconds < 90:
        return f"{max(1, round(seconds))} s left"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min left"
    return f"{seconds / 3600:.1f} h left"


def grouped(number: int) -> str:
    """Returns a whole number with narrow spaces between thousands."""
    return f"{number:,}".replace(",", "\u202f")


class VerdictBar(QFrame):
    """Says which verdict was pressed; shows progress."""

    decided = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-bottom")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 14, 16, 14)
        row.setSpacing(10)
        self.buttons: dict[str, KeyButton] = {}
        for decision, text, token, glyph in _BUTTONS:
            shown, meaning = shown_keys(decision), KEYS[decision][1]
            button = KeyButton(text, shown[0], token=token, glyph=glyph)
            button.setToolTip(f"{meaning} ({' or '.join(shown)})")
            button.clicked.connect(lambda _checked=False, chosen=decision: self.decided.emit(chosen))
            self.buttons[decision] = button
            row.addWidget(button, 4 if decision != "skip" else 3)
            button.setMaximumWidth(132 if decision != "skip" else 96)
        row.addStretch(6)
        self._done, self._of, self._left = QLabel(), QLabel(), QLabel()
        theme.set_role(self._done, "strong")
        theme.set_role(self._of, "muted")
        theme.set_role(self._left, "small")
        self._line = ProgressLine()
        numbers = QHBoxLayout()
        numbers.setSpacing(6)
        numbers.addWidget(self._done)
        numbers.addWidget(self._of)
        numbers.addStretch(1)
        numbers.addWidget(self._left)
        progress = QWidget()
        progress.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        progress.setMinimumWidth(170)
        progress.setMaximumWidth(260)
        column = QVBoxLayout(progress)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(numbers)
        column.addWidget(self._line)
        row.addWidget(progress, 10)

    def set_progress(self, counts: QueueCounts, median_s: float | None) -> None:
        self._done.setText(grouped(counts.done))
        self._of.setText(f"of {grouped(counts.total)} done")
        self._left.setText(time_left(counts.pending, median_s))
        pace = f" at {median_s:.1f} s a verdict" if median_s else ""
        self._left.setToolTip(f"{grouped(counts.pending)} pending, {grouped(counts.skipped)} skipped{pace}")
        self._line.set_share(counts.done / counts.total if counts.total else 0.0)

    def set_enabled(self, is_enabled: bool) -> None:
        for button in self.buttons.values():
            button.setEnabled(is_enabled)
