"""The form of a new run: a preset's values in groups with what each means, searched by name; which pairs; a dry run.

Its fields are made in turns like every form's (annotator.views.data.verb_form), so that opening it holds nothing up.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.data.field_row import FieldRow
from annotator.views.data.fields import Wish
from annotator.views.data.verb_form import Run, VerbForm
from annotator.views.runs.wishes import PAIRS, FormFacts, RunWish, carried, run_form, wish_of
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.section import SectionHead
from davenet.errors import UserError

PAIRS_MS = 250  # after the last change, before the pairs are counted


class RunForm(VerbForm):
    """Emits the run that is wished for, or its dry run; the presenter tells what its pairs are and what it would take."""

    run_requested = Signal(object)  # RunWish
    estimate_requested = Signal(object)  # RunWish
    elsewhere_requested = Signal(object)  # RunWish: for another machine
    pairs_requested = Signal(object)  # RunWish: which pairs would these be?

    def __init__(self, run: Run | None = None, parent: QWidget | None = None) -> None:
        self._facts = FormFacts()
        self._has_pairs = False
        self._is_set_up = False
        self.search = QLineEdit(placeholderText="Search the settings", clearButtonEnabled=True)
        self.search.setAccessibleName("Search the settings")
        self.search.setToolTip("Shows the settings whose name or meaning has these words")
        self.search.setFixedWidth(260)
        self.only_changed = Pill("Changed")
        self.only_changed.setToolTip("Show only what differs from the preset")
        self.pairs = QLabel(wordWrap=True)
        self.pairs.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.leak = QLabel(wordWrap=True)
        self.leak.hide()
        self.dry_run = QPushButton("Dry run")
        self.dry_run.setToolTip("Take two steps and say how long it would take, and what memory and disk")
        self.elsewhere = QPushButton("Start elsewhere")
        self.elsewhere.setToolTip("Freeze the pairs and copy the command line that trains on another machine")
        self.cost = QLabel(wordWrap=True)
        self.cost.hide()
        super().__init__(run, parent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # a click beside its fields leaves its keys at work
        self._count = QTimer(self, singleShot=True, interval=PAIRS_MS)
        self._count.timeout.connect(self._ask_for_pairs)
        self._lay_out()
        self._is_set_up = True
        self.search.textChanged.connect(lambda _text: self._filter())
        self.only_changed.toggled.connect(lambda _on: self._filter())
        self.dry_run.clicked.connect(self._ask_for_estimate)
        self.elsewhere.clicked.connect(lambda: self.elsewhere_requested.emit(self.run_wish()))
        self.start_requested.connect(self._wished)

    def _lay_out(self) -> None:
        theme.set_role(self.pairs, "small")
        theme.set_role(self.leak, "bad")
        theme.set_role(self.cost, "small")
        find = QHBoxLayout()
        find.setContentsMargins(16, 0, 16, 0)
        find.setSpacing(8)
        find.addWidget(self.search)
        find.addWidget(self.only_changed)
        find.addStretch(1)
        says = QVBoxLayout()
        says.setContentsMargins(16, 0, 16, 0)
        says.setSpacing(2)
        for label in (self.pairs, self.leak, self.cost):
            says.addWidget(label)
        column = self.layout()
        assert isinstance(column, QVBoxLayout)
        column.insertLayout(1, find)
        column.insertLayout(3, says)
        foot_frame = self.start.parentWidget()
        assert foot_frame is not None
        foot = foot_frame.layout()
        assert isinstance(foot, QHBoxLayout)
        for button in (self.dry_run, self.elsewhere):
            foot.insertWidget(foot.indexOf(self.cancel), button)

    def set_facts(self, facts: FormFacts) -> None:
        """Takes what the project offers, for the next `fill`."""
        self._facts = facts

    def fill(self, filled: Wish | None = None) -> None:
        """Shows the form as it was filled in, or with the first preset's values."""
        self.cost.hide()
        form = run_form(self._facts)
        self.set_form(form, filled)
        self.search.clear()
        self.only_changed.setChecked(False)
        given = Wish(form.verb, self.variant(), filled.values if filled is not None else ())
        self._count.stop()
        self.pairs_requested.emit(wish_of(given, self._facts))  # known before its fields are made

    def choose(self, key: str, remembered: Wish | None = None) -> None:
        if remembered is None and self._is_set_up and self.variant() and self.variant() != key and self._pages:
            before: Mapping[str, Any] = {}
            if self._pages[self.variant()].is_made():
                try:
                    before = carried(self.wish().given())
                except UserError:
                    before = {}
            self._pages.pop(key, None)  # it is made anew with what stays
            remembered = Wish("train", key, tuple(before.items()))
        super().choose(key, remembered)
        if self._is_set_up:
            self.cost.hide()
            self._filter()
            self._count.start()

    def run_wish(self) -> RunWish:
        """Returns the run that is asked for; raises UserError where a field is wrong."""
        return wish_of(self.wish(), self._facts)

    def set_pairs(self, sentence: str, warning: str = "") -> None:
        """Says what the run would learn from and be measured on, and where the split leaks."""
        self._has_pairs = True
        self.pairs.setText(sentence)
        theme.set_role(self.pairs, "small")
        self.leak.setText(warning)
        self.leak.setVisible(bool(warning))
        self._update()

    def set_refused(self, reason: str) -> None:
        """Says why no run can be started on these pairs."""
        self._has_pairs = False
        self.pairs.setText(reason)
        theme.set_role(self.pairs, "bad")
        self.leak.hide()
        self._update()

    def show_cost(self, sentence: str, *, is_bad: bool = False) -> None:
        """Says what the dry run found, or that it goes on."""
        self.cost.setText(sentence)
        theme.set_role(self.cost, "field-bad" if is_bad else "field-good")
        self.cost.setVisible(bool(sentence))

    def focus_first(self) -> None:
        self.pills[self.variant()].setFocus(Qt.FocusReason.OtherFocusReason)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _update(self) -> None:
        super()._update()
        if self._is_set_up:
            is_right = self.start.isEnabled() and self._has_pairs
            self.start.setEnabled(is_right)
            self.dry_run.setEnabled(is_right)
            self.elsewhere.setEnabled(is_right)

    def _lead_focus(self) -> None:
        super()._lead_focus()
        page = self._pages[self._key]
        first = next(iter(page.rows.values()), None)
        if page.is_made() and first is not None and self._is_set_up:
            stops = [*self.pills.values(), self.search, self.only_changed, first.input]
            stops += [self.restore, self.dry_run, self.elsewhere, self.cancel, self.start]
            at = stops.index(first.input)
            for place, (before, after) in enumerate(pairwise(stops)):
                if place != at:  # the fields lie between the first of them and the foot
                    QWidget.setTabOrder(before, after)

    def _row_made(self, row: FieldRow) -> None:
        super()._row_made(row)
        self._show_row(row)

    def _made(self) -> None:
        super()._made()
        self._filter()

    def _edited(self, row: FieldRow) -> None:
        super()._edited(row)
        self.cost.hide()
        if row.field.section == PAIRS:
            self._count.start()

    def _filter(self) -> None:
        """Shows the fields that are looked for, and the heads of groups that have any."""
        page = self._pages.get(self._key)
        if page is None:
            return
        shown = {row.field.section for row in page.rows.values() if self._show_row(row)}
        for head in page.findChildren(SectionHead):
            head.setVisible(head.text() in shown)

    def _show_row(self, row: FieldRow) -> bool:
        words = self.search.text().casefold().split()
        field = row.field
        text = f"{field.label} {field.name} {field.help} {field.section}".casefold()
        is_shown = all(word in text for word in words) and (not self.only_changed.isChecked() or row.is_changed())
        row.setVisible(is_shown)
        return is_shown

    def _ask_for_pairs(self) -> None:
        page = self._pages.get(self._key)
        if page is None or not self.isVisible():
            return
        if not page.is_made():
            self._count.start()
            return
        try:
            self.pairs_requested.emit(self.run_wish())
        except UserError:
            return  # the field says what is wrong

    def _ask_for_estimate(self) -> None:
        if self.dry_run.isEnabled():
            self.show_cost("Taking two steps to measure…")
            theme.set_role(self.cost, "small")
            self.estimate_requested.emit(self.run_wish())

    def _wished(self, filled: Wish) -> None:
        self.run_requested.emit(wish_of(filled, self._facts))
