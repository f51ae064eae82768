"""The row under the stage: which sound, and how the overlay looks; two rows where one has no room."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QWidget

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.matchmaps.look_controls import LookControls
from annotator.views.matchmaps.sound_controls import SoundControls


class Controls(QFrame):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-bottom")
        self.sound, self.look = SoundControls(), LookControls()
        self._row = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._row.setContentsMargins(16, 8, 16, 8)
        self._row.setSpacing(8)
        for half in (self.sound, self.look):
            self._row.addWidget(half, 0, Qt.AlignmentFlag.AlignCenter)

    def show_keys(self, keys: KeyBindings) -> None:
        self.sound.show_keys(keys)
        self.look.show_keys(keys)

    def set_enabled(self, is_enabled: bool) -> None:
        """Greys out what needs a checkpoint; playing goes on."""
        self.sound.set_enabled(is_enabled)
        self.look.set_enabled(is_enabled)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wanted = self.sound.sizeHint().width() + self.look.sizeHint().width() + 32 + 40
        is_wide = self.width() >= wanted
        direction = QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom
        if self._row.direction() != direction:
            self._row.setDirection(direction)
