"""A line that stands where a result will be: what is missing and a button, then progress, then how it ended."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.widgets.bar import ProgressLine


class WorkBar(QFrame):
    """Emits `started` and `cancelled`; `offer`, `show_progress`, `show_end` say what stands there."""

    started = Signal()
    cancelled = Signal()
    opened = Signal()

    def __init__(self, parent: QWidget | None = None, *, is_narrow: bool = False) -> None:
        super().__init__(parent)
        self._text = QLabel()
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setWordWrap(True)  # the remedy stands at the sentence's end
        if not is_narrow:
            policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            policy.setHeightForWidth(True)
            self._text.setSizePolicy(policy)
        self._line = ProgressLine(token="accent")
        self._start = QPushButton()
        theme.set_role(self._start, "primary")
        self._start.clicked.connect(self.started)
        self._cancel = QPushButton("Cancel")
        self._cancel.setToolTip("Stop; what is not whole is thrown away")
        self._cancel.clicked.connect(self.cancelled)
        self._open = QPushButton("Show in folder")
        theme.set_role(self._open, "link")
        self._open.clicked.connect(self.opened)
        for button in (self._start, self._cancel, self._open):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0 if is_narrow else 16, 6, 0 if is_narrow else 16, 6)
        row.setSpacing(12)
        row.addWidget(self._text, 3)
        row.addWidget(self._line, 2)
        for button in (self._open, self._start, self._cancel):
            row.addWidget(button)
        self._is_narrow = is_narrow
        self.hide()

    def offer(self, text: str, action: str, *, is_error: bool = False) -> None:
        """Says what is missing or went wrong, with the button that makes it (none where `action` is empty)."""
        theme.set_role(self._text, "bad" if is_error else "muted")
        self._show(text)
        self._start.setText(action)
        self._start.setVisible(bool(action))

    def show_progress(self, text: str, share: float | None, *, can_cancel: bool = True) -> None:
        """Shows how much is done (0..1; None while that is not known)."""
        theme.set_role(self._text, "muted")
        self._show(text)
        self._line.setVisible(not self._is_narrow or share is not None)
        self._line.set_share(share or 0.0)
        self._cancel.setVisible(can_cancel)

    def show_end(self, text: str, *, can_open: bool = False) -> None:
        theme.set_role(self._text, "small")
        self._show(text)
        self._open.setVisible(can_open)

    def text(self) -> str:
        return self._text.text()

    def action_button(self) -> QPushButton:
        return self._start

    def cancel_button(self) -> QPushButton:
        return self._cancel

    def _show(self, text: str) -> None:
        self._text.setText(text)
        self._text.setToolTip(text)
        for part in (self._line, self._start, self._cancel, self._open):
            part.hide()
        self.show()
