"""Beside the stage: which video, which checkpoint, the food words around now, and what can be saved."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.matchmaps.work_bar import WorkBar
from annotator.views.widgets.flow import FlowLayout
from annotator.views.widgets.painting import glyph_icon
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.section import SectionHead

MAX_WORDS = 14


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a chooser: what it stands for and its name; `is_ready` puts a tick before it: its maps are there."""

    key: str
    text: str
    is_ready: bool = False


@dataclass(frozen=True, slots=True)
class WordHere:
    """A word said around now; `time_s` is the middle of it, `is_now` that it is being said."""

    text: str
    time_s: float
    is_now: bool


class SidePanel(QFrame):
    video_chosen = Signal(str)
    checkpoint_chosen = Signal(str)
    word_chosen = Signal(float)
    save_requested = Signal()
    render_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-right")
        self.videos = self._chooser("Video", "Which video plays")
        self.checkpoints = self._chooser("Checkpoint", "Which checkpoint listens")
        self.videos.activated.connect(lambda row: self.video_chosen.emit(self.videos.itemData(row)))
        self.checkpoints.activated.connect(lambda row: self.checkpoint_chosen.emit(self.checkpoints.itemData(row)))
        self._facts = QLabel(wordWrap=True)
        theme.set_role(self._facts, "small")
        self._words = QWidget()
        self._flow = FlowLayout(self._words)
        self._pills: list[Pill] = []
        self._shown_words: tuple[WordHere, ...] | None = None
        self._no_words = QLabel(wordWrap=True)
        theme.set_role(self._no_words, "muted")
        self.rendering = WorkBar(is_narrow=True)
        self.save_button = QPushButton("Save frame…")
        self.save_button.clicked.connect(self.save_requested)
        self.render_button = QPushButton("Render video…")
        theme.set_role(self.render_button, "primary")
        self.render_button.clicked.connect(self.render_requested)
        self._lay_out()

    def show_keys(self, keys: KeyBindings) -> None:
        """Writes the live keys into the tooltips."""
        saves, renders = "Save this frame with its overlay", "Write the video with its matchmaps and its own sound"
        self.save_button.setToolTip(keys.tip("matchmaps.save", f"{saves} as a picture"))
        self.render_button.setToolTip(keys.tip("matchmaps.render", f"{renders} to a file"))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        column.addWidget(SectionHead("Video"))
        column.addWidget(self.videos)
        column.addWidget(self._facts)
        column.addSpacing(12)
        column.addWidget(SectionHead("Checkpoint"))
        column.addWidget(self.checkpoints)
        column.addSpacing(12)
        column.addWidget(SectionHead("Words here"))
        column.addWidget(self._words)
        column.addWidget(self._no_words)
        column.addStretch(1)
        column.addWidget(self.rendering)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.save_button, 1)
        buttons.addWidget(self.render_button, 1)
        column.addLayout(buttons)

    def _chooser(self, name: str, tooltip: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setToolTip(tooltip)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(12)
        box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        box.setMaxVisibleItems(16)
        return box

    def set_videos(self, videos: Sequence[Choice], chosen: str | None) -> None:
        _fill(self.videos, videos, chosen)

    def set_checkpoints(self, checkpoints: Sequence[Choice], chosen: str | None) -> None:
        _fill(self.checkpoints, checkpoints, chosen)

    def set_video_facts(self, facts: str) -> None:
        self._facts.setText(facts)

    def facts(self) -> str:
        return self._facts.text()

    def set_words(self, words: Sequence[WordHere], *, missing: str = "") -> None:
        """Shows the words as pills, or the sentence that says why there are none."""
        shown = tuple(words[:MAX_WORDS])
        self._no_words.setText(missing)
        self._no_words.setVisible(not shown)
        self._words.setVisible(bool(shown))
        if shown == self._shown_words:
            return
        if [word.text for word in shown] == [pill.text() for pill in self._pills]:
            for pill, word in zip(self._pills, shown, strict=True):
                self._set_pill(pill, word)
        else:
            self._make_pills(shown)
        self._shown_words = shown

    def pills(self) -> list[Pill]:
        return list(self._pills)

    def _make_pills(self, words: Sequence[WordHere]) -> None:
        for pill in self._pills:
            self._flow.removeWidget(pill)
            pill.hide()
            pill.deleteLater()
        self._pills = []
        for word in words:
            pill = Pill(word.text)
            pill.setToolTip("Go to where this word is said")
            pill.clicked.connect(lambda _checked=False, pill=pill: self._word_pressed(pill))
            self._set_pill(pill, word)
            self._flow.addWidget(pill)
            self._pills.append(pill)
        self._words.updateGeometry()

    def _set_pill(self, pill: Pill, word: WordHere) -> None:
        pill.setChecked(word.is_now)
        pill.setProperty("time_s", word.time_s)

    def _word_pressed(self, pill: Pill) -> None:
        pill.setChecked(not pill.isChecked())  # it lights where it is said, not where it is pressed
        self.word_chosen.emit(float(pill.property("time_s")))


def _fill(box: QComboBox, choices: Sequence[Choice], chosen: str | None) -> None:
    with QSignalBlocker(box):
        box.clear()
        for choice in choices:
            box.addItem(glyph_icon("accept", "accept") if choice.is_ready else QIcon(), choice.text, choice.key)
            box.setItemData(box.count() - 1, choice.text, Qt.ItemDataRole.ToolTipRole)
        box.setCurrentIndex(box.findData(chosen) if chosen is not None else -1)
    box.setEnabled(bool(choices))
