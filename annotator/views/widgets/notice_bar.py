"""A line above the work that says what went wrong or what is different, with its remedy, in place of a dialog."""

from typing import Literal

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from annotator.views import theme
from annotator.views.widgets.painting import draw_glyph, glyph_icon

Kind = Literal["info", "warning", "error", "good"]
_TOKENS = {"info": "info", "warning": "accent", "error": "reject", "good": "accept"}


class NoticeBar(QFrame):
    """Hidden until `show_notice`; leaves by its cross, by `clear`, or by itself after `seconds`."""

    action_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-top")
        self._kind: Kind = "info"
        self._text = QLabel(wordWrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._action = QPushButton()
        self._action.clicked.connect(self.action_requested)
        self._close = QToolButton(toolTip="Dismiss")
        self._close.setAccessibleName("Dismiss notice")
        self._close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.set_role(self._close, "plain")
        self._close.clicked.connect(self.clear)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(40, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(self._text, 1)
        row.addWidget(self._action)
        row.addWidget(self._close)
        self.hide()

    def show_notice(self, text: str, kind: Kind = "info", *, action: str = "", seconds: float | None = None) -> None:
        """Shows one sentence; a newer notice takes the place of an older one."""
        self._kind = kind
        self._text.setText(text)
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self._action.setToolTip(f"{action.rstrip('…')}: {text}" if action else "")
        self._close.setIcon(glyph_icon("close", "muted"))
        self.setAccessibleName(f"{kind}: {text}")
        self._timer.stop()
        if seconds is not None:
            self._timer.start(int(seconds * 1000))
        self.show()
        self.update()

    def clear(self) -> None:
        self._timer.stop()
        self._text.clear()
        self.hide()

    def text(self) -> str:
        return self._text.text()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        color = theme.current().color(_TOKENS[self._kind])
        painter.fillRect(QRectF(0, 0, 3, self.height()), color)
        glyph = {"info": "dot", "good": "accept"}.get(self._kind, "warning")
        draw_glyph(painter, glyph, QRectF(16, self.height() / 2 - 7, 14, 14), color, width=1.6)
