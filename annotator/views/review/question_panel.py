"""Beside the stage: the question, what the detector and the model say, the last verdicts, and the reviewer's pace."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from annotator.store.records import PairRecord
from annotator.views import theme
from annotator.views.review.reviewer_field import ReviewerField
from annotator.views.widgets.bar import BarRow, BarRows
from annotator.views.widgets.painting import Glyph, draw_glyph
from annotator.views.widgets.section import SectionHead
from davenet.pairs import WeakLabel

PAPER_ACCEPTED = 0.792  # share that the paper's reviewers accepted, Section 6
_ROW = 25
_SHAPES: dict[str, tuple[Glyph, str]] = {
    "accept": ("accept", "accept"),
    "reject": ("reject", "reject"),
    "unsure": ("unsure", "unsure"),
    "skip": ("skip", "muted"),
}


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One of the last verdicts as it is listed; `note` follows the class ("not said")."""

    pair_uid: str
    decision: str
    class_name: str
    seconds: float
    note: str = ""


def said_text(label: WeakLabel, frame_s: float) -> str:
    """Returns when the word was said, seen from the frame, and how sure the recogniser was."""
    if label.word_start <= frame_s <= label.word_end:
        when = "at the frame"
    else:
        away = label.word_start - frame_s if label.word_start > frame_s else frame_s - label.word_end
        when = f"{away:.1f} s {'after' if label.word_start > frame_s else 'before'} the frame"
    return f"said {when}, confidence {label.word_confidence:.2f}"


def detector_head(detector: str, food: float | None) -> str:
    """Returns the head over the detector's classes: its name, P(food), and "simulated" where no real one looked."""
    name = "Simulated detector" if detector == "simulated" else f"Detector {detector.partition(':')[2] or detector}"
    return name.strip() if food is None else f"{name.strip()}, food {food:.2f}"


