"""Which points of the plane are of one colour: by class, verdict or split; the names of the legend with their colours."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter

from annotator.views import theme
from annotator.views.retrieval.cases import Cases
from davenet.retrieved_pairs import Codes

By = Literal["class", "verdict", "split"]
BYS: tuple[By, ...] = ("class", "verdict", "split")
MOST_CLASSES = 9  # with a colour of their own; the others share one
_VERDICTS = ("accept", "reject", "unsure")
_SPLITS = {"train": "info", "validation": "accent", "test": "unsure"}
_REST = {"class": "others", "verdict": "no verdict", "split": "no split"}


@dataclass(frozen=True, slots=True)
class Groups:
    """`of_N` is each pair's place among the names."""

    by: By
    names: tuple[str, ...]
    of_N: NDArray[np.int64]

    @classmethod
    def of(cls, cases: Cases | None, by: By) -> "Groups":
        if cases is None:
            return cls(by, (), np.zeros(0, np.int64))
        if by == "class":
            own = [row.name for row in cases.found.classes[:MOST_CLASSES]]
            of_N = _places(cases.classes, own)
        elif by == "verdict":
            own = list(_VERDICTS)
            of_N = np.full(len(cases.found), -1)
            for at, decision in enumerate(own):
                of_N[cases.decisions_N == decision] = at
        else:
            own = list(_SPLITS)
            of_N = _places(cases.splits, own)
        kept = [at for at in range(len(own)) if (of_N == at).any()]
        rest = [_REST[by]] if (of_N < 0).any() else []
        row_of = np.full(len(own) + 1, len(kept))
        row_of[kept] = np.arange(len(kept))
        return cls(by, (*(own[at] for at in kept), *rest), row_of[of_N])

    def counts(self) -> list[tuple[str, int]]:
        """Returns the names, and how many pairs have each."""
        return list(zip(self.names, np.bincount(self.of_N, minlength=len(self.names)).tolist(), strict=True))

    def colour(self, name: str) -> QColor:
        tokens = theme.current()
        if name == _REST[self.by]:
            return tokens.color("faint")
        if self.by == "verdict":
            return tokens.color(name)
        if self.by == "split":
            return tokens.color(_SPLITS[name])
        hue = (0.09 + self.names.index(name) * 0.381966) % 1.0  # far from those before it
        return QColor.fromHslF(hue, 0.62, 0.62 if tokens.name == "dark" else 0.40)


def _places(codes: Codes, names: list[str]) -> NDArray[np.int64]:
    """Returns for each pair the place of its name among some names, −1 where it is none of them."""
    place = [names.index(name) if name in names else -1 for name in codes.names]
    return np.array([*place, -1], np.int64)[codes.of_N]


def paint_name(painter: QPainter, rect: QRectF, name: str, count: int, colour: QColor, *, is_lit: bool) -> None:
    """Paints a row of the legend; `is_lit` where the keyboard is on it."""
    tokens = theme.current()
    painter.setFont(theme.font(theme.SMALL_PX))
    metrics = QFontMetrics(painter.font())
    painter.setPen(Qt.PenStyle.NoPen)
    if is_lit:
        painter.setBrush(tokens.color("raised"))
        painter.drawRoundedRect(rect, 6, 6)
    painter.setBrush(colour)
    painter.drawEllipse(QPointF(rect.left() + 13, rect.center().y()), 4.5, 4.5)
    painter.setPen(tokens.color("muted"))
    number = f"{count:,}".replace(",", "\u202f")
    inner = rect.adjusted(26, 0, -8, 0)
    painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, number)
    painter.setPen(tokens.color("text"))
    room = int(inner.width() - metrics.horizontalAdvance(number) - 8)
    painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(name, Qt.TextElideMode.ElideRight, room))
