"""The list of queries: thumbnail, class, where from, and the rank of the true one with the shape of hit or miss."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QHeaderView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from annotator.views import theme
from annotator.views.retrieval.cases import Cases, Places, Way
from annotator.views.retrieval.pictures import PaintedPictures
from annotator.views.widgets.painting import draw_glyph
from annotator.views.widgets.time_layout import clock_text
from davenet.retrieval_file import MOST_SIMILAR

ROW_HEIGHT = 52
_THUMBNAIL = QSize(52, 34)
PLACE = int(Qt.ItemDataRole.UserRole) + 1
Index = QModelIndex | QPersistentModelIndex


class CaseModel(QAbstractTableModel):
    """One column; `pictures_wanted` names gallery places whose thumbnails were asked for and are not there."""

    pictures_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cases: Cases | None = None
        self.way: Way = "audio"
        self.places: Places = np.zeros(0, np.int64)
        self.pictures: Mapping[int, QImage] = {}

    def set_cases(self, cases: Cases | None, way: Way, places: Places) -> None:
        self.beginResetModel()
        self.cases, self.way, self.places = cases, way, places
        self.endResetModel()

    def row_of(self, place: int | None) -> int | None:
        """Returns the row of a place of the gallery, None where it is not listed."""
        if place is None:
            return None
        rows = np.flatnonzero(self.places == place)
        return int(rows[0]) if len(rows) else None

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.places)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 1

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        if self.cases is None or not 0 <= index.row() < len(self.places):
            return None
        place = int(self.places[index.row()])
        if role == PLACE:
            return place
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            case = self.cases.case(place, self.way)
            return f"{self.cases.name(place)}, {'hit' if case.is_hit else 'miss'}, {case.sentence}"
        return None


class CaseDelegate(QStyledItemDelegate):
    def __init__(self, list_: QTableView) -> None:
        super().__init__(list_)
        self._painted = PaintedPictures(list_.viewport().update)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, CaseModel)
        if model.cases is None:
            return
        place: int = index.data(PLACE)
        tokens, cases = theme.current(), model.cases
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, tokens.color("raised"))
            painter.fillRect(QRectF(rect.left(), rect.top(), 2, rect.height()), tokens.color("accent"))
        picture = QRectF(rect.left() + 12, rect.center().y() - _THUMBNAIL.height() / 2, 52, 34)
        image = model.pictures.get(place)
        if image is None:
            model.pictures_wanted.emit(place)
        self._painted.paint(painter, picture, image, radius=4)
        rank = int(cases.ranks(model.way)[place])
        is_hit = rank <= MOST_SIMILAR
        text = f"{rank:,}".replace(",", "\u202f")
        painter.setFont(theme.font(weight=QFont.Weight.DemiBold))
        width = QFontMetrics(painter.font()).horizontalAdvance(text)
        token = "accept" if is_hit else "reject"
        right = rect.right() - 12
        painter.setPen(tokens.color(token))
        painter.drawText(QRectF(right - width, rect.top(), width, rect.height()), Qt.AlignmentFlag.AlignVCenter, text)
        glyph = QRectF(right - width - 18, rect.center().y() - 5.5, 11, 11)
        draw_glyph(painter, "accept" if is_hit else "reject", glyph, tokens.color(token), width=1.8)
        left = picture.right() + 10
        room = int(glyph.left() - left - 8)
        painter.setPen(tokens.color("text"))
        name = QFontMetrics(painter.font()).elidedText(cases.name(place), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(left, rect.top() + 8, room, 18), Qt.AlignmentFlag.AlignVCenter, name)
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("muted"))
        pair = cases.pair(place)
        where = f"{cases.title(place)} · {clock_text(pair.time_s)}"
        where = QFontMetrics(painter.font()).elidedText(where, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRectF(left, rect.top() + 26, room, 18), Qt.AlignmentFlag.AlignVCenter, where)
        painter.restore()


class CaseList(QTableView):
    """`case_chosen` tells the gallery place of the row that is looked at; several rows can be selected to be sent."""

    case_chosen = Signal(int)
    selection_moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cases = CaseModel(self)
        self.setModel(self.cases)
        self.setItemDelegate(CaseDelegate(self))
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        rows.hide()
        columns.hide()
        self.setShowGrid(False)
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Queries of the gallery")
        self.setToolTip("Each query with the rank of the true one; Ctrl and Shift select several to send to review")
        self.selectionModel().currentRowChanged.connect(self._moved)
        self.selectionModel().selectionChanged.connect(lambda _a, _b: self.selection_moved.emit())

    def show_case(self, place: int | None) -> None:
        """Selects the row of a place without telling anybody."""
        row = self.cases.row_of(place)
        before = self.currentIndex()
        self.selectionModel().blockSignals(True)
        if row is None:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        else:
            self.selectRow(row)
            self.scrollTo(self.cases.index(row, 0))
        self.selectionModel().blockSignals(False)
        for index in (before, self.currentIndex()):
            if index.isValid():
                self.update(index)
        self.selection_moved.emit()

    def take_fetched(self, places: Collection[int]) -> None:
        """There are pictures of these places of the gallery now."""
        first = max(0, self.rowAt(0))
        for row in range(first, min(len(self.cases.places), first + self.viewport().height() // ROW_HEIGHT + 2)):
            if int(self.cases.places[row]) in places:
                self.update(self.cases.index(row, 0))

    def step(self, rows: int) -> None:
        """Goes to the row so many further, as far as there are any."""
        if len(self.cases.places):
            row = min(max(0, self.currentIndex().row() + rows), len(self.cases.places) - 1)
            self.selectRow(row)

    def selected_places(self) -> Places:
        held = self.selectionModel().selection()
        parts = [held.at(at) for at in range(held.size())]
        ranges = [np.arange(part.top(), part.bottom() + 1) for part in parts]
        rows = np.sort(np.concatenate(ranges)) if ranges else np.zeros(0, np.int64)
        return self.cases.places[rows[rows < len(self.cases.places)]]

    def _moved(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.case_chosen.emit(int(self.cases.places[current.row()]))
