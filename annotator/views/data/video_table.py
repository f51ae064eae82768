"""The table of the project's videos: thousands of rows of which only those in view are ever made."""

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent

from annotator.views.widgets.table import CELL, Cell, CellModel, CellTable, Column, Index, Row

COLUMNS = (
    Column("VIDEO", 224, 4),
    Column("SPLIT", 86, 0),
    Column("TYPE", 96, 1, tip="Recipe type, where the corpus says it"),
    Column("LANG", 56, 0, tip="Language, where it is known"),
    Column("LENGTH", 70, 0, align="right", tip="Minutes and seconds"),
    Column("CLIP", 50, 0, tip="Frames and log-mel are in its clip file"),
    Column("WORDS", 128, 1, tip="Transcribed, and by which recogniser"),
    Column("DETECTIONS", 118, 1, tip="Foods detected, and by which detector"),
    Column("PAIRS", 64, 0, align="right", tip="Mined food pairs"),
)


class VideoModel(CellModel):
    """Asks for a row's cells when they are painted, and keeps them until the videos change."""

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__(columns)
        self.keys: tuple[str, ...] = ()
        self._places: dict[str, int] = {}
        self._row_of: Callable[[str], Row] = lambda key: Row(key, (Cell(),) * len(columns))
        self._made: dict[int, Row] = {}

    def set_videos(self, keys: Sequence[str], row_of: Callable[[str], Row]) -> bool:
        """Takes the keys of all rows, and how a row is made; returns False where only values changed."""
        new = tuple(keys)
        self._row_of = row_of
        self._made.clear()
        if new == self.keys:
            if new:
                self.dataChanged.emit(self.index(0, 0), self.index(len(new) - 1, len(self.columns) - 1))
            return False
        self.beginResetModel()
        self.keys = new
        self._places = {key: place for place, key in enumerate(new)}
        self.endResetModel()
        return True

    def row(self, place: int) -> Row:
        made = self._made.get(place)
        if made is None:
            made = self._made[place] = self._row_of(self.keys[place])
        return made

    def place_of(self, key: str | None) -> int | None:
        return None if key is None else self._places.get(key)

    def forget(self, key: str) -> None:
        """Has the row of a key made again, where it is in the table."""
        place = self._places.get(key)
        if place is not None and self._made.pop(place, None) is not None:
            self.dataChanged.emit(self.index(place, 0), self.index(place, len(self.columns) - 1))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.keys)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role not in (
            CELL,
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            return None
        cell = self.row(index.row()).cells[index.column()]
        if role == CELL:
            return cell
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return cell.tip or None
        return f"{self.columns[index.column()].head}: {cell.text} {cell.second}".strip()


class VideoTable(CellTable):
    """`row_opened` is a double click, or Enter, on a row."""

    row_opened = Signal(str)

    def __init__(self, columns: Sequence[Column] = COLUMNS, *, row_height: int = 44) -> None:
        super().__init__(columns, row_height=row_height)
        self.videos = VideoModel(columns)
        self.videos.setParent(self)
        self.setModel(self.videos)
        self.selectionModel().currentRowChanged.connect(self._chosen_changed)
        self.setAccessibleName("Videos")

    def set_videos(self, keys: Sequence[str], row_of: Callable[[str], Row]) -> None:
        chosen = self.chosen_key()
        self.selectionModel().blockSignals(True)
        changed = self.videos.set_videos(keys, row_of)
        self.selectionModel().blockSignals(False)
        if changed:
            self._lay_out_columns()
            self.choose(chosen)
        self.viewport().update()

    def rows(self) -> tuple[Row, ...]:
        return tuple(self.videos.row(place) for place in range(len(self.videos.keys)))

    def choose(self, key: str | None) -> None:
        self.selectionModel().blockSignals(True)
        place = self.videos.place_of(key)
        if place is None:
            self.clearSelection()
        else:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.selectionModel().setCurrentIndex(self.videos.index(place, 0), flags)
            self.scrollTo(self.videos.index(place, 0))
        self.selectionModel().blockSignals(False)
        self.viewport().update()

    def chosen_key(self) -> str | None:
        index = self.selectionModel().currentIndex()
        if not index.isValid() or not self.selectionModel().isRowSelected(index.row()):
            return None
        return self.videos.keys[index.row()] if index.row() < len(self.videos.keys) else None

    def content_height(self) -> int:
        return self.horizontalHeader().height() + self.verticalHeader().defaultSectionSize() * len(self.videos.keys) + 4

    def keyPressEvent(self, event: QKeyEvent) -> None:
        chosen = self.chosen_key()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and chosen is not None:
            self.row_opened.emit(chosen)
        elif event.text().isalpha() or event.text() in ("/", "-", "+"):
            event.ignore()  # the workspace's keys; a table would look for a row that begins so
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.type() == QEvent.Type.MouseButtonDblClick and index.isValid():
            self.row_opened.emit(self.videos.keys[index.row()])

    def _chosen_changed(self, current: Index, _previous: Index) -> None:
        if current.isValid() and current.row() < len(self.videos.keys):
            self.row_chosen.emit(self.videos.keys[current.row()])
