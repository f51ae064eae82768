"""The Data workspace's widget: the steps in a row, the table of videos, the chosen video's facts and time axis."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QPainter, QPaintEvent, QPen, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.data.detect_form import DetectForm
from annotator.views.data.detection_strip import DetectionStrip, SeenFrame
from annotator.views.data.step_card import TITLES, StepCard
from annotator.views.data.values import VERBS, StepState, Verb
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.facts import FactRows
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.section import SectionHead
from annotator.views.widgets.table import CellTable, Column, Row
from annotator.views.widgets.time_axis import TimeAxis
from annotator.views.widgets.time_layout import SpokenWord

PANEL_WIDTH = 300
SHOWN_S = 60.0  # of a long video at first; the wheel shows more
COLUMNS = (
    Column("VIDEO", 250, 4),
    Column("LENGTH", 78, 0, tip="Minutes and seconds"),
    Column("EXTRACTED", 100, 1, tip="Frames and log-mel are in its clip file"),
    Column("WORDS", 120, 1, tip="Transcribed, and by which recogniser"),
    Column("DETECTIONS", 130, 1, tip="Foods detected, and by which detector"),
    Column("PAIRS", 76, 0, align="right", tip="Mined food pairs"),
)


@dataclass(frozen=True, slots=True)
class VideoDetails:
    """The chosen video: facts for the panel and, where it is extracted or labelled, what lies along its time."""

    uid: str
    title: str
    facts: tuple[tuple[str, str], ...]
    problem: str = ""
    duration_s: float = 0.0
    log_mel: np.ndarray | None = None  # (steps, 40), dB
    words: tuple[SpokenWord, ...] = ()
    frames: tuple[SeenFrame, ...] = ()

    @property
    def has_times(self) -> bool:
        return self.log_mel is not None or bool(self.words) or bool(self.frames)


class DataWorkspace(QWidget):
    start_requested = Signal(str)  # verb
    cancel_requested = Signal(str)  # verb
    import_requested = Signal(object)  # list of paths
    detect_requested = Signal(object)  # DetectWish
    video_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._dragging = False
        self.notice = NoticeBar()
        self.count = Pill("0 videos", checkable=False)
        self.count.setToolTip("Videos of this project, linked where they lie")
        self.count.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.count.unsetCursor()
        self.cards: dict[Verb, StepCard] = {verb: StepCard(i, verb) for i, verb in enumerate(VERBS, 1)}
        self.detect_form = DetectForm()
        self.detect_form.hide()
        self.table = CellTable(COLUMNS, row_height=48)
        self.empty = EmptyState(
            "No videos yet",
            "Import files or whole folders, or drop them here. They are linked where they lie, never copied.",
            "Import videos…",
            glyph="play",
        )
        self.empty.action_button().setToolTip("Import videos (I)")
        self.head = SectionHead("Video")
        self.title = QLabel(wordWrap=True)
        theme.set_role(self.title, "title")
        self.facts = FactRows()
        self.problem = QLabel(wordWrap=True)
        theme.set_role(self.problem, "bad")
        self.axis = TimeAxis(word_rows=2)
        self.strip = DetectionStrip(self.axis)
        self._build()
        for card in self.cards.values():
            card.start_requested.connect(self.start_requested)
            card.cancel_requested.connect(self.cancel_requested)
        self.empty.action_requested.connect(lambda: self.start_requested.emit("import"))
        self.detect_form.start_requested.connect(self.detect_requested)
        self.detect_form.put_away.connect(self.hide_detect_form)
        self.table.row_chosen.connect(self.video_chosen)
        for verb, (_, _, key, _, _) in TITLES.items():
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self.cards[verb].start)

    def _build(self) -> None:
        title = QLabel("Data")
        theme.set_role(title, "question")
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(title)
        head.addWidget(self.count)
        head.addStretch(1)
        cards = QHBoxLayout()
        cards.setSpacing(12)
        for card in self.cards.values():
            cards.addWidget(card, 1)
        self._card = QFrame()
        theme.set_role(self._card, "card")
        inside = QVBoxLayout(self._card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.table)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._card, 1)
        column.addStretch(0)
        self._pages.addWidget(full)
        self._times = QFrame()
        theme.set_role(self._times, "panel-bottom")
        times = QVBoxLayout(self._times)
        times.setContentsMargins(0, 8, 0, 6)
        times.setSpacing(0)
        self._strip_head = SectionHead("P(food) of each frame")
        strip_head = QHBoxLayout()
        strip_head.setContentsMargins(16, 0, 16, 0)
        strip_head.addWidget(self._strip_head)
        times.addWidget(self.axis)
        times.addLayout(strip_head)
        times.addWidget(self.strip)
        self._times.hide()
        left = QVBoxLayout()
        left.setContentsMargins(16, 14, 16, 16)
        left.setSpacing(14)
        for part in (head, cards):
            left.addLayout(part)
        left.addWidget(self.detect_form)
        left.addWidget(self._pages, 1)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.notice)
        middle.addLayout(left, 1)
        middle.addWidget(self._times)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(middle, 1)
        row.addWidget(self._panel())

    def _panel(self) -> QFrame:
        self._side = QFrame()
        theme.set_role(self._side, "panel-right")
        self._side.setFixedWidth(PANEL_WIDTH)
        column = QVBoxLayout(self._side)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(0)
        for part, space in ((self.head, 6), (self.title, 12), (self.problem, 8), (self.facts, 0)):
            column.addWidget(part)
            column.addSpacing(space)
        column.addStretch(1)
        return self._side

    def set_steps(self, steps: Sequence[StepState]) -> None:
        for step in steps:
            self.cards[step.verb].set_state(step)

    def set_videos(self, rows: Sequence[Row], n_videos: int, chosen: str | None) -> None:
        self.count.setText("1 video" if n_videos == 1 else f"{n_videos:,} videos".replace(",", "\u202f"))
        self.table.set_rows(rows)
        self.table.choose(chosen)
        self._card.setMaximumHeight(self.table.content_height())
        self._pages.setCurrentIndex(1 if rows else 0)
        self._side.setVisible(bool(rows))

    def set_details(self, details: VideoDetails | None) -> None:
        for part in (self.head, self.title, self.facts):
            part.setVisible(details is not None)
        self.problem.setVisible(details is not None and bool(details.problem))
        self._times.setVisible(details is not None and details.has_times)
        if details is None:
            return
        self.title.setText(_breakable(details.title))
        self.title.setToolTip(details.title)
        self.problem.setText(_breakable(details.problem))
        self.facts.set_rows(details.facts)
        if not details.has_times:
            return
        self.axis.clear()
        self.axis.set_lanes(
            *(["spectrogram"] if details.log_mel is not None else []), *(["words"] if details.words else [])
        )
        self.axis.set_zoom_limits(0.0, details.duration_s)
        self.axis.set_range(0.0, min(details.duration_s, SHOWN_S))
        self.axis.set_spectrogram(details.log_mel)
        self.axis.set_words(details.words)
        for part in (self.strip, self._strip_head):
            part.setVisible(bool(details.frames))
        self.strip.set_frames(details.frames)

    def show_detect_form(self) -> None:
        self.detect_form.show()
        self.detect_form.model.path.setFocus(Qt.FocusReason.OtherFocusReason)

    def hide_detect_form(self) -> None:
        self.detect_form.hide()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def running_cards(self) -> Mapping[Verb, StepCard]:
        return {verb: card for verb, card in self.cards.items() if card.is_running()}

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._set_dragging(True)

    def dragLeaveEvent(self, event: object) -> None:
        self._set_dragging(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._set_dragging(False)
        event.acceptProposedAction()
        self.import_requested.emit([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._dragging:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.current().color("accent"), 2, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(4, 4, -4, -4), 8, 8)

    def _set_dragging(self, dragging: bool) -> None:
        self._dragging = dragging
        self.update()


def _breakable(text: str) -> str:
    """Lets long file names go on in the next line, after their dashes, dots and slashes."""
    return re.sub(r"([_\-./\\])", "\\1\u200b", text)
