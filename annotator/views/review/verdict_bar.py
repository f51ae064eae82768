"""Under the time axis: the four verdicts with their keys, the reasons of a rejection, and how far the reviewer is."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from annotator.keymap import ACTIONS
from annotator.store.records import Decision, QueueCounts
from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.review.progress import Progress
from annotator.views.widgets.key_button import HEIGHT, KeyButton
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import Glyph, draw_focus_ring

_BUTTONS: tuple[tuple[Decision, str, str, Glyph | None], ...] = (
    ("accept", "Accept", "accept", "accept"),
    ("reject", "Reject", "reject", "reject"),
    ("unsure", "Unsure", "unsure", "unsure"),
    ("skip", "Skip", "muted", None),
)


class _ReasonsButton(PaintedButton):
    """Opens the reasons of a rejection, beside the button that rejects without one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setAccessibleName("Reject with a reason")

    def sizeHint(self) -> QSize:
        return QSize(26, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        token = "reject" if self.isEnabled() else "faint"
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(tokens.color(token if self.isEnabled() else "line"), 1))
        painter.setBrush(tokens.color("raised"))
        painter.drawRoundedRect(box, 8, 8)
        if self.isEnabled() and (self.underMouse() or self.isDown()):
            painter.setBrush(tokens.color(token, 0.22 if self.isDown() else 0.10))
            painter.drawRoundedRect(box, 8, 8)
        painter.setPen(QPen(tokens.color(token), 1.8, c=Qt.PenCapStyle.RoundCap))
        x, y = self.width() / 2, self.height() / 2
        painter.drawLine(int(x - 4), int(y + 2), int(x), int(y - 2))
        painter.drawLine(int(x), int(y - 2), int(x + 4), int(y + 2))
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 8)


class VerdictBar(QFrame):
    """Says which verdict was pressed, or that a reason is to be chosen; shows progress."""

    decided = Signal(str)
    reasons_requested = Signal()

    def __init__(self, keys: KeyBindings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-bottom")
        self._keys = keys
        self._why_not = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(8)
        self.buttons: dict[str, KeyButton] = {}
        self.reasons = _ReasonsButton()
        self.reasons.clicked.connect(self.reasons_requested)
        for decision, text, token, glyph in _BUTTONS:
            button = KeyButton(text, "", token=token, glyph=glyph)
            button.clicked.connect(lambda _checked=False, chosen=decision: self.decided.emit(chosen))
            button.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            button.setMaximumWidth(136 if decision != "skip" else 96)
            self.buttons[decision] = button
            row.addWidget(button, 4 if decision != "skip" else 3)
            if decision == "reject":
                row.addSpacing(-5)  # the two are one thing
                row.addWidget(self.reasons)
        row.addStretch(1)
        self.progress = Progress()
        row.addWidget(self.progress, 30)
        self._write_keys()
        keys.changed.connect(self._write_keys)

    def set_progress(self, counts: QueueCounts, median_s: float | None) -> None:
        self.progress.set_progress(counts, median_s)

    def set_saving(self, is_saving: bool) -> None:
        """Says that a verdict takes long to be kept."""
        self.progress.set_saving(is_saving)

    def set_enabled(self, is_enabled: bool, why_not: str = "") -> None:
        """Lets verdicts be given; `why_not` is what the tooltips say instead where they cannot be."""
        self._why_not = "" if is_enabled else why_not
        for button in (*self.buttons.values(), self.reasons):
            button.setEnabled(is_enabled)
        self._write_keys()

    def _write_keys(self) -> None:
        for decision, button in self.buttons.items():
            action = f"review.{decision}"
            shown = self._keys.shown_keys(action)
            button.set_key(shown[0] if shown else "")
            button.setToolTip(self._why_not or self._keys.tip(action, ACTIONS[action].text))
        self.reasons.setToolTip(self._why_not or self._keys.tip("review.reject_reason"))
