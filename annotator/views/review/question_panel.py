"""Beside the stage: the question and what speaks for it, the last verdicts, the video's other pairs, the reviewer.

In blind mode what the machines and other people say stays hidden until `reveal`, and the panel says so.
"""

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QScrollArea, QVBoxLayout, QWidget

from annotator.store.records import PairRecord
from annotator.views import theme
from annotator.views.review.blind_card import BlindCard
from annotator.views.review.evidence import (
    Evidence,
    HeardWord,
    OtherVerdict,
    RemarkLine,
    ScoreLine,
    VideoPairLine,
    heard_words,
    said_text,
    when_text,
)
from annotator.views.review.pair_evidence import run_number
from annotator.views.review.press_rows import INSET, PressRows
from annotator.views.review.question_rows import (
    FigureRows,
    VerdictLine,
    detector_head,
    other_row,
    pair_row,
    score_figures,
    verdict_row,
    word_row,
)
from annotator.views.review.reviewer_field import ReviewerField
from annotator.views.widgets.bar import BarRow, BarRows
from annotator.views.widgets.section import SectionHead
from davenet.labels.words import Word

__all__ = ["QuestionPanel", "VerdictLine", "detector_head", "said_text"]

N_LAST_VERDICTS = 10
GOLD_ANSWERS = (
    ("The right answer is accept", "accept"),
    ("The right answer is reject", "reject"),
    ("The right answer is unsure", "unsure"),
    ("Not a gold pair", ""),
)
NEAR_PAIRS = 8  # of the video's other pairs, those shown before "all" is asked for


def _group(*parts: QWidget | int) -> QWidget:
    """Returns widgets one below another, with the given pixels between them, that show and hide together."""
    group = QWidget()
    column = QVBoxLayout(group)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for part in parts:
        if isinstance(part, int):
            column.addSpacing(part)
        elif isinstance(part, PressRows):  # these keep the room at their sides for themselves
            column.addWidget(part)
        else:
            row = QHBoxLayout()
            row.setContentsMargins(INSET, 0, INSET, 0)
            row.addWidget(part)
            column.addLayout(row)
    return group


