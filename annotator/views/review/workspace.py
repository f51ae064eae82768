"""The Review workspace: queue, stage with time axis and verdicts, question; its keys become intentions.

It holds no truth of its own: presenter.py fills it and answers what it emits.
"""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.review.keys import KEYS, REPEATING, KeysCard
from annotator.views.review.question_panel import QuestionPanel
from annotator.views.review.queue_model import QueueModel
from annotator.views.review.queue_panel import QueuePanel
from annotator.views.review.verdict_bar import VerdictBar
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.play_button import PlayButton
from annotator.views.widgets.stage import Stage
from annotator.views.widgets.time_axis import TimeAxis
from annotator.views.widgets.time_layout import clock_text


class ReviewWorkspace(QWidget):
    """Emits one intention a key: `decided` with the decision, and signals for the rest."""

    decided = Signal(str)
    undo_requested = Signal()
    redo_requested = Signal()
    play_toggled = Signal()
    replay_requested = Signal()
    window_toggled = Signal()
    next_requested = Signal()
    previous_requested = Signal()
    overlay_toggled = Signal()
    empty_action_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Review workspace")
        self.model = QueueModel(self)
        self.queue = QueuePanel(self.model)
        self.question = QuestionPanel()
        self.notice = NoticeBar()
        self.stage = Stage()
        self.stage.set_crop_visible(True)
        self.axis = TimeAxis(word_rows=3)  # people say three words a second
        self.verdicts = VerdictBar()
        self.empty = EmptyState()
        self._is_crop_shown = True
        self._centre = QStackedWidget()
        self._controls = self._make_controls()
        self._lay_out()
        self.keys_card = KeysCard(self)
        self.shortcuts: list[QShortcut] = []
        self._make_shortcuts()
        self.stage.pressed.connect(self.play_toggled)
        self.verdicts.decided.connect(self.decided)
        self.empty.action_requested.connect(self.empty_action_requested)
        self.queue.filter.left.connect(self.setFocus)

    def sizeHint(self) -> QSize:
        return QSize(1440, 856)

    def _make_controls(self) -> QWidget:
        self._play = PlayButton()
        self._play.clicked.connect(self.play_toggled)
        self._time = QLabel()
        theme.set_role(self._time, "small")
        self._window = Pill("2 s", checkable=False)
        self._window.setToolTip("How much sound is played around the frame: 2 s or 20 s (W)")
        self._window.clicked.connect(self.window_toggled)
        self._overlay = Pill("matchmap")
        self._overlay.setToolTip("Show where the model hears what it hears (M)")
        self._overlay.clicked.connect(self.overlay_toggled)
        self._overlay.hide()
        self._crop = Pill("crop")
        self._crop.setChecked(True)
        self._crop.setToolTip("Show the part of the frame that the model sees (C)")
        self._crop.clicked.connect(self._toggle_crop)
        self._video = QLabel()
        theme.set_role(self._video, "small")
        keys = Pill("keys", checkable=False)
        keys.setToolTip("Show all keys (?)")
        keys.clicked.connect(lambda: self.keys_card.toggle())
        bar = QFrame()
        theme.set_role(bar, "panel-bottom")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 0)
        row.setSpacing(8)
        row.addWidget(self._play)
        row.addWidget(self._time)
        row.addSpacing(8)
        for pill in (self._window, self._crop, self._overlay):
            row.addWidget(pill)
        row.addStretch(1)
        row.addWidget(self._video)
        row.addSpacing(4)
        row.addWidget(keys)
        return bar

    def _lay_out(self) -> None:
        axis_ground = QFrame()
        theme.set_role(axis_ground, "panel")
        axis_column = QVBoxLayout(axis_ground)
        axis_column.setContentsMargins(0, 0, 0, 2)
        axis_column.addWidget(self.axis)
        pair = QWidget()
        column = QVBoxLayout(pair)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.stage, 1)
        column.addWidget(self._controls)
        column.addWidget(axis_ground)
        column.addWidget(self.verdicts)
        self._centre.addWidget(pair)
        self._centre.addWidget(self.empty)
        centre = QWidget()
        centre_column = QVBoxLayout(centre)
        centre_column.setContentsMargins(0, 0, 0, 0)
        centre_column.setSpacing(0)
        centre_column.addWidget(self.notice)
        centre_column.addWidget(self._centre, 1)
        self.queue.setMinimumWidth(220)
        self.question.setMinimumWidth(248)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        for index, (part, stretch) in enumerate(((self.queue, 0), (centre, 1), (self.question, 0))):
            split.addWidget(part)
            split.setStretchFactor(index, stretch)
        split.setSizes([276, 852, 312])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(split)

    def _make_shortcuts(self) -> None:
        intentions = {
            "undo": self.undo_requested.emit,
            "redo": self.redo_requested.emit,
            "play": self.play_toggled.emit,
            "replay": self.replay_requested.emit,
            "window": self.window_toggled.emit,
            "next": self.next_requested.emit,
            "previous": self.previous_requested.emit,
            "overlay": self.overlay_toggled.emit,
            "crop": lambda: self._crop.click(),
            "filter": self._go_to_filter,
            "keys": lambda: self.keys_card.toggle(),
        }
        for intention, (keys, _text) in KEYS.items():
            slot = intentions.get(intention) or (lambda chosen=intention: self.decided.emit(chosen))
            for key in keys:
                shortcut = QShortcut(QKeySequence(key), self)
                shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                shortcut.setAutoRepeat(intention in REPEATING)
                shortcut.activated.connect(slot)
                self.shortcuts.append(shortcut)

    def _go_to_filter(self) -> None:
        self.queue.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.queue.filter.selectAll()

    def _toggle_crop(self) -> None:
        self.stage.set_crop_visible(self._crop.isChecked())

    # setters

    def show_empty(self, title: str, text: str, action: str = "", *, is_done: bool = False) -> None:
        """Puts a sentence and at most one button where the pair would be."""
        glyph, token = ("accept", "accept") if is_done else ("dot", "muted")
        self.empty.set_content(title, text, action, glyph=glyph, token=token)
        self._centre.setCurrentIndex(1)
        self.question.set_pair(None)
        self.verdicts.set_enabled(False)

    def show_pair(self) -> None:
        self._centre.setCurrentIndex(0)
        self.verdicts.set_enabled(True)

    def is_pair_shown(self) -> bool:
        return self._centre.currentIndex() == 0

    def set_video_text(self, text: str) -> None:
        metrics = self._video.fontMetrics()
        self._video.setText(metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, 220))
        self._video.setToolTip(text)

    def set_playing(self, is_playing: bool) -> None:
        self._play.set_playing(is_playing)

    def set_time(self, time_s: float, duration_s: float) -> None:
        self._time.setText(f"{clock_text(time_s, decimals=1)} / {clock_text(duration_s, decimals=1)}")
        self.axis.set_now(time_s)

    def set_window(self, window_s: float) -> None:
        self._window.setText(f"{window_s:g} s of sound")

    def set_overlay_available(self, is_available: bool) -> None:
        self._overlay.setVisible(is_available)

    def set_overlay_shown(self, is_shown: bool) -> None:
        self._overlay.setChecked(is_shown)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.keys_card.setGeometry(self.rect())