class VerdictRows(QWidget):
    """The last verdicts by shape, class and seconds taken; a press goes back to the pair."""

    pair_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[VerdictLine, ...] = ()
        self._hovered = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_lines(self, lines: Sequence[VerdictLine]) -> None:
        self._lines = tuple(lines)
        self.setAccessibleName("Last verdicts: " + ", ".join(f"{one.class_name} {one.decision}" for one in self._lines))
        self.updateGeometry()
        self.update()

    def lines(self) -> tuple[VerdictLine, ...]:
        return self._lines

    def sizeHint(self) -> QSize:
        return QSize(200, max(1, len(self._lines)) * _ROW)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row = int(event.position().y() // _ROW)
        self._hovered = row if row < len(self._lines) else -1
        self.setCursor(Qt.CursorShape.PointingHandCursor if self._hovered >= 0 else Qt.CursorShape.ArrowCursor)
        self.setToolTip("Show this pair again" if self._hovered >= 0 else "")
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = int(event.position().y() // _ROW)
        if 0 <= row < len(self._lines):
            self.pair_chosen.emit(self._lines[row].pair_uid)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font())
        if not self._lines:
            painter.setPen(tokens.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, "None yet: A accepts, X rejects")
            return
        for row, line in enumerate(self._lines):
            top = row * _ROW
            if row == self._hovered:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(tokens.color("raised"))
                painter.drawRoundedRect(QRectF(-4, top, self.width() + 8, _ROW), 4, 4)
            glyph, token = _SHAPES.get(line.decision, ("dot", "muted"))
            draw_glyph(painter, glyph, QRectF(0, top + _ROW / 2 - 5.5, 11, 11), tokens.color(token))
            painter.setPen(tokens.color("text"))
            text = f"{line.class_name} · {line.note}" if line.note else line.class_name
            text = QFontMetrics(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, self.width() - 80)
            painter.drawText(QRectF(22, top, self.width() - 70, _ROW), Qt.AlignmentFlag.AlignVCenter, text)
            painter.setPen(tokens.color("muted"))
            right_aligned = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(QRectF(0, top, self.width(), _ROW), right_aligned, f"{line.seconds:.1f} s")


def _group(*parts: QWidget | int) -> QWidget:
    """Returns widgets one below another, with the given pixels between them, that show and hide together."""
    group = QWidget()
    column = QVBoxLayout(group)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for part in parts:
        column.addSpacing(part) if isinstance(part, int) else column.addWidget(part)
    return group


class QuestionPanel(QFrame):
    """Shows what is asked of the pair; says which pair or reviewer's name was chosen."""

    pair_chosen = Signal(str)
    reviewer_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-right")
        self._class_name = ""
        self._question, self._said, self._others = QLabel(wordWrap=True), QLabel(wordWrap=True), QLabel(wordWrap=True)
        theme.set_role(self._question, "question")
        for label in (self._said, self._others):
            theme.set_role(label, "small")
        self._question_head = SectionHead("Question")
        self._detector_head = SectionHead("Detector")
        self._bars = BarRows()
        self._similarity = QLabel()
        theme.set_role(self._similarity, "strong")
        self._model_row = QWidget()
        model_row = QHBoxLayout(self._model_row)
        model_row.setContentsMargins(0, 0, 0, 0)
        model_row.addWidget(QLabel("similarity of frame and sound"))
        model_row.addStretch(1)
        model_row.addWidget(self._similarity)
        self._verdicts = VerdictRows()
        self._verdicts.pair_chosen.connect(self.pair_chosen)
        self._pace, self._paper = QLabel(), QLabel(f"the paper's reviewers: {PAPER_ACCEPTED:.1%} accepted")
        self._paper.setText(self._paper.text().replace("%", "\u202f%"))
        for label in (self._pace, self._paper):
            theme.set_role(label, "small")
        self.reviewer = ReviewerField()
        self.reviewer.name_changed.connect(self.reviewer_changed)
        self._fill()
        self.set_model_similarity(None)

    def _fill(self) -> None:
        self._pair_part = _group(
            self._question_head,
            8,
            self._question,
            6,
            self._said,
            4,
            self._others,
            16,
            self._detector_head,
            6,
            self._bars,
        )
        self._model_part = _group(SectionHead("Model"), 6, self._model_row)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 16, 16, 8)
        column.setSpacing(16)
        column.addWidget(self._pair_part)
        column.addWidget(self._model_part)
        column.addWidget(_group(SectionHead("Last verdicts"), 6, self._verdicts))
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        for ground in (scroll.viewport(), inner):
            ground.setAutoFillBackground(False)  # the panel's own ground shows through
        foot = QVBoxLayout()
        foot.setContentsMargins(16, 8, 16, 14)
        foot.setSpacing(4)
        foot.addWidget(self.reviewer)
        foot.addSpacing(4)
        foot.addWidget(self._pace)
        foot.addWidget(self._paper)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scroll, 1)
        outer.addLayout(foot)

    def sizeHint(self) -> QSize:
        return QSize(312, 600)

    def set_pair(self, pair: PairRecord | None) -> None:
        """Asks about a pair's best label and lists its others; None asks nothing."""
        self._pair_part.setVisible(pair is not None)
        if pair is None:
            self.set_model_similarity(None)
            return
        label = pair.label
        self._class_name = label.class_name if label else ""
        self._write_question()
        self._said.setText(said_text(label, pair.time_s) if label else "")
        others = [f"{one.class_name} ({said_text(one, pair.time_s)})" for one in pair.labels[1:]]
        self._others.setText("also said: " + "; ".join(others) if others else "")
        self._others.setVisible(bool(others))
        rows = [BarRow(one.class_name, one.probability, lit=one is label) for one in pair.labels]
        self.set_detections(pair.detector, pair.food_probability, rows)

    def set_detections(self, detector: str, food: float | None, rows: Sequence[BarRow]) -> None:
        self._detector_head.setText(detector_head(detector, food))
        tip = "These probabilities were made from the generated scene's truth with errors; no detector looked."
        self._detector_head.setToolTip(tip if detector == "simulated" else detector)
        self._bars.set_rows(rows)

    def set_model_similarity(self, similarity: float | None) -> None:
        self._model_part.setVisible(similarity is not None)
        if similarity is not None:
            self._similarity.setText(f"{similarity:.1f}")

    def set_last_verdicts(self, lines: Sequence[VerdictLine]) -> None:
        self._verdicts.set_lines(lines)

    def set_pace(self, median_s: float | None, accepted_share: float | None) -> None:
        """Shows seconds a verdict and the share accepted of those decided."""
        parts = [f"{median_s:.1f} s a verdict" if median_s else "no pace yet"]
        if accepted_share is not None:
            parts.append(f"{accepted_share * 100:.1f}\u202f% accepted")
        self._pace.setText(" · ".join(parts))

    def question(self) -> str:
        return f"Is {self._class_name} seen and said?" if self._class_name else "Do frame and sound match?"

    def shown_detector(self) -> str:
        return self._detector_head.text()

    def verdict_lines(self) -> tuple[VerdictLine, ...]:
        return self._verdicts.lines()

    def pace_text(self) -> str:
        return self._pace.text()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self._class_name:
            self._write_question()

    def _write_question(self) -> None:
        if not self._class_name:
            self._question.setText(self.question())
            return
        accent = theme.current().accent_text
        self._question.setText(
            f'Is <span style="color:{accent}">{escape(self._class_name)}</span> seen&nbsp;and&nbsp;said?'
        )
        self._question.setAccessibleName(self.question())
