"""A card for one verb: its name, how far it is, a button that starts it or cancels, and one for its options."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.data.values import StepState, Verb
from annotator.views.widgets.bar import ProgressLine
from annotator.views.widgets.painting import draw_glyph

# verb: its name, its button, its key, its tooltip
TITLES: dict[Verb, tuple[str, str, str]] = {
    "import": ("Import", "Import…", "Videos, folders, YouCook2 or YouTube-8M; linked, not copied"),
    "extract": ("Extract", "Extract", "Frames and the log-mel spectrogram, one clip file a video"),
    "transcribe": ("Transcribe", "Transcribe", "Words with their times, by the best recogniser that is here"),
    "detect": ("Detect", "Detect", "P(food) and the five most probable foods of each frame"),
    "mine": ("Mine", "Mine", "Pairs of frames with the words around that name what is seen"),
    "release": ("Release", "Release…", "Write pairs, labels and verdicts for others, or take theirs in"),
}
ALWAYS_A_FORM: tuple[Verb, ...] = ("import", "release")  # there is something to choose each time
HEIGHT = 122


def with_keys(text: str, keys: str) -> str:
    """Returns a tooltip with its keys behind it, where it has any."""
    return f"{text} ({keys})" if keys else text


class StepCard(QFrame):
    start_requested = Signal(str)
    options_requested = Signal(str)
    cancel_requested = Signal(str)

    def __init__(self, number: int, verb: Verb, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verb, self._number = verb, number
        self._state: StepState | None = None
        self._is_running = False
        title, self._button_text, self._tip = TITLES[verb]
        self._key, self._options_key, self._n_changed = "", "", 0
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT)
        self.title = QLabel(title)
        theme.set_role(self.title, "strong")
        self.says = QLabel("")
        theme.set_role(self.says, "small")
        self.more = QLabel("")
        theme.set_role(self.more, "small")
        for label in (self.says, self.more):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.line = ProgressLine(token="accept")
        self.button = QPushButton(self._button_text)
        self.button.clicked.connect(self._pressed)
        self.options = _OptionsButton()
        self.options.setAccessibleName(f"Options of {title}")
        if verb in ALWAYS_A_FORM:
            self.options.hide()  # never shown by hand: what has no parent yet would be a window for a moment
        self.options.clicked.connect(lambda: self.options_requested.emit(self._verb))
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.button, 1)
        buttons.addWidget(self.options)
        head = QHBoxLayout()
        head.addSpacing(28)
        head.addWidget(self.title, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 10)
        column.setSpacing(0)
        column.addLayout(head)
        column.addSpacing(8)
        column.addWidget(self.says)
        column.addWidget(self.more)
        column.addSpacing(6)
        column.addWidget(self.line)
        column.addStretch(1)
        column.addLayout(buttons)
        self.setAccessibleName(f"Step {number}: {title}")
        self.setToolTip(self._tip)

    def set_state(self, state: StepState) -> None:
        self._state = state
        if not self._is_running:
            self._show()

    def set_running(
        self, pace: tuple[str, str], share: float | None, *, waits: bool = False, stopping: bool = False
    ) -> None:
        """Shows the pace of the job that goes on, and makes the button cancel it."""
        self._is_running = True
        self.says.setText("stopping" if stopping else "waits its turn" if waits else pace[0])
        self.more.setText("" if waits or stopping else pace[1])
        self.more.setToolTip(self.more.text())
        self.more.show()
        self.line.set_token("accent")
        self.line.set_share(share or 0.0)
        self.button.setText("Cancel")
        self.button.setEnabled(not stopping)
        self.button.setToolTip("Stop after the present video; what is finished is kept")
        theme.set_role(self.button, "danger")
        self.update()

    def set_stopped(self) -> None:
        self._is_running = False
        self._show()

    def set_changed(self, n_changed: int) -> None:
        """Marks the options where some are not the defaults."""
        self.options.set_marked(n_changed > 0)
        self._n_changed = n_changed
        self._show_options_tip()

    def show_keys(self, key: str, options_key: str) -> None:
        """Writes the live keys into the tooltips."""
        self._key, self._options_key = key, options_key
        self._show_options_tip()
        if self._state is None:
            self.button.setToolTip(with_keys(self._tip, self._key))  # until it is read what is possible
        else:
            self._show_button_tip(self._state)

    def _show_options_tip(self) -> None:
        changed = f": {self._n_changed} changed" if self._n_changed else ""
        self.options.setToolTip(with_keys(f"Options of {TITLES[self._verb][0]}{changed}", self._options_key))

    def _show_button_tip(self, state: StepState) -> None:
        self.button.setToolTip(with_keys(self._tip, self._key) if state.is_possible else state.why_not)

    def set_notes(self, notes: Sequence[str]) -> None:
        """Keeps what the job said of itself where the pointer finds it."""
        self.setToolTip("\n".join([self._tip, *notes]))

    def is_running(self) -> bool:
        return self._is_running

    def start(self) -> None:
        """Does what the button does while nothing goes on; its key comes here."""
        if not self._is_running and self.button.isEnabled():
            self.start_requested.emit(self._verb)

    def _pressed(self) -> None:
        (self.cancel_requested if self._is_running else self.start_requested).emit(self._verb)

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        self.says.setText(state.says)
        self.says.setToolTip(state.says)
        self.more.setText("")
        self.more.hide()
        self.line.set_token("accept")
        self.line.set_share(state.done / state.total if state.total else 0.0)
        self.button.setText(self._button_text)
        self.button.setEnabled(state.is_possible)
        self.options.setEnabled(state.is_possible)
        self._show_button_tip(state)
        theme.set_role(self.button, "primary" if state.is_next else "")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        state = self._state
        is_next = state is not None and state.is_next
        is_done = state is not None and state.total > 0 and state.done == state.total and not self._is_running
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(tokens.color("accent" if self._is_running or is_next else "line"), 1))
        painter.setBrush(tokens.color("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        disc = QRectF(12.5, 10.5, 20, 20)
        painter.setPen(QPen(tokens.color("accept" if is_done else "line"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(disc)
        if is_done:
            draw_glyph(painter, "accept", disc.adjusted(5, 5, -5, -5), tokens.color("accept"), width=1.8)
        else:
            painter.setFont(theme.font(theme.SECTION_PX))
            painter.setPen(tokens.color("text" if is_next else "muted"))
            painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, str(self._number))


class _OptionsButton(QToolButton):
    """Two sliders; the accent's dot says that settings are not the defaults."""

    def __init__(self) -> None:
        super().__init__()
        self._marked = False
        self.setFixedSize(28, 30)

    def set_marked(self, marked: bool) -> None:
        self._marked = marked
        self.update()

    def is_marked(self) -> bool:
        return self._marked

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = tokens.color("text" if self.isEnabled() else "faint")
        middle, left = self.height() / 2, self.width() / 2 - 7
        for y, knob in ((middle - 4, 9.5), (middle + 4, 4.5)):
            painter.setPen(QPen(color, 1.4, c=Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(left, y), QPointF(left + 14, y))
            painter.setBrush(tokens.color("raised"))
            painter.drawEllipse(QPointF(left + knob, y), 2.4, 2.4)
        if self._marked:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("accent"))
            painter.drawEllipse(QPointF(self.width() - 6, 6), 3, 3)
