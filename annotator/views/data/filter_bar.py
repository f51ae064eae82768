"""The filter above the list of videos: text, split and state, with how many it leaves."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QWidget

from annotator.views import theme
from annotator.views.data.listing import LACKS, Filter
from annotator.views.runs.values import number_text
from annotator.views.widgets.pill import Pill

TYPING_MS = 120


class FilterBar(QWidget):
    changed = Signal(object)  # Filter

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = _Text(placeholderText="Filter: title, id, recipe type, language…")
        self.text.setToolTip("Words that all must be found (/ goes here, Esc clears)")
        self.text.setAccessibleName("Filter videos")
        self.text.setClearButtonEnabled(True)
        self.text.setMinimumWidth(220)
        self.text.setMaximumWidth(380)
        self.splits = {split: Pill(label) for split, label in (("", "All"), *_SPLITS)}
        for split, pill in self.splits.items():
            pill.setAutoExclusive(True)
            pill.setToolTip("Videos of every split" if not split else f"Only videos of the split {split}")
            pill.clicked.connect(lambda _on=False: self._now())
        self.splits[""].setChecked(True)
        self.lack = QComboBox()
        self.lack.setToolTip("Only videos that lack this")
        self.lack.setAccessibleName("State")
        for value, label in LACKS:
            self.lack.addItem(label, value)
        self.lack.currentIndexChanged.connect(lambda _index: self._now())
        self.shown = QLabel()
        theme.set_role(self.shown, "muted")
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._typing.timeout.connect(self._now)
        self.text.textChanged.connect(lambda _text: self._typing.start())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.text, 1)
        for pill in self.splits.values():
            row.addWidget(pill)
        row.addWidget(self.lack)
        row.addStretch(1)
        row.addWidget(self.shown)

    def take_focus(self) -> None:
        """Puts the keyboard into the search."""
        self.text.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def filter(self) -> Filter:
        split = next(split for split, pill in self.splits.items() if pill.isChecked())
        return Filter(self.text.text().strip(), split, self.lack.currentData())

    def clear(self) -> None:
        self.text.clear()
        self.lack.setCurrentIndex(0)
        self.splits[""].setChecked(True)
        self._now()

    def set_counts(self, splits: Sequence[tuple[str, int]], n_all: int, n_shown: int) -> None:
        self.splits[""].set_count(n_all)
        for split, count in splits:
            self.splits[split].set_count(count)
        self.shown.setText("" if n_shown == n_all else f"{number_text(n_shown)} shown")

    def _now(self) -> None:
        self._typing.stop()
        self.changed.emit(self.filter())


_SPLITS = (("train", "Train"), ("validation", "Validation"), ("test", "Test"))


class _Text(QLineEdit):
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)
