"""The Runs workspace's widget: title and buttons, the form, two charts, the table of runs, the details at the right."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.runs.chart import Curve, CurveChart
from annotator.views.runs.details_panel import DetailsPanel, RunDetails
from annotator.views.runs.form import NewRunForm
from annotator.views.runs.head_button import HeadButton
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.table import CellTable, Column, Row

COLUMNS = (
    Column("RUN", 190, 3),
    Column("PAIRS", 84, 1, tip="Pairs it was trained on, food and non-food"),
    Column("AUDIO R@10 %", 118, 1, tip="Given a frame, its segment is among the ten most similar"),
    Column("VISUAL R@10 %", 118, 1, tip="Given a segment, its frame is among the ten most similar"),
    Column("GALLERY", 92, 1, tip="Validation pairs that Recall@10 is taken over"),
    Column("CHANCE %", 90, 1, tip="What guessing reaches on that gallery"),
    Column("STATE", 200, 2),
)


class RunsWorkspace(QWidget):
    new_run_requested = Signal()
    start_requested = Signal(object)  # RunWish
    run_chosen = Signal(str)
    evaluate_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, keys: KeyBindings | None = None) -> None:
        super().__init__(parent)
        self.keys = keys if keys is not None else KeyBindings(parent=self)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        title = QLabel("Runs")
        theme.set_role(title, "question")
        self.verified = Pill("no pair verified yet", checkable=False)
        self.verified.setToolTip("Pairs that people accepted: what a run learns from")
        self.verified.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.verified.unsetCursor()
        self.new_run = HeadButton("New run", "N")
        self.form = NewRunForm()
        self.form.hide()
        self.loss = CurveChart("Loss")
        self.recall = CurveChart("Recall@10, mean of both ways", unit="%")
        self.table = CellTable(COLUMNS)
        self.details = DetailsPanel()
        self.notice = NoticeBar()
        self.empty = EmptyState(
            "No runs yet",
            "A run fine-tunes a model on the pairs that were accepted in Review, and measures Recall@10 both ways.",
            "New run",
            glyph="play",
        )
        self._build(title)
        self.new_run.clicked.connect(self.new_run_requested)
        self.empty.action_requested.connect(self.new_run_requested)
        self.form.start_requested.connect(self.start_requested)
        self.form.put_away.connect(self.hide_form)
        self.table.row_chosen.connect(self.run_chosen)
        self.details.evaluate_requested.connect(self.evaluate_requested)
        self.keys.bind(self, {"runs.new": self.new_run_requested.emit})
        self.keys.bind(
            self,
            {"runs.evaluate": lambda: self.evaluate_requested.emit(self.details.run_id())},
            possible=lambda _id: self.details.can_evaluate(),
        )
        self.keys.changed.connect(self._show_keys)
        self._show_keys()

    def _show_keys(self) -> None:
        shown = self.keys.shown_keys("runs.new")
        self.new_run.set_key(shown[0] if shown else "")
        self.new_run.setToolTip(self.keys.tip("runs.new"))
        self.empty.action_button().setToolTip(self.keys.tip("runs.new"))
        self.details.action("evaluate").setToolTip(self.keys.tip("runs.evaluate"))

    def _build(self, title: QLabel) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(title)
        head.addWidget(self.verified)
        head.addStretch(1)
        head.addWidget(self.new_run)
        charts = QHBoxLayout()
        charts.setSpacing(16)
        charts.addWidget(self.loss, 1)
        charts.addWidget(self.recall, 1)
        self._card = QFrame()
        theme.set_role(self._card, "card")
        inside = QVBoxLayout(self._card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.table)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addLayout(charts)
        column.addWidget(self._card, 1)
        column.addStretch(0)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(full)
        left = QVBoxLayout()
        left.setContentsMargins(16, 14, 16, 16)
        left.setSpacing(14)
        left.addLayout(head)
        left.addWidget(self.form)
        left.addWidget(self._pages, 1)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.notice)
        middle.addLayout(left, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(middle, 1)
        row.addWidget(self.details)

    def set_runs(self, rows: Sequence[Row], chosen: str | None) -> None:
        self.table.set_rows(rows)
        self.table.choose(chosen)
        self._card.setMaximumHeight(self.table.content_height())
        self._pages.setCurrentIndex(1 if rows else 0)
        self.details.setVisible(bool(rows))
        self.new_run.setVisible(bool(rows))

    def set_verified(self, count: int) -> None:
        text = "1 verified pair" if count == 1 else f"{count:,} verified pairs".replace(",", "\u202f")
        self.verified.setText(text if count else "no pair verified yet")
        self.verified.set_state("")

    def set_curves(self, loss: Sequence[Curve], recall: Sequence[Curve], readouts: tuple[str, str]) -> None:
        self.loss.set_curves(loss, readouts[0], "The loss shows with the first step.")
        self.recall.set_curves(recall, readouts[1], "Recall@10 is measured before the first and after each epoch.")

    def set_details(self, details: RunDetails | None) -> None:
        self.details.set_details(details)

    def show_form(self) -> None:
        self.form.show()
        self.form.preset.setFocus(Qt.FocusReason.OtherFocusReason)

    def hide_form(self) -> None:
        self.form.hide()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
