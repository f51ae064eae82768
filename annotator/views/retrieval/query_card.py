"""The query above its results: the frame or the sound that asks, in which class, and where the true one came."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.retrieval.cases import Case, Cases
from annotator.views.retrieval.pictures import PaintedPictures
from annotator.views.widgets.painting import Glyph, draw_glyph
from annotator.views.widgets.time_layout import clock_text


class _Asks(QWidget):
    """The query's frame, or its sound's loudness; a press plays the segment."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._painted = PaintedPictures(self.update)
        self.image: QImage | None = None
        self.wave: Sequence[float] = ()
        self.is_sound = False
        self.share: float | None = None
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(256, 144)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.pressed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens, painter = theme.current(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if not self.is_sound:
            self._painted.paint(painter, box, self.image, radius=8)
        else:
            painter.setPen(QPen(tokens.color("line"), 1))
            painter.setBrush(tokens.color("stage"))
            painter.drawRoundedRect(box, 8, 8)
            self._paint_wave(painter, box.adjusted(14, 20, -14, -20))
        if self.share is not None:
            line = QRectF(box.left() + 8, box.bottom() - 8, box.width() - 16, 4)
            painter.fillRect(line, tokens.color("line"))
            line.setWidth(line.width() * self.share)
            painter.fillRect(line, tokens.color("info"))
        badge = QRectF(box.right() - 32, box.top() + 8, 24, 24)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.DARK.color("stage", 0.75))
        painter.drawEllipse(badge)
        glyph: Glyph = "pause" if self.share is not None else "play"
        draw_glyph(painter, glyph, badge.adjusted(7, 7, -7, -7), theme.DARK.color("text"), width=1.2)

    def _paint_wave(self, painter: QPainter, box: QRectF) -> None:
        painter.setPen(QPen(theme.current().color("text"), 2, c=Qt.PenCapStyle.RoundCap))
        step = box.width() / max(1, len(self.wave))
        for index, value in enumerate(self.wave):
            x, height = box.left() + (index + 0.5) * step, max(1.0, value * box.height() / 2)
            painter.drawLine(QPointF(x, box.center().y() - height), QPointF(x, box.center().y() + height))


class QueryCard(QFrame):
    played = Signal()
    review_requested = Signal()
    accept_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.asks = _Asks()
        self.asks.pressed.connect(self.played)
        self._kind, self._name, self._where = QLabel(), QLabel(), QLabel()
        self._kind.setFont(theme.section_font())
        theme.set_role(self._kind, "section")
        theme.set_role(self._name, "question")
        theme.set_role(self._where, "muted")
        self.verdict = QLabel()
        theme.set_role(self.verdict, "title")
        self._said = QLabel(wordWrap=True)
        theme.set_role(self._said, "small")
        self.accept = QPushButton("Accept as a pair")
        self.review = QPushButton("Judge in Review")
        for button, signal in ((self.accept, self.accept_requested), (self.review, self.review_requested)):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(signal)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.accept)
        buttons.addWidget(self.review)
        buttons.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(4)
        for part in (self._kind, self._name, self._where):
            words.addWidget(part)
        words.addStretch(1)
        words.addWidget(self.verdict)
        words.addWidget(self._said)
        words.addSpacing(4)
        words.addLayout(buttons)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 4, 16, 8)
        row.setSpacing(18)
        row.addWidget(self.asks)
        row.addLayout(words, 1)

    def set_case(self, cases: Cases, case: Case) -> None:
        pair = cases.pair(case.place)
        self.asks.is_sound = case.way == "visual"
        self._kind.setText("this frame asks for its sound" if case.way == "audio" else "this sound asks for its frame")
        self._name.setText(cases.name(case.place))
        word = f"“{pair.word}” · " if pair.word else ""
        time_s = pair.time_s if case.way == "audio" else pair.sound_s
        self._where.setText(f"{word}{cases.title(case.place)} · {clock_text(time_s)}")
        mark = "✓" if case.is_hit else "✕"
        self.verdict.setText(f"{mark}  {case.sentence}")
        role = "good" if case.is_hit else "bad"
        if self.verdict.property("role") != role:
            theme.set_role(self.verdict, role)
        value = f"{case.true_similarity:.2f}".replace("-", "−")
        right = sum(one.is_same_class for one in case.results)
        of_class = f" · {right} of {len(case.results)} results of its class" if pair.class_name else ""
        self._said.setText(f"similarity with the true one {value}{of_class}")
        told = "hit" if case.is_hit else "miss"
        self.asks.setAccessibleName(f"Query: {cases.name(case.place)}, {told}, {case.sentence}")
        self.asks.setToolTip("Hear the query's own segment")

    def sentence(self) -> str:
        return self.verdict.text()
