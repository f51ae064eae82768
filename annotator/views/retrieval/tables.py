"""The tables of a gallery: Recall@10 both ways and F1 for each class or word; a head sorts, Enter shows the cases.

Several rows can be selected (Shift, Ctrl), to be sent to review together.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.retrieval.cases import Cases
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.table import Cell, CellModel, CellTable, Column, Row
from davenet.retrieval_file import GroupRow

Kind = Literal["class", "word"]
_F1 = (
    "Over the ten segments that frames retrieve: harmonic mean of how many were asked for, and how many could be found"
)
_COLUMNS = (
    Column("NAME", 170, 3),
    Column("PAIRS", 80, 1, "right", tip="Pairs of the gallery"),
    Column("FRAME → SOUND R@10 %", 190, 1, "right", tip="Given a frame, its segment is among the ten most similar"),
    Column("SOUND → FRAME R@10 %", 190, 1, "right", tip="Given a segment, its frame is among the ten most similar"),
    Column("F1 %", 90, 1, "right", tip=_F1),
)

_OWN_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class _Table(CellTable):
    """As a CellTable, of which several rows can be selected."""

    opened = Signal(str)
    selection_moved = Signal()

    def __init__(self) -> None:
        super().__init__(_COLUMNS)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.selectionModel().selectionChanged.connect(lambda _now, _before: self.selection_moved.emit())

    def chosen_keys(self) -> tuple[str, ...]:
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(self.rows()[row].key for row in rows if row < len(self.rows()))

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Takes the rows; those that were selected stay so, wherever they are sorted to."""
        held, again = set(self.chosen_keys()), QItemSelection()
        super().set_rows(rows)
        for place, row in enumerate(self.rows()):
            if row.key in held:
                again.select(self.model().index(place, 0), self.model().index(place, 0))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().blockSignals(True)
        self.selectionModel().select(again, flags)
        self.selectionModel().blockSignals(False)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in _OWN_KEYS:
            event.accept()  # else the shortcuts of the cases would take them
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.chosen_key() is not None:
            self.opened.emit(self.chosen_key() or "")
        else:
            super().keyPressEvent(event)


class TablesPage(QWidget):
    """`group_opened` asks for the cases of a class or word; `group_chosen` follows the rows that are selected."""

    group_opened = Signal(str, str)
    group_chosen = Signal()
    csv_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cases: Cases | None = None
        self.kind: Kind = "class"
        self._sorted_by, self._is_descending = 1, True
        self.table = _Table()
        self.table.setAccessibleName("Recall and F1 by class or word")
        head = self.table.horizontalHeader()
        head.setSectionsClickable(True)
        head.sectionClicked.connect(self.sort_by)
        self.table.setToolTip(
            "Enter shows the cases of a row; Shift and Ctrl select several, which can be sent to review"
        )
        self.table.selection_moved.connect(self.group_chosen)
        self.table.opened.connect(lambda key: self.group_opened.emit(self.kind, key))
        self.table.doubleClicked.connect(
            lambda _index: self.group_opened.emit(self.kind, self.table.chosen_key() or "")
        )
        self.by_class, self.by_word = Pill("by class"), Pill("by word")
        self.by_class.setChecked(True)
        self.by_class.clicked.connect(lambda: self.set_kind("class"))
        self.by_word.clicked.connect(lambda: self.set_kind("word"))
        self.macro = QLabel()
        theme.set_role(self.macro, "small")
        self.macro.setToolTip(_F1)
        self.csv = QPushButton("Save as CSV")
        self.csv.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.csv.clicked.connect(self.csv_requested)
        row = QHBoxLayout()
        row.setSpacing(8)
        for part in (self.by_class, self.by_word):
            row.addWidget(part)
        row.addSpacing(8)
        row.addWidget(self.macro)
        row.addStretch(1)
        row.addWidget(self.csv)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 4, 16, 16)
        column.setSpacing(10)
        column.addLayout(row)
        column.addWidget(self.table, 1)

    def set_cases(self, cases: Cases | None) -> None:
        self._cases = cases
        self._fill()

    def set_kind(self, kind: Kind) -> None:
        self.kind = kind
        self.by_class.setChecked(kind == "class")
        self.by_word.setChecked(kind == "word")
        self._fill()
        self.group_chosen.emit()

    def sort_by(self, column: int) -> None:
        """Sorts by a column; again: the other way round."""
        self._is_descending = not self._is_descending if column == self._sorted_by else column != 0
        self._sorted_by = column
        self._fill()

    def sort_by_next(self) -> None:
        self.sort_by((self._sorted_by + 1) % len(_COLUMNS))

    def rows(self) -> tuple[GroupRow, ...]:
        if self._cases is None:
            return ()
        found = self._cases.found.classes if self.kind == "class" else self._cases.found.words
        keys = (lambda r: r.name, lambda r: r.n, lambda r: r.audio, lambda r: r.visual, lambda r: r.f1)
        by_name = sorted(found, key=lambda row: row.name)
        return tuple(sorted(by_name, key=keys[self._sorted_by], reverse=self._is_descending))

    def chosen(self) -> tuple[str, ...]:
        """Returns the names of the selected rows, from top to bottom."""
        return self.table.chosen_keys()

    def _fill(self) -> None:
        arrow = "↓" if self._is_descending else "↑"
        model = self.table.model()
        assert isinstance(model, CellModel)
        model.columns = tuple(
            replace(column, head=f"{column.head} {arrow}") if place == self._sorted_by else column
            for place, column in enumerate(_COLUMNS)
        )
        model.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_COLUMNS) - 1)
        self.table.set_rows([_row(row) for row in self.rows()])
        macro = None if self._cases is None else self._cases.found.overall.get(f"{self.kind}_f1_macro")
        self.macro.setText("" if macro is None else f"macro F1 {100 * float(macro):.1f} %")


def _row(row: GroupRow) -> Row:
    return Row(
        row.name,
        (
            Cell(row.name, is_strong=True),
            Cell(f"{row.n:,}".replace(",", "\u202f")),
            Cell(_share(row.audio, row.audio_interval_95), tip="with its 95 % interval over the pairs"),
            Cell(_share(row.visual, row.visual_interval_95), tip="with its 95 % interval over the pairs"),
            Cell(f"{100 * row.f1:.1f}", tip=f"precision {100 * row.precision:.1f} %, recall {100 * row.recall:.1f} %"),
        ),
    )


def _share(value: float, interval: tuple[float, float]) -> str:
    return f"{100 * value:.1f}   ({100 * interval[0]:.0f} to {100 * interval[1]:.0f})"
