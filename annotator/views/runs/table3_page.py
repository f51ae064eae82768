"""Table 3 of the paper, its rows filled from the runs present, the paper's numbers beside ours, galleries never mixed."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from annotator.results import TableRow
from annotator.store.records import RunRecord
from annotator.views import theme
from annotator.views.runs.training_fields import value_label
from annotator.views.runs.values import interval_text, label_of, number_text
from annotator.views.widgets.table import Cell, CellTable, Column, Row

INITS = {
    "unsupervised": "not fine-tuned",
    "weak-random": "Random / Random",
    "weak-imagenet": "Random / ImageNet",
    "weak-unsupervised": "Unsup. / Unsup.",
}


class Table3Page(QWidget):
    run_wished = Signal(str)  # the preset of a row without a run
    measure_requested = Signal(str)  # the run of a row that was not measured on the verified gallery
    row_chosen = Signal(str)  # the run of a row

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, TableRow] = {}
        self._name = ""  # of the chosen row
        self.says = QLabel(wordWrap=True)
        theme.set_role(self.says, "muted")
        self.says.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.fill = QPushButton("Start this row")
        self.fill.setAccessibleName("Fill the chosen row")
        self.fill.clicked.connect(self._fill)
        self.table = CellTable(
            (
                Column("AUDIO / VISUAL INIT", 160, 2),
                Column("RUN", 130, 2),
                Column("AUDIO R@10 %", 118, 1),
                Column("VISUAL R@10 %", 118, 1),
                Column("PAPER", 96, 1, tip="Audio / visual Recall@10 of the paper's Table 3, %"),
                Column("GALLERY", 190, 3),
            ),
            row_height=40,
        )
        self.table.setAccessibleName("Table 3")
        self.table.row_chosen.connect(self._chosen)
        self._card = QFrame()
        theme.set_role(self._card, "card")
        inside = QVBoxLayout(self._card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.table)
        foot = QHBoxLayout()
        foot.addWidget(self.says, 1)
        foot.addWidget(self.fill)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self._card)
        column.addLayout(foot)
        column.addStretch(1)

    def set_rows(self, rows: Sequence[TableRow], shared: str | None) -> None:
        self._rows = {row.cell.row: row for row in rows}
        self.table.set_rows([_row(row) for row in rows])
        self._card.setFixedHeight(self.table.content_height() + 2)
        gallery = f"Gallery {shared[:8]}" if shared else "No row is measured on the verified gallery yet"
        self.says.setText(
            f"{gallery}. The paper's 845 pairs are other videos: its numbers stand beside ours, not among them."
        )
        if self._name not in self._rows and rows:
            self._name = rows[0].cell.row
        self.table.choose(self._name)
        self._show_button()

    def _chosen(self, name: str) -> None:
        self._name = name  # the table's own selection follows after it has told
        self._show_button()
        run = self._rows[name].run
        if run is not None:
            self.row_chosen.emit(run.id)

    def _show_button(self) -> None:
        row = self._rows.get(self._name)
        is_missing = row is not None and row.run is None
        self.fill.setVisible(row is not None and row.result is None)
        self.fill.setText("Start this row…" if is_missing else "Measure this row")
        self.fill.setToolTip(
            "Open the form with this row's preset" if is_missing else "Measure its run on the verified gallery"
        )

    def _fill(self) -> None:
        row = self._rows.get(self._name)
        if row is None:
            return
        if row.run is None:
            self.run_wished.emit(row.cell.row)
        elif row.result is None:
            self.measure_requested.emit(row.run.id)


def _row(row: TableRow) -> Row:
    result = row.result
    is_apart = "does not compare" in row.note
    token = "muted" if is_apart or result is None else "text"
    second = row.note if result is None or "pairs" in row.note else f"{number_text(result.size)} pairs · {row.note}"
    gallery = "–" if result is None else result.gallery_hash[:8]
    return Row(
        row.cell.row,
        (
            Cell(INITS[row.cell.row], second=row.cell.row, token=token),
            Cell("no run yet", token=token) if row.run is None else _run_cell(row.run, token),
            Cell("–" if result is None else interval_text(result.audio, result.audio_interval), token=token),
            Cell("–" if result is None else interval_text(result.visual, result.visual_interval), token=token),
            Cell(f"{100 * row.cell.audio:.1f} / {100 * row.cell.visual:.1f}", token="muted"),
            Cell(gallery, second=second.strip(" ·"), token=token, tip=second.strip(" ·")),
        ),
    )


def _run_cell(run: RunRecord, token: str) -> Cell:
    """Returns a run with what it was asked that its preset, the paper's row, does not say."""
    values = dict(run.config.get("values") or {})
    first = {name: values.pop(name) for name in ("model",) if name in values}  # what matters most, where room is short
    told = [f"{value_label(name).partition(',')[0].lower()} {value}" for name, value in {**first, **values}.items()]
    changed = ", ".join(told)
    return Cell(label_of(run), second=changed, token=token, tip=f"Changed: {changed}" if changed else "")
