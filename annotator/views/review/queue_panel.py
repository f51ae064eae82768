"""The queue beside the stage: which pairs (pending, skipped, done), a filter, the list, and their order."""

from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from annotator.store.records import QueueCounts, QueueOrder
from annotator.views import theme
from annotator.views.review.queue_delegate import ROW_HEIGHT, QueueDelegate
from annotator.views.review.queue_model import QueueModel
from annotator.views.review.queue_orders import ORDERS
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.flow import FlowLayout
from annotator.views.widgets.pill import Pill

STATES = ("pending", "skipped", "done")
_FILTER_DELAY_MS = 150


class FilterField(QLineEdit):
    """A field that Escape empties and leaves."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.key() == Qt.Key.Key_Escape:
                self.clear()
            self.left.emit()
        else:
            super().keyPressEvent(event)


class QueueList(QTableView):
    """One column of rows of one height. A QListView lays out all 200,000 rows again (1 s) whenever one leaves."""

    def __init__(self, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(QueueDelegate(self))
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        rows.hide()
        columns.hide()
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName("Review queue")


class QueuePanel(QFrame):
    """Shows a QueueModel; says which pair, state, filter and order were chosen."""

    pair_chosen = Signal(str)
    state_chosen = Signal(str)
    filter_changed = Signal(str)
    order_chosen = Signal(str)

    def __init__(self, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-left")
        self.model = model
        self._pills = {state: Pill(state.capitalize()) for state in STATES}
        pills = FlowLayout()
        for state, pill in self._pills.items():
            pill.setAutoExclusive(True)
            pill.setToolTip(f"Show the {state} pairs")
            pill.clicked.connect(lambda _checked=False, chosen=state: self.state_chosen.emit(chosen))
            pills.addWidget(pill)
        self._pills["pending"].setChecked(True)
        self.filter = FilterField(placeholderText="Filter: class or video", clearButtonEnabled=False)
        self.filter.setToolTip("Show only pairs whose class or video has these words (/)")
        self.filter.setAccessibleName("Filter the queue")
        self._delay = QTimer(self, singleShot=True, interval=_FILTER_DELAY_MS)
        self._delay.timeout.connect(lambda: self.filter_changed.emit(self.filter.text().strip()))
        self.filter.textChanged.connect(self._delay.start)
        self.list = QueueList(model)
        self.list.clicked.connect(self._choose)
        self.list.activated.connect(self._choose)
        self._empty = EmptyState()
        self._empty.set_compact()
        self._stack = QStackedWidget()
        self._stack.addWidget(self.list)
        self._stack.addWidget(self._empty)
        self._order = Pill("", checkable=False)
        self._order.set_state("menu")
        self._order.setToolTip("Choose the order of the queue")
        self._order.clicked.connect(self._open_orders)
        self.set_order("mined")
        head = QVBoxLayout()
        head.setContentsMargins(12, 12, 12, 10)
        head.setSpacing(10)
        head.addLayout(pills)
        head.addWidget(self.filter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self._stack, 1)
        foot = QFrame()
        theme.set_role(foot, "panel-bottom")
        foot_row = QHBoxLayout(foot)
        foot_row.setContentsMargins(12, 7, 12, 7)
        foot_row.addWidget(self._order)
        foot_row.addStretch(1)
        column.addWidget(foot)
        for signal in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            signal.connect(self._show_emptiness)
        self._show_emptiness()

    def sizeHint(self) -> QSize:
        return QSize(276, 600)

    def set_counts(self, counts: QueueCounts) -> None:
        for state, count in (("pending", counts.pending), ("skipped", counts.skipped), ("done", counts.done)):
            self._pills[state].set_count(count)

    def set_state(self, state: str) -> None:
        self._pills[state].setChecked(True)
        self._show_emptiness()

    def state(self) -> str:
        return next(state for state, pill in self._pills.items() if pill.isChecked())

    def set_order(self, order: QueueOrder) -> None:
        self._order.setText(ORDERS[order])
        self._order.setAccessibleName(f"Order: {ORDERS[order]}")

    def _open_orders(self) -> None:
        menu = QMenu(self)
        for order, text in ORDERS.items():
            menu.addAction(text, lambda chosen=order: self.order_chosen.emit(chosen))
        size = menu.sizeHint()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._order.mapToGlobal(QPoint(0, -size.height() - 4)))

    def set_current(self, uid: str | None) -> None:
        """Selects the row of a pair and brings it into view, with the next ones below it."""
        row = self.model.row_of(uid) if uid else None
        if row is None:
            self.list.clearSelection()
            self.list.setCurrentIndex(QModelIndex())
            return
        index = self.model.index(row)
        self.list.setCurrentIndex(index)
        self.list.scrollTo(index, QTableView.ScrollHint.EnsureVisible)
        below = self.model.index(min(row + 2, self.model.rowCount() - 1))
        self.list.scrollTo(below, QTableView.ScrollHint.EnsureVisible)

    def _choose(self, index: QModelIndex) -> None:
        uid = self.model.uid_at(index.row())
        if uid:
            self.pair_chosen.emit(uid)

    def _show_emptiness(self) -> None:
        is_empty = self.model.rowCount() == 0
        self._stack.setCurrentIndex(1 if is_empty else 0)
        if not is_empty:
            return
        if self.filter.text().strip():
            self._empty.set_content("Nothing matches", "Press Escape in the filter to see all pairs again.")
        else:
            title, text = {
                "pending": ("Nothing pending", "Every pair here has a verdict, or none is mined yet."),
                "skipped": ("Nothing skipped", "Skip with S what you want to come back to."),
                "done": ("No verdicts yet", "Accept with A or reject with X; what you decided is listed here."),
            }[self.state()]
            self._empty.set_content(title, text)
