"""The filter drawer: takes the list's place in the queue panel and shows at once how many pairs each choice leaves."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from annotator.store.records import REASONS, SPLITS, Decision, FilterFacets, QueueFilter
from annotator.views import theme
from annotator.views.review.filter_chips import VERDICT_TEXTS
from annotator.views.review.filter_choices import ChoicesField, Option
from annotator.views.review.filter_range import RangeField
from annotator.views.review.filter_saved import SavedList
from annotator.views.widgets.flow import FlowLayout
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.section import SectionHead

_ANY = "anyone"
_NEWEST = "the newest"


class PillChoices(QWidget):
    """A few values as pills; `one` lets at most one be chosen."""

    def __init__(self, name: str, texts: dict[str, str], *, one: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._one = one
        self.pills = {value: Pill(text) for value, text in texts.items()}
        row = FlowLayout(self, spacing=4)
        for value, pill in self.pills.items():
            pill.setToolTip(f"{name}: {texts[value]}")
            pill.clicked.connect(lambda _checked=False, pressed=value: self._press(pressed))
            row.addWidget(pill)
        self.setAccessibleName(name)

    changed = Signal()

    def set_counts(self, counts: Sequence[tuple[str, int]]) -> None:
        numbers = dict(counts)
        for value, pill in self.pills.items():
            pill.set_count(numbers.get(value, 0))

    def set_chosen(self, values: Sequence[str]) -> None:
        for value, pill in self.pills.items():
            pill.setChecked(value in values)

    def chosen(self) -> tuple[str, ...]:
        return tuple(value for value, pill in self.pills.items() if pill.isChecked())

    def _press(self, value: str) -> None:
        if self._one and self.pills[value].isChecked():
            self.set_chosen([value])
        self.changed.emit()


class FilterDrawer(QFrame):
    """Edits a QueueFilter; `filter_chosen` follows each change, `closed` is Escape or the button."""

    filter_chosen = Signal(object)  # QueueFilter
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel")
        self.setAccessibleName("Filters of the queue")
        self._filter = QueueFilter()
        self.saved = SavedList()
        self.classes = ChoicesField("Class", "Type a class…")
        self.videos = ChoicesField("Video", "Type a video…")
        self.splits = PillChoices("Split", {split: split for split in SPLITS})
        self.verdicts = PillChoices("Verdict", dict(VERDICT_TEXTS), one=True)
        self.reasons = PillChoices("Reason of a rejection", {reason: reason for reason in REASONS})
        self.word = RangeField("Word confidence")
        self.probability = RangeField("Detector probability")
        self.similarity = RangeField("Model similarity")
        self.run = self._combo("Run that scored the pairs")
        self.reviewer = self._combo("Reviewer who decided")
        self._unscored = QLabel("No run has scored the pairs yet: evaluate one in Runs.", wordWrap=True)
        theme.set_role(self._unscored, "small")
        self._connect()
        self._lay_out()

    def _combo(self, name: str) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(name)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(8)
        return combo

    def _connect(self) -> None:
        for choices in (self.classes, self.videos):
            choices.choices_changed.connect(self._announce)
        for pills in (self.splits, self.verdicts, self.reasons):
            pills.changed.connect(self._announce)
        for field in (self.word, self.probability, self.similarity):
            field.range_changed.connect(self._announce)
        for combo in (self.run, self.reviewer):
            combo.activated.connect(self._announce)

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 2, 12, 16)
        column.setSpacing(6)
        for head, parts in (
            ("Saved", (self.saved,)),
            ("Class", (self.classes,)),
            ("Word confidence", (self.word,)),
            ("Detector probability", (self.probability,)),
            ("Model similarity", (self.similarity, self.run, self._unscored)),
            ("Verdict", (self.verdicts,)),
            ("Reviewer", (self.reviewer,)),
            ("Reason", (self.reasons,)),
            ("Split", (self.splits,)),
            ("Video", (self.videos,)),
        ):
            column.addSpacing(8)
            column.addWidget(SectionHead(head))
            for part in parts:
                column.addWidget(part)
        column.addStretch(1)
        area = QScrollArea(widgetResizable=True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        theme.set_role(inside, "panel")
        self._area = area
        self._count = QLabel()
        theme.set_role(self._count, "strong")
        clear = QPushButton("Clear")
        clear.setToolTip("Take all filters away")
        clear.setAccessibleName("Clear all filters")
        clear.clicked.connect(lambda: self.filter_chosen.emit(QueueFilter()))
        done = QPushButton("Done")
        theme.set_role(done, "primary")
        done.setToolTip("Back to the list (Escape)")
        done.clicked.connect(self.closed)
        foot = QFrame()
        theme.set_role(foot, "panel-bottom")
        row = QHBoxLayout(foot)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(6)
        row.addWidget(self._count)
        row.addStretch(1)
        row.addWidget(clear)
        row.addWidget(done)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(area, 1)
        outer.addWidget(foot)

    # -- content ---------------------------------------------------------------------------------------------------

    def set_facets(self, facets: FilterFacets) -> None:
        """Takes what there is to filter by."""
        self.classes.set_options([Option(name, name, count) for name, count in facets.classes])
        self.videos.set_options([Option(uid, title, count) for uid, title, count in facets.videos])
        self.splits.set_counts(facets.splits)
        self.reasons.set_counts(facets.reasons)
        self._fill(self.reviewer, _ANY, [name for name, _count in facets.reviewers], self._filter.by_reviewer)
        self._fill(self.run, _NEWEST, [name for name, _count in facets.runs], self._filter.run)
        is_scored = facets.similarity is not None
        for part in (self.similarity, self.run):
            part.setVisible(is_scored)
        self._unscored.setVisible(not is_scored)
        if facets.similarity is not None:
            self.similarity.set_limits(facets.similarity)

    def _fill(self, combo: QComboBox, nobody: str, names: Sequence[str], chosen: str | None) -> None:
        with QSignalBlocker(combo):
            combo.clear()
            combo.addItem(nobody, None)
            for name in names:
                combo.addItem(name, name)
            combo.setCurrentIndex(max(0, combo.findData(chosen)) if chosen else 0)

    def set_filter(self, chosen: QueueFilter) -> None:
        """Shows a filter without announcing it."""
        self._filter = chosen
        self.classes.set_chosen(chosen.classes)
        self.videos.set_chosen(chosen.videos)
        self.splits.set_chosen(chosen.splits)
        self.reasons.set_chosen(chosen.reasons)
        self.verdicts.set_chosen([chosen.verdict] if chosen.verdict else [])
        self.word.set_range(chosen.word_confidence)
        self.probability.set_range(chosen.probability)
        self.similarity.set_range(chosen.similarity)
        for combo, name in ((self.reviewer, chosen.by_reviewer), (self.run, chosen.run)):
            with QSignalBlocker(combo):
                combo.setCurrentIndex(max(0, combo.findData(name)) if name else 0)
        self.saved.set_can_save(not chosen.is_empty)

    def filter(self) -> QueueFilter:
        """Returns the filter as it is set here; the searched text is passed through."""
        verdict = self.verdicts.chosen()
        return replace(
            self._filter,
            classes=self.classes.chosen(),
            videos=self.videos.chosen(),
            splits=self.splits.chosen(),
            reasons=self.reasons.chosen(),
            word_confidence=self.word.range(),
            probability=self.probability.range(),
            similarity=self.similarity.range() if self.similarity.isVisibleTo(self) else self._filter.similarity,
            verdict=cast(Decision, verdict[0]) if verdict else None,
            by_reviewer=self.reviewer.currentData(),
            run=self.run.currentData(),
        )

    def set_count(self, count: int) -> None:
        """Says how many pairs the filter leaves."""
        shown = f"{count:,}".replace(",", "\u202f")
        self._count.setText(f"{shown} pair" if count == 1 else f"{shown} pairs")

    def count_text(self) -> str:
        return self._count.text()

    def _announce(self) -> None:
        chosen = self.filter()
        if chosen != self._filter:
            self._filter = chosen
            self.saved.set_can_save(not chosen.is_empty)
            self.filter_chosen.emit(chosen)

    def focusNextPrevChild(self, is_next: bool) -> bool:
        moved = super().focusNextPrevChild(is_next)
        focused = self.focusWidget()
        if focused is not None:
            self._area.ensureWidgetVisible(focused, 0, 24)
        return moved

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
