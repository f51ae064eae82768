"""A quiet table: rows of cells with a dot, a picture, a second line or a thin progress line; one row is chosen.

Rows are told apart by a key, so that new values for the same rows keep the selection and the scroll place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QImage, QPainter, QPainterPath
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from annotator.views import theme
from annotator.views.widgets.painting import Glyph, draw_glyph

Index = QModelIndex | QPersistentModelIndex
CELL = Qt.ItemDataRole.UserRole + 1
PAD = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """What one place of the table shows; `share` (0..1) draws a line of progress in place of the text."""

    text: str = ""
    token: str = "text"
    second: str = ""
    dot: str | None = None
    glyph: Glyph | None = None
    glyph_token: str = "accept"
    share: float | None = None
    image: QImage | None = None
    is_strong: bool = False
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head, its least width in pixels and its part of what is left over."""

    head: str
    width: int
    stretch: int = 0
    align: Literal["left", "right"] = "left"
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """`spans` lets the first cell take the whole width, for a row that has nothing else to say."""

    key: str
    cells: tuple[Cell, ...]
    spans: bool = False


class CellModel(QAbstractTableModel):
    def __init__(self, columns: Sequence[Column], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.rows: tuple[Row, ...] = ()

    def set_rows(self, rows: Sequence[Row]) -> bool:
        """Takes the rows; returns False where only their values changed."""
        new = tuple(rows)
        if [row.key for row in new] == [row.key for row in self.rows]:
            self.rows = new
            if new:
                self.dataChanged.emit(self.index(0, 0), self.index(len(new) - 1, len(self.columns) - 1))
            return False
        self.beginResetModel()
        self.rows = new
        self.endResetModel()
        return True

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        cell = self.rows[index.row()].cells[index.column()]
        if role == CELL:
            return cell
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return cell.tip or None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            done = "" if cell.share is None else f" {cell.share:.0%} done"
            return f"{self.columns[index.column()].head}: {cell.text} {cell.second}{done}".strip()
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.head
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.align == "right" else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None


class CellDelegate(QStyledItemDelegate):
    """Paints a Cell."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = theme.current()
        cell: Cell = index.data(CELL)
        model = index.model()
        assert isinstance(model, CellModel)
        is_right = model.columns[index.column()].align == "right"
        is_chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        full = QRectF(option.rect)
        if is_chosen:
            painter.fillRect(full, tokens.color("raised"))
            if index.column() == 0:
                painter.fillRect(QRectF(full.left(), full.top(), 2, full.height()), tokens.color("accent"))
        painter.fillRect(QRectF(full.left(), full.bottom() - 1, full.width(), 1), tokens.color("line"))
        box = full.adjusted(PAD, 0, -PAD, -1)
        if cell.image is not None:
            box = _paint_image(painter, cell.image, box)
        if cell.dot:
            draw_glyph(painter, "dot", QRectF(box.left() - 1, box.center().y() - 7, 14, 14), tokens.color(cell.dot))
            box.setLeft(box.left() + 20)
        if cell.glyph:
            square = QRectF(box.left(), box.center().y() - 6, 12, 12)
            draw_glyph(painter, cell.glyph, square, tokens.color(cell.glyph_token), width=1.8)
            box.setLeft(box.left() + 20)
        if cell.share is not None:
            _paint_share(painter, cell, box)
        else:
            _paint_text(painter, cell, box, is_right)
        painter.restore()


def _paint_image(painter: QPainter, image: QImage, box: QRectF) -> QRectF:
    frame = QRectF(box.left(), box.center().y() - 16, 57, 32)
    path = QPainterPath()
    path.addRoundedRect(frame, 4, 4)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setClipPath(path)
    painter.fillRect(frame, theme.current().color("stage"))
    if not image.isNull():
        scale = max(frame.width() / image.width(), frame.height() / image.height())
        width, height = image.width() * scale, image.height() * scale
        painter.drawImage(QRectF(frame.center().x() - width / 2, frame.center().y() - height / 2, width, height), image)
    painter.restore()
    return box.adjusted(57 + PAD, 0, 0, 0)


def _paint_share(painter: QPainter, cell: Cell, box: QRectF) -> None:
    tokens = theme.current()
    text_width = 0.0
    if cell.text:
        painter.setFont(theme.font(theme.SMALL_PX))
        text_width = QFontMetrics(painter.font()).horizontalAdvance(cell.text) + 10
        painter.setPen(tokens.color("muted"))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, cell.text)
    track = QRectF(box.left(), box.center().y() - 3, max(24.0, min(160.0, box.width() - text_width)), 6)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tokens.color("line"))
    painter.drawRoundedRect(track, 3, 3)
    filled = QRectF(track)
    filled.setWidth(max(6.0, track.width() * min(1.0, max(0.0, cell.share or 0.0))))
    painter.setBrush(tokens.color("accent"))
    painter.drawRoundedRect(filled, 3, 3)


def _paint_text(painter: QPainter, cell: Cell, box: QRectF, is_right: bool) -> None:
    tokens = theme.current()
    side = Qt.AlignmentFlag.AlignRight if is_right else Qt.AlignmentFlag.AlignLeft
    width = int(box.width())
    painter.setFont(theme.font(weight=QFont.Weight.DemiBold if cell.is_strong else QFont.Weight.Normal))
    painter.setPen(tokens.color(cell.token))
    shown = QFontMetrics(painter.font()).elidedText(cell.text, Qt.TextElideMode.ElideRight, width)
    if not cell.second:
        painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, shown)
        return
    middle = box.center().y()
    painter.drawText(QRectF(box.left(), middle - 19, box.width(), 19), side | Qt.AlignmentFlag.AlignVCenter, shown)
    painter.setFont(theme.font(theme.SMALL_PX))
    painter.setPen(tokens.color("muted"))
    second = QFontMetrics(painter.font()).elidedText(cell.second, Qt.TextElideMode.ElideRight, width)
    painter.drawText(QRectF(box.left(), middle, box.width(), 18), side | Qt.AlignmentFlag.AlignVCenter, second)


class CellTable(QTableView):
    """One row is chosen at a time; `row_chosen` tells its key."""

    row_chosen = Signal(str)

    def __init__(self, columns: Sequence[Column], *, row_height: int = 34, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells = CellModel(columns, self)
        self.setModel(self._cells)
        self.setItemDelegate(CellDelegate(self))
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(row_height)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setHighlightSections(False)
        head.setSectionsClickable(False)
        head.setMinimumSectionSize(24)
        head.setFixedHeight(32)
        self.selectionModel().currentRowChanged.connect(self._row_changed)

    def set_rows(self, rows: Sequence[Row]) -> None:
        chosen = self.chosen_key()
        self.selectionModel().blockSignals(True)
        changed = self._cells.set_rows(rows)
        self.selectionModel().blockSignals(False)
        if changed:
            self.clearSpans()
            for number, row in enumerate(rows):
                if row.spans:
                    self.setSpan(number, 0, 1, len(self._cells.columns))
        if changed and chosen is not None:
            self.choose(chosen)
        self.viewport().update()

    def rows(self) -> tuple[Row, ...]:
        return self._cells.rows

    def choose(self, key: str | None) -> None:
        """Selects the row of a key without telling anybody; None or an unknown key selects nothing."""
        self.selectionModel().blockSignals(True)
        place = next((i for i, row in enumerate(self._cells.rows) if row.key == key), None)
        if place is None:
            self.clearSelection()
        else:
            index = self._cells.index(place, 0)
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.selectionModel().setCurrentIndex(index, flags)
        self.selectionModel().blockSignals(False)
        self.viewport().update()

    def chosen_key(self) -> str | None:
        rows = self.selectionModel().selectedRows()
        return self._cells.rows[rows[0].row()].key if rows and rows[0].row() < len(self._cells.rows) else None

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._lay_out_columns()

    def content_height(self) -> int:
        """Returns the height at which nothing has to be scrolled."""
        return self.horizontalHeader().height() + self.verticalHeader().defaultSectionSize() * len(self._cells.rows) + 4

    def _lay_out_columns(self) -> None:
        columns = self._cells.columns
        spare = max(0, self.viewport().width() - sum(column.width for column in columns))
        parts = sum(column.stretch for column in columns) or 1
        for i, column in enumerate(columns):
            self.setColumnWidth(i, column.width + spare * column.stretch // parts)

    def _row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid() and current.row() < len(self._cells.rows):
            self.row_chosen.emit(self._cells.rows[current.row()].key)
