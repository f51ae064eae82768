"""The Runs workspace's widget: head with its pages, the form, two charts, the table of runs, the details at the right."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.runs.bought_card import BoughtCard
from annotator.views.runs.chart import CurveChart
from annotator.views.runs.chart_drawing import Curve
from annotator.views.runs.comparison_page import ComparisonPage
from annotator.views.runs.details_panel import ACTIONS, DetailsPanel, RunDetails
from annotator.views.runs.form import RunForm
from annotator.views.runs.head_button import HeadButton
from annotator.views.runs.table3_page import Table3Page
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.table import CellTable, Column, Row

COLUMNS = (
    Column("RUN", 224, 3),
    Column("PAIRS", 72, 1, tip="Pairs it was trained on, food and non-food"),
    Column("AUDIO R@10 %", 118, 1, tip="Given a frame, its segment is among the ten most similar"),
    Column("VISUAL R@10 %", 118, 1, tip="Given a segment, its frame is among the ten most similar"),
    Column("GALLERY", 98, 1, tip="Validation pairs that Recall@10 is taken over, and the beginning of their hash"),
    Column("CHANCE %", 84, 1, tip="What guessing reaches on that gallery"),
    Column("STATE", 170, 2),
)
PAGES = ("runs", "comparison", "table3")
AXES = ("epoch", "step", "pairs", "time")
_AXIS_TEXTS = {"epoch": "over epochs", "step": "over steps", "pairs": "over pairs", "time": "over time"}


class RunsWorkspace(QWidget):
    new_run_requested = Signal()
    run_chosen = Signal(str)
    page_shown = Signal(str)  # one of PAGES
    axis_chosen = Signal(str)  # one of AXES
    action_requested = Signal(str, str)  # one of the details' actions, the run's id
    undo_requested = Signal()
    folder_wished = Signal()  # take in a run that was made elsewhere

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
        self.take_in = QPushButton("Open a run folder…")
        self.take_in.clicked.connect(self.folder_wished)
        self.pills = {"runs": Pill("Curves"), "comparison": Pill("Compare"), "table3": Pill("Table 3")}
        for name, pill in self.pills.items():
            pill.setAutoExclusive(True)
            pill.clicked.connect(lambda _on=False, name=name: self.show_page(name))
        self.pills["runs"].setChecked(True)
        self.axis = Pill(_AXIS_TEXTS["epoch"], checkable=False)
        self._axis = "epoch"
        self.axis.clicked.connect(self.next_axis)
        self.form = RunForm()
        self.form.hide()
        self.loss = CurveChart("Loss")
        self.recall = CurveChart("Recall@10, mean of both ways", unit="%")
        self.table = CellTable(COLUMNS)
        self.table.setAccessibleName("Runs")
        self.bought = BoughtCard()
        self.emptying = QPushButton()
        self.emptying.setToolTip("Remove deleted runs for good, with their folders; it asks first")
        theme.set_role(self.emptying, "link")
        self.emptying.hide()
        self.comparison, self.table3 = ComparisonPage(), Table3Page()
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
        self.form.put_away.connect(self.hide_form)
        self.table.row_chosen.connect(self.run_chosen)
        self.comparison.results.row_chosen.connect(self.run_chosen)
        self.table3.row_chosen.connect(self.run_chosen)
        self.details.action_requested.connect(self.action_requested)
        self._bind_keys()

    def _bind_keys(self) -> None:
        slots: dict[str, Callable[[], object]] = {
            "runs.new": self.new_run_requested.emit,
            "runs.comparison": lambda: self.show_page("runs" if self.page() == "comparison" else "comparison"),
            "runs.table3": lambda: self.show_page("runs" if self.page() == "table3" else "table3"),
            "runs.axis": self.next_axis,
            "runs.undo": self.undo_requested.emit,
            "runs.open_folder": self.folder_wished.emit,
            "runs.notes": lambda: self.details.notes.setFocus(Qt.FocusReason.ShortcutFocusReason),
        }
        self.keys.bind(self, slots)
        for name in ("evaluate", "compare", "next_queue", "fine_tune", "duplicate", "sooner", "later", "delete"):
            self.keys.bind(
                self,
                {f"runs.{name}": partial(self._ask, name)},
                possible=lambda id: self.details.can(id.partition(".")[2]),
            )
        self.keys.bind(
            self,
            {"runs.pause": lambda: self._ask("pause" if self.details.can("pause") else "resume")},
            possible=lambda _id: self.details.can("pause") or self.details.can("resume"),
        )
        self.keys.changed.connect(self._show_keys)
        self._show_keys()

    def _ask(self, action: str) -> None:
        self.action_requested.emit(action, self.details.run_id())

    def _show_keys(self) -> None:
        shown = self.keys.shown_keys("runs.new")
        self.new_run.set_key(shown[0] if shown else "")
        self.new_run.setToolTip(self.keys.tip("runs.new"))
        self.empty.action_button().setToolTip(self.keys.tip("runs.new"))
        self.take_in.setToolTip(self.keys.tip("runs.open_folder"))
        self.axis.setToolTip(self.keys.tip("runs.axis"))
        self.pills["comparison"].setToolTip(self.keys.tip("runs.comparison"))
        self.pills["table3"].setToolTip(self.keys.tip("runs.table3"))
        self.pills["runs"].setToolTip("Curves and all runs")
        self.comparison.set_key(self.keys.text("runs.compare"))
        tips = {name: tip for name, _, tip in ACTIONS}
        keyed = (
            "evaluate",
            "compare",
            "next_queue",
            "fine_tune",
            "duplicate",
            "sooner",
            "later",
            "delete",
            "pause",
            "resume",
        )
        for action in keyed:
            keys = self.keys.shown_keys("runs.pause" if action == "resume" else f"runs.{action}")
            self.details.action(action).setToolTip(tips[action] + (f" ({keys[0]})" if keys else ""))

    def _build(self, title: QLabel) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(title)
        head.addWidget(self.verified)
        head.addSpacing(8)
        for pill in self.pills.values():
            head.addWidget(pill)
        head.addStretch(1)
        head.addWidget(self.axis)
        head.addWidget(self.take_in)
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
        column.setSpacing(14)
        column.addLayout(charts)
        column.addWidget(self._card, 1)
        column.addWidget(self.bought)
        column.addWidget(self.emptying, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(0)
        self._pages = QStackedWidget()
        for page in (self.empty, full, self.comparison, self.table3, self.form):
            self._pages.addWidget(page)
        left = QVBoxLayout()
        left.setContentsMargins(16, 14, 16, 16)
        left.setSpacing(14)
        left.addLayout(head)
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
        self._page, self._has_runs = "runs", False
        self._show_page()

    def set_runs(self, rows: Sequence[Row], chosen: str | None) -> None:
        self.table.set_rows(rows)
        self.table.choose(chosen)
        self._card.setMaximumHeight(self.table.content_height())
        self._has_runs = bool(rows)
        self._show_page()

    def set_verified(self, count: int) -> None:
        text = "1 verified pair" if count == 1 else f"{count:,} verified pairs".replace(",", "\u202f")
        self.verified.setText(text if count else "no pair verified yet")
        self.verified.set_state("")

    def set_curves(
        self, loss: Sequence[Curve], recall: Sequence[Curve], readouts: tuple[str, str, str], *, axis: str = "epoch"
    ) -> None:
        self.loss.set_curves(loss, readouts[0], "The loss shows with the first step.", axis=axis)
        self.recall.set_curves(
            recall,
            readouts[1],
            "Recall@10 is measured before the first and after each epoch.",
            axis=axis,
            note=readouts[2],
        )

    def set_details(self, details: RunDetails | None) -> None:
        self.details.set_details(details)

    def set_deleted(self, number: int) -> None:
        """Says how many deleted runs still have their folders."""
        self.emptying.setText(f"{number} deleted run{'s' if number != 1 else ''}: remove for good…")
        self.emptying.setAccessibleName(self.emptying.text())
        self.emptying.setVisible(number > 0)

    def set_compared(self, number: int) -> None:
        """Says on its tab how many runs are in the comparison."""
        self.pills["comparison"].set_count(number or None)

    def page(self) -> str:
        return self._page

    def show_page(self, name: str) -> None:
        self._page = name
        self.pills[name].setChecked(True)
        self.form.hide()
        self._show_page()
        self.page_shown.emit(name)

    def next_axis(self) -> None:
        self._axis = AXES[(AXES.index(self._axis) + 1) % len(AXES)]
        self.axis.setText(_AXIS_TEXTS[self._axis])
        self.axis_chosen.emit(self._axis)

    def show_form(self) -> None:
        self.form.show()
        self._show_page()
        self.form.focus_first()

    def hide_form(self) -> None:
        self.form.hide()
        self._show_page()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_page(self) -> None:
        has_form = not self.form.isHidden()
        if has_form:
            page: QWidget | None = self.form
        elif self._page == "table3":
            page = self.table3
        elif not self._has_runs:
            page = self.empty if self.emptying.isHidden() else self._pages.widget(1)
        elif self._page == "comparison":
            page = self.comparison
        else:
            page = self._pages.widget(1)
        assert page is not None
        if self._pages.currentWidget() is not page:
            self._pages.setCurrentWidget(page)
        if not has_form:
            self.form.hide()  # the stack shows what it is given
        self.details.setVisible(self._has_runs and not has_form)
        self.axis.setVisible(page is self._pages.widget(1))
        for part in (self.new_run, self.take_in):
            part.setVisible(not has_form)
        for pill in self.pills.values():
            pill.setVisible(not has_form)
        self.new_run.setVisible(self._has_runs and not has_form)
