"""The Matchmaps workspace: stages, controls, similarity over the time axis, panel beside; its keys become intentions.

It holds no truth of its own: presenter.py fills it and answers what it emits.
"""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.matchmaps.controls import Controls
from annotator.views.matchmaps.legends import CurveName
from annotator.views.matchmaps.ready_bar import ReadyBar
from annotator.views.matchmaps.side_panel import SidePanel
from annotator.views.matchmaps.similarity_strip import SimilarityStrip
from annotator.views.matchmaps.stages import Stages
from annotator.views.matchmaps.work_bar import WorkBar
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.section import SectionHead
from annotator.views.widgets.time_axis import TimeAxis

WINDOW_S = 20.0


class MatchmapsWorkspace(QWidget):
    """Emits intentions; `workspace_requested` names the workspace that an empty state leads to."""

    play_toggled = Signal()
    moved = Signal(float)  # seconds, from where it is
    stepped = Signal(int)  # frames
    seek_requested = Signal(float)
    word_clicked = Signal(int)
    word_moved = Signal(int)  # to the next word (1) or the one before (-1)
    mode_requested = Signal(str)
    part_selected = Signal(float, float)
    span_marked = Signal(str)  # "from" or "to": it begins or ends now
    whole_toggled = Signal(bool)
    workspace_requested = Signal(str)
    best_requested = Signal()
    shown = Signal()
    hidden = Signal()

    def __init__(self, parent: QWidget | None = None, *, keys: KeyBindings | None = None) -> None:
        super().__init__(parent)
        self.keys = keys if keys is not None else KeyBindings(parent=self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Matchmaps workspace")
        self.notice = NoticeBar()
        self.stages = Stages()
        self.maps_bar = WorkBar()
        self.controls = Controls()
        self.strip = SimilarityStrip()
        self.ready = ReadyBar()
        self.axis = TimeAxis()
        self.panel = SidePanel()
        self.empty = EmptyState()
        self._empty_leads_to = ""
        self._centre = QStackedWidget()
        self._axis_head = self._make_axis_head()
        self._lay_out()
        self._connect()
        self._bind_keys()
        self.keys.changed.connect(self._show_keys)
        self._show_keys()

    def sizeHint(self) -> QSize:
        return QSize(1440, 856)

    def _make_axis_head(self) -> QWidget:
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 8, 16, 0)
        row.setSpacing(12)
        row.addWidget(SectionHead("Similarity"))
        self._frame_curve = CurveName("this frame with every sound", "accent")
        self._sound_curve = CurveName("the sound now with every frame", "info")
        row.addWidget(self._frame_curve)
        row.addWidget(self._sound_curve)
        row.addStretch(1)
        self._best = QPushButton()
        theme.set_role(self._best, "link")
        self._best.setToolTip("By how much the sound that fits this frame best is away from it; press to go there")
        self._best.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._best.hide()
        self.whole = Pill("whole video")
        row.addWidget(self._best)
        row.addWidget(self.whole)
        return head

    def _lay_out(self) -> None:
        ground = QFrame()
        theme.set_role(ground, "panel-bottom")
        below = QVBoxLayout(ground)
        below.setContentsMargins(0, 0, 0, 2)
        below.setSpacing(0)
        below.addWidget(self._axis_head)
        below.addWidget(self.strip)
        below.addWidget(self.ready)
        below.addWidget(self.axis)
        theme.set_role(self.maps_bar, "panel-bottom")
        video = QWidget()
        column = QVBoxLayout(video)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part, stretch in ((self.stages, 1), (self.controls, 0), (self.maps_bar, 0), (ground, 0)):
            column.addWidget(part, stretch)
        self._centre.addWidget(video)
        self._centre.addWidget(self.empty)
        centre = QWidget()
        centre_column = QVBoxLayout(centre)
        centre_column.setContentsMargins(0, 0, 0, 0)
        centre_column.setSpacing(0)
        centre_column.addWidget(self.notice)
        centre_column.addWidget(self._centre, 1)
        self.panel.setMinimumWidth(260)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        split.addWidget(centre)
        split.addWidget(self.panel)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 0)
        split.setSizes([1128, 312])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(split)

    def _connect(self) -> None:
        sound, look = self.controls.sound, self.controls.look
        self.stages.pressed.connect(self.play_toggled)
        sound.play_toggled.connect(self.play_toggled)
        sound.mode_requested.connect(self.mode_requested)
        look.crop_toggled.connect(self.stages.set_crop_visible)
        self.axis.seek_requested.connect(self.seek_requested)
        self.axis.word_clicked.connect(self.word_clicked)
        self.axis.part_selected.connect(self.part_selected)
        self.axis.range_changed.connect(self.strip.set_range)
        self.axis.range_changed.connect(self.ready.set_range)
        self.strip.seek_requested.connect(self.seek_requested)
        self.panel.word_chosen.connect(self.word_clicked)
        self.whole.toggled.connect(self.whole_toggled)
        self._best.clicked.connect(self.best_requested)
        self.empty.action_requested.connect(lambda: self.workspace_requested.emit(self._empty_leads_to))

    def _bind_keys(self) -> None:
        sound, look, panel = self.controls.sound, self.controls.look, self.panel
        slots: dict[str, Callable[[], object]] = {
            "play": self.play_toggled.emit,
            "back": lambda: self.moved.emit(-1.0),
            "on": lambda: self.moved.emit(1.0),
            "far_back": lambda: self.moved.emit(-5.0),
            "far_on": lambda: self.moved.emit(5.0),
            "frame_back": lambda: self.stepped.emit(-1),
            "frame_on": lambda: self.stepped.emit(1),
            "range": self.whole.click,
            "overlay": look.overlay.click,
            "crop": look.crop.click,
            "fit": look.fit.click,
            "heard": look.heard.click,
            "contour": look.contour.click,
            "colours": look.next_colours,
            "less_alpha": lambda: look.nudge("alpha", -1),
            "more_alpha": lambda: look.nudge("alpha", 1),
            "lower_threshold": lambda: look.nudge("threshold", -1),
            "higher_threshold": lambda: look.nudge("threshold", 1),
            "difference": panel.difference.click,
            "compare": panel.seconds.showPopup,
            "checkpoint": panel.checkpoints.showPopup,
            "video": panel.videos.showPopup,
            "open_checkpoint": lambda: panel.open_requested.emit(False),
            "around": sound.modes["around"].click,
            "seconds": sound.next_seconds,
            "moment": sound.modes["moment"].click,
            "word": sound.modes["word"].click,
            "next_word": lambda: self.word_moved.emit(1),
            "previous_word": lambda: self.word_moved.emit(-1),
            "span_from": lambda: self.span_marked.emit("from"),
            "span_to": lambda: self.span_marked.emit("to"),
            "ask": panel.question.field.setFocus,
            "say": panel.question.say.click,
            "reduction": sound.reduction.click,
        }
        self.keys.bind(
            self,
            {f"matchmaps.{name}": slot for name, slot in slots.items()},
            possible=lambda _id: self.is_video_shown(),
        )
        buttons = {
            "matchmaps.save": panel.save_button,
            "matchmaps.sheet": panel.sheet_button,
            "matchmaps.arrays": panel.arrays_button,
            "matchmaps.render": panel.render_button,
        }
        self.keys.bind(
            self,
            {id: button.click for id, button in buttons.items()},
            possible=lambda id: buttons[id].isEnabled(),
        )

    def _show_keys(self) -> None:
        self.whole.setToolTip(self.keys.tip("matchmaps.range"))
        self.controls.show_keys(self.keys)
        self.panel.show_keys(self.keys)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.setFocus()
        self.shown.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.hidden.emit()

    # setters

    def show_empty(self, title: str, text: str, action: str = "", *, leads_to: str = "") -> None:
        """Puts a sentence and a button that leads to another workspace where the video would be."""
        self._empty_leads_to = leads_to
        self.empty.set_content(title, text, action)
        self._centre.setCurrentIndex(1)
        panel = self.panel
        panel.hide()  # nothing of it means anything yet
        for part in (panel.save_button, panel.sheet_button, panel.arrays_button, panel.render_button):
            part.setEnabled(False)

    def show_video(self) -> None:
        self._centre.setCurrentIndex(0)
        self.panel.show()

    def is_video_shown(self) -> bool:
        return self._centre.currentIndex() == 0

    def set_range(self, start: float, end: float) -> None:
        self.axis.set_range(start, end)
        self.strip.set_range(start, end)
        self.ready.set_range(start, end)

    def set_time(self, time_s: float, duration_s: float) -> None:
        self.controls.sound.set_time(time_s, duration_s)
        self.axis.set_now(time_s)
        self.strip.set_now(time_s)

    def set_best(self, offset_s: float | None) -> None:
        """Says by how much the sound that fits the frame shown best is away from it."""
        text = "" if offset_s is None else f"best offset {offset_s:+.1f} s".replace("-", "−")
        if text != self._best.text():
            self._best.setText(text)
        self._best.setVisible(bool(text))

    def name_curves(self, sound: str) -> None:
        """Names the sound whose similarity with every frame is shown."""
        self._sound_curve.set_text(f"{sound} with every frame")

    def ask_path(self, title: str, suggested: Path, kind: str) -> Path | None:
        """Asks where to save; None where the person changed their mind."""
        chosen, _ = QFileDialog.getSaveFileName(self, title, str(suggested), kind)
        return Path(chosen) if chosen else None

    def ask_checkpoint(self, folder: Path) -> Path | None:
        """Asks which checkpoint's file to open; None where the person changed their mind."""
        kinds = "Checkpoints (*.safetensors);;All files (*)"
        chosen, _ = QFileDialog.getOpenFileName(self, "Open a checkpoint file", str(folder), kinds)
        return Path(chosen) if chosen else None

    def ask_path_and_kind(self, title: str, suggested: Path, kinds: tuple[str, ...]) -> tuple[Path, str] | None:
        """Asks where to save and which of some kinds of file; None where the person changed their mind."""
        chosen, kind = QFileDialog.getSaveFileName(self, title, str(suggested), ";;".join(kinds))
        return (Path(chosen), kind) if chosen else None
