"""The panel at the right of Runs: the chosen run's facts, what can be done with it, notes and tags, and its log."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QPlainTextEdit, QPushButton, QScrollArea, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.runs.current_pairs import CurrentPair, CurrentPairs
from annotator.views.widgets.facts import FactRows
from annotator.views.widgets.flow import FlowLayout
from annotator.views.widgets.section import SectionHead

WIDTH = 300
ACTIONS = (
    ("pause", "Pause", "Save and stop after this step; Resume goes on from there"),
    ("resume", "Resume", "Go on from the last saved state"),
    ("evaluate", "Evaluate", "Measure Recall@10 of its best checkpoint again"),
    (
        "next_queue",
        "Next queue",
        "Ask in Review about the pairs that its model, the detector and the words disagree on",
    ),
    ("fine_tune", "Fine-tune", "Fill in the form to train its model further on what the verdicts give now"),
    ("duplicate", "Duplicate", "Fill in the form as it was for this run, to change something"),
    ("compare", "Compare", "Draw its curves beside the others' and put it into the comparison"),
    ("sooner", "Start sooner", "Let it start before the run that waits in front of it"),
    ("later", "Start later", "Let the run that waits behind it go first"),
    ("command", "Copy command", "Copy the command line that trains it on another machine"),
    ("folder", "Open folder", "Show the run's files"),
    ("delete", "Delete", "Put the run away; it can be brought back until deleted runs are emptied"),
    ("cancel", "Cancel", "Stop after this step; its checkpoint is kept"),
)


@dataclass(frozen=True, slots=True)
class RunDetails:
    """What the panel shows; `message` is why the run ended as it did, `actions` are among the names above."""

    run_id: str
    head: str
    title: str
    facts: tuple[tuple[str, str], ...]
    live: tuple[tuple[str, str], ...] = ()  # what changes while it goes on
    actions: frozenset[str] = frozenset()
    message: str = ""
    log: tuple[str, ...] = ()  # the newest first
    notes: str = ""
    tags: tuple[str, ...] = ()
    is_compared: bool = False
    is_elsewhere: bool = False  # it waits for another machine, which is no fault


class DetailsPanel(QFrame):
    action_requested = Signal(str, str)  # the action's name, the run's id
    described = Signal(str, str, list)  # the run's id, its notes, its tags

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-right")
        self.setFixedWidth(WIDTH)
        self._run_id = ""
        self.head = SectionHead("")
        self.title = QLabel(wordWrap=True)
        theme.set_role(self.title, "title")
        self.live, self.facts = FactRows(), FactRows()
        self.message = QLabel(wordWrap=True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        theme.set_role(self.message, "bad")
        self.message.setContentsMargins(0, 0, 0, 10)
        self.notes = _line("Notes", "What this run is for; kept with it")
        self.tags = _line("Tags, with commas", "Words to find this run by")
        for field in (self.notes, self.tags):
            field.editingFinished.connect(self._describe)
        self.log = QPlainTextEdit(readOnly=True, frameShape=QFrame.Shape.NoFrame)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.log.setStyleSheet("QPlainTextEdit { background: transparent; border: 0; padding: 0; }")
        self.log.document().setDocumentMargin(0)
        self.log.setMinimumHeight(110)
        self.log.setAccessibleName("Log, the newest line first")
        self.log.setToolTip("What the run said, the newest first")
        self._buttons = QWidget()
        flow = FlowLayout(self._buttons, spacing=6)
        self._actions: dict[str, QPushButton] = {}
        for name, text, tip in ACTIONS:
            button = QPushButton(text, toolTip=tip)
            button.setAccessibleName(text)
            button.clicked.connect(lambda _on=False, name=name: self.action_requested.emit(name, self._run_id))
            self._actions[name] = button
            flow.addWidget(button)
        for name in ("cancel", "delete"):
            theme.set_role(self._actions[name], "danger")
        self._log_head = SectionHead("Log")
        self._current_head, self.current, self._live = SectionHead(""), CurrentPairs(), QWidget()
        live = QVBoxLayout(self._live)
        live.setContentsMargins(0, 0, 0, 14)
        live.setSpacing(0)
        live.addWidget(self.live)
        live.addSpacing(10)
        live.addWidget(self._current_head)
        live.addSpacing(6)
        live.addWidget(self.current)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(0)
        for part, space in (
            (self.head, 4),
            (self.title, 8),
            (self.message, 0),
            (self._live, 0),
            (self._buttons, 10),
            (self.facts, 12),
            (self.notes, 6),
            (self.tags, 12),
            (self._log_head, 6),
        ):
            column.addWidget(part)
            column.addSpacing(space)
        column.addWidget(self.log, 1)
        self._empty = QLabel("Choose a run to see what it was asked and what came out.", wordWrap=True)
        theme.set_role(self._empty, "muted")
        column.insertWidget(0, self._empty)
        column.addStretch(0)
        scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.viewport().setAutoFillBackground(False)
        scroll.setWidget(inside)
        inside.setAutoFillBackground(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 1, 0)
        outer.addWidget(scroll)
        self.set_details(None)

    def set_details(self, details: RunDetails | None) -> None:
        self._empty.setVisible(details is None)
        for part in (self.head, self.title, self.facts, self._buttons, self.notes, self.tags):
            part.setVisible(details is not None)
        if details is None:
            self._run_id = ""
            for part in (self.message, self._log_head, self.log):
                part.hide()
            self.set_current(())
            self._live.hide()
            return
        is_other = details.run_id != self._run_id
        if is_other:
            self._describe()  # what was typed belongs to the run that it was typed at
        self._run_id = details.run_id
        for field, text in ((self.notes, details.notes), (self.tags, ", ".join(details.tags))):
            if is_other or not field.hasFocus():
                field.setText(text)
                field.setModified(False)
        self.head.setText(details.head)
        self.title.setText(details.title)
        self.facts.set_rows(details.facts)
        self.live.set_rows(details.live)
        self._live.setVisible(bool(details.live))
        self.message.setText(details.message)
        theme.set_role(self.message, "muted" if details.is_elsewhere else "bad")
        self.message.setVisible(bool(details.message))
        for name, button in self._actions.items():
            button.setVisible(name in details.actions)
        self._actions["resume"].setText("Start here" if details.is_elsewhere else "Resume")
        self._actions["compare"].setText("Compare no more" if details.is_compared else "Compare")
        self._buttons.updateGeometry()
        for part in (self._log_head, self.log):
            part.setVisible(bool(details.log))
        self._set_log(details.log)

    def set_current(self, pairs: Sequence[CurrentPair], n: int = 0) -> None:
        """Shows a few of the `n` pairs of the step under way; none: the run does not go on."""
        for part in (self._current_head, self.current):
            part.setVisible(bool(pairs))
        self._current_head.setText(f"Learning from {n}, these among them" if n > len(pairs) else "Learning from")
        self.current.set_pairs(pairs)

    def action(self, name: str) -> QPushButton:
        return self._actions[name]

    def can(self, name: str) -> bool:
        """Returns whether the run shown can be asked for this now."""
        return bool(self._run_id) and not self._actions[name].isHidden()

    def can_evaluate(self) -> bool:
        return self.can("evaluate")

    def run_id(self) -> str:
        return self._run_id

    def _describe(self) -> None:
        if self._run_id and (self.notes.isModified() or self.tags.isModified()):
            for field in (self.notes, self.tags):
                field.setModified(False)
            tags = [tag.strip() for tag in self.tags.text().split(",") if tag.strip()]
            self.described.emit(self._run_id, self.notes.text().strip(), tags)

    def _set_log(self, lines: Sequence[str]) -> None:
        text = "\n".join(lines)
        if text == self.log.toPlainText():
            return
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(theme.SECTION_PX)
        font.setStyleHint(QFont.StyleHint.Monospace)
        self.log.setFont(font)
        self.log.setPlainText(text)


def _line(name: str, tip: str) -> QLineEdit:
    field = QLineEdit(placeholderText=name, toolTip=tip)
    field.setAccessibleName(name)
    return field
