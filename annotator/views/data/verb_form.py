"""A verb's form in the app: its ways as pills, fields in two columns that scroll, and a foot that says what is missing.

What fields name is looked into off the GUI thread, by a function that is given from outside.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.data.field_row import FieldRow
from annotator.views.data.fields import Field, Form, Variant, Wish, changed
from annotator.views.widgets.flow import FlowLayout
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.section import SectionHead
from davenet.errors import UserError

COLUMNS = 3
FIELDS_A_TURN = 1  # made before the event loop has its turn again: a page of 30 at once would hold up the window
LOOK_MS = 250  # after the last key, before what was typed is looked into
Run = Callable[..., None]  # annotator.views.background.Background.run


class VerbForm(QFrame):
    start_requested = Signal(object)  # Wish
    put_away = Signal()
    restored = Signal(str)  # verb: all of it is as it was at first

    def __init__(self, run: Run | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._run = run
        self._form: Form | None = None
        self._pages: dict[str, _Fields] = {}
        self._key, self._told = "", ""
        self._looks: dict[FieldRow, int] = {}
        self._waiting: set[FieldRow] = set()
        self._timer = QTimer(self, singleShot=True, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)
        self.title = QLabel()
        theme.set_role(self.title, "title")
        self.about = QLabel(wordWrap=True)
        theme.set_role(self.about, "muted")
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.warning = QLabel(wordWrap=True)
        theme.set_role(self.warning, "bad")
        self.warning.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.pills: dict[str, Pill] = {}
        self._ways = QWidget()
        self._ways_row = FlowLayout(self._ways, spacing=8)
        self.says = QLabel(wordWrap=True)
        theme.set_role(self.says, "small")
        self.restore = QPushButton("Restore defaults")
        self.restore.setToolTip("All fields of this form as they were")
        theme.set_role(self.restore, "plain")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Put the form away (Esc)")
        self.start = QPushButton()
        theme.set_role(self.start, "primary")
        self._scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.viewport().setAutoFillBackground(False)
        self._build()
        self.restore.clicked.connect(self.restore_defaults)
        self.cancel.clicked.connect(self.put_away)
        self.start.clicked.connect(self._start)

    def _build(self) -> None:
        top = QVBoxLayout()
        top.setContentsMargins(16, 14, 16, 0)
        top.setSpacing(8)
        for part in (self.title, self._ways, self.about, self.warning):
            top.addWidget(part)
        foot_frame = QFrame()
        theme.set_role(foot_frame, "form-foot")
        foot = QHBoxLayout(foot_frame)
        foot.setContentsMargins(16, 10, 16, 12)
        foot.setSpacing(8)
        foot.addWidget(self.says, 1)
        for button in (self.restore, self.cancel, self.start):
            foot.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self._scroll, 1)
        column.addWidget(foot_frame)

    def set_runner(self, run: Run) -> None:
        """Takes what calls a function off the GUI thread (Background.run)."""
        self._run = run

    def set_form(self, form: Form, remembered: Wish | None = None) -> None:
        """Shows a verb's form with what was asked for last, or its defaults."""
        self._form = form
        self._looks.clear()
        self._waiting.clear()
        self._pages = {}
        self.title.setText(form.title)
        self.start.setText(form.action)
        self.start.setToolTip(f"{form.action} (Ctrl+Enter, or Enter in a field)")
        for pill in self.pills.values():
            self._ways_row.removeWidget(pill)
            pill.hide()
            pill.deleteLater()
        self.pills = {}
        if len(form.variants) > 1:
            for variant in form.variants:
                pill = Pill(variant.label)
                pill.setAutoExclusive(True)
                pill.setToolTip(variant.about)
                pill.clicked.connect(lambda _on=False, key=variant.key: self.choose(key))
                self._ways_row.addWidget(pill)
                self.pills[variant.key] = pill
        self._ways.setVisible(bool(self.pills))
        wanted = remembered.variant if remembered is not None else ""
        self.choose(form.variant(wanted).key, remembered)

    def choose(self, key: str, remembered: Wish | None = None) -> None:
        """Shows the fields of one way to do the verb."""
        assert self._form is not None
        variant = self._form.variant(key)
        self._key = variant.key
        if variant.key in self.pills:
            self.pills[variant.key].setChecked(True)
        self._scroll.takeWidget()
        page = self._pages.get(variant.key)
        if page is None:
            page = _Fields(variant, {} if remembered is None else remembered.given())
            page.row_made.connect(self._row_made)
            page.made.connect(self._made)
            self._pages[variant.key] = page
            page.make_some()
        self._scroll.setWidget(page)
        page.setAutoFillBackground(False)
        page.show()
        self._lead_focus()
        self.about.setText(variant.about)
        self.about.setVisible(bool(variant.about))
        self.warning.setText(variant.warning)
        self.warning.setVisible(bool(variant.warning))
        self._told = ""
        self._update()

    def show_refusal(self, sentence: str) -> None:
        """Says why the verb could not begin as it was asked for."""
        self._told = sentence
        self._update()

    def show_busy(self, sentence: str) -> None:
        """Says what goes on, and takes no second wish meanwhile; an edit or a refusal ends it."""
        self.says.setText(sentence)
        theme.set_role(self.says, "small")
        self.start.setEnabled(False)

    def form(self) -> Form | None:
        return self._form

    def variant(self) -> str:
        """Returns the way that is chosen."""
        return self._key

    def rows(self) -> dict[str, FieldRow]:
        """Returns the rows of the way that is chosen, all of them."""
        if self._key not in self._pages:
            return {}
        self._pages[self._key].finish()
        return self._pages[self._key].rows

    def wish(self) -> Wish:
        """Returns what is asked for; raises UserError where a field is wrong."""
        assert self._form is not None
        variant = self._form.variant(self._key)
        values: dict[str, Any] = {name: row.value() for name, row in self.rows().items()}
        return Wish(self._form.verb, self._key, changed(variant.fields, values))

    def restore_defaults(self) -> None:
        for row in self.rows().values():
            row.set_value(row.field.default)
        if self._form is not None:
            self.restored.emit(self._form.verb)

    def focus_first(self) -> None:
        """Puts the focus into the first field, which is there from the first turn on."""
        first = next(iter(self._pages[self._key].rows.values()), None) if self._key in self._pages else None
        (first.input if first is not None else self.start).setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.put_away.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._start()
        else:
            event.accept()  # letters are for the fields, never for the keys of the page below

    def _start(self) -> None:
        if self.start.isEnabled():
            self.start_requested.emit(self.wish())

    def _made(self) -> None:
        self._lead_focus()
        self._update()

    def _lead_focus(self) -> None:
        """Leads the focus through ways, fields and buttons as they stand, whatever was made first."""
        page = self._pages[self._key]
        if not page.is_made() or self._scroll.widget() is not page:
            return
        fields = [part for row in page.rows.values() for part in row.stops()]
        stops = [*self.pills.values(), *fields, self.restore, self.cancel, self.start]
        for before, after in pairwise(stops):
            QWidget.setTabOrder(before, after)

    def _row_made(self, row: FieldRow) -> None:
        row.edited.connect(self._edited)
        if row.is_changed():
            self._edited(row)

    def _edited(self, row: FieldRow) -> None:
        self._told = ""
        self._looks[row] = self._looks.get(row, 0) + 1
        if row.field.look is not None and self._run is not None:
            self._waiting.add(row)
            self._timer.start()
        self._update()

    def _look(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for row in waiting:
            if row.trouble() or not row.text().strip():
                continue
            value, number = row.value(), self._looks[row]
            if value is None:
                continue

            def seen(text: str, row: FieldRow = row, number: int = number) -> None:
                if self._looks.get(row) == number:
                    row.set_seen(text)
                    self._update()

            def refused(error: UserError, row: FieldRow = row, number: int = number) -> None:
                if self._looks.get(row) == number:
                    row.set_seen("", str(error))
                    self._update()

            assert self._run is not None and row.field.look is not None
            self._run(lambda look=row.field.look, value=value: look(value), seen, refused, priority=1)

    def _update(self) -> None:
        page = self._pages.get(self._key)
        if page is None or not page.is_made():
            self.start.setEnabled(False)
            self.restore.setEnabled(False)
            self.says.clear()
            return
        rows = page.rows
        wrong = [row.field.label for row in rows.values() if row.trouble()]
        missing = [row.field.label for row in rows.values() if row.is_missing()]
        n_changed = sum(row.is_changed() and not row.field.is_needed for row in rows.values())
        self.restore.setEnabled(any(row.is_changed() for row in rows.values()))
        if self._told:
            said, role = self._told, "field-bad"
        elif wrong:
            said, role = f"To be corrected: {', '.join(wrong)}.", "field-bad"
        elif missing:
            said, role = f"Still needed: {', '.join(missing)}.", "small"
        elif n_changed:
            said, role = f"{n_changed} setting{'s' if n_changed > 1 else ''} changed from the default.", "small"
        else:
            said, role = "All settings are the defaults.", "small"
        self.says.setText(said)
        self.says.setToolTip(said)
        theme.set_role(self.says, role)
        self.start.setEnabled(not wrong and not missing)


class _Fields(QWidget):
    """The fields of one way, in columns under the heads of their sections; made a few at a time, so that nothing waits."""

    row_made = Signal(object)  # FieldRow
    made = Signal()

    def __init__(self, variant: Variant, remembered: dict[str, Any]) -> None:
        super().__init__()
        self.rows: dict[str, FieldRow] = {}
        self._remembered = remembered
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(16, 4, 16, 12)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(10)
        self._todo: list[tuple[int, int, Field | str]] = []
        line = 0
        for section, fields in variant.sections().items():
            if section:
                self._todo.append((line, 0, section))
                line += 1
            self._todo += [(line + place // COLUMNS, place % COLUMNS, field) for place, field in enumerate(fields)]
            line += -(-len(fields) // COLUMNS)
        self._todo.reverse()
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)
            self._grid.setColumnMinimumWidth(column, 200)
        self._grid.setRowStretch(line, 1)
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self.make_some)

    def is_made(self) -> bool:
        return not self._todo

    def finish(self) -> None:
        """Makes what is not there yet at once."""
        while self._todo:
            self._make_one()

    def make_some(self) -> None:
        """Makes as many fields as a turn has, and the others in later turns of the event loop."""
        for _ in range(min(FIELDS_A_TURN, len(self._todo))):
            self._make_one()
        if self._todo:
            self._turn.start()

    def _make_one(self) -> None:
        line, column, what = self._todo.pop()
        if isinstance(what, str):
            head = SectionHead(what)
            head.setContentsMargins(0, 6, 0, 0)
            self._grid.addWidget(head, line, 0, 1, COLUMNS)
        else:
            row = FieldRow(what)
            if what.name in self._remembered:
                row.set_value(self._remembered[what.name])
            self.rows[what.name] = row
            self._grid.addWidget(row, line, column, Qt.AlignmentFlag.AlignTop)
            row.show()
            self.row_made.emit(row)
        if not self._todo:
            self.made.emit()
