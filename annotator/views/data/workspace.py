"""The Data workspace's widget: the steps in a row; beneath, one of its pages: the videos, a form, a video, plots, skips."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.data.fields import Form, Wish
from annotator.views.data.filter_bar import FilterBar
from annotator.views.data.plots_page import PlotsPage
from annotator.views.data.skipped_page import SkippedPage
from annotator.views.data.step_card import ALWAYS_A_FORM, StepCard
from annotator.views.data.values import VERBS, StepState, Verb, number_text
from annotator.views.data.verb_form import Run, VerbForm
from annotator.views.data.video_page import VideoDetails, VideoPage
from annotator.views.data.video_table import VideoTable
from annotator.views.key_bindings import KeyBindings
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.facts import FactRows
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.section import SectionHead
from annotator.views.widgets.table import Row

PANEL_WIDTH = 288


class DataWorkspace(QWidget):
    start_requested = Signal(str)  # verb, with the settings that it has
    options_requested = Signal(str)  # verb, whose form is wanted
    wish_made = Signal(object)  # Wish
    cancel_requested = Signal(str)  # verb
    import_requested = Signal(object)  # list of paths
    video_chosen = Signal(str)
    video_opened = Signal(str)
    page_opened = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, keys: KeyBindings | None = None) -> None:
        super().__init__(parent)
        self.keys = keys if keys is not None else KeyBindings(parent=self)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._dragging = False
        self._n_videos = 0
        self.notice = NoticeBar()
        self.count = Pill("0 videos", checkable=False)
        self.count.setToolTip("Videos of this project, linked where they lie")
        self.count.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.count.unsetCursor()
        self.skipped = Pill("Skipped", checkable=False)
        self.skipped.setToolTip("What steps could not use, and ids that did not come in, each with the reason")
        self.plots = QPushButton("Plots")
        self.plots.setToolTip("Table 1, food words and synchrony, beside the paper's")
        self.cards: dict[Verb, StepCard] = {verb: StepCard(i, verb) for i, verb in enumerate(VERBS, 1)}
        self.filter = FilterBar()
        self.table = VideoTable()
        self.empty = EmptyState(
            "No videos yet",
            "Import files, whole folders, YouCook2 or YouTube-8M, or drop videos here. They are linked where they lie, "
            "never copied.",
            "Import videos…",
            glyph="play",
        )
        self.none_left = EmptyState("No video is like this", "Take off a part of the filter.", "Clear the filter")
        self.head = SectionHead("Video")
        self.title = QLabel(wordWrap=True)
        theme.set_role(self.title, "title")
        self.facts = FactRows()
        self.problem = QLabel(wordWrap=True)
        theme.set_role(self.problem, "bad")
        self.open_video = QPushButton("Open its page")
        self.open_video.setToolTip("Frames, words, detections and pairs on one time axis (Enter)")
        self.form = VerbForm()
        self.video = VideoPage()
        self.plots_page = PlotsPage()
        self.skips = SkippedPage()
        self._build()
        self._connect()

    def set_runner(self, run: Run) -> None:
        """Takes what looks into the files that a form names."""
        self.form.set_runner(run)

    def _connect(self) -> None:
        for card in self.cards.values():
            card.start_requested.connect(self._card_pressed)
            card.options_requested.connect(self.options_requested)
            card.cancel_requested.connect(self.cancel_requested)
        self.empty.action_requested.connect(lambda: self.options_requested.emit("import"))
        self.none_left.action_requested.connect(self.filter.clear)
        self.form.start_requested.connect(self.wish_made)
        self.form.put_away.connect(self.show_list)
        self.video.put_away.connect(self.show_list)
        self.skips.put_away.connect(self.show_list)
        self.table.row_chosen.connect(self.video_chosen)
        self.table.row_opened.connect(self.video_opened)
        self.open_video.clicked.connect(lambda: self._open_chosen())
        self.plots.clicked.connect(lambda: self.toggle_page("plots"))
        self.skipped.clicked.connect(lambda: self.toggle_page("skipped"))
        self._bind_keys()

    def _bind_keys(self) -> None:
        slots: dict[str, Callable[[], object]] = {"data.filter": self.filter.take_focus}
        for verb, card in self.cards.items():
            slots[f"data.{verb}"] = card.start
            slots[f"data.{verb}_options"] = card.options.click
        for page in ("plots", "skipped"):
            slots[f"data.{page}"] = lambda page=page: self.toggle_page(page)
        self.keys.bind(self, slots, possible=lambda _id: self.page() != "form")
        video = {
            "data.video_play": self.video.play_requested.emit,
            "data.video_previous": lambda: self.video.neighbour_requested.emit(-1),
            "data.video_next": lambda: self.video.neighbour_requested.emit(1),
            "data.video_back": self.video.put_away.emit,
        }
        self.keys.bind(self.video, video)
        self.keys.bind(self.plots_page, {"data.plot_choices": self.plots_page.options_requested.emit})
        self.keys.changed.connect(self._show_keys)
        self._show_keys()

    def _show_keys(self) -> None:
        for verb, card in self.cards.items():
            card.show_keys(self.keys.text(f"data.{verb}"), self.keys.text(f"data.{verb}_options"))
        self.plots.setToolTip(self.keys.tip("data.plots", self.plots.toolTip().partition(" (")[0]))
        self.skipped.setToolTip(self.keys.tip("data.skipped", self.skipped.toolTip().partition(" (")[0]))
        self.empty.action_button().setToolTip(self.keys.tip("data.import"))
        self.plots_page.options.setToolTip(
            self.keys.tip("data.plot_choices", "Which videos, words and detections the plots are made of")
        )
        self.video.show_keys(self.keys)

    def _build(self) -> None:
        title = QLabel("Data")
        theme.set_role(title, "question")
        head = QHBoxLayout()
        head.setContentsMargins(16, 12, 16, 0)
        head.setSpacing(10)
        for part in (title, self.count, self.skipped):
            head.addWidget(part)
        head.addStretch(1)
        head.addWidget(self.plots)
        self._cards = QWidget()
        cards = QHBoxLayout(self._cards)
        cards.setContentsMargins(16, 0, 16, 0)
        cards.setSpacing(10)
        for card in self.cards.values():
            cards.addWidget(card, 1)
        self._top = QWidget()
        top = QVBoxLayout(self._top)
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(12)
        top.addLayout(head)
        top.addWidget(self._cards)
        self._pages = QStackedWidget()
        self._of_page = {
            "list": self._list_page(),
            "form": _in_margins(self.form),
            "video": self.video,
            "plots": self.plots_page,
            "skipped": _in_margins(self.skips),
        }
        for page in self._of_page.values():
            self._pages.addWidget(page)
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(12)
        left.addWidget(self._top)
        left.addWidget(self._pages, 1)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.notice)
        middle.addLayout(left, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(middle, 1)
        row.addWidget(self._panel())
        self._arrange()

    def _list_page(self) -> QWidget:
        self._card = QFrame()
        theme.set_role(self._card, "card")
        inside = QVBoxLayout(self._card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.table)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.filter)
        self._lists = QStackedWidget()
        shown = QWidget()
        stretched = QVBoxLayout(shown)
        stretched.setContentsMargins(0, 0, 0, 0)
        stretched.addWidget(self._card, 1)
        stretched.addStretch(0)
        self._lists.addWidget(shown)
        self._lists.addWidget(self.none_left)
        column.addWidget(self._lists, 1)
        self._list_or_empty = QStackedWidget()
        self._list_or_empty.addWidget(self.empty)
        self._list_or_empty.addWidget(full)
        return _in_margins(self._list_or_empty)

    def _panel(self) -> QFrame:
        self._side = QFrame()
        theme.set_role(self._side, "panel-right")
        self._side.setFixedWidth(PANEL_WIDTH)
        column = QVBoxLayout(self._side)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(0)
        for part, space in (
            (self.head, 6),
            (self.title, 10),
            (self.problem, 8),
            (self.facts, 12),
            (self.open_video, 0),
        ):
            column.addWidget(part)
            column.addSpacing(space)
        column.addStretch(1)
        return self._side

    def page(self) -> str:
        """Returns which page shows: list, form, video, plots or skipped."""
        shown = self._pages.currentWidget()
        return next(name for name, page in self._of_page.items() if page is shown)

    def show_page(self, name: str) -> None:
        self._pages.setCurrentWidget(self._of_page[name])
        self._arrange()
        focus: Mapping[str, QWidget] = {
            "list": self.table if self._n_videos else self,
            "video": self.video,
            "plots": self.plots_page.scroll,
            "skipped": self.skips.table,
        }
        if name in focus:
            focus[name].setFocus(Qt.FocusReason.OtherFocusReason)
        self.page_opened.emit(name)

    def show_list(self) -> None:
        if self.page() != "list":
            self.show_page("list")

    def toggle_page(self, name: str) -> None:
        self.show_page("list" if self.page() == name else name)

    def show_form(self, form: Form, remembered: Wish | None) -> None:
        self.form.set_form(form, remembered)
        self.show_page("form")
        self.form.focus_first()

    def set_steps(self, steps: Sequence[StepState]) -> None:
        for step in steps:
            self.cards[step.verb].set_state(step)

    def set_videos(self, keys: Sequence[str], row_of: Callable[[str], Row], n_videos: int, chosen: str | None) -> None:
        """Takes the videos that the filter keeps, how a row is made, and how many there are in all."""
        self._n_videos = n_videos
        self.count.setText("1 video" if n_videos == 1 else f"{number_text(n_videos)} videos")
        self.table.set_videos(keys, row_of)
        self.table.choose(chosen)
        self._card.setMaximumHeight(min(self.table.content_height(), 16_000_000))
        self._lists.setCurrentIndex(0 if keys else 1)
        self._list_or_empty.setCurrentIndex(1 if n_videos else 0)
        self._arrange()

    def set_skipped(self, n_problems: int, n_not_imported: int) -> None:
        self.skipped.set_count((n_problems + n_not_imported) or None)
        self.skipped.setVisible(n_problems + n_not_imported > 0)

    def set_details(self, details: VideoDetails | None) -> None:
        for part in (self.head, self.title, self.facts, self.open_video):
            part.setVisible(details is not None)
        self.problem.setVisible(details is not None and bool(details.problem))
        if details is None:
            return
        self.title.setText(_breakable(details.title))
        self.title.setToolTip(details.title)
        self.problem.setText(_breakable(details.problem))
        self.facts.set_rows(details.facts)
        self.open_video.setEnabled(bool(details.uid))
        if self.page() == "video":
            self.video.set_details(details)
            self.open_video.hide()

    def running_cards(self) -> Mapping[Verb, StepCard]:
        return {verb: card for verb, card in self.cards.items() if card.is_running()}

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.page() != "list":
            self.show_list()
        else:
            super().keyPressEvent(event)

    def _arrange(self) -> None:
        """Gives each page its room: the steps go with the list and its forms, the facts with the list and a video."""
        page = self.page()
        self._top.setVisible(page != "video")
        self._cards.setVisible(page in ("list", "form", "skipped"))
        if hasattr(self, "_side"):
            self._side.setVisible(page in ("list", "video") and self._n_videos > 0)
            self.open_video.setVisible(page == "list" and self.title.text() != "")
        self.plots.setText("Videos" if page == "plots" else "Plots")

    def _card_pressed(self, verb: str) -> None:
        (self.options_requested if verb in ALWAYS_A_FORM else self.start_requested).emit(verb)

    def _open_chosen(self) -> None:
        chosen = self.table.chosen_key()
        if chosen is not None:
            self.video_opened.emit(chosen)

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


def _in_margins(widget: QWidget) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(16, 0, 16, 14)
    column.addWidget(widget)
    return page


def _breakable(text: str) -> str:
    """Lets long file names go on in the next line, after their dashes, dots and slashes."""
    return re.sub(r"([_\-./\\])", "\\1\u200b", text)
