"""The comparison of any number of runs: Recall@10 on the gallery they share, and what was asked differently."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.runs.training_fields import value_label
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.section import SectionHead
from annotator.views.widgets.table import Cell, CellTable, Column, Row


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A row: figures as texts, '–' where there is none; `difference` is that to one of them, its sign in `is_better`."""

    run_id: str
    name: str
    token: str
    audio: str
    visual: str
    difference: str
    is_better: bool | None = None
    note: str = ""  # why it does not compare, or that the others are measured against it


@dataclass(frozen=True, slots=True)
class Comparison:
    gallery: str
    runs: tuple[ComparedRun, ...]
    values: tuple[tuple[str, tuple[str, ...]], ...]
    n_missing: int = 0  # evaluations that are to be made first
    against: str = ""  # the run that the differences are to


class ComparisonPage(QWidget):
    measure_requested = Signal()
    newest_requested = Signal()  # put the newest runs that were measured into the comparison

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.says = QLabel(wordWrap=True)
        theme.set_role(self.says, "muted")
        self.measure = QPushButton("Measure on the same gallery")
        self.measure.setToolTip("Evaluate the runs that have no ranks on the first run's gallery")
        self.measure.setAccessibleName("Measure on the same gallery")
        self.measure.clicked.connect(self.measure_requested)
        self.results = CellTable(
            (
                Column("RUN", 180, 3),
                Column("AUDIO R@10 %", 120, 1),
                Column("VISUAL R@10 %", 120, 1),
                Column(
                    "DIFFERENCE, 95 %",
                    170,
                    2,
                    tip="Mean of both ways, less that of the run named above",
                ),
                Column("", 230, 2),
            )
        )
        self.results.setAccessibleName("Results on the same gallery")
        self._values_card = QFrame()
        theme.set_role(self._values_card, "card")
        self._values = QVBoxLayout(self._values_card)
        self._values.setContentsMargins(1, 1, 1, 1)
        self.values: CellTable | None = None
        self._card = QFrame()
        theme.set_role(self._card, "card")
        inside = QVBoxLayout(self._card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.results)
        head = QHBoxLayout()
        head.addWidget(self.says, 1)
        head.addWidget(self.measure)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(head)
        column.addWidget(self._card)
        self._asked = SectionHead("Asked differently")
        column.addWidget(self._asked)
        self.same = QLabel("All of them were asked the same.")
        theme.set_role(self.same, "muted")
        column.addWidget(self.same)
        column.addWidget(self._values_card)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        scroll.viewport().setAutoFillBackground(False)
        scroll.setWidget(body)
        body.setAutoFillBackground(False)
        self._key, self._comparison, self._n_comparable = "", Comparison("", (), ()), 0
        self.empty = EmptyState()
        self._show_empty()
        self.empty.action_requested.connect(self.newest_requested)
        self.empty.action_button().setToolTip("Put the newest runs that were measured into the comparison")
        self._pages = QStackedLayout(self)
        self._pages.setContentsMargins(0, 0, 0, 0)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(scroll)

    def set_key(self, key: str) -> None:
        """Takes up the key that puts a run into the comparison, as it is written on its cap; '' where it has none."""
        self._key = key
        self._show_empty()
        self._say()

    def set_comparable(self, number: int) -> None:
        """Says how many runs were measured: with fewer than two there is nothing to put together."""
        self._n_comparable = number
        self._show_empty()

    def set_comparison(self, comparison: Comparison) -> None:
        runs = comparison.runs
        self._comparison = comparison
        self._pages.setCurrentIndex(1 if runs else 0)
        self._say()
        self.measure.setVisible(comparison.n_missing > 0 and len(runs) > 1)
        self.results.set_rows([_row(run) for run in runs])
        self._asked.setVisible(len(runs) > 1)
        self._card.setFixedHeight(self.results.content_height() + 2)
        self._set_values(runs, comparison.values)

    def _compare(self) -> str:
        return f"Compare ({self._key})" if self._key else "Compare"

    def _show_empty(self) -> None:
        self.empty.set_content(
            "Nothing to compare yet",
            f"Choose a run and press {self._compare()} on each that should be here: their results on one gallery, the "
            "difference pair by pair, and what was asked differently stand side by side.",
            "Compare the newest",
            glyph="play",
        )
        self.empty.action_button().setVisible(self._n_comparable > 1)

    def _say(self) -> None:
        comparison = self._comparison
        if len(comparison.runs) < 2:
            self.says.setText(f"Press {self._compare()} on another run: two are needed.")
        else:
            against = f"; differences are to {comparison.against}" if comparison.against else ""
            self.says.setText(f"Recall@10 {comparison.gallery}{against}.".replace("….", "…"))

    def _set_values(self, runs: Sequence[ComparedRun], values: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        if self.values is not None:
            self._values.removeWidget(self.values)
            self.values.deleteLater()
            self.values = None
        self.same.setVisible(len(runs) > 1 and not values)
        self._values_card.setVisible(len(runs) > 1 and bool(values))
        if len(runs) < 2 or not values:
            return
        columns = (Column("VALUE", 190, 2), *(Column(_head(run.name), 104, 1, tip=run.name) for run in runs))
        self.values = CellTable(columns, row_height=28)
        self.values.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.values.setHorizontalScrollMode(CellTable.ScrollMode.ScrollPerPixel)
        self.values.setAccessibleName("What the runs were asked differently")
        self.values.set_rows(
            [Row(name, (Cell(value_label(name), token="muted"), *map(_value, each))) for name, each in values]
        )
        self._values.addWidget(self.values)
        is_wide = sum(column.width for column in columns) > self.width() - 24
        bar = self.values.horizontalScrollBar().sizeHint().height() if is_wide else 0
        self._values_card.setFixedHeight(self.values.content_height() + 2 + bar)


def _head(name: str) -> str:
    """Returns the head of a run's column: its number, or as much of its name as there is room for."""
    number, _, rest = name.partition("  ")
    return f"RUN {number}" if rest else f"{name[:10]}…".upper() if len(name) > 11 else name.upper()


def _value(text: str) -> Cell:
    return Cell(text, tip=text)


def _row(run: ComparedRun) -> Row:
    token = "muted" if "does not compare" in run.note or run.audio == "–" else "text"
    better = {True: "accept", False: "reject", None: token}[run.is_better]
    return Row(
        run.run_id,
        (
            Cell(run.name, dot=run.token, token=token),
            Cell(run.audio, token=token),
            Cell(run.visual, token=token),
            Cell(run.difference, token=better),
            Cell(run.note, token="muted", tip=run.note),
        ),
    )
