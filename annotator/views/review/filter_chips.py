"""Chips: each active part of a filter in a word or two, removed by pressing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.store.records import QueueFilter
from annotator.views import theme
from annotator.views.widgets.flow import FlowLayout
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import draw_focus_ring, draw_glyph

VERDICT_TEXTS = {"accept": "accepted", "reject": "rejected", "unsure": "unsure", "skip": "skipped"}
_RANGES = (("word_confidence", "word"), ("probability", "detector"), ("similarity", "model"))
_WIDEST = 190


@dataclass(frozen=True, slots=True)
class FilterPart:
    """One part of a filter: what its chip says, and the filter without it."""

    text: str
    without: QueueFilter


def parts_of(wanted: QueueFilter, titles: Mapping[str, str]) -> list[FilterPart]:
    """Returns the parts of a filter but its searched text, which stands in its own field; `titles` are the videos'."""
    parts: list[FilterPart] = []
    for field, names in (("classes", {}), ("splits", {}), ("videos", titles), ("reasons", {})):
        values: Sequence[str] = getattr(wanted, field)
        for value in values:
            rest = tuple(other for other in values if other != value)
            parts.append(FilterPart(names.get(value, value), _with(wanted, field, rest)))
    for field, name in _RANGES:
        chosen = getattr(wanted, field)
        if chosen is not None:
            parts.append(FilterPart(f"{name} {chosen[0]:.2f}–{chosen[1]:.2f}", _with(wanted, field, None)))
    if wanted.by_reviewer:
        parts.append(FilterPart(f"by {wanted.by_reviewer}", _with(wanted, "by_reviewer", None)))
    if wanted.verdict:
        parts.append(FilterPart(VERDICT_TEXTS[wanted.verdict], _with(wanted, "verdict", None)))
    if wanted.run:
        parts.append(FilterPart(f"scored by {wanted.run}", replace(wanted, run=None, similarity=None)))
    return parts


def _with(wanted: QueueFilter, field: str, value: object) -> QueueFilter:
    changes: dict[str, Any] = {field: value}
    return replace(wanted, **changes)


class Chip(PaintedButton):
    """A small rounded button with a cross; pressed, or with Delete while it has the keyboard, it asks to go."""

    removed = Signal()

    def __init__(self, text: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setToolTip(f"{tip} (Delete)")
        self.setAccessibleName(tip)
        self.clicked.connect(self.removed)

    def _shown_text(self) -> str:
        metrics = QFontMetrics(theme.font(theme.SMALL_PX))
        return metrics.elidedText(self.text(), Qt.TextElideMode.ElideMiddle, _WIDEST - 36)

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(theme.font(theme.SMALL_PX))
        return QSize(metrics.horizontalAdvance(self._shown_text()) + 34, 24)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        keys = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in keys:
            event.accept()  # else Backspace would undo a verdict
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(tokens.color("faint" if self.underMouse() else "line"), 1))
        painter.setBrush(tokens.color("raised"))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, 6, 6)
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("text"))
        painter.drawText(
            QRectF(9, 0, self.width() - 30, self.height()), Qt.AlignmentFlag.AlignVCenter, self._shown_text()
        )
        cross = QRectF(self.width() - 20, self.height() / 2 - 5.5, 11, 11)
        draw_glyph(painter, "close", cross, tokens.color("text" if self.underMouse() else "muted"), width=1.4)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 6)


class FilterChips(QWidget):
    """The parts of the filter in force; `filter_chosen` is the filter without the part that was pressed."""

    filter_chosen = Signal(object)  # QueueFilter
    selection_left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = FlowLayout(self, spacing=4)
        self._is_wanted = True
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Active filters")
        self.hide()

    def set_parts(self, parts: Sequence[FilterPart], selection: str = "") -> None:
        """Shows a chip for each part, and first one for the selection that is listed, if any."""
        self._row.clear()
        if selection:
            chip = Chip(selection, f"Leave the selection “{selection}”")
            chip.removed.connect(self.selection_left)
            self._row.addWidget(chip)
        for part in parts:
            chip = Chip(part.text, f"Take “{part.text}” out of the filter")
            chip.removed.connect(lambda rest=part.without: self.filter_chosen.emit(rest))
            self._row.addWidget(chip)
        self._show()

    def set_wanted(self, is_wanted: bool) -> None:
        """Hides the chips while the drawer says the same."""
        self._is_wanted = is_wanted
        self._show()

    def _show(self) -> None:
        self.setVisible(self._is_wanted and self._row.count() > 0)
        self.updateGeometry()

    def chips(self) -> list[Chip]:
        return [chip for chip in self._row.widgets() if isinstance(chip, Chip)]
