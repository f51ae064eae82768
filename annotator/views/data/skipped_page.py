"""What could not be used, and why: each with its remedy and a way to try it again; and the ids that did not come in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from annotator.store.records import Problem
from annotator.views import theme
from annotator.views.data.video_table import VideoTable
from annotator.views.runs.values import number_text
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.table import Cell, Column, Row

_PROBLEMS = (
    Column("VIDEO", 190, 2),
    Column("STEP", 92, 0),
    Column("WHY, AND WHAT TO DO", 420, 6),
)
_IDS = (
    Column("ID", 190, 2),
    Column("CORPUS", 92, 0),
    Column("SPLIT", 90, 0),
    Column("TYPE", 120, 1),
    Column("WHY", 300, 5),
)


@dataclass(frozen=True, slots=True)
class NotImported:
    """An id of a corpus that did not come in."""

    corpus: str
    corpus_id: str
    split: str
    recipe_type: str
    reason: str


class SkippedPage(QFrame):
    """A table for what steps passed over, another for ids that were not imported."""

    again_requested = Signal(object)  # list of Problem
    list_saved = Signal(object, object)  # Path, the lines
    put_away = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._problems: dict[str, Problem] = {}
        self._ids: dict[str, NotImported] = {}
        self.skipped, self.not_imported = Pill("Could not be used"), Pill("Not imported")
        for pill, tip in (
            (self.skipped, "Files and videos that a step could not use"),
            (self.not_imported, "Ids of a corpus that were not found, or were left out"),
        ):
            pill.setAutoExclusive(True)
            pill.setToolTip(tip)
            pill.clicked.connect(lambda _on=False: self._show())
        self.skipped.setChecked(True)
        self.table = VideoTable(_PROBLEMS, row_height=52)
        self.table.setAccessibleName("What could not be used")
        self.ids = VideoTable(_IDS, row_height=34)
        self.ids.setAccessibleName("Ids that did not come in")
        self.empty = EmptyState(
            "Nothing was skipped", "Every file that a step was given could be used.", glyph="accept"
        )
        self.result = QLabel(wordWrap=True)
        self.result.hide()
        self.reason = QLabel(wordWrap=True)
        self.reason.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.again = QPushButton("Try again")
        self.again.setToolTip("Try the chosen one again, with the step's settings (Enter)")
        self.all_again = QPushButton("Try all again")
        self.all_again.setToolTip("Try everything in this list again")
        self.save = QPushButton("Save the list…")
        self.save.setToolTip("As CSV: id, corpus, split, type, reason")
        self.back = QPushButton("Back")
        self.back.setToolTip("Back to the videos (Esc)")
        self._build()
        self.table.row_chosen.connect(lambda _key: self._show())
        self.table.row_opened.connect(lambda _key: self._again())
        self.ids.row_chosen.connect(lambda _key: self._show())
        self.again.clicked.connect(self._again)
        self.all_again.clicked.connect(lambda: self.again_requested.emit(list(self._problems.values())))
        self.save.clicked.connect(self._save)
        self.back.clicked.connect(self.put_away)

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(16, 12, 16, 0)
        head.setSpacing(8)
        for pill in (self.skipped, self.not_imported):
            head.addWidget(pill)
        head.addStretch(1)
        self._tables = QStackedWidget()
        for part in (self.table, self.ids, self.empty):
            self._tables.addWidget(part)
        foot_frame = QFrame()
        theme.set_role(foot_frame, "form-foot")
        foot = QHBoxLayout(foot_frame)
        foot.setContentsMargins(16, 10, 16, 12)
        foot.setSpacing(8)
        foot.addWidget(self.reason, 1)
        for button in (self.save, self.back, self.all_again, self.again):
            foot.addWidget(button, 0, Qt.AlignmentFlag.AlignBottom)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(8)
        column.addLayout(head)
        result = QHBoxLayout()
        result.setContentsMargins(16, 0, 16, 0)
        result.addWidget(self.result)
        column.addLayout(result)
        column.addWidget(self._tables, 1)
        column.addWidget(foot_frame)

    def sizeHint(self) -> QSize:
        return QSize(900, 400)

    def set_problems(self, problems: Sequence[Problem]) -> None:
        self._problems = {f"{problem.verb}\0{problem.path}": problem for problem in problems}
        self.skipped.set_count(len(problems))
        self.table.set_videos(list(self._problems), self._problem_row)
        if self.table.chosen_key() is None and self._problems:
            self.table.choose(next(iter(self._problems)))
        self._show()

    def set_not_imported(self, ids: Sequence[NotImported]) -> None:
        self._ids = {f"{each.corpus}\0{each.corpus_id}": each for each in ids}
        self.not_imported.set_count(len(ids))
        self.ids.set_videos(list(self._ids), self._id_row)
        self._show()

    def set_result(self, told: str, summary: Mapping[str, Any]) -> None:
        """Tells how the import of a corpus went: for YouCook2 also how much of what was published is here now."""
        lines = [told, f"Splits: {summary.get('splits', '')}"]
        for split, counts in summary.get("published", {}).items():
            lines.append(
                f"{split}: {number_text(counts['present'])} here, of {number_text(counts['published'])} published; the "
                f"paper still found {number_text(counts['paper'])}"
            )
        self.result.setText("\n".join(lines))
        self._show()

    def open_ids(self, ids: bool) -> None:
        (self.not_imported if ids else self.skipped).setChecked(True)
        self._show()

    def chosen(self) -> Problem | None:
        return self._problems.get(self.table.chosen_key() or "")

    def _show(self) -> None:
        shows_ids = self.not_imported.isChecked()
        has_any = bool(self._ids if shows_ids else self._problems)
        self._tables.setCurrentWidget(self.empty if not has_any else self.ids if shows_ids else self.table)
        problem = None if shows_ids else self.chosen()
        chosen_id = self._ids.get(self.ids.chosen_key() or "") if shows_ids else None
        said = problem.reason if problem else chosen_id.reason if chosen_id else ""
        if shows_ids and chosen_id is None and self._ids:
            said = (
                f"{number_text(len(self._ids))} ids did not come in; put their videos into the folder and import again."
            )
        self.reason.setText(said)
        self.result.setVisible(shows_ids and bool(self.result.text()))
        self.again.setVisible(not shows_ids)
        self.all_again.setVisible(not shows_ids)
        self.save.setVisible(shows_ids)
        self.again.setEnabled(problem is not None)
        self.all_again.setEnabled(len(self._problems) > 0)
        self.save.setEnabled(has_any)
        theme.set_role(self.again, "primary")

    def _problem_row(self, key: str) -> Row:
        problem = self._problems[key]
        why, remedy = told_apart(problem)
        name = Cell(problem.path.stem if problem.video_uid else problem.path.name, glyph="warning", glyph_token="reject",
                    tip=str(problem.path))  # fmt: skip
        return Row(key, (name, Cell(problem.verb, token="muted"), Cell(why, second=remedy, tip=problem.reason)))

    def _id_row(self, key: str) -> Row:
        each = self._ids[key]
        cells = (each.corpus_id, each.corpus, each.split, each.recipe_type or "–", each.reason)
        return Row(
            key,
            tuple(Cell(text, token="text" if place == 0 else "muted", tip=text) for place, text in enumerate(cells)),
        )

    def _again(self) -> None:
        problem = self.chosen()
        if problem is not None:
            self.again_requested.emit([problem])

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the list", "not-imported.csv", "CSV (*.csv)")
        if path:
            self.list_saved.emit(Path(path), list(self._ids.values()))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape:  # type: ignore[attr-defined]
            self.put_away.emit()
            return True
        return super().event(event)


def told_apart(problem: Problem) -> tuple[str, str]:
    """Returns what is wrong and the remedy of a problem's sentence, the file's own path left out."""
    sentence = problem.reason.removeprefix(str(problem.path)).strip(" :,")
    why, _, remedy = sentence.rpartition("; ")
    if not why:
        return sentence, ""
    return why, f"{remedy[0].upper()}{remedy[1:]}" if remedy else ""
