"""Above the verdict buttons when a conflict is settled: what each reviewer said, side by side, with reasons and comments."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QHideEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.review.evidence import OtherVerdict, RemarkLine
from annotator.views.review.press_rows import SHAPES
from annotator.views.widgets.painting import draw_glyph
from annotator.views.widgets.section import SectionHead

_SAID = {"accept": "accepts", "reject": "rejects", "unsure": "is unsure", "skip": "skipped"}
_WIDTH, _HEIGHT, _PAD = 190, 86, 12  # pixels of a card, and inside it
_LOW = 54  # a card where the video needs the room
_LINE = 17


class AdjudicationStrip(QFrame):
    """Hidden until a pair with verdicts to settle is shown."""

    shown = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-bottom")
        self._head = SectionHead("To adjudicate")
        self._hint = QLabel("Your verdict settles it; theirs are kept.")
        theme.set_role(self._hint, "small")
        self._cards = QWidget()
        self._row = QHBoxLayout(self._cards)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._cards)
        self._scroll.viewport().setAutoFillBackground(False)
        self._cards.setAutoFillBackground(False)
        head = QHBoxLayout()
        head.addWidget(self._head, 1)
        head.addWidget(self._hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self._scroll)
        self._is_low = False
        self._fit()
        self.hide()

    def set_low(self, is_low: bool) -> None:
        """Says all in two lines a card, for a low window."""
        if is_low != self._is_low:
            self._is_low = is_low
            for card in self.cards():
                card.set_low(is_low)
            self._fit()

    def _fit(self) -> None:
        width = len(self.cards()) * (_WIDTH + 8)
        bar = 10 if width > max(self.width(), 600) else 0
        self._scroll.setFixedHeight((_LOW if self._is_low else _HEIGHT) + bar)
        self._cards.setMinimumWidth(width)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.shown.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.shown.emit(False)

    def set_verdicts(self, asked: str, verdicts: Sequence[OtherVerdict], remarks: Sequence[RemarkLine] = ()) -> None:
        """Shows what people said of a pair that is asked about `asked`; nothing hides the strip.

        A reviewer's remarks on the pair stand with their verdict's own comment.
        """
        self._take_away()
        for one in verdicts:
            notes = [one.comment, *(note.text for note in remarks if note.reviewer == one.reviewer and note.text)]
            card = VerdictCard(one, asked, tuple(dict.fromkeys(filter(None, notes))))
            card.set_low(self._is_low)
            self._row.addWidget(card, 100)
        self._row.addStretch(1)  # on a wide screen the cards stand at the left, each as wide as it may be
        self._head.setText(f"To adjudicate: {_how_they_differ(verdicts)}")
        self._fit()
        self.setVisible(bool(verdicts))

    def wait(self) -> None:
        """Another conflict is being read: the strip stays where it is, so that nothing around it moves."""
        self._take_away()
        self._head.setText("To adjudicate")
        self.show()

    def _take_away(self) -> None:
        while self._row.count():
            item = self._row.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()

    def cards(self) -> list["VerdictCard"]:
        found = (self._row.itemAt(place) for place in range(self._row.count()))
        return [item.widget() for item in found if item is not None and isinstance(item.widget(), VerdictCard)]


def _how_they_differ(verdicts: Sequence[OtherVerdict]) -> str:
    decided = [one.decision for one in verdicts]
    if not verdicts:
        return ""
    if len(verdicts) == 1:
        return "one reviewer is unsure"
    if len(set(decided)) > 1:
        return f"{len(verdicts)} reviewers differ"
    return f"{len(verdicts)} reviewers are unsure" if decided[0] == "unsure" else f"{len(verdicts)} reviewers"


class VerdictCard(QWidget):
    """One reviewer's verdict: who, what and how quickly; the reason or another label; the comments."""

    def __init__(
        self, verdict: OtherVerdict, asked: str, notes: tuple[str, ...] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.verdict = verdict
        self._what = verdict.reason
        if verdict.label and verdict.label != asked:
            self._what = ", ".join(part for part in (f"says {verdict.label}", verdict.reason) if part)
        self._notes = " · ".join(notes)
        self._height = _HEIGHT
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(420)
        how = ", blind" if verdict.is_blind else ""
        said = f"{verdict.reviewer} {_SAID.get(verdict.decision, verdict.decision)} after {verdict.seconds:.1f} s{how}"
        whole = ". ".join(part for part in (said, self._what, self._notes) if part)
        self.setToolTip(whole)
        self.setAccessibleName(whole)

    def set_low(self, is_low: bool) -> None:
        self._height = _LOW if is_low else _HEIGHT
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(_WIDTH, self._height)

    def minimumSizeHint(self) -> QSize:
        return QSize(_WIDTH, self._height)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        glyph, token = SHAPES.get(self.verdict.decision, ("dot", "muted"))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(tokens.color("line"), 1))
        painter.setBrush(tokens.color("bg"))
        painter.drawRoundedRect(box, 6, 6)
        is_low = self._height == _LOW
        left, right, top = float(_PAD), self.width() - float(_PAD), 6.0 if is_low else 9.0
        draw_glyph(painter, glyph, QRectF(left, top + 3, 12, 12), tokens.color(token))
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("muted"))
        seconds = f"{self.verdict.seconds:.1f} s" + (" blind" if self.verdict.is_blind else "")
        right_aligned = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(left, top, right - left, 18), right_aligned, seconds)
        room = right - left - 20 - QFontMetrics(painter.font()).horizontalAdvance(seconds) - 8
        painter.setFont(theme.font(weight=QFont.Weight.DemiBold))
        painter.setPen(tokens.color("text"))
        name = QFontMetrics(painter.font()).elidedText(
            self.verdict.reviewer, Qt.TextElideMode.ElideRight, max(20, int(room))
        )
        painter.drawText(QRectF(left + 20, top, room, 18), Qt.AlignmentFlag.AlignVCenter, name)
        top += 22
        painter.setFont(theme.font(theme.SMALL_PX))
        metrics = QFontMetrics(painter.font())
        width = int(right - left)
        if self._what:
            painter.setPen(tokens.color(token))
            shown = metrics.elidedText(self._what, Qt.TextElideMode.ElideRight, width)
            painter.drawText(QRectF(left, top, width, _LINE), Qt.AlignmentFlag.AlignVCenter, shown)
            if is_low:  # the comment behind it on its line
                left += metrics.horizontalAdvance(f"{shown}   ")
                width = max(0, int(right - left))
            else:
                top += _LINE
        painter.setPen(tokens.color("muted"))
        n_lines = 1 if is_low else 2 if self._what else 3
        for line in wrapped(self._notes or ("" if self._what else "no comment"), metrics, width, n_lines):
            painter.drawText(QRectF(left, top, width, _LINE), Qt.AlignmentFlag.AlignVCenter, line)
            top += _LINE


def wrapped(text: str, metrics: QFontMetrics, width: int, n_lines: int) -> list[str]:
    """Returns a text in at most `n_lines` lines of a width in pixels, the last one elided where it must be."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < n_lines:
        taken = 1
        while taken < len(words) and metrics.horizontalAdvance(" ".join(words[: taken + 1])) <= width:
            taken += 1
        if len(lines) == n_lines - 1:
            taken = len(words)
        lines.append(metrics.elidedText(" ".join(words[:taken]), Qt.TextElideMode.ElideRight, width))
        words = words[taken:]
    return lines
