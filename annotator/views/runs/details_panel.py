"""The panel at the right of Runs: the chosen run's facts, what can be done with it, and its log."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QFrame, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.widgets.facts import FactRows
from annotator.views.widgets.flow import FlowLayout
from annotator.views.widgets.section import SectionHead

WIDTH = 300


@dataclass(frozen=True, slots=True)
class RunDetails:
    """What the panel shows; `message` is why the run ended as it did, `actions` are among the four names below."""

    run_id: str
    head: str
    title: str
    facts: tuple[tuple[str, str], ...]
    actions: frozenset[str] = frozenset()
    message: str = ""
    log: tuple[str, ...] = ()  # the newest first


class DetailsPanel(QFrame):
    cancel_requested = Signal(str)
    resume_requested = Signal(str)
    evaluate_requested = Signal(str)
    folder_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-right")
        self.setFixedWidth(WIDTH)
        self._run_id = ""
        self.head = SectionHead("")
        self.title = QLabel(wordWrap=True)
        theme.set_role(self.title, "title")
        self.facts = FactRows()
        self.message = QLabel(wordWrap=True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        theme.set_role(self.message, "bad")
        self.log = QPlainTextEdit(readOnly=True, frameShape=QFrame.Shape.NoFrame)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.log.setStyleSheet("QPlainTextEdit { background: transparent; border: 0; padding: 0; }")
        self.log.document().setDocumentMargin(0)
        self.log.setAccessibleName("Log, the newest line first")
        self._buttons = QWidget()
        flow = FlowLayout(self._buttons, spacing=8)
        self._actions: dict[str, QPushButton] = {}
        for name, text, tip, signal in (
            ("resume", "Resume", "Go on from the last saved state", self.resume_requested),
            ("evaluate", "Evaluate", "Measure Recall@10 of its best checkpoint again", self.evaluate_requested),
            ("folder", "Open folder", "Show the run's files", self.folder_requested),
            ("cancel", "Cancel", "Stop after this step; its checkpoint is kept", self.cancel_requested),
        ):
            button = QPushButton(text, toolTip=tip)
            button.clicked.connect(lambda _checked=False, signal=signal: signal.emit(self._run_id))
            self._actions[name] = button
            flow.addWidget(button)
        theme.set_role(self._actions["cancel"], "danger")
        self._log_head = SectionHead("Log")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(0)
        for part, space in (
            (self.head, 6),
            (self.title, 12),
            (self.facts, 12),
            (self.message, 12),
            (self._buttons, 16),
            (self._log_head, 6),
        ):
            column.addWidget(part)
            column.addSpacing(space)
        column.addWidget(self.log, 1)
        self._empty = QLabel("Choose a run to see what it was asked and what came out.", wordWrap=True)
        theme.set_role(self._empty, "muted")
        column.insertWidget(0, self._empty)
        column.addStretch(0)
        self.set_details(None)

    def set_details(self, details: RunDetails | None) -> None:
        self._empty.setVisible(details is None)
        for part in (self.head, self.title, self.facts, self._buttons):
            part.setVisible(details is not None)
        if details is None:
            for part in (self.message, self._log_head, self.log):
                part.hide()
            return
        self._run_id = details.run_id
        self.head.setText(details.head)
        self.title.setText(details.title)
        self.facts.set_rows(details.facts)
        self.message.setText(details.message)
        self.message.setVisible(bool(details.message))
        for name, button in self._actions.items():
            button.setVisible(name in details.actions)
        self._buttons.updateGeometry()
        for part in (self._log_head, self.log):
            part.setVisible(bool(details.log))
        self._set_log(details.log)

    def action(self, name: str) -> QPushButton:
        return self._actions[name]

    def can_evaluate(self) -> bool:
        """Returns whether the run shown has a checkpoint to measure."""
        return not self._actions["evaluate"].isHidden() and bool(self._run_id)

    def run_id(self) -> str:
        return self._run_id

    def _set_log(self, lines: Sequence[str]) -> None:
        text = "\n".join(lines)
        if text == self.log.toPlainText():
            return
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(theme.SECTION_PX)
        font.setStyleHint(QFont.StyleHint.Monospace)
        self.log.setFont(font)
        self.log.setPlainText(text)
