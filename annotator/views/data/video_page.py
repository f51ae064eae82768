"""A video's page: the frame at now, and on one time axis its frames, words, detections, pairs and described segments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.data.detection_strip import DetectionStrip, SeenFrame
from annotator.views.data.lanes import FilmStrip, Lane, PairLane, Span, SpanLane
from annotator.views.key_bindings import KeyBindings
from annotator.views.widgets.section import SectionHead
from annotator.views.widgets.stage import Stage
from annotator.views.widgets.time_axis import TimeAxis
from annotator.views.widgets.time_layout import SpokenWord, clock_text, zoomed

SHOWN_S = 60.0  # of a long video at first; the wheel and + and - show more and less


@dataclass(frozen=True, slots=True)
class VideoDetails:
    """The chosen video: facts for the panel and, where it is extracted or labelled, what lies along its time."""

    uid: str
    title: str
    facts: tuple[tuple[str, str], ...]
    problem: str = ""
    duration_s: float = 0.0
    aspect: float = 16 / 9
    log_mel: np.ndarray | None = None  # (steps, 40), dB
    words: tuple[SpokenWord, ...] = ()
    matched: frozenset[int] = frozenset()  # words that a pair's label was found in
    frames: tuple[SeenFrame, ...] = ()
    pairs: tuple[Span, ...] = ()
    segments: tuple[Span, ...] = ()

    @property
    def has_times(self) -> bool:
        return self.log_mel is not None or bool(self.words) or bool(self.frames) or bool(self.segments)


class VideoPage(QWidget):
    seek_requested = Signal(float)
    play_requested = Signal()
    neighbour_requested = Signal(int)  # -1: the video before, 1: the next
    put_away = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._details: VideoDetails | None = None
        self.back = QPushButton("‹ Videos")
        self.title = QLabel()
        theme.set_role(self.title, "title")
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.time = QLabel()
        theme.set_role(self.time, "muted")
        self.before, self.after = QPushButton("Previous"), QPushButton("Next")
        self.play = QPushButton("Play")
        self.stage = Stage(margin=12)
        self.stage.setMinimumHeight(110)
        self.axis = TimeAxis(word_rows=2)
        self.film = FilmStrip(self.axis)
        self.strip = DetectionStrip(self.axis)
        self.pairs = PairLane(self.axis)
        self.segments = SpanLane(self.axis, "Described segments", token="info", seeks_start=True)
        self.nothing = QLabel()
        self.nothing.setContentsMargins(16, 4, 16, 0)
        theme.set_role(self.nothing, "muted")
        self._heads: dict[Lane, SectionHead] = {}
        self._build()
        for lane in self.lanes():
            lane.seek_requested.connect(self.seek_requested)
        self.axis.seek_requested.connect(self.seek_requested)
        self.axis.word_clicked.connect(self._word_clicked)
        self.back.clicked.connect(self.put_away)
        self.play.clicked.connect(self.play_requested)
        self.stage.pressed.connect(self.play_requested)
        self.before.clicked.connect(lambda: self.neighbour_requested.emit(-1))
        self.after.clicked.connect(lambda: self.neighbour_requested.emit(1))

    def lanes(self) -> tuple[Lane, ...]:
        return self.film, self.strip, self.pairs, self.segments

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(16, 12, 16, 10)
        head.setSpacing(10)
        head.addWidget(self.back)
        head.addWidget(self.title, 1)
        for part in (self.time, self.play, self.before, self.after):
            head.addWidget(part)
        bottom = QFrame()
        theme.set_role(bottom, "panel-bottom")
        times = QVBoxLayout(bottom)
        times.setContentsMargins(0, 4, 0, 8)
        times.setSpacing(0)
        times.addWidget(self.axis)
        for lane, name in (
            (self.film, "Frames"),
            (self.strip, "P(food) of each frame"),
            (self.pairs, "Pairs"),
            (self.segments, "Segments and their sentences"),
        ):
            self._heads[lane] = SectionHead(name)
            row = QHBoxLayout()
            row.setContentsMargins(16, 3, 16, 0)
            row.addWidget(self._heads[lane])
            times.addLayout(row)
            times.addWidget(lane)
        times.addWidget(self.nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.stage, 1)
        column.addWidget(bottom)

    def set_details(self, details: VideoDetails) -> None:
        """Shows a video; the range in view stays where it is the same video with something new."""
        is_same = self._details is not None and self._details.uid == details.uid
        self._details = details
        self.title.setText(details.title)
        self.title.setToolTip(details.title)
        axis = self.axis
        shown, now = axis.range(), axis.now()
        axis.clear()
        axis.set_lanes(*(["spectrogram"] if details.log_mel is not None else []), *(["words"] if details.words else []))
        axis.set_zoom_limits(0.0, details.duration_s)
        axis.set_range(*(shown if is_same else (0.0, min(details.duration_s, SHOWN_S))))
        axis.set_spectrogram(details.log_mel)
        axis.set_words(details.words, details.matched)
        self.film.set_video(details.duration_s, details.aspect)
        self.strip.set_frames(details.frames)
        self.pairs.set_spans(details.pairs)
        self.segments.set_spans(details.segments)
        for lane, has_any in (
            (self.film, True),
            (self.strip, bool(details.frames)),
            (self.pairs, bool(details.pairs)),
            (self.segments, bool(details.segments)),
        ):
            lane.setVisible(has_any)
            self._heads[lane].setVisible(has_any)
        lacking = [name for name, there in (("extracted", details.log_mel is not None), ("transcribed", bool(details.words)),
                                            ("looked at for foods", bool(details.frames))) if not there]  # fmt: skip
        self.nothing.setText(f"Not {', not '.join(lacking)} yet." if lacking else "")
        self.nothing.setVisible(bool(lacking))
        self.set_now(now if is_same and now is not None else 0.0)

    def details(self) -> VideoDetails | None:
        return self._details

    def set_now(self, time_s: float) -> None:
        """Moves the line for now through the axis and every lane, and turns the page where it has left the view."""
        axis, duration_s = self.axis, self._details.duration_s if self._details else 0.0
        start, end = axis.range()
        axis.set_now(time_s)
        if not start <= time_s <= end:
            span = end - start
            first = min(max(0.0, time_s - 0.1 * span), max(0.0, duration_s - span))
            self._show_range(first, first + span)
        for lane in self.lanes():
            lane.update()
        self.time.setText(f"{clock_text(time_s, decimals=1)} of {clock_text(duration_s)}")

    def set_playing(self, is_playing: bool) -> None:
        self.play.setText("Pause" if is_playing else "Play")

    def show_keys(self, keys: KeyBindings) -> None:
        """Writes the keys in force into the tooltips."""
        tips = {
            self.back: "video_back",
            self.before: "video_previous",
            self.after: "video_next",
            self.play: "video_play",
        }
        for button, name in tips.items():
            button.setToolTip(keys.tip(f"data.{name}"))

    def set_neighbours(self, before: bool, after: bool) -> None:
        self.before.setEnabled(before)
        self.after.setEnabled(after)

    def put_film(self, images: dict) -> None:
        self.film.put(images)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step_s = 0.1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
        now = self.axis.now() or 0.0
        match event.key():
            case Qt.Key.Key_Left:
                self._seek(now - step_s)
            case Qt.Key.Key_Right:
                self._seek(now + step_s)
            case Qt.Key.Key_Home:
                self._seek(0.0)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self._zoom(0.6)
            case Qt.Key.Key_Minus:
                self._zoom(1 / 0.6)
            case _:
                event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.film.update()

    def _seek(self, time_s: float) -> None:
        if self._details is not None:
            self.seek_requested.emit(min(self._details.duration_s, max(0.0, time_s)))

    def _zoom(self, factor: float) -> None:
        if self._details is None:
            return
        start, end = self.axis.range()
        now = self.axis.now()
        around = now if now is not None and start <= now <= end else (start + end) / 2
        self._show_range(*zoomed(start, end, around, factor, 0.0, self._details.duration_s))

    def _show_range(self, start: float, end: float) -> None:
        self.axis.set_range(start, end)
        self.axis.range_changed.emit(start, end)

    def _word_clicked(self, index: int) -> None:
        if self._details is not None:
            self.seek_requested.emit(self._details.words[index].start)


def matched_words(words: Sequence[SpokenWord], times: Sequence[tuple[float, float]]) -> frozenset[int]:
    """Returns which words lie within the times at which labels were found (from the first word's start to the last's end)."""
    if not words or not times:
        return frozenset()
    starts = np.array([word.start for word in words])
    ends = np.array([word.end for word in words])
    found: set[int] = set()
    for start, end in set(times):
        found.update(np.flatnonzero((starts >= start - 1e-3) & (ends <= end + 1e-3)).tolist())
    return frozenset(found)
