"""The queue beside the stage: which pairs, a search, filters with their drawer, the list, its order and its length."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QMenu, QStackedWidget, QVBoxLayout, QWidget

from annotator.store.records import QueueCounts, QueueFilter, QueueOrder, QueueState
from annotator.views import theme
from annotator.views.review.filter_button import FilterButton
from annotator.views.review.filter_chips import FilterChips, FilterPart
from annotator.views.review.filter_drawer import FilterDrawer
from annotator.views.review.queue_delegate import QueueDelegate
from annotator.views.review.queue_emptiness import list_emptiness
from annotator.views.review.queue_list import QueueList
from annotator.views.review.queue_model import QueueModel
from annotator.views.review.queue_orders import ORDERS, SHORT, TIPS
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.flow import FlowLayout
from annotator.views.widgets.pill import Pill

STATES: dict[QueueState, tuple[str, str]] = {
    "pending": ("Pending", "Pairs that wait for your verdict"),
    "skipped": ("Skipped", "Pairs that you put off"),
    "flagged": ("Flagged", "Pairs that somebody flagged"),
    "adjudicate": ("To adjudicate", "Pairs on which reviewers differ, or that somebody was unsure about"),
    "done": ("Done", "Pairs that you decided"),
    "all": ("All", "Every pair of the selection, decided or not"),
}
_FILTER_DELAY_MS = 150


class FilterField(QLineEdit):
    """A field that Escape empties and leaves; Down goes on to the list."""

    left = Signal()
    descended = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.key() == Qt.Key.Key_Escape:
                self.clear()
            self.left.emit()
        elif event.key() == Qt.Key.Key_Down:
            self.descended.emit()
        else:
            super().keyPressEvent(event)


class QueuePanel(QFrame):
    """Shows a QueueModel; says which pair, state, search, filter and order were chosen."""

    pair_chosen = Signal(str)
    state_chosen = Signal(str)
    search_changed = Signal(str)
    filter_chosen = Signal(object)  # QueueFilter
    order_chosen = Signal(str)
    selection_left = Signal()
    filters_opened = Signal()
    empty_action_requested = Signal()

    def __init__(self, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-left")
        self.model = model
        self._filter_text = ""
        self._current_order: QueueOrder = "mined"
        self.pills = {state: self._state_pill(state) for state in STATES}
        self.pills["all"].hide()
        self.pills["pending"].setChecked(True)
        self._make_search()
        self.chips = FilterChips()
        self.chips.filter_chosen.connect(self.filter_chosen)
        self.chips.selection_left.connect(self.selection_left)
        self.drawer = FilterDrawer()
        self.drawer.filter_chosen.connect(self.filter_chosen)
        self.drawer.closed.connect(self.close_filters)
        self.list = QueueList(model)
        self.list.clicked.connect(self._choose)
        self.list.activated.connect(self._choose)
        self.empty = EmptyState()
        self.empty.set_compact()
        self.empty.action_requested.connect(self.empty_action_requested)
        self._stack = QStackedWidget()
        for page in (self.list, self.empty, self.drawer):
            self._stack.addWidget(page)
        self._lay_out()
        self.set_order("mined")
        for signal in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            signal.connect(self._show_emptiness)
        self._show_emptiness()

    def sizeHint(self) -> QSize:
        return QSize(276, 600)

    def _state_pill(self, state: QueueState) -> Pill:
        text, tip = STATES[state]
        pill = Pill(text)
        pill.setAutoExclusive(True)
        pill.setToolTip(tip)
        pill.clicked.connect(lambda: self.state_chosen.emit(state))
        return pill

    def _make_search(self) -> None:
        self.filter = FilterField(placeholderText="Search class, word, video", clearButtonEnabled=False)
        self.filter.setToolTip("Show only pairs whose class, word or video has these words")
        self.filter.setAccessibleName("Search the queue")
        self._delay = QTimer(self, singleShot=True, interval=_FILTER_DELAY_MS)
        self._delay.timeout.connect(lambda: self.search_changed.emit(self.filter.text().strip()))
        self.filter.textChanged.connect(self._delay.start)
        self.filter.descended.connect(lambda: self.list.setFocus(Qt.FocusReason.TabFocusReason))
        self.filter_button = FilterButton()
        self.filter_button.clicked.connect(self.toggle_filters)

    def _lay_out(self) -> None:
        pills = FlowLayout(spacing=5)
        for pill in self.pills.values():
            pills.addWidget(pill)
        search = QHBoxLayout()
        search.setSpacing(6)
        search.addWidget(self.filter, 1)
        search.addWidget(self.filter_button)
        head = QVBoxLayout()
        head.setContentsMargins(12, 12, 12, 10)
        head.setSpacing(8)
        head.addLayout(pills)
        head.addLayout(search)
        head.addWidget(self.chips)
        self._order = Pill("", checkable=False)
        self._order.set_state("menu")
        self._order.clicked.connect(self._open_orders)
        self._length = QLabel()
        theme.set_role(self._length, "small")
        self._foot = QFrame()
        theme.set_role(self._foot, "panel-bottom")
        foot_row = QHBoxLayout(self._foot)
        foot_row.setContentsMargins(12, 7, 12, 7)
        foot_row.addWidget(self._order)
        foot_row.addStretch(1)
        foot_row.addWidget(self._length)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self._stack, 1)
        column.addWidget(self._foot)

    # -- what is shown ---------------------------------------------------------------------------------------------

    def set_blind(self, is_blind: bool) -> None:
        """Hides the detector's numbers from a blind reviewer."""
        delegate = self.list.itemDelegate()
        assert isinstance(delegate, QueueDelegate)
        delegate.is_blind = is_blind
        self.list.viewport().update()

    def set_counts(self, counts: QueueCounts) -> None:
        for state, count in (
            ("pending", counts.pending),
            ("skipped", counts.skipped),
            ("flagged", counts.flagged),
            ("adjudicate", counts.adjudicate),
            ("done", counts.done),
        ):
            self.pills[state].set_count(count)  # type: ignore[index]

    def set_state(self, state: QueueState) -> None:
        self.pills[state].setChecked(True)
        self._show_emptiness()

    def state(self) -> QueueState:
        return next(state for state, pill in self.pills.items() if pill.isChecked())

    def set_filter(self, chosen: QueueFilter, parts: Sequence[FilterPart], text: str, *, selection: str = "") -> None:
        """Shows what narrows the list: parts and selection as chips, and its name in sentences ("" for none)."""
        self._filter_text = text
        self.chips.set_parts(parts, selection)
        self.filter_button.set_number(len(parts) + bool(selection))
        self.drawer.set_filter(chosen)
        if not self._delay.isActive() and chosen.text != self.filter.text().strip():
            self.filter.setText(chosen.text)
            self._delay.stop()
        self._show_emptiness()

    def set_selection(self, name: str, count: int | None = None) -> None:
        """Shows that only a named selection is listed; "" for none."""
        pill = self.pills["all"]
        pill.setVisible(bool(name))
        pill.set_count(count if name else None)

    def set_order(self, order: QueueOrder) -> None:
        self._current_order = order
        self._order.setText(SHORT[order])
        self._order.setAccessibleName(f"Order: {ORDERS[order]}")
        self._order.setToolTip(f"{TIPS[order]}; press to choose another order")

    def set_current(self, uid: str | None) -> None:
        """Selects the row of a pair and brings it into view, with the next ones below it."""
        self.list.show_current(uid)

    # -- what is chosen --------------------------------------------------------------------------------------------

    def toggle_filters(self) -> None:
        """Opens the drawer in place of the list, or closes it."""
        if self.is_filtering():
            self.close_filters()
            return
        self._stack.setCurrentWidget(self.drawer)
        self._foot.hide()
        self.chips.set_wanted(False)
        self.filter_button.set_open(True)
        self.drawer.classes.setFocus(Qt.FocusReason.TabFocusReason)
        self.filters_opened.emit()

    def close_filters(self) -> None:
        """Goes back to the list; the filter stays."""
        had_focus = self.drawer.isAncestorOf(self.focusWidget()) if self.focusWidget() else False
        self.filter_button.set_open(False)
        self._foot.show()
        self.chips.set_wanted(True)
        self._stack.setCurrentWidget(self.list)
        self._show_emptiness()
        if had_focus or self.window().focusWidget() is None:
            self.filter.left.emit()  # the keys of the workspace work again

    def is_filtering(self) -> bool:
        return self._stack.currentWidget() is self.drawer

    def _open_orders(self) -> None:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for order, text in ORDERS.items():
            is_again = order == self._current_order == "shuffled"
            action = menu.addAction("shuffle again" if is_again else text)
            action.setToolTip(TIPS[order])
            action.setCheckable(True)
            action.setChecked(order == self._current_order)
            action.triggered.connect(lambda _checked=False, chosen=order: self.order_chosen.emit(chosen))
        size = menu.sizeHint()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._order.mapToGlobal(QPoint(0, -size.height() - 4)))

    def _choose(self, index: QModelIndex) -> None:
        uid = self.model.uid_at(index.row())
        if uid:
            self.pair_chosen.emit(uid)

    def _show_emptiness(self) -> None:
        count = self.model.rowCount()
        self.drawer.set_count(count)
        shown = f"{count:,}".replace(",", "\u202f")
        self._length.setText(f"{shown} pair" if count == 1 else f"{shown} pairs")
        if self.is_filtering():
            return
        self._stack.setCurrentWidget(self.list if count else self.empty)
        if not count:
            self.empty.set_content(*list_emptiness(self.state(), self._filter_text))
