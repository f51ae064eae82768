"""A chooser beside the stage: its lines, a tick before those whose maps are ready, and a last line that opens a file."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from annotator.views.widgets.painting import glyph_icon

_STEPS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End)


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a chooser: what it stands for and its name; `is_ready` puts a tick before it: its maps are there."""

    key: str
    text: str
    is_ready: bool = False
    tip: str = ""


class Chooser(QComboBox):
    """`chosen` carries the key of the line that was taken, `opened` follows the last line where there is one.

    Arrow keys open the list in place of walking through it, and the wheel passes by: every line that is passed would
    else load a video or a model.
    """

    chosen = Signal(str)
    opened = Signal()

    def __init__(self, name: str, tooltip: str, *, opens: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._opens = opens
        self._key: str | None = None
        self.setAccessibleName(name)
        self.setToolTip(tooltip)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMaxVisibleItems(16)
        self.activated.connect(self._take)

    def fill(self, choices: Sequence[Choice], chosen: str | None) -> None:
        self._key = chosen
        with QSignalBlocker(self):
            self.clear()
            for choice in choices:
                icon = glyph_icon("accept", "accept") if choice.is_ready else QIcon()
                self.addItem(icon, choice.text, choice.key)
                tip = choice.tip or choice.text
                self.setItemData(self.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            if self._opens:
                if choices:
                    self.insertSeparator(self.count())
                self.addItem(self._opens, None)
            self._show_chosen()
        self.setEnabled(self.count() > 0)

    def _show_chosen(self) -> None:
        self.setCurrentIndex(-1 if self._key is None else self.findData(self._key))

    def _take(self, row: int) -> None:
        key = self.itemData(row)
        if isinstance(key, str):
            self._key = key
            self.chosen.emit(key)
        else:
            self._show_chosen()  # the line that opens a file is never what is chosen
            self.opened.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _STEPS:
            self.showPopup()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
