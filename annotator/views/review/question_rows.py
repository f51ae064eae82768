"""How the right panel writes what it shows: the rows of words, verdicts and pairs, and the model's figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.review.evidence import HeardWord, OtherVerdict, ScoreLine, VideoPairLine, when_text
from annotator.views.review.press_rows import SHAPES, Line
from annotator.views.widgets.time_layout import clock_text


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One of the last verdicts as it is listed; `note` follows the class ("not said")."""

    pair_uid: str
    decision: str
    class_name: str
    seconds: float
    note: str = ""


def detector_head(detector: str, food: float | None) -> str:
    """Returns the head over the detector's classes: its name, P(food), and "simulated" where no real one looked."""
    name = "Simulated detector" if detector == "simulated" else f"Detector {detector.partition(':')[2] or detector}"
    return name.strip() if food is None else f"{name.strip()}, food {food:.2f}"


class FigureRows(QWidget):
    """Names at the left, figures at the right."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._labels: list[tuple[QLabel, QLabel]] = []
        self._rows: list[tuple[str, str]] = []

    def rows(self) -> list[tuple[str, str]]:
        return list(self._rows)

    def set_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        self._rows = list(rows)
        while len(self._labels) < len(rows):
            name, value = QLabel(), QLabel()
            theme.set_role(value, "strong")
            row = QHBoxLayout()
            row.addWidget(name)
            row.addStretch(1)
            row.addWidget(value)
            self._column.addLayout(row)
            self._labels.append((name, value))
        for place, (name, value) in enumerate(self._labels):
            is_used = place < len(rows)
            name.setVisible(is_used)
            value.setVisible(is_used)
            if is_used:
                name.setText(rows[place][0])
                value.setText(rows[place][1])
        self.setAccessibleName("; ".join(f"{name} {value}" for name, value in rows))


def score_figures(scores: Sequence[ScoreLine], matchmap_similarity: float | None) -> list[tuple[str, str]]:
    """Returns the figures of each run that scored the pair, or the matchmap's alone."""
    if not scores:
        return [] if matchmap_similarity is None else [("similarity of frame and sound", f"{matchmap_similarity:.1f}")]
    if len(scores) == 1:
        one = scores[0]
        place = [("rank of its segment", _place(one))] if one.rank is not None else []
        return [(f"similarity, run {one.run}", f"{one.similarity:.1f}"), *place]
    return [
        (f"run {one.run}", f"{one.similarity:.1f} · {_place(one)}" if one.rank is not None else f"{one.similarity:.1f}")
        for one in scores
    ]


def _place(score: ScoreLine) -> str:
    return f"{score.rank:,} of {score.n:,}".replace(",", "\u202f")


def word_row(heard: HeardWord, frame_s: float, *, is_blind: bool) -> Line:
    when = when_text(heard.start_s, heard.end_s, frame_s)
    when = when if when == "at the frame" else when.removesuffix(" the frame")
    as_class = f" as {heard.class_name}" if heard.word.casefold() != heard.class_name.casefold() else ""
    confidence = "" if is_blind else f"{heard.confidence:.2f}"
    tip = f"Hear “{heard.word}” at {clock_text(heard.start_s, decimals=1)}"
    if not is_blind:
        tip += f"; the recogniser's confidence is {confidence}"
    return Line(heard.word, confidence, when + as_class, "play", "muted", heard.is_asked, tip)


def verdict_row(line: VerdictLine) -> Line:
    glyph, token = SHAPES.get(line.decision, ("dot", "muted"))
    return Line(line.class_name, f"{line.seconds:.1f} s", line.note, glyph, token)


def other_row(one: OtherVerdict) -> Line:
    glyph, token = SHAPES.get(one.decision, ("dot", "muted"))
    note = ", ".join(part for part in (one.reason, one.comment) if part)
    tip = " · ".join(part for part in (one.reviewer, one.decision, one.label, one.reason, one.comment) if part)
    return Line(one.reviewer, one.label, note, glyph, token, tip=tip)


def pair_row(one: VideoPairLine) -> Line:
    glyph, token = SHAPES.get(one.decision, ("dot", "line"))
    return Line(one.class_name, clock_text(one.time_s), "", glyph, token)
