"""What a list or a workspace shows while it has nothing: what this place is for, and the next thing to do."""

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.widgets.painting import Glyph, draw_glyph


class _Mark(QWidget):
    """A glyph in a quiet circle."""

    def __init__(self, glyph: Glyph, token: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.glyph, self.token = glyph, token
        self.setFixedSize(44, 44)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(tokens.color(self.token, 0.6), 1.5))
        painter.drawEllipse(QRectF(1, 1, 42, 42))
        draw_glyph(painter, self.glyph, QRectF(14, 14, 16, 16), tokens.color(self.token), width=2)


class EmptyState(QWidget):
    """A title, a sentence and at most one button in the middle of what would be empty."""

    action_requested = Signal()

    def __init__(
        self,
        title: str = "",
        text: str = "",
        action: str = "",
        parent: QWidget | None = None,
        *,
        glyph: Glyph = "dot",
        token: str = "muted",
    ) -> None:
        super().__init__(parent)
        self._mark = _Mark(glyph, token)
        self._title = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        theme.set_role(self._title, "title")
        self._text = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        theme.set_role(self._text, "muted")
        self._text.setMaximumWidth(420)
        self._action = QPushButton()
        theme.set_role(self._action, "primary")
        self._action.clicked.connect(self.action_requested)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        column.addStretch(2)
        text_row = QHBoxLayout()  # an aligned label would get the height of one as wide as the page
        text_row.addStretch(1)
        text_row.addWidget(self._text, 100)
        text_row.addStretch(1)
        column.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(8)
        column.addWidget(self._title)
        column.addLayout(text_row)
        column.addSpacing(8)
        column.addWidget(self._action, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self.set_content(title, text, action, glyph=glyph, token=token)

    def set_content(
        self, title: str, text: str, action: str = "", *, glyph: Glyph = "dot", token: str = "muted"
    ) -> None:
        self._title.setText(title)
        self._text.setText(text)
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self._mark.glyph, self._mark.token = glyph, token
        self._mark.update()
        self.setAccessibleName(f"{title}. {text}")

    def set_compact(self) -> None:
        """For narrow lists: no mark, the title no larger than the text."""
        self._mark.hide()
        theme.set_role(self._title, "strong")
        theme.set_role(self._text, "small")

    def title(self) -> str:
        return self._title.text()

    def action_button(self) -> QPushButton:
        return self._action
