"""The queue's list: rows of one height that are read and painted only where they are in view."""

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QHeaderView, QTableView, QWidget

from annotator.views.review.queue_delegate import ROW_HEIGHT, QueueDelegate
from annotator.views.review.queue_model import QueueModel


class QueueList(QTableView):
    """One column of rows of one height. A QListView lays out all 200,000 rows again (1 s) whenever one leaves."""

    def __init__(self, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = model
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

    def show_current(self, uid: str | None) -> None:
        """Selects the row of a pair and brings it into view, with the next ones below it."""
        row = self._queue.row_of(uid) if uid else None
        if row is None:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
            return
        index = self._queue.index(row)
        self.setCurrentIndex(index)
        self.scrollTo(index, QTableView.ScrollHint.EnsureVisible)
        below = self._queue.index(min(row + 2, self._queue.rowCount() - 1))
        self.scrollTo(below, QTableView.ScrollHint.EnsureVisible)