class QuestionPanel(QFrame):
    """Shows what is asked of the pair; says which pair, word or reviewer's name was chosen."""

    pair_chosen = Signal(str)
    reviewer_changed = Signal(str)
    word_chosen = Signal(float, float)  # its start and end, seconds on the video's clock
    reviewers_requested = Signal()  # the page of all reviewers
    score_requested = Signal(str)  # the run to score the pairs with
    gold_chosen = Signal(str)  # the right answer of this pair, "" for no gold pair

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-right")
        self._class_name = ""
        self._pair: PairRecord | None = None
        self._is_blind = self._is_revealed = self._is_peeking = False
        self._evidence = Evidence("")
        self._heard: list[HeardWord] = []
        self._others: tuple[OtherVerdict, ...] = ()
        self._scores: tuple[ScoreLine, ...] = ()
        self._matchmap_similarity: float | None = None
        self._verdict_lines: tuple[VerdictLine, ...] = ()
        self._near: list[VideoPairLine] = []
        self._shows_all_pairs = False
        self._make_parts()
        self._fill()
        self._show_machines()

    def _make_parts(self) -> None:
        self._question, self._said, self._chosen = (QLabel(wordWrap=True) for _ in range(3))
        theme.set_role(self._question, "question")
        theme.set_role(self._said, "small")
        theme.set_role(self._chosen, "muted")
        self.blind_card = BlindCard()
        self._detector_head = SectionHead("Detector")
        self._bars = BarRows()
        self._word_rows = PressRows("Matched words", tip="Hear this word")
        self._word_rows.pressed.connect(
            lambda row: self.word_chosen.emit(self._heard[row].start_s, self._heard[row].end_s)
        )
        self._model_head = SectionHead("Model")
        self._score_rows = FigureRows()
        self._score = QPushButton()
        self._score.setToolTip("Let this run's model score every pair: its similarity, and its place among the others")
        theme.set_role(self._score, "link")
        self._score.clicked.connect(lambda: self.score_requested.emit(self._evidence.scorable_run))
        self._other_head = SectionHead("Other reviewers")
        self._other_rows = PressRows("Other reviewers' verdicts")
        self._remark_head = SectionHead("Remarks")
        self._remarks = QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText)
        self._remarks.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._verdicts = PressRows("Last verdicts", empty="None yet", tip="Show this pair again")
        self._verdicts.pressed.connect(lambda row: self.pair_chosen.emit(self._verdict_lines[row].pair_uid))
        self._pairs_head = SectionHead("Other pairs of this video")
        self._pair_rows = PressRows("Other pairs of this video", tip="Go to this pair")
        self._pair_rows.pressed.connect(lambda row: self.pair_chosen.emit(self._near[row].pair_uid))
        self._all_pairs = QPushButton()
        theme.set_role(self._all_pairs, "link")
        self._all_pairs.clicked.connect(self._toggle_all_pairs)
        self._gold = QPushButton()
        self._gold.setToolTip("Gold pairs have a known answer: others are asked about them to see how sure they are")
        theme.set_role(self._gold, "link")
        self._gold.clicked.connect(self._open_gold_menu)
        self.reviewer = ReviewerField()
        self.reviewer.name_changed.connect(self.reviewer_changed)
        self.reviewers = QPushButton("Reviewers")
        self.reviewers.setToolTip("Pace, agreement and accepted share of everyone who reviews here")
        theme.set_role(self.reviewers, "link")
        self.reviewers.clicked.connect(self.reviewers_requested)

    def _fill(self) -> None:
        self._question_part = _group(SectionHead("Question"), 8, self._question, 6, self._said, 6, self._chosen)
        self._blind_part = _group(self.blind_card)
        self._detector_part = _group(self._detector_head, 6, self._bars)
        self._words_part = _group(SectionHead("Heard"), 4, self._word_rows)
        self._model_part = _group(self._model_head, 6, self._score_rows, self._score)
        self._others_part = _group(self._other_head, 4, self._other_rows)
        self._remarks_part = _group(self._remark_head, 6, self._remarks)
        self._pairs_part = _group(self._pairs_head, 4, self._pair_rows, self._all_pairs)
        self._gold_part = _group(self._gold)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(16 - INSET, 16, 16 - INSET, 8)
        column.setSpacing(16)
        for part in (
            self._question_part,
            self._blind_part,
            self._detector_part,
            self._words_part,
            self._model_part,
            self._others_part,
            self._remarks_part,
            _group(SectionHead("Last verdicts"), 4, self._verdicts),
            self._pairs_part,
            self._gold_part,
        ):
            column.addWidget(part)
        column.addStretch(1)
        self._scroll = scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        for ground in (scroll.viewport(), inner):
            ground.setAutoFillBackground(False)  # the panel's own ground shows through
        foot = QVBoxLayout()
        foot.setContentsMargins(16, 8, 16, 14)
        foot.setSpacing(4)
        who = QHBoxLayout()
        who.setSpacing(8)
        who.addWidget(self.reviewer, 1)
        who.addWidget(self.reviewers)
        foot.addLayout(who)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scroll, 1)
        outer.addLayout(foot)

    def sizeHint(self) -> QSize:
        return QSize(312, 600)

    # what is shown

    def set_pair(self, pair: PairRecord | None) -> None:
        """Asks about a pair's best label; None asks nothing. What belongs to the pair before is taken away."""
        is_other = pair is None or self._pair is None or pair.uid != self._pair.uid
        self._pair = pair
        label = pair.label if pair else None
        self._class_name = label.class_name if label else ""
        if is_other:
            self._is_revealed = self._is_peeking = False
            self._matchmap_similarity = None
            self._shows_all_pairs = False
            self.set_evidence(Evidence(pair.uid if pair else ""))
            self._scroll.verticalScrollBar().setValue(0)
        self._question_part.setVisible(pair is not None)
        if pair is not None:
            self._write_question()
            rows = [BarRow(one.class_name, one.probability, lit=one is label) for one in pair.labels]
            self.set_detections(pair.detector, pair.food_probability, rows)
        self.set_words(())
        self._show_machines()

    def set_detections(self, detector: str, food: float | None, rows: Sequence[BarRow]) -> None:
        """Shows the detector's best classes, at most five, and P(food)."""
        self._detector_head.setText(detector_head(detector, food))
        tip = "These probabilities were made from the generated scene's truth with errors; no detector looked."
        self._detector_head.setToolTip(tip if detector == "simulated" else detector)
        self._bars.set_rows(rows[:5])

    def set_words(self, words: Sequence[Word]) -> None:
        """Lists the matched words; `words` are those heard around the pair, for their other occurrences."""
        self._heard = heard_words(self._pair, words) if self._pair is not None else []
        self._show_words()

    def set_model_similarity(self, similarity: float | None) -> None:
        """Shows the similarity that a matchmap gives at the frame, where no run has scored the pair."""
        self._matchmap_similarity = similarity
        self._show_machines()

    def set_evidence(self, evidence: Evidence) -> None:
        """Shows what the store knows beside the pair; that of another pair than the one shown is dropped."""
        if self._pair is not None and evidence.pair_uid != self._pair.uid:
            return
        self._evidence = evidence
        self._scores, self._others = evidence.scores, evidence.others
        self._show_remarks(evidence.remarks)
        self._show_video_pairs()
        self._show_machines()

    def set_last_verdicts(self, lines: Sequence[VerdictLine]) -> None:
        self._verdict_lines = tuple(lines[:N_LAST_VERDICTS])
        self._verdicts.set_lines([verdict_row(line) for line in self._verdict_lines])

    def set_keys(self, *, accept: str, reject: str, goes_on: str) -> None:
        """Tells the keys that it names, as they are written; "" where there is none."""
        self._verdicts.set_empty(f"None yet: {accept} accepts, {reject} rejects" if accept and reject else "None yet")
        self.blind_card.set_keys(goes_on)

    # blind mode

    def set_blind(self, is_blind: bool) -> None:
        """Hides what the detector, the model and other reviewers say of each pair until `reveal`."""
        self._is_blind = is_blind
        self._is_revealed = self._is_peeking = False
        self._show_machines()

    def reveal(self, decision: str = "") -> None:
        """Shows what was hidden of this pair; `decision` is the blind verdict that was just given."""
        if self._is_blind:
            self._is_revealed = True
            self.blind_card.set_revealed(decision)
            self._show_machines()

    def peek(self, is_peeking: bool) -> None:
        """Shows what is hidden while a key is held; who has peeked is not the panel's to remember."""
        self._is_peeking = is_peeking
        self._show_machines()

    @property
    def is_hiding(self) -> bool:
        """Whether evidence is hidden now: a blind pair before its reveal."""
        return self._is_blind and not self._is_revealed and not self._is_peeking

    def _show_machines(self) -> None:
        """Shows or hides every part that a blind reviewer must not see, and those that have nothing to show."""
        is_shown = self._pair is not None and not self.is_hiding
        self._blind_part.setVisible(self._is_blind and self._pair is not None)
        if self.is_hiding:
            self.blind_card.set_hidden()
        self._detector_part.setVisible(is_shown)
        because = self._evidence.chosen_because if is_shown else ""
        self._chosen.setText(f"Asked because {because}.")
        self._chosen.setVisible(bool(because))
        rows = score_figures(self._scores, self._matchmap_similarity)
        self._score_rows.set_rows(rows if is_shown else [])
        self._score.setVisible(not rows and bool(self._evidence.scorable_run))
        self._score.setText(f"Score the pairs with run {run_number(self._evidence.scorable_run)}")
        self._model_part.setVisible(is_shown and bool(rows or self._evidence.scorable_run))
        self._other_rows.set_lines([other_row(one) for one in self._others] if is_shown else [])
        self._others_part.setVisible(is_shown and bool(self._others))
        self._remarks_part.setVisible(is_shown and bool(self._remarks.text()))
        self._gold.setText(f"Gold: {self._evidence.gold}…" if self._evidence.gold else "Make this a gold pair…")
        self._gold_part.setVisible(self._pair is not None)
        self._show_words()

    # parts

    def _show_words(self) -> None:
        frame_s = self._pair.time_s if self._pair else 0.0
        self._word_rows.set_lines([word_row(heard, frame_s, is_blind=self.is_hiding) for heard in self._heard])
        self._words_part.setVisible(bool(self._heard))
        label = self._pair.label if self._pair else None
        if label is None:
            self._said.clear()
        elif self.is_hiding:
            self._said.setText(f"said {when_text(label.word_start, label.word_end, frame_s)}")
        else:
            self._said.setText(said_text(label, frame_s))

    def _show_remarks(self, remarks: Sequence[RemarkLine]) -> None:
        muted = theme.current().muted
        parts = []
        for remark in remarks:
            said = escape(remark.text) if remark.text else "flagged"
            sign = "⚑ " if remark.kind == "flag" else ""
            parts.append(f'{sign}{said} <span style="color:{muted}">{escape(remark.reviewer)}</span>')
        self._remarks.setText("<br>".join(parts))
        self._remarks.setAccessibleName("; ".join(f"{one.reviewer}: {one.text or 'flagged'}" for one in remarks))

    def _show_video_pairs(self) -> None:
        every = [one for one in self._evidence.video_pairs if self._pair is None or one.pair_uid != self._pair.uid]
        at_s = self._pair.time_s if self._pair else 0.0
        shown = every
        if not self._shows_all_pairs and len(every) > NEAR_PAIRS:
            nearest = sorted(every, key=lambda one: abs(one.time_s - at_s))[:NEAR_PAIRS]
            shown = sorted(nearest, key=lambda one: one.time_s)
        self._near = shown
        self._pair_rows.set_lines([pair_row(one) for one in shown])
        self._all_pairs.setVisible(len(every) > NEAR_PAIRS)
        self._all_pairs.setText("Show the nearest" if self._shows_all_pairs else f"Show all {len(every)}")
        self._pairs_part.setVisible(bool(every))

    def _toggle_all_pairs(self) -> None:
        self._shows_all_pairs = not self._shows_all_pairs
        self._show_video_pairs()

    def _open_gold_menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, answer in GOLD_ANSWERS:
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(answer == self._evidence.gold)
            action.triggered.connect(lambda _on=False, answer=answer: self.gold_chosen.emit(answer))
        menu.popup(self._gold.mapToGlobal(self._gold.rect().bottomLeft()))

    def _write_question(self) -> None:
        if not self._class_name:
            self._question.setText(self.question())
            return
        accent = theme.current().accent_text
        self._question.setText(
            f'Is <span style="color:{accent}">{escape(self._class_name)}</span> seen&nbsp;and&nbsp;said?'
        )
        self._question.setAccessibleName(self.question())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self._pair is not None:
            self._write_question()
            self._show_remarks(self._evidence.remarks)

    # what is read back

    def question(self) -> str:
        return f"Is {self._class_name} seen and said?" if self._class_name else "Do frame and sound match?"

    def shown_detector(self) -> str:
        return self._detector_head.text()

    def shown_figures(self) -> list[tuple[str, str]]:
        """Returns the rows of the model's part as they are written."""
        return self._score_rows.rows()

    def heard(self) -> list[HeardWord]:
        return list(self._heard)

    def verdict_lines(self) -> tuple[VerdictLine, ...]:
        return self._verdict_lines
