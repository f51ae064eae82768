"""The keys of the Review workspace in one table: shortcuts, tooltips and the card that `?` shows are made from it."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from annotator.views import theme
from annotator.views.widgets.painting import draw_key_cap, key_cap_width

# intention -> (keys as Qt reads them, what it does)
KEYS: dict[str, tuple[tuple[str, ...], str]] = {
    "accept": (("A", "1"), "Accept: it is seen and said"),
    "reject": (("X", "0"), "Reject: it is not"),
    "unsure": (("U",), "Unsure: cannot be told"),
    "skip": (("S",), "Skip for later"),
    "undo": (("Backspace", "Ctrl+Z"), "Undo the last verdict"),
    "redo": (("Ctrl+Shift+Z",), "Redo"),
    "play": (("Space",), "Play or pause"),
    "replay": (("R",), "Hear the segment again"),
    "window": (("W",), "2 s or 20 s of sound"),
    "next": (("J", "Down"), "Next pair"),
    "previous": (("K", "Up"), "Previous pair"),
    "overlay": (("M",), "Matchmap on or off"),
    "crop": (("C",), "The model's crop on or off"),
    "filter": (("/",), "Filter the queue"),
    "keys": (("?",), "These keys"),
}
_SIGNS = {"Down": "↓", "Up": "↑", "Backspace": "⌫"}
REPEATING = frozenset(("next", "previous"))  # a held key must not decide on a row of pairs

_ROW = 30
_WIDTH = 400
_PADDING = 20


def shown_keys(intention: str) -> tuple[str, ...]:
    """Returns an intention's keys as they are written on this system's keyboards."""
    keys = KEYS[intention][0]
    return tuple(_SIGNS.get(key) or QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)


class KeysCard(QWidget):
    """The keys, laid over the workspace; any key or click takes it away."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Keys of the Review workspace")
        self.setAccessibleDescription("; ".join(f"{', '.join(keys)}: {text}" for keys, text in KEYS.values()))
        self._before: QWidget | None = None
        self.hide()

    def toggle(self) -> None:
        self.close_card() if self.isVisible() else self.open_card()

    def open_card(self) -> None:
        self._before = self.window().focusWidget()
        self.setGeometry(self.parentWidget().rect())
        self.show()
        self.raise_()
        self.setFocus()

    def close_card(self) -> None:
        self.hide()
        (self._before or self.parentWidget()).setFocus()

    def sizeHint(self) -> QSize:
        return QSize(_WIDTH, _ROW * len(KEYS) + 2 * _PADDING + 34)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.close_card()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.close_card()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), tokens.color("bg", 0.72))
        size = self.sizeHint()
        box = QRectF(
            round((self.width() - size.width()) / 2) + 0.5,
            round((self.height() - size.height()) / 2) + 0.5,
            size.width(),
            size.height(),
        )
        painter.setPen(QPen(tokens.color("line"), 1))
        painter.setBrush(tokens.color("panel"))
        painter.drawRoundedRect(box, 8, 8)
        painter.setFont(theme.font(theme.TITLE_PX, painter.font().Weight.DemiBold))
        painter.setPen(tokens.color("text"))
        painter.drawText(QRectF(box.left() + _PADDING, box.top() + _PADDING - 4, _WIDTH, 26), "Keys")
        top = box.top() + _PADDING + 34
        for intention, (_keys, text) in KEYS.items():
            painter.setFont(theme.font())
            painter.setPen(tokens.color("text"))
            row = QRectF(box.left() + _PADDING, top, box.width() - 2 * _PADDING, _ROW)
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, text)
            right = row.right()
            for key in reversed(shown_keys(intention)):
                draw_key_cap(painter, right, row.center().y(), key)
                right -= key_cap_width(key) + 6
            top += _ROW
