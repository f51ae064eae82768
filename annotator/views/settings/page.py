"""The settings page: its sections at the left, the chosen one beside; Escape goes back to the work."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.settings.keys_section import KeysSection
from annotator.views.settings.sections import AppearanceSection, PlaybackSection, ReviewerSection
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.section import SectionHead

_WIDTH = 860


class SettingsPage(QWidget):
    """Lies over a workspace or the start page; what is changed is in force at once, so there is nothing to confirm."""

    left = Signal()

    def __init__(self, bindings: KeyBindings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName("Settings")
        self.notice = NoticeBar()
        self.keys = KeysSection(bindings)
        self.playback = PlaybackSection()
        self.appearance = AppearanceSection()
        self.reviewer = ReviewerSection()
        self.names = QListWidget()
        self.names.setAccessibleName("Sections of the settings")
        self.names.setToolTip("Choose a section (Up and Down)")
        self._pages = QStackedWidget()
        self._title = QLabel()
        theme.set_role(self._title, "question")
        for name, section, scrolls in (
            ("Keys", self.keys, False),
            ("Playback", self.playback, True),
            ("Appearance", self.appearance, True),
            ("Reviewer", self.reviewer, True),
        ):
            self.names.addItem(name)
            self._pages.addWidget(_scrolled(section) if scrolls else section)
        self._build()
        self.names.currentRowChanged.connect(self._show_section)
        self.keys.failed.connect(lambda sentence: self.notice.show_notice(sentence, "error"))
        self.names.setCurrentRow(0)
        self.setFocusProxy(self.names)

    def _build(self) -> None:
        side = QFrame()
        theme.set_role(side, "panel-left")
        side.setFixedWidth(204)
        column = QVBoxLayout(side)
        column.setContentsMargins(8, 18, 8, 12)
        column.setSpacing(10)
        head = QHBoxLayout()
        head.setContentsMargins(8, 0, 0, 0)
        head.addWidget(SectionHead("Settings"))
        column.addLayout(head)
        theme.set_role(self.names, "nav")
        column.addWidget(self.names, 1)
        says = QLabel("Esc goes back", wordWrap=True)
        theme.set_role(says, "small")
        says.setContentsMargins(8, 0, 0, 0)
        column.addWidget(says)
        inner = QWidget()
        inner.setMaximumWidth(_WIDTH)
        middle = QVBoxLayout(inner)
        middle.setContentsMargins(24, 20, 24, 12)
        middle.setSpacing(16)
        middle.addWidget(self._title)
        middle.addWidget(self._pages, 1)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(side)
        row.addStretch(1)
        row.addWidget(inner, 100)
        row.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.notice)
        whole.addLayout(row, 1)

    def show_section(self, name: str) -> None:
        """Opens a section by its name, "Keys" among others."""
        for item in self.names.findItems(name, Qt.MatchFlag.MatchExactly):
            self.names.setCurrentItem(item)

    def section(self) -> str:
        item = self.names.currentItem()
        return item.text() if item is not None else ""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            if self.keys.search.hasFocus() and self.keys.search.text():
                self.keys.search.clear()
            else:
                self.left.emit()
        else:
            super().keyPressEvent(event)

    def _show_section(self, row: int) -> None:
        self._pages.setCurrentIndex(row)
        self._title.setText(self.section())


def _scrolled(section: QWidget) -> QScrollArea:
    area = QScrollArea(widgetResizable=True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(section)
    area.viewport().setAutoFillBackground(False)
    section.setAutoFillBackground(False)
    return area
