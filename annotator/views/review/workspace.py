"""The Review workspace: queue, stage with time axis and verdicts, question; what can be asked for has an action's id.

It holds no truth of its own: presenter.py fills it and answers what it emits.
"""

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QMenu, QStackedWidget, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.review.adjudication import AdjudicationStrip
from annotator.views.review.card import Card
from annotator.views.review.comment_card import CommentCard
from annotator.views.review.gallery_panel import GalleryPanel
from annotator.views.review.label_card import LabelCard
from annotator.views.review.question_panel import QuestionPanel
from annotator.views.review.queue_model import QueueModel
from annotator.views.review.queue_panel import QueuePanel
from annotator.views.review.reason_card import ReasonCard
from annotator.views.review.review_docks import ReviewDocks
from annotator.views.review.review_options import ReviewOptions
from annotator.views.review.stage_controls import StageControls
from annotator.views.review.verdict_bar import VerdictBar
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.painting import Glyph
from annotator.views.widgets.stage import Stage
from annotator.views.widgets.time_axis import TimeAxis

_QUEUE_WIDTH, _QUESTION_WIDTH = 276, 312
_LOW = 760  # pixels; in a lower window the video shares the room with a conflict
_WORD_ROWS = 3  # people say three words a second


class ReviewWorkspace(QWidget):
    """Emits `action_requested` with an action's id for what is pressed with the mouse; keys come through `keys`."""

    action_requested = Signal(str)
    decided = Signal(str)
    reason_chosen = Signal(str)
    label_chosen = Signal(str)
    commented = Signal(str)
    empty_action_requested = Signal()

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        keys: KeyBindings | None = None,
        options: ReviewOptions | None = None,
    ) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Review workspace")
        self.keys = keys if keys is not None else KeyBindings(parent=self)
        self.options = options if options is not None else ReviewOptions()
        self.model = QueueModel(self)
        self.queue = QueuePanel(self.model)
        self.question = QuestionPanel()
        self.notice = NoticeBar()
        self.stage = Stage()
        self.stage.set_crop_visible(True)
        self.controls = StageControls(self.keys)
        self.axis = TimeAxis(word_rows=_WORD_ROWS)
        self.adjudication = AdjudicationStrip()
        self.verdicts = VerdictBar(self.keys)
        self.empty = EmptyState()
        self.gallery = GalleryPanel(self.keys)
        self._centre = QStackedWidget()
        self.docks = ReviewDocks(self._make_centre(), self)
        self._lay_out()
        self.reasons, self.labels, self.comments = ReasonCard(self), LabelCard(self), CommentCard(self)
        self._is_laid_out = False
        self._keep_layout = QTimer(self, singleShot=True, interval=0)
        self._keep_layout.timeout.connect(lambda: self.docks.keep(self.options))
        self._connect()

    def sizeHint(self) -> QSize:
        return QSize(1440, 856)

    def _make_centre(self) -> QWidget:
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
        column.addWidget(self.controls)
        column.addWidget(axis_ground)
        column.addWidget(self.adjudication)
        column.addWidget(self.verdicts)
        self._centre.addWidget(pair)
        self._centre.addWidget(self.empty)
        self._centre.addWidget(self.gallery)
        centre = QWidget()
        centre_column = QVBoxLayout(centre)
        centre_column.setContentsMargins(0, 0, 0, 0)
        centre_column.setSpacing(0)
        centre_column.addWidget(self.notice)
        centre_column.addWidget(self._centre, 1)
        return centre

    def _lay_out(self) -> None:
        self.queue.setMinimumWidth(200)
        self.question.setMinimumWidth(230)
        self.docks.add("Queue", self.queue, Qt.DockWidgetArea.LeftDockWidgetArea, _QUEUE_WIDTH)
        self.docks.add("Question", self.question, Qt.DockWidgetArea.RightDockWidgetArea, _QUESTION_WIDTH)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.docks)

    def _connect(self) -> None:
        self.stage.pressed.connect(lambda: self.action_requested.emit("review.play"))
        self.controls.action_requested.connect(self.action_requested)
        self.controls.menu_requested.connect(lambda _point: self._open_menu())
        self.adjudication.shown.connect(self._fit_conflict)
        self.verdicts.decided.connect(self.decided)
        self.verdicts.reasons_requested.connect(self.open_reasons)
        self.reasons.reason_chosen.connect(self.reason_chosen)
        self.labels.label_chosen.connect(self.label_chosen)
        self.comments.commented.connect(self.commented)
        self.empty.action_requested.connect(self.empty_action_requested)
        self.queue.filter.left.connect(self.setFocus)
        for dock in self.docks.docks.values():
            dock.dockLocationChanged.connect(lambda _area: self._layout_changed())
            dock.topLevelChanged.connect(lambda _is_floating: self._layout_changed())
            dock.visibilityChanged.connect(lambda _is_visible: self._layout_changed())
        self.docks.rearranged.connect(self._layout_changed)
        self.keys.changed.connect(self._tell_keys)
        self._tell_keys()

    def _tell_keys(self) -> None:
        accept, reject, goes_on = (
            next(iter(self.keys.shown_keys(f"review.{name}")), "") for name in ("accept", "reject", "next")
        )
        search = self.queue.filter.toolTip().partition(" (")[0]
        self.queue.filter.setToolTip(self.keys.tip("review.filter", search))
        self.question.set_keys(accept=accept, reject=reject, goes_on=goes_on)

    def _fit_conflict(self, is_shown: bool) -> None:
        """In a low window the cards of a conflict and the words take fewer lines: the video stays large enough."""
        is_low = self.height() < _LOW
        self.adjudication.set_low(is_low)
        self.axis.set_word_rows(_WORD_ROWS - 1 if is_low and is_shown else _WORD_ROWS)

    # -- what stands in the middle ----------------------------------------------------------------------------------

    def show_empty(self, title: str, text: str, action: str = "", *, is_done: bool = False) -> None:
        """Puts a sentence and at most one button where the pair would be."""
        glyph: Glyph = "accept" if is_done else "dot"
        self.empty.set_content(title, text, action, glyph=glyph, token="accept" if is_done else "muted")
        self._centre.setCurrentWidget(self.empty)
        self.close_cards()
        self.question.set_pair(None)

    def show_pair(self) -> None:
        self._centre.setCurrentIndex(0)

    def show_gallery(self) -> None:
        """Puts the frames of many pairs where the one would be."""
        self.close_cards()
        self._centre.setCurrentWidget(self.gallery)

    def is_pair_shown(self) -> bool:
        return self._centre.currentIndex() == 0

    def set_time(self, time_s: float, duration_s: float) -> None:
        self.controls.set_time(time_s, duration_s)
        self.axis.set_now(time_s)

    def toggle_crop(self) -> None:
        is_shown = not self.stage.is_crop_visible()
        self.stage.set_crop_visible(is_shown)
        self.controls.set_crop(is_shown)

    def go_to_filter(self) -> None:
        self.docks.docks["Queue"].show()
        self.queue.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.queue.filter.selectAll()

    def toggle_filters(self) -> None:
        self.docks.docks["Queue"].show()
        self.queue.toggle_filters()

    # -- cards ------------------------------------------------------------------------------------------------------

    def open_reasons(self) -> None:
        buttons = self.gallery.buttons if self._centre.currentWidget() is self.gallery else self.verdicts.buttons
        self.reasons.open_over(buttons["reject"])

    def open_labels(self, label: str) -> None:
        self.labels.ask(self.verdicts.buttons["accept"], label)

    def open_comment(self) -> None:
        self.comments.ask(self.verdicts.buttons["unsure"])

    def open_card(self) -> Card | None:
        """Returns the card that is open."""
        return next((card for card in self._cards() if card.isVisible()), None)

    def close_cards(self) -> None:
        for card in self._cards():
            card.leave()

    def _cards(self) -> tuple[Card, ...]:
        return self.reasons, self.labels, self.comments

    # -- the menu and the docks ---------------------------------------------------------------------------------------

    def make_menu(self) -> QMenu:
        """Returns the menu of the workspace: what happens by itself, the docks, all keys."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, name in (("Play each pair when it shows", "autoplay"), ("Go on after a verdict", "auto_advance")):
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(getattr(self.options, name))
            action.toggled.connect(lambda is_on, name=name: setattr(self.options, name, is_on))
        menu.addSeparator()
        for action in self.docks.actions_of_docks():
            menu.addAction(action)
        menu.addAction("Put the docks back").triggered.connect(self.docks.arrange)
        menu.addSeparator()
        keys = self.keys.text("app.keys")
        all_keys = menu.addAction(f"All keys\t{keys}")
        all_keys.setEnabled(self.keys.is_bound("app.keys"))
        all_keys.triggered.connect(lambda: self.keys.run("app.keys"))
        return menu

    def _open_menu(self) -> None:
        self.controls.open_menu(self.make_menu())

    def _layout_changed(self) -> None:
        if self._is_laid_out and self.isVisible():
            self._keep_layout.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_laid_out:
            self.docks.restore(self.options)
            self._is_laid_out = True

    def hideEvent(self, event: QHideEvent) -> None:
        self._keep()
        super().hideEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._keep()
        super().closeEvent(event)

    def _keep(self) -> None:
        """The docks' widths are dragged without a signal: they are kept when the workspace is left."""
        self._keep_layout.stop()
        if self._is_laid_out:
            self.docks.keep(self.options)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_conflict(self.adjudication.isVisible())
        card = self.open_card()
        if card is not None:
            card.place()
