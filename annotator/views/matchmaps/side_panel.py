"""Beside the stage: which video, which checkpoints, the food words around now, a question, and what can be saved."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.matchmaps.ask_field import AskField
from annotator.views.matchmaps.chooser import Choice, Chooser
from annotator.views.matchmaps.legends import DifferenceLegend
from annotator.views.matchmaps.work_bar import WorkBar
from annotator.views.widgets.flow import FlowLayout
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.section import SectionHead

MAX_WORDS = 14
_OPEN = "Open a checkpoint file…"


@dataclass(frozen=True, slots=True)
class WordHere:
    """A word said around now; `index` is its place among the video's words, `is_now` that it is chosen or being said."""

    text: str
    time_s: float
    is_now: bool
    index: int = -1


class SidePanel(QFrame):
    video_chosen = Signal(str)
    checkpoint_chosen = Signal(str)
    second_chosen = Signal(str)  # '' for none
    open_requested = Signal(bool)  # a checkpoint's file, as the second one (True) or the first
    difference_toggled = Signal(bool)
    word_chosen = Signal(int)  # its index among the video's words
    asked = Signal(str)
    say_requested = Signal()
    save_requested = Signal()
    sheet_requested = Signal()
    arrays_requested = Signal()
    render_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-right")
        self.videos = Chooser("Video", "Which video plays")
        self.checkpoints = Chooser("Checkpoint", "Which checkpoint listens", opens=_OPEN)
        self.seconds = Chooser("Second checkpoint", "A second checkpoint beside the first", opens=_OPEN)
        self.videos.chosen.connect(self.video_chosen)
        self.checkpoints.chosen.connect(self.checkpoint_chosen)
        self.seconds.chosen.connect(self.second_chosen)
        self.checkpoints.opened.connect(lambda: self.open_requested.emit(False))
        self.seconds.opened.connect(lambda: self.open_requested.emit(True))
        self.difference = Pill("difference")
        self.difference.toggled.connect(self.difference_toggled)
        self.legend = DifferenceLegend()
        self._facts, self._status, self._second_status = (QLabel(wordWrap=True) for _ in range(3))
        for label in (self._facts, self._status, self._second_status):
            theme.set_role(label, "small")
        self._words = QWidget()
        self._flow = FlowLayout(self._words)
        self._pills: list[Pill] = []
        self._shown_words: tuple[WordHere, ...] | None = None
        self._no_words = QLabel(wordWrap=True)
        theme.set_role(self._no_words, "muted")
        self.question = AskField()
        self.question.asked.connect(self.asked)
        self.question.say_requested.connect(self.say_requested)
        self.rendering = WorkBar(is_narrow=True)
        self.save_button, self.sheet_button = QPushButton("Save frame…"), QPushButton("Contact sheet…")
        self.arrays_button, self.render_button = QPushButton("Save arrays…"), QPushButton("Render…")
        theme.set_role(self.render_button, "primary")
        for button, signal in (
            (self.save_button, self.save_requested),
            (self.sheet_button, self.sheet_requested),
            (self.arrays_button, self.arrays_requested),
            (self.render_button, self.render_requested),
        ):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(signal)
        self._lay_out()
        self.set_second(compares=False)

    def show_keys(self, keys: KeyBindings) -> None:
        """Writes the live keys into the tooltips."""
        for button, name, says in (
            (self.save_button, "save", "Save this frame with its overlay as a picture"),
            (self.sheet_button, "sheet", "Save the frames that fit their sound best and worst, as they look here"),
            (self.arrays_button, "arrays", "Save the maps that are ready as arrays (npz)"),
            (self.render_button, "render", "Write the video, or the part chosen, with its matchmaps and its own sound"),
        ):
            button.setToolTip(keys.tip(f"matchmaps.{name}", says))
        self.difference.setToolTip(keys.tip("matchmaps.difference"))
        self.videos.setToolTip(keys.tip("matchmaps.video", "Which video plays"))
        self.checkpoints.setToolTip(keys.tip("matchmaps.checkpoint", "Which checkpoint listens"))
        self.seconds.setToolTip(
            keys.tip("matchmaps.compare", "A second checkpoint beside the first, on the same video")
        )
        self.question.show_keys(keys)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        for part, space in (
            (SectionHead("Video"), 0),
            (self.videos, 0),
            (self._facts, 10),
            (SectionHead("Checkpoint"), 0),
            (self.checkpoints, 0),
            (self._status, 0),
            (self.seconds, 0),
            (self._second_status, 0),
            (self.difference, 0),
            (self.legend, 10),
            (SectionHead("Words here"), 0),
            (self._words, 0),
            (self._no_words, 10),
            (SectionHead("Ask"), 0),
            (self.question, 0),
        ):
            column.addWidget(part)
            if space:
                column.addSpacing(space)
        column.addStretch(1)
        column.addWidget(self.rendering)
        buttons = QGridLayout()
        buttons.setSpacing(8)
        for place, button in enumerate((self.save_button, self.sheet_button, self.arrays_button, self.render_button)):
            buttons.addWidget(button, place // 2, place % 2)
        column.addLayout(buttons)

    def set_videos(self, videos: Sequence[Choice], chosen: str | None) -> None:
        self.videos.fill(videos, chosen)

    def set_checkpoints(self, checkpoints: Sequence[Choice], chosen: str | None) -> None:
        self.checkpoints.fill(checkpoints, chosen)

    def set_seconds(self, checkpoints: Sequence[Choice], chosen: str | None) -> None:
        """Fills the chooser of the second checkpoint; its first line is none."""
        self.seconds.fill([Choice("", "No second checkpoint"), *checkpoints], chosen or "")

    def set_second(self, *, compares: bool) -> None:
        """Shows what belongs to two checkpoints only while there are two."""
        for part in (self._second_status, self.difference):
            part.setVisible(compares)
        self.legend.setVisible(compares and self.difference.isChecked())

    def set_status(self, first: str, second: str = "") -> None:
        """Says how far each checkpoint is with this video."""
        for label, text in ((self._status, first), (self._second_status, second)):
            if label.text() != text:
                label.setText(text)
        self._status.setVisible(bool(first))

    def status(self) -> str:
        return self._status.text()

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
            pill.setToolTip("See where the sound of this word is found; again: the seconds around each frame")
            pill.clicked.connect(lambda _checked=False, pill=pill: self._word_pressed(pill))
            self._set_pill(pill, word)
            self._flow.addWidget(pill)
            self._pills.append(pill)
        self._words.updateGeometry()

    def _set_pill(self, pill: Pill, word: WordHere) -> None:
        pill.setChecked(word.is_now)
        pill.setProperty("index", word.index)

    def _word_pressed(self, pill: Pill) -> None:
        pill.setChecked(not pill.isChecked())  # it lights when it is chosen, not where it is pressed
        self.word_chosen.emit(int(pill.property("index")))
